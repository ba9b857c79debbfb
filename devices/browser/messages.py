"""What a page sends of itself, validated like a foreign file."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from zoo.common.shown_text import printable

#: Characters of one message of a page about itself.
MOST_CONTROL = 1 << 14
_Text = Annotated[str, StringConstraints(max_length=400)]


class Hello(BaseModel):
    """A page and the browser that shows it.

    Attributes:
        brands: Of the browser, with versions, where it tells them.
        model: Of a phone, where it tells it.
        cores: That it admits.
        secure: Whether it has what browsers give to https and localhost alone.
        isolated: Whether it has threads and the fine clock.
        missing: What it lacks to run files at all.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    user_agent: _Text
    brands: Annotated[list[_Text], Field(max_length=8)] = []
    platform: _Text = ""
    model: _Text = ""
    cores: Annotated[int, Field(ge=1, le=65536)] | None = None
    memory_gb: Annotated[float, Field(ge=0, le=1e6)] | None = None
    secure: bool
    isolated: bool
    visible: bool
    missing: Annotated[list[_Text], Field(max_length=16)] = []

    @property
    def browser(self) -> str:
        """Name and version of the browser, as it calls itself."""
        told = [brand for brand in self.brands if "not" not in brand.lower().split("a")[0]]
        named = [brand for brand in told if not brand.startswith("Chromium")] or told
        words = self.user_agent.split()
        return printable(named[0] if named else words[-1] if words else "unknown")


class FromPage(BaseModel):
    """One message of a page: what has changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    hello: Hello | None = None
    visible: bool | None = None
    failed: int | None = None
    why: _Text = ""


def read(text: str) -> FromPage | None:
    """The message in a text; None where it is none."""
    if len(text) > MOST_CONTROL:
        return None
    try:
        return FromPage.model_validate_json(text)
    except ValidationError:
        return None

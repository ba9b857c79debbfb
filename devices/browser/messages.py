"""What a page sends of itself, validated like a foreign file."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from zoo.common.shown_text import printable

#: Characters of one message of a page about itself.
MOST_CONTROL = 1 << 14
_NO_BRAND = re.compile(r"not.{0,3}a.{0,3}brand", re.IGNORECASE)
_PRODUCT = re.compile(
    r"(Firefox|FxiOS|EdgA?|OPR|SamsungBrowser|HeadlessChrome|CriOS|Chrome|Safari)/([\d.]+)"
)
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
        name: By which the page joins as a device; empty for a page that has no name.
        identity: Random letters that the browser keeps for itself.
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
    name: Annotated[str, StringConstraints(max_length=40, pattern=r"^([a-z][a-z0-9_-]*)?$")] = ""
    identity: Annotated[str, StringConstraints(max_length=64)] = ""

    @property
    def browser(self) -> str:
        """Name and version of the browser, as it calls itself."""
        # Beside real names they tell one that is none, which no page shall rely on.
        told = [brand for brand in self.brands if not _NO_BRAND.search(brand)]
        named = [brand for brand in told if not brand.startswith("Chromium")] or told
        if not named:
            named = [" ".join(match) for match in _PRODUCT.findall(self.user_agent)]
        return printable(named[0] if named else self.user_agent[:60] or "unknown")


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


class Order(BaseModel):
    """What a command of this machine asks a server about one of its pages.

    Attributes:
        put: A file that the page may ask for.
        start: The request for an agent.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    secret: _Text
    page: _Text
    put: Annotated[str, StringConstraints(max_length=4096)] | None = None
    start: dict[str, Any] | None = None


def read_order(text: str) -> Order | None:
    """The order in a text; None where it is none."""
    if len(text) > MOST_CONTROL:
        return None
    try:
        return Order.model_validate_json(text)
    except ValidationError:
        return None

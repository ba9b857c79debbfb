"""What a page sends of itself, validated like a foreign file."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from zoo.common.shown_text import printable

#: Characters of one message of a page about itself.
MOST_CONTROL = 1 << 14
#: Files that a page lists by name, of more the first ones; and letters of such a name.
MOST_PLANNED, MOST_NAME = 20, 80
_NO_BRAND = re.compile(r"not.{0,3}a.{0,3}brand", re.IGNORECASE)
_PRODUCT = re.compile(
    r"(Firefox|FxiOS|EdgA?|OPR|SamsungBrowser|HeadlessChrome|CriOS|Chrome|Safari)/([\d.]+)"
)
#: As the Compute Pressure API of browsers calls it.
Pressure = Literal["nominal", "fair", "serious", "critical"]
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


class Power(BaseModel):
    """What a browser tells of the battery and of the load of its device.

    Attributes:
        charging: Whether it is charged; None where the browser tells nothing.
        level: Of the battery, 1 when it is full; None where the browser tells nothing.
        pressure: On the processors, while this page computes nothing; None where the browser
            tells nothing.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    charging: bool | None = None
    level: Annotated[float, Field(ge=0, le=1)] | None = None
    pressure: Pressure | None = None


class FromPage(BaseModel):
    """One message of a page: what has changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    hello: Hello | None = None
    visible: bool | None = None
    power: Power | None = None
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


class PlannedFile(BaseModel):
    """A file that is about to be timed; its SHA-256 is its name in the page's requests."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    name: Annotated[str, StringConstraints(max_length=MOST_NAME)]
    bytes: Annotated[int, Field(ge=0)]
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Plan(BaseModel):
    """What is about to run in a page, for the owner of its device.

    Attributes:
        processes: Times that each file is started.
        seconds: That all of it takes at least.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    files: Annotated[list[PlannedFile], Field(max_length=MOST_PLANNED)]
    processes: Annotated[int, Field(ge=1)]
    seconds: Annotated[float, Field(ge=0)]


class Order(BaseModel):
    """What a command of this machine asks a server about one of its pages.

    Attributes:
        put: A file that the page may ask for.
        plan: What is about to run, which the page shows.
        look: Whether the condition of the device is asked for.
        start: The request for an agent.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    secret: _Text
    page: _Text
    put: Annotated[str, StringConstraints(max_length=4096)] | None = None
    plan: Plan | None = None
    look: bool = False
    start: dict[str, Any] | None = None


def read_order(text: str) -> Order | None:
    """The order in a text; None where it is none."""
    if len(text) > MOST_CONTROL:
        return None
    try:
        return Order.model_validate_json(text)
    except ValidationError:
        return None

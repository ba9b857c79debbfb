"""Figures as SVG that lives inside a page: its colours and its typeface, no outside reference."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from zoo.common.optional_imports import require

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from zoo.report.view import Rows

#: Colours to draw with. Each becomes ``var(--chart-<name>)``, so that the page's style sheet
#: decides what it looks like in a light and in a dark page; hence every value is unlike the rest.
INK = "#1a1d21"
MUTED = "#5c6571"
GRID = "#e3e5e9"
PAPER = "#fdfdfc"
BLUE = "#2355c5"
ORANGE = "#b8500a"
TEAL = "#0b7a75"
PURPLE = "#7a3fb5"
BAD = "#b3261f"

#: For series, in this order.
SERIES = (BLUE, ORANGE, TEAL, PURPLE)

_NAMES = {
    INK: "ink",
    MUTED: "muted",
    GRID: "grid",
    PAPER: "paper",
    BLUE: "blue",
    ORANGE: "orange",
    TEAL: "teal",
    PURPLE: "purple",
    BAD: "bad",
}

#: Group name for text that crosses lines: the page draws it with a rim in the paper's colour.
RIM = "rim"

_STYLE: dict[str, Any] = {
    "font.size": 12,
    "font.family": ["DejaVu Sans"],  # for measuring; the page sets its own typeface
    "text.color": INK,
    "text.parse_math": False,
    "axes.edgecolor": GRID,
    "axes.labelcolor": MUTED,
    "axes.labelsize": 12,
    "axes.linewidth": 1,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.formatter.useoffset": False,
    "grid.color": GRID,
    "grid.linewidth": 1,
    "xtick.color": GRID,
    "xtick.labelcolor": MUTED,
    "ytick.color": GRID,
    "ytick.labelcolor": MUTED,
    "ytick.major.size": 0,
    "ytick.minor.size": 0,
    "lines.linewidth": 2,
    "legend.frameon": False,
    "svg.fonttype": "none",
}

_TAG = re.compile(r"(<[^>]*>)")
_ID = re.compile(r'\bid="([^"]*)"')
_LINK = re.compile(r'(?:xlink:)?href="#([^"]*)"')
_CLIP = re.compile(r"url\(#([^)]*)\)")
_COLOUR = re.compile("|".join(_NAMES))
_FONTS = re.compile(r"font-family: [^;\"]*;? ?")


@dataclass(frozen=True)
class Chart:
    """A drawing with its words.

    Attributes:
        svg: The ``<svg>`` element; empty when there is nothing to draw.
        caption: What it shows or, when it is empty, why there is none.
        table: The figures that it is drawn from.
        narrow: The same drawing for narrow pages; empty where `svg` serves both.
    """

    svg: str
    caption: str
    table: Rows | None = None
    narrow: str = ""


#: CSS pixels between the edges of a section on a phone that is 390 wide.
PHONE = 328.0
#: A drawing for phones may be enlarged by so much on wider pages.
_ENLARGED = 1.3


def is_narrow(figure: Figure) -> bool:
    """Whether it is drawn for phones."""
    return float(figure.get_figwidth()) * 72 < PHONE + 1


def draw(
    name: str,
    alt: str,
    size: tuple[float, float],
    paint: Callable[[Figure], None],
    narrow: float | None = None,
) -> tuple[str, str]:
    """One figure as an ``<svg>`` element for wide pages, and one for phones.

    Args:
        name: Unique on the page; ids inside the drawing begin with it.
        alt: What a person who cannot see it should know.
        size: Width and height in CSS pixels.
        paint: Draws; every colour it uses should be one of this module's. It may ask `is_narrow`.
        narrow: Height of the drawing for phones; None: `size` serves them, too.
    """
    wide = _drawn(name, alt, size, paint)
    return wide, "" if narrow is None else _drawn(f"{name}-narrow", alt, (PHONE, narrow), paint)


def _drawn(name: str, alt: str, size: tuple[float, float], paint: Callable[[Figure], None]) -> str:
    style = require("matplotlib.style")
    figures = require("matplotlib.figure")
    buffer = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with style.context(["default", {**_STYLE, "svg.hashsalt": name}]), warnings.catch_warnings():
        # The browser has the glyphs that the measuring font lacks.
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from font")
        figure = figures.Figure((size[0] / 72, size[1] / 72), dpi=72, layout="constrained")
        paint(figure)
        figure.savefig(buffer, format="svg", transparent=True, metadata=nothing)
    return _inline(buffer.getvalue(), name, alt, size)


def _inline(document: str, name: str, alt: str, size: tuple[float, float]) -> str:
    """Keeps what is inside the document's root and moves it into a page.

    Text between tags has its angle brackets escaped, so a tag is all between a pair of them.
    """
    body = document[document.index("<svg") :]
    body = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", body, count=1, flags=re.DOTALL)
    parts = _TAG.split(body)
    first = next(i for i, part in enumerate(parts) if part.startswith("<svg"))
    inside = "".join(_tag(p, name) if p.startswith("<") else p for p in parts[first + 1 :])
    widest = size[0] * (_ENLARGED if size[0] == PHONE else 1.0)
    root = (
        f'<svg class="chart" role="img" aria-label="{escape(alt)}" '
        f'viewBox="0 0 {size[0]:g} {size[1]:g}" style="max-width: {widest:g}px">'
        f"<title>{escape(alt.partition('. ')[0])}</title>"
    )
    return root + re.sub(r"\s*\n\s*", "\n", inside).strip()


def _tag(tag: str, name: str) -> str:
    if tag.startswith("<g "):
        # Groups are never referred to; only the ones we named mean something.
        kept = "" if f'id="{RIM}' not in tag else f' class="{RIM}"'
        tag = _ID.sub("", tag).replace("<g ", f"<g{kept} ", 1).replace(" >", ">")
    tag = _ID.sub(rf'id="{name}-\1"', tag)
    tag = _LINK.sub(rf'href="#{name}-\1"', tag).replace("xlink:href=", "href=")
    tag = _CLIP.sub(rf"url(#{name}-\1)", tag)
    tag = _FONTS.sub("", tag)
    return _COLOUR.sub(lambda match: f"var(--chart-{_NAMES[match[0]]})", tag)

"""Formatting of figures: short, in fitting units, without false precision."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from zoo.contracts.task import Metric

#: Stands for what was not measured.
MISSING = "\N{EN DASH}"

#: What an end of an interval may be off by arithmetic alone.
_ROUNDING = 1e-9

MINUS = "\N{MINUS SIGN}"
TIMES = "\N{MULTIPLICATION SIGN}"


@dataclass(frozen=True)
class Unit:
    """A unit of a column.

    Attributes:
        symbol: ``kB``, ``µs``.
        per: How many of the record's own unit (bytes, milliseconds) make one.
    """

    symbol: str
    per: float

    def text(self, value: float | None, digits: int = 3) -> str:
        """`value`, given in the record's own unit, as a figure without the symbol."""
        return MISSING if value is None else number(value / self.per, digits)

    def with_symbol(self, value: float | None, digits: int = 3) -> str:
        """`value`, given in the record's own unit, as a figure with the symbol."""
        return MISSING if value is None else f"{self.text(value, digits)} {self.symbol}"


MICROSECONDS = Unit("µs", 0.001)
MILLISECONDS = Unit("ms", 1.0)
SECONDS = Unit("s", 1000.0)
KILOBYTES = Unit("kB", 1e3)
MEGABYTES = Unit("MB", 1e6)


def time_unit(milliseconds: Iterable[float | None]) -> Unit:
    """One unit in which all these times read well."""
    known = _positive(milliseconds)
    if not known:
        return MILLISECONDS
    if max(known) < 1.0 or (max(known) < 10.0 and min(known) < 0.1):
        return MICROSECONDS
    return SECONDS if min(known) >= 1000.0 else MILLISECONDS


def size_unit(sizes: Iterable[int | None]) -> Unit:
    """One unit in which all these numbers of bytes read well; decimal, 1 kB is 1000 bytes."""
    known = _positive(sizes)
    return MEGABYTES if known and min(known) >= 1e6 else KILOBYTES


def size_text(value: float | None) -> str:
    """Bytes in the unit that suits them: ``22.4 kB``."""
    unit = MEGABYTES if value is not None and value >= 1e6 else KILOBYTES
    return unit.with_symbol(value)


def number(value: float | None, digits: int = 3) -> str:
    """A figure with `digits` significant digits; whole digits are never dropped."""
    if value is None:
        return MISSING
    if not math.isfinite(value):
        return "not a number" if math.isnan(value) else ("∞" if value > 0 else f"{MINUS}∞")
    size = abs(float(value))
    if size == 0:
        return "0"
    if size < 1e-4:
        mantissa, _, exponent = f"{size:.{max(digits - 1, 0)}e}".partition("e")
        text = f"{mantissa}e{MINUS}{abs(int(exponent))}"
    else:
        rounded = float(f"{size:.{max(digits - 1, 0)}e}")
        decimals = max(0, digits - 1 - math.floor(math.log10(rounded)))
        text = f"{size:,.{decimals}f}"
    return MINUS + text if value < 0 else text


def share(value: float | None, decimals: int = 1) -> str:
    """A share (0 to 1) in per cent without the sign; only what is whole reads 0 or 100."""
    if value is None:
        return MISSING
    if not math.isfinite(value):
        return number(value)
    if value in (0.0, 1.0):
        return f"{100 * value:.0f}"
    step = 10.0**-decimals
    percent = round(100.0 * value, decimals)
    if 0.0 < value < 1.0:
        percent = min(max(percent, step), 100.0 - step)
    return f"{percent:.{decimals}f}".replace("-", MINUS)


def change(drop_points: float | None, decimals: int = 2) -> str:
    """Points gained (+) or lost (minus), from points lost."""
    if drop_points is None:
        return MISSING
    if not math.isfinite(drop_points):
        return number(-drop_points)
    text = f"{-drop_points:+.{decimals}f}"
    return text[1:] if float(text) == 0 else text.replace("-", MINUS)


def plus_minus(value: float, spec: str = ".2f") -> str:
    """A figure with its sign, in the format `spec`: ``+1.25``, ``−0.50``; of zero ``+0.00``."""
    text = f"{value:+{spec}}"
    return (f"+{text[1:]}" if float(text) == 0 else text).replace("-", MINUS)


def plus_minus_range(low: float, high: float, spec: str = ".2f") -> str:
    """Two of them: ``−0.50 to +1.25``."""
    return f"{plus_minus(low, spec)} to {plus_minus(high, spec)}"


def signed(amount: int) -> str:
    """A count gained (+) or lost (minus)."""
    return f"{amount:+,d}".replace("-", MINUS) if amount else "0"


def names_share(name: str) -> bool:
    """Whether a metric of that name is a share of examples."""
    return name.endswith(("accuracy", "agreement", "share", "recall", "IoU"))


def is_share(metric: Metric) -> bool:
    """Whether the metric reads as per cent: a share of examples by its name and its range."""
    return names_share(metric.name) and 0 <= metric.value <= 1


def named_value(name: str, value: float | None, decimals: int = 2) -> str:
    """A figure by its metric's name alone: ``90.60 %`` of a share, else a bare figure."""
    if value is None or not names_share(name) or not 0 <= value <= 1:
        return number(value, 4)
    return f"{share(value, decimals)} %"


def share_of(value: float, count: int) -> str:
    """``24 of 26``; of a share that no count of so many gives, only the share, such as a mean."""
    whole = round(value * count)
    if abs(value * count - whole) > 1e-3:
        return f"{share(value)} %"
    return f"{whole:,} of {count:,}"


def metric_decimals(count: int) -> int:
    """Decimals with which each share of `count` examples reads as no other does."""
    return max(1, math.ceil(math.log10(max(count, 1)) - 1e-9) - 2)


def interval_ends(
    low: float | None, high: float | None, value: float | None = None
) -> tuple[float, float] | None:
    """The ends of an interval; None where there is none.

    What has no width was not estimated: one process, one window, or answers that are all alike. An
    interval that does not hold its own figure is none either.
    """
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return None
    holds = value is None or low - _ROUNDING <= value <= high + _ROUNDING
    return (low, high) if low < high and holds else None


def metric_ends(metric: Metric) -> tuple[float, float] | None:
    """The ends of a metric's interval, those of a share between 0 and 1; None: it has none."""
    low, high = metric.low, metric.high
    if is_share(metric):
        low, high = max(low, 0.0), min(high, 1.0)
    return interval_ends(low, high, metric.value)


def time_interval(low: float | None, high: float | None, unit: Unit) -> str:
    """``18.7 to 19.9``, of ends in milliseconds; nothing stands for an interval without width."""
    ends = interval_ends(low, high)
    return MISSING if ends is None else f"{unit.text(ends[0])} to {unit.text(ends[1])}"


def metric_value(metric: Metric | None) -> str:
    """The point estimate: ``97.2 %`` for a share, a bare figure for other metrics."""
    if metric is None:
        return MISSING
    if is_share(metric):
        return f"{share(metric.value, metric_decimals(metric.count))} %"
    return number(metric.value, 4) + metric_sign(metric)


def metric_sign(metric: Metric) -> str:
    """What stands behind a figure of a metric: `` %`` of a share, its unit, or nothing."""
    return " %" if is_share(metric) else f" {metric.unit}" if metric.unit else ""


def metric_interval(metric: Metric | None) -> str:
    """Both ends of the interval: ``95.0 to 98.5``."""
    ends = None if metric is None else metric_ends(metric)
    return MISSING if metric is None or ends is None else " to ".join(_end_texts(metric, ends))


def metric_span(metric: Metric | None) -> str:
    """Both ends of the interval as a range: ``95.0–98.5``."""
    ends = None if metric is None else metric_ends(metric)
    if metric is None or ends is None:
        return MISSING
    low, high = _end_texts(metric, ends)
    # A minus beside an en dash would read as two of them.
    return f"{low} to {high}" if MINUS in low + high else f"{low}–{high}"


def metric_with_range(metric: Metric | None) -> str:
    """Estimate and interval with their unit: ``97.2 % (95.0–98.5 %)``, ``12.2 (11.4–13.0)``."""
    if metric is None:
        return MISSING
    span = metric_span(metric)
    return metric_value(metric) + (f" ({span}{metric_sign(metric)})" if span != MISSING else "")


def metric_short(metric: Metric | None) -> str:
    """Estimate and interval: ``97.2 (95.0–98.5)`` of a share, ``12.2 ±0.8`` of a distance.

    The intervals of shares lie askew about them; of a distance it is the wider half, rounded up, or
    the ends where that would reach below what is possible.
    """
    if metric is None:
        return MISSING
    decimals = metric_decimals(metric.count)
    shown = share(metric.value, decimals) if is_share(metric) else number(metric.value, 4)
    ends = metric_ends(metric)
    if ends is None:
        return shown
    half = max(ends[1] - metric.value, metric.value - ends[0])
    if is_share(metric) or metric.value - half < min(ends[0], 0.0):
        return f"{shown} ({'–'.join(_end_texts(metric, ends))})"
    return f"{shown} ±{number(half, 2)}"


def _end_texts(metric: Metric, ends: tuple[float, float]) -> list[str]:
    decimals = metric_decimals(metric.count)
    return [share(end, decimals) if is_share(metric) else number(end, 4) for end in ends]


def format_metric(metric: Metric) -> str:
    """``97.20% (96.10% – 98.00%, 95 %)``; a distance without the per cent signs."""
    decimals = max(2, metric_decimals(metric.count))
    ends = metric_ends(metric)
    figures = [
        f"{value:.{decimals}%}" if is_share(metric) else number(value, 4)
        for value in (metric.value, *(ends or ()))
    ]
    figures[0] += f" {metric.unit}" if metric.unit else ""
    return figures[0] if ends is None else f"{figures[0]} ({figures[1]} – {figures[2]}, 95 %)"


def ratio(value: float | None) -> str:
    """A factor with the multiplication sign."""
    return MISSING if value is None else f"{number(value, 2)} {TIMES}"


def duration(seconds: float) -> str:
    """A length of time for people: ``320 ms``, ``4.2 s``, ``3 min 05 s``, ``2 h 10 min``."""
    if not math.isfinite(seconds) or seconds < 0:
        return MISSING
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def moment(iso: str) -> str:
    """An ISO 8601 time in UTC to the minute; returned as it is when it is not one."""
    try:
        parsed = datetime.fromisoformat(iso)
    except ValueError:
        return plain(iso)
    if parsed.tzinfo is not None:
        parsed = parsed.astimezone(UTC)
    return f"{parsed:%Y-%m-%d %H:%M} UTC"


def count(amount: int, noun: str) -> str:
    """A count with its noun: ``1 file``, ``3 files``."""
    return f"{amount:,} {noun}" if amount == 1 else f"{amount:,} {noun}s"


def heading(text: str) -> str:
    """Foreign text on one line, beginning with a capital, but for names such as ``mAP``."""
    line = plain(text)
    return line if line[1:2].isupper() else line[:1].upper() + line[1:]


def listed(words: Iterable[str]) -> str:
    """Words as in a sentence: ``a, b and c``."""
    items = list(words)
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def printable(text: str) -> str:
    """Foreign text without characters that act instead of being seen; line breaks stay."""
    if text.isprintable():
        return text
    kept = (c for c in text if unicodedata.category(c) not in _INVISIBLE)
    return "".join(" " if c != "\n" and unicodedata.category(c) in _SPACES else c for c in kept)


def plain(text: str, limit: int | None = None) -> str:
    """Foreign text on one line of printable characters, cut with an ellipsis at `limit`."""
    line = " ".join(printable(text).split())
    if limit is not None and len(line) > limit:
        return line[: max(limit - 1, 1)].rstrip() + "…"
    return line


def tie_units(text: str) -> str:
    """Ties each figure to its unit by a no-break space."""
    return _FIGURE_AND_UNIT.sub("\\1\N{NO-BREAK SPACE}\\2", text)


_FIGURE_AND_UNIT = re.compile(rf"(\d) (%|{TIMES}|(?:µs|ms|s|kB|MB)\b)")

#: Format characters, which can reverse the direction of what follows, and lone surrogates.
_INVISIBLE = ("Cf", "Cs")

#: Control characters, line and paragraph separators.
_SPACES = ("Cc", "Zl", "Zp")


def _positive(values: Iterable[float | None]) -> list[float]:
    return [v for v in values if v is not None and math.isfinite(v) and v > 0]

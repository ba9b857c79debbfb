"""Comparisons in words and as plain data."""

from __future__ import annotations

from typing import Any

from zoo.benchmark.compare.comparing import Comparisons
from zoo.benchmark.compare.comparison import ComparedPair, Side
from zoo.results import formatting as fmt
from zoo.results.records import as_plain


def first_line(found: Comparisons) -> str:
    """What everybody must know before the verdicts; empty where like is compared with like."""
    warnings: dict[str, list[str]] = {}
    for pair in found.pairs:
        for word in pair.differences:
            warnings.setdefault(word, []).append(pair.second.measurement.file)
    if not warnings:
        return ""
    told = [
        word if len(files) == len(found.pairs) else f"{word} ({', '.join(files)})"
        for word, files in warnings.items()
    ]
    return f"NOT LIKE WITH LIKE: {'; '.join(told)}"


def sentence(pair: ComparedPair) -> str:
    """The verdict in one sentence."""
    if pair.verdict == "can't tell":
        return f"can't tell: {pair.reason}"
    a, b = pair.first.measurement.file, pair.second.measurement.file
    other = a if a != b else f"the other {a}" if pair.first.origin == "now" else _when(pair.first)
    return f"{pair.verdict}: {b} takes {interval(pair)} times as long as {other}"


def interval(pair: ComparedPair) -> str:
    """``1.052 (1.047 to 1.058)``; what stands for nothing where there is no interval."""
    ratio = pair.ratio
    if ratio is None:
        return fmt.MISSING
    return f"{ratio.value:.3f} ({ratio.low:.3f} to {ratio.high:.3f})"


def basis(pair: ComparedPair) -> str:
    """What the interval rests on."""
    if pair.ratio is None:
        return ""
    a, b = pair.ratio.processes
    percent = f"{100 * pair.ratio.coverage:.1f} % interval"
    if pair.ratio.paired:
        return f"{percent} of {a} turns of fresh processes, the two in turn"
    return f"{percent} of {a} and {b} processes, recorded apart"


#: Columns of `pair_rows`, and which stand to the right.
PAIR = (
    ("", "file", "p50 ms", "interval", "device", "runtime", "threads", "runs", "taken"),
    "llrrllrrl",
)
#: Columns of `row`.
TABLE = (
    ("file", "device", "runtime", "threads", "first ms", "second ms", "ratio", "verdict"),
    ("lllrrrll"),
)
#: What a narrow terminal does without, the least telling first.
SPARE = ("runs", "runtime", "threads", "taken", "device", "first ms", "second ms")


def pair_rows(pair: ComparedPair) -> list[tuple[str, ...]]:
    """A line for each side of one pair."""
    return [_side_row("first", pair.first), _side_row("second", pair.second)]


def _side_row(name: str, side: Side) -> tuple[str, ...]:
    m = side.measurement
    return (
        name,
        m.file,
        f"{m.p50_ms:.4f}",
        "–".join(f"{end:.4f}" for end in fmt.interval_ends(m.p50_low_ms, m.p50_high_ms) or ()),
        m.device,
        f"{m.runtime} {m.runtime_version}",
        str(m.threads),
        f"{m.runs:,}",
        "now" if side.origin == "now" else _when(side).removeprefix("on "),
    )


def row(pair: ComparedPair) -> tuple[str, ...]:
    """A line of the table of many pairs."""
    a, b = pair.first.measurement, pair.second.measurement
    return (
        b.file if a.file == b.file else f"{b.file} / {a.file}",
        b.device,
        f"{b.runtime} {b.runtime_version}",
        str(b.threads),
        f"{a.p50_ms:.4f}",
        f"{b.p50_ms:.4f}",
        interval(pair),
        pair.verdict,
    )


def plain(found: Comparisons) -> dict[str, Any]:
    """For ``--json``."""
    return {
        "like_with_like": not first_line(found),
        "warning": first_line(found),
        "slower": found.slower,
        "settled": found.settled,
        "comparisons": [_plain_pair(pair) for pair in found.pairs],
        "only_in_first": list(found.only_first),
        "only_in_second": list(found.only_second),
    }


def _plain_pair(pair: ComparedPair) -> dict[str, Any]:
    return {
        "verdict": pair.verdict,
        "reason": pair.reason,
        "margin": pair.margin,
        "ratio": None if pair.ratio is None else as_plain(pair.ratio),
        "differences": list(pair.differences),
        "first": _plain_side(pair.first),
        "second": _plain_side(pair.second),
    }


def _plain_side(side: Side) -> dict[str, Any]:
    return {"origin": side.origin, "measurement": as_plain(side.measurement)}


def _when(side: Side) -> str:
    return f"on {fmt.moment(side.measurement.created)}"

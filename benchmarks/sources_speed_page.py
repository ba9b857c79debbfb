"""docs/sources-speed.md, from the records of `sources.py`.

A record is a path: `name`, `tool`, `version`, and either `reason`, why it was not measured, or
`turns` (seconds and peak bytes of the plain script, of our whole command and of the same work in
it, and the machine's load before), with accuracies in per cent and medians of latency in
milliseconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from zoo.results import formatting as fmt

#: What must be reached: the time of the same work, latency, points of accuracy.
TIME, SAME_LATENCY, SAME_POINTS = 1.2, 1.05, 0.1
_COLUMNS = (
    "network", "plain script", "turns", "load", "its time", "ours, the same work", "ours, whole",
    "its memory", "ours", "accuracy, % plain / ours", "p50, µs plain / ours", "better", "worse",
)  # fmt: skip
_INTRODUCTION = f"""# Networks from elsewhere against plain converters

The scripts that people write for each path, with their tools' defaults, against `zoo export` of the
same network. Nothing on this page was typed by hand: `python benchmarks/sources.py` measures again
and replaces what it measured, with `--page` it writes the page from the records in
`docs/sources-speed.json`.

Both run in processes of their own and take turns; ratios are medians of those of the turns. *The
same work* is opening the network and writing the file. *Whole* is the command, which also measures
the input on data, compares with the original, judges the file on the test split in its runtime and
writes its manifest. Memory is the peak of all processes' proportional shares. *Load* is the mean
number of processes that ran or waited in the minute before a turn, least and most: what is more
than the cores was other work, so read ratios, not seconds. *Worse* names what misses its limit:
{TIME:g} times the time of the same work, {SAME_LATENCY:g} times the latency, {SAME_POINTS:g} points
of accuracy.

The higher latency comes from the normalization: our files take raw examples, plain ones take
normalized ones, which the calling program computes. In ONNX that is one more operator, `Mul`, which ONNX
Runtime does not fold into the convolution after it (TFLite's converter does); the rest of the graph
is the same:

<!-- not run: its figures are of one machine -->

```
$ python benchmarks/normalization_cost.py convolutions.keras
plain: 9.94 µs, 1.000 ×: Reshape Conv Conv GlobalAveragePool ReorderOutput Squeeze Gemm Softmax
ours without a normalization: 9.88 µs, 0.993 ×: Reshape Conv Conv GlobalAveragePool ReorderOutput Squeeze Gemm Softmax
ours: 11.12 µs, 1.118 ×: Mul Reshape Conv Conv GlobalAveragePool ReorderOutput Squeeze Gemm Softmax
```
"""  # noqa: E501


def page(records: Sequence[Mapping[str, Any]]) -> str:
    """The whole page."""
    rule = "|---|---|---:|---|" + "---:|" * 7 + "---|---|"
    head = ["| " + " | ".join(_COLUMNS) + " |", rule]
    return "\n".join([_INTRODUCTION, *head, *(line(one) for one in records), ""])


def line(record: Mapping[str, Any]) -> str:
    """A row of the table."""
    cells = [record["name"], f"{record['tool']} {record['version']}".strip()]
    if record["reason"]:
        return "| " + " | ".join([*cells, f"not measured: {record['reason']}"]) + " |"
    turns = record["turns"]
    loads = [f"{pick(one['load'] for one in turns):.1f}" for pick in (min, max)]
    ours, theirs = record["p50_ms"], record["plain_p50_ms"]
    cells += [
        str(len(turns)),
        "–".join(dict.fromkeys(loads)),
        f"{median(one['plain_seconds'] for one in turns):.1f} s",
        fmt.ratio(ratio(turns, "same_seconds", "plain_seconds")),
        fmt.ratio(ratio(turns, "whole_seconds", "plain_seconds")),
        f"{median(one['plain_peak'] for one in turns) / 1e6:.0f} MB",
        fmt.ratio(ratio(turns, "peak", "plain_peak")),
        f"{record['plain_accuracy']:.2f} / {record['accuracy']:.2f}",
        f"{theirs * 1000:.1f} / {ours * 1000:.1f}",
        ", ".join(better(record)) or fmt.MISSING,
        ", ".join(worse(record)) or fmt.MISSING,
    ]
    return "| " + " | ".join(cells) + " |"


def ratio(turns: Sequence[Mapping[str, float]], ours: str, theirs: str) -> float:
    """The median of a figure over another's of the same turn."""
    return median(one[ours] / one[theirs] for one in turns)


def better(record: Mapping[str, Any]) -> list[str]:
    """In what our file or its making is clearly better."""
    turns = record["turns"]
    found = {
        "time": ratio(turns, "same_seconds", "plain_seconds") < 1,
        "memory": ratio(turns, "peak", "plain_peak") < 1,
        "accuracy": record["accuracy"] > record["plain_accuracy"] + SAME_POINTS,
        "latency": record["p50_ms"] * SAME_LATENCY < record["plain_p50_ms"],
    }
    return [word for word, holds in found.items() if holds]


def worse(record: Mapping[str, Any]) -> list[str]:
    """What misses its limit; written so that a NaN, which compares false to everything, does."""
    found = {
        "time": ratio(record["turns"], "same_seconds", "plain_seconds") <= TIME,
        "accuracy": record["accuracy"] >= record["plain_accuracy"] - SAME_POINTS,
        "latency": record["p50_ms"] <= record["plain_p50_ms"] * SAME_LATENCY,
    }
    return [word for word, holds in found.items() if not holds]

"""The page of the support matrix, from its records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from zoo.contracts import Metric
from zoo.contracts.precision import precision_named
from zoo.results import formatting as fmt

#: A row or a cell of docs/support-matrix.json.
Record = Mapping[str, Any]

_SIGNS = {"passed": "✓", "rejected": "✗", "failed": "!", "unsupported": "–", "skipped": "–"}
#: What comes closest to a precision that a network cannot have.
_INSTEAD = {
    "int16x8": ("int8", "dynamic-int8", "float16", "float32"),
    "int8": ("dynamic-int8", "int16x8", "float16", "float32"),
    "dynamic-int8": ("int8", "float16", "float32"),
    "float16": ("float32",),
    "float32": (),
    "int4-blocks": ("dynamic-int8", "int8", "float16", "float32"),
    "int4-weights": ("int4-blocks", "dynamic-int8", "int8", "float16", "float32"),
}
_INTRODUCTION = """# Support matrix

Every family of the zoo in every format and precision, made by `zoo`'s own pipeline: exported,
judged by the [gate](gate.md) in the runtime that deploys it, and timed. Nothing on this page was
typed by hand: `python docs/support_matrix.py` measures again, `python docs/support_matrix.py
--page` writes the page from the records in `docs/support-matrix.json`.

✓ passed the gate · ✗ was rejected · – not supported · ! failed · ? not measured yet
"""
_NOT_MEASURED = "?"


def page(rows: Sequence[Record], peers: Sequence[Record] = ()) -> str:
    """The whole page.

    Args:
        rows: The records, in the order of the page.
        peers: Those of docs/published-peers.json.
    """
    places = list(_sentences(rows))
    parts = [_INTRODUCTION, machines(rows), overview(rows)]
    parts += [section(row, places) for row in rows]
    parts += [beside_peers(peers)] if peers else []
    return "\n".join(parts)


def machines(rows: Sequence[Record]) -> str:
    """Where the latencies were taken, in a sentence for each machine."""
    return "\n".join(_sentences(rows)) + "\n"


def _sentences(rows: Sequence[Record]) -> dict[str, None]:
    """Of each machine, those of rows first, then those that timed single cells of them later."""
    timed = [(row["machine"], row) for row in rows]
    timed += [(c["machine"], row) for row in rows for c in row["cells"] if _is_elsewhere(c)]
    return dict.fromkeys(machine_sentence(one, _threads(row)) for one, row in timed if one)


def _is_elsewhere(cell: Record) -> bool:
    """Whether another machine timed a cell than its row (a record of its own, no place of one)."""
    return isinstance(cell.get("machine"), Mapping)


def machine_sentence(machine: Record, threads: int | None, more: str = "") -> str:
    """Where latencies were taken.

    Args:
        machine: Its record.
        threads: Of a runtime.
        more: What follows the tier.
    """
    flags = [f for f in machine["flags"] or () if f.endswith("vnni") or f in ("asimddp", "i8mm")]
    cores = fmt.count(int(machine["cores"]), "core")
    dots = f", {' and '.join(flags)}" if flags else ""
    runtimes = " and ".join(f"{name} {version}" for name, version in machine["runtimes"].items())
    return (
        f"Timed on {machine['cpu']} ({machine['machine']}, {cores}{dots}), "
        f"{machine['os']}, Python {machine['python']}, {runtimes}, "
        f"{fmt.count(threads or 1, 'thread')}, tier `{machine['tier']}`{more}. ~ marks a latency "
        "that was taken while the machine was not quiet: read factors, not digits."
    )


def _threads(row: Record) -> int | None:
    return next((c["threads"] for c in row["cells"] if c["threads"]), None)


def overview(rows: Sequence[Record]) -> str:
    """One line for each network, one sign for each cell."""
    cells = list(dict.fromkeys((c["format"], c["precision"]) for row in rows for c in row["cells"]))
    cells.sort(key=lambda cell: (cell[0], precision_named(cell[1]).order))
    lines = ["| network | " + " | ".join(f"{f} {p}" for f, p in cells) + " |"]
    lines.append("|---|" + "---|" * len(cells))
    for row in rows:
        verdicts = {(c["format"], c["precision"]): c["verdict"] for c in row["cells"]}
        signs = [_SIGNS[verdicts[cell]] if cell in verdicts else _NOT_MEASURED for cell in cells]
        lines.append(f"| [`{row['label']}`](#{_anchor(row)}) | " + " | ".join(signs) + " |")
    return "\n".join(lines) + "\n"


def section(row: Record, places: Sequence[str] = ()) -> str:
    """A network: its table, and why some cells are empty.

    Args:
        row: Its record.
        places: The page's sentences about machines; a cell of another than its row's has a number.
    """
    how = f"packaged weights, judged on the test split of `{row['data']}`"
    lines = [f"## {row['label']}\n", f"Family `{row['family']}`; {row['note'] or how}.\n"]
    metric = next((_metric(c) for c in row["cells"] if c["metric"]), None)
    name = metric.name if metric else "quality"
    share = metric is None or fmt.is_share(metric)
    headings = ["format", "precision", f"{name}, %" if share else name]
    headings += ["Δ points" if share else "Δ %", "size, kB", "ratio", "p50", "in integers"]
    lines.append("| " + " | ".join([*headings, "verdict"]) + " |")
    lines.append("|---|---|" + "---:|" * 6 + "---|")
    for cell in row["cells"]:
        place = machine_sentence(cell["machine"], _threads(row)) if _is_elsewhere(cell) else ""
        number = f" ({places.index(place) + 1})" if place in places else ""
        lines.append("| " + " | ".join(_line(cell, number)) + " |")
    lines += ["", *(f"* {text}" for text in _remarks(row))]
    return "\n".join(lines).rstrip() + "\n"


_PEERS = """## Beside published peers

TFLite files that others publish for the same work, or that a published network becomes by its own
converter, and ours on an input of the same shape; both took turns in fresh processes. Ours are
exported with random weights: a latency does not depend on them. `python docs/published_peers.py`
measures again. Nobody publishes a file of the work and shape of the others of this page, as far as
we know.
"""


def beside_peers(rows: Sequence[Record]) -> str:
    """The table of published networks, and ours as a multiple of each.

    Args:
        rows: Records of docs/published-peers.json.
    """
    headings = ["ours", "published peer", "precision", "input", "peer, kB", "ours, kB"]
    headings += ["peer, p50", "ours, p50", "ours / peer"]
    lines = [_PEERS, *dict.fromkeys(machine_sentence(row["machine"], 1) for row in rows), ""]
    lines += ["| " + " | ".join(headings) + " |", "|---|---|---|---|" + "---:|" * 5]
    for row in rows:
        noisy = "" if row["quiet"] else "~"
        unit = fmt.time_unit([row["peer_p50_ms"], row["p50_ms"]])
        factor = f"{row['p50_ms'] / row['peer_p50_ms']:.2f} ×"
        if row["ratio"] is not None:
            middle, low, high = row["ratio"]
            factor = f"{middle:.2f} × ({low:.2f}–{high:.2f})"
        cells = [f"`{row['ours']}`", f"{row['name']}: {row['note']}", row["precision"]]
        cells += ["×".join(map(str, row["shape"]))]
        cells += [fmt.KILOBYTES.text(row[size]) for size in ("peer_bytes", "bytes")]
        cells += [noisy + unit.with_symbol(row[time]) for time in ("peer_p50_ms", "p50_ms")]
        lines.append("| " + " | ".join([*cells, noisy + factor]) + " |")
    return "\n".join(lines) + "\n"


def _line(cell: Record, place: str) -> list[str]:
    metric = _metric(cell)
    change = cell["change"]
    if metric is not None and not metric.higher_is_better and change is not None:
        change = -change
    time = fmt.time_unit([cell["p50_ms"]]).with_symbol(cell["p50_ms"])
    noisy = "~" if cell["quiet"] is False and cell["p50_ms"] is not None else ""
    integers = fmt.MISSING
    if cell["integer_share"] is not None:
        integers = f"{fmt.share(cell['integer_share'], 0)} %"
    return [
        cell["format"],
        cell["precision"],
        fmt.metric_short(metric),
        fmt.change(change),
        fmt.KILOBYTES.text(cell["bytes"]),
        fmt.ratio(cell["size_ratio"]),
        noisy + time + place,
        integers,
        cell["verdict"],
    ]


def _metric(cell: Record) -> Metric | None:
    return None if cell["metric"] is None else Metric(**cell["metric"])


def _remarks(row: Record) -> list[str]:
    """Float islands, smaller test splits, and why cells did not pass."""
    found = []
    for cell in row["cells"]:
        name = f"{cell['format']} {cell['precision']}"
        islands = cell["float_islands"]
        if islands and precision_named(cell["precision"]).arithmetic == "integer":
            listed = ", ".join(f"{op} ({count})" for op, count in islands.items())
            found.append(f"{name}: stays in float: {listed}.")
        if cell["data"] != row["data"] and cell["metric"] is not None:
            found.append(f"{name}: judged on the first {cell['metric']['count']:,} test images.")
        if cell["verdict"] != "passed":
            reason = fmt.plain(cell["reason"]).rstrip(".")
            near = nearest(row["cells"], cell)
            instead = f" Nearest that works: {near}." if near else ""
            found.append(f"{name}: {cell['verdict']}: {reason}.{instead}")
    return found


def nearest(cells: Sequence[Record], cell: Record) -> str:
    """The cell that passed and comes closest, the same format first; empty when none did."""
    passed = {(c["format"], c["precision"]) for c in cells if c["verdict"] == "passed"}
    others = [f for f in dict.fromkeys(c["format"] for c in cells) if f != cell["format"]]
    wanted = [(cell["format"], p) for p in _INSTEAD[cell["precision"]]]
    wanted += [(f, p) for f in others for p in (cell["precision"], *_INSTEAD[cell["precision"]])]
    return next((f"{f} {p}" for f, p in wanted if (f, p) in passed), "")


def _anchor(row: Record) -> str:
    """As GitHub makes it of a heading."""
    kept = "".join(c for c in row["label"].lower() if c.isalnum() or c in " -_")
    return kept.replace(" ", "-")

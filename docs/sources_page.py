"""The page of networks from elsewhere, from its records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from support_page import machine_sentence

from zoo.contracts.comparison import differs_by_rounding
from zoo.contracts.precision import BASELINE
from zoo.results import formatting as fmt

#: A row or a cell of docs/sources-matrix.json.
Record = Mapping[str, Any]

#: A float file's largest distance from the network in its own framework, as a share of the scale.
EXACT = 1e-4
HOLDS, RUNS = "holds", "runs"
NOT_MEASURED = "not measured"
_SIGNS = {"passed": "✓", "rejected": "✗", "failed": "!", "unsupported": "–", "skipped": "–"}
_INTRODUCTION = f"""# Networks from elsewhere

Trained networks that other programs have saved, brought in as [Networks from elsewhere](sources.md)
says, in every format and precision. Each file was judged by the [gate](gate.md), timed, verified by
`zoo verify` in a process of its own, and run by the Python program of its bundle. Nothing on this
page was typed by hand: `python docs/sources_table.py` measures again and replaces what it measured,
`python docs/sources_table.py --page` writes the page from the records in
`docs/sources-matrix.json`.

*Δ to the source* is the largest difference between the file's answers and those that the network
gives in its own framework (Keras, TensorFlow, LiteRT, ONNX Runtime), as a share of their scale, on
test examples; in {BASELINE.name} at most {EXACT:.0e}, of single values of a large output up to ten
times that if the output as a whole has 100 dB. *Agreement* is the share of the whole test
split on which both take the same class, *Δ points* what the file gains or loses there.

✓ all of it · ✗ rejected, or wrong afterwards · – not supported · ! failed · blank: {NOT_MEASURED}
"""


def page(records: Mapping[str, Any]) -> str:
    """The whole page.

    Args:
        records: Columns, machines, and rows in the order of the page.
    """
    rows = records["rows"]
    parts = [_INTRODUCTION, *machines(rows, records["machines"]), ""]
    parts.append(overview(rows, [tuple(column) for column in records["columns"]]))
    parts += [section(row, records["columns"]) for row in rows]
    return "\n".join(parts)


def machines(rows: Sequence[Record], places: Sequence[Record]) -> list[str]:
    """Where the latencies were taken, a sentence for each machine, whatever tiers it was used in.

    Args:
        rows: Each cell that was timed has the number of its place, from 0 on.
        places: Machines, each with a tier.
    """
    cells = [cell for row in rows for cell in row["cells"]]
    alike: dict[str, list[int]] = {}
    for at, place in enumerate(places):
        if any(cell.get("machine") == at for cell in cells):
            alike.setdefault(machine_sentence({**place, "tier": ""}, None), []).append(at)
    sentences = []
    for first, *others in alike.values():
        more = "".join(f", where ({at + 1}) stands `{places[at]['tier']}`" for at in others)
        threads = next(c["threads"] for c in cells if c.get("machine") == first)
        said = machine_sentence(places[first], threads, more)
        sentences.append(f"({first + 1}) {said}" if first else said)
    return sentences


def overview(rows: Sequence[Record], columns: Sequence[tuple[str, str]]) -> str:
    """One line for each network, one sign for each cell."""
    titles = ["source", "network", *(f"{f} {p}" for f, p in columns)]
    lines = ["| " + " | ".join(titles) + " |", "|---" * len(titles) + "|"]
    for row in rows:
        cells = {(c["format"], c["precision"]): c for c in row["cells"]}
        signs = [sign(cells[place]) if place in cells else "" for place in columns]
        link = f"[`{row['label']}`](#{_anchor(row['label'])})"
        lines.append("| " + " | ".join([row["source"], link, *signs]) + " |")
    return "\n".join(lines) + "\n"


def sign(cell: Record) -> str:
    """Whether a cell is all that it should be."""
    wrong = cell["verdict"] == "passed" and exceptions(cell)
    return _SIGNS["rejected"] if wrong else _SIGNS[cell["verdict"]]


def exceptions(cell: Record) -> list[str]:
    """What is wrong with a file that passed its gate, a sentence each."""
    if cell["verdict"] != "passed":
        return []
    found = []
    if cell["precision"] == BASELINE.name and not _is_exact(cell):
        found.append(f"{cell['apart']:.1e} of its scale from the network in its own framework")
    if cell["verified"] != HOLDS:
        found.append(f"zoo verify: {fmt.plain(cell['verified']).rstrip('.')}")
    if cell["bundled"] != RUNS:
        found.append(f"its bundle's program: {fmt.plain(cell['bundled']).rstrip('.')}")
    return found


def _is_exact(cell: Record) -> bool:
    """Whether a float file answers as the network does, but for rounding."""
    noise = 10.0 ** (-(cell.get("sqnr_db") or 0.0) / 20.0)
    return differs_by_rounding(cell["apart"], noise, EXACT)


def section(row: Record, columns: Sequence[Sequence[str]]) -> str:
    """A network: its table, and the reason of each exception."""
    lines = [f"## {row['label']}\n", f"Source `{row['source']}`. {row['note']}."]
    if row["trained"]:
        lines[-1] += " Δ is to the trained network in Keras."
    lines.append("")
    if not row["cells"]:
        return "\n".join([*lines, f"This network was {NOT_MEASURED}.", ""])
    signal = all(c.get("accuracy") is None for c in row["cells"])
    titles = ["format", "precision", "Δ to the source"]
    titles += ["SQNR, dB"] if signal else ["agreement, %", "accuracy, %", "Δ points"]
    titles += ["size, kB", "p50", "verify", "bundle", "verdict"]
    left = {"format", "precision", "p50", "verify", "bundle", "verdict"}
    rule = "|" + "".join("---|" if title in left else "---:|" for title in titles)
    lines += ["| " + " | ".join(titles) + " |", rule]
    cells = {(c["format"], c["precision"]): c for c in row["cells"]}
    for format, precision in columns:
        cell = cells.get((format, precision))
        if cell is None:
            words = [fmt.MISSING] * (len(titles) - 3)
            lines.append("| " + " | ".join([format, precision, *words, NOT_MEASURED]) + " |")
        else:
            lines.append("| " + " | ".join(_line(cell, signal)) + " |")
    remarks = [f"* {text}" for cell in row["cells"] for text in _remarks(cell)]
    return "\n".join([*lines, "", *remarks]).rstrip() + "\n"


def _line(cell: Record, signal: bool) -> list[str]:
    apart = cell.get("apart")
    p50 = cell.get("p50_ms")
    time = fmt.time_unit([p50]).with_symbol(p50)
    if p50 is not None:
        time = ("~" if cell["quiet"] is False else "") + time
        time += f" ({cell['machine'] + 1})" if cell.get("machine") else ""
    quality = [fmt.number(cell.get("sqnr_db"))]
    if not signal:
        accuracy = cell.get("accuracy")
        shares = [fmt.share(cell.get("agreement")), fmt.share(accuracy, 2)]
        quality = [*shares, fmt.change(cell.get("change"))]
    return [
        cell["format"],
        cell["precision"],
        fmt.MISSING if apart is None else f"{apart:.1e}",
        *quality,
        fmt.KILOBYTES.text(cell.get("bytes")),
        time,
        _word(cell.get("verified"), HOLDS),
        _word(cell.get("bundled"), RUNS),
        "passed, but" if exceptions(cell) else cell["verdict"],
    ]


def _word(found: str | None, good: str) -> str:
    return fmt.MISSING if found is None else good if found == good else "**fails**"


def _remarks(cell: Record) -> list[str]:
    name = f"{cell['format']} {cell['precision']}"
    found = [f"{name}: {text}." for text in exceptions(cell)]
    if cell["precision"] == BASELINE.name and (cell.get("apart") or 0) > EXACT and not found:
        found.append(
            f"{name}: single values are {cell['apart']:.1e} of the scale from the network's, at "
            f"which rounding grows; the output as a whole has {cell['sqnr_db']:.1f} dB."
        )
    if cell["verdict"] != "passed":
        found.append(f"{name}: {cell['verdict']}: {fmt.plain(cell['reason']).rstrip('.')}.")
    return found


def _anchor(label: str) -> str:
    """As GitHub makes it of a heading."""
    kept = "".join(c for c in label.lower() if c.isalnum() or c in " -_")
    return kept.replace(" ", "-")

"""Writes docs/interoperability.md: every packaged model's files, run in every runtime.

    python docs/interoperability.py [--models lenet5.fashion_mnist,…] [--cache FOLDER]
    python docs/interoperability.py --missing   # marks what nobody ran yet; runs nothing

What was done is kept in the cache folder, so that the program goes on where it stopped: files by
the code and weights that they come from, answers by the SHA-256 of the model in the file and the
runtime's version. Runtimes that this Python does not have get environments of their own there, in
the versions that runtimes.py names.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

from runtime_answers import JUDGES, Cell, File, cell, checkpoints, files_of, operators
from runtimes import RUNTIMES, environment, runtime_version

from zoo.common.paths import cache_folder
from zoo.registry import PluginSettings, load_registry

PAGE = Path(__file__).with_suffix(".md")
BEGIN, END = "<!-- begin tables -->", "<!-- end tables -->"


def tables(rows: Sequence[tuple[File, Sequence[Cell | None]]]) -> str:
    """A table for each model, and the reasons of what does not run."""
    notes: dict[str, int] = {}
    lines = [summary(rows)]
    heads = [f"{runtime.name} {runtime_version(runtime)}" for runtime in RUNTIMES]
    for model in dict.fromkeys(file.model for file, _ in rows):
        shown = [c for file, cells in rows if file.model == model for c in cells if c is not None]
        chooses = any(c.agreement is not None for c in shown)
        lines += ["", f"### {model}", ""]
        if not chooses:
            lines += ["It chooses nothing: what is shown is signal over noise in decibels.", ""]
        lines.append(f"| format | precision | {' | '.join(heads)} |")
        lines.append("|---" * (len(heads) + 2) + "|")
        for file, cells in rows:
            if file.model == model:
                shown_cells = [
                    shown_cell(c, runtime.name == JUDGES[file.format], operators(file), notes)
                    for c, runtime in zip(cells, RUNTIMES, strict=True)
                ]
                lines.append(f"| {file.format} | {file.precision} | {' | '.join(shown_cells)} |")
    lines += ["", "### Why not", ""]
    lines += [f"{number}. {reason}" for reason, number in notes.items()]
    return "\n".join(lines).strip("\n")


def with_tables(text: str, found: str) -> str:
    """The page with its generated part renewed."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"{PAGE.name} has no lines {BEGIN!r} and {END!r}")
    return f"{before}{begin}\n\n{found}\n\n{end}{after}"


def shown_cell(
    cell: Cell | None, judges: bool, operators: Iterable[str], notes: dict[str, int]
) -> str:
    """A cell's text; a reason becomes the operator that it names, and a numbered note."""
    if cell is None:
        return ""
    if cell.reason:
        reason = tidy(cell.reason)
        number = notes.setdefault(reason, len(notes) + 1)
        plain = "NaN" if "NaN" in reason else "no"
        named = next((name for name in operators if name in reason), plain)
        return f"{named} [{number}]"
    if judges:
        return "judge"
    if cell.agreement is not None:
        return f"{cell.agreement:.1%}"
    assert cell.decibels is not None
    return "equal" if cell.decibels == float("inf") else f"{cell.decibels:.1f} dB"


def tidy(reason: str) -> str:
    """A runtime's message without the file's name, in one line of code."""
    said = reason.partition("RuntimeError: ")[2] or reason.partition("ValueError: ")[2] or reason
    # Which of several it was, and what it is called there, differs from file to file.
    said = re.sub(r" \(number \d+\)| and name \d+", "", " ".join(said.split()))
    return f"`{said}`"


def summary(rows: Sequence[tuple[File, Sequence[Cell | None]]]) -> str:
    """How many cells run, and how little they agree at worst."""
    others = [
        cell
        for file, cells in rows
        for cell, runtime in zip(cells, RUNTIMES, strict=True)
        if cell is not None and runtime.name != JUDGES[file.format]
    ]
    ran = [cell for cell in others if not cell.reason]
    shares = [cell.agreement for cell in ran if cell.agreement is not None]
    noises = [cell.decibels for cell in ran if cell.agreement is None and cell.decibels is not None]
    parts = [f"Of {len(others)} cells beside the judges' {len(ran)} run"]
    if shares:
        parts.append(f"first choices are the same for {min(shares):.1%} of inputs at worst")
    if noises:
        parts.append(f"generated images are at {min(noises):.1f} dB at worst")
    return "; ".join(parts) + "."


def with_missing(text: str, cells: Sequence[tuple[str, str]]) -> str:
    """The page with a row for each format and precision of a model that nobody ran yet.

    Args:
        text: Of the page.
        cells: Each format with each of its precisions, in the order of tables.
    """
    parts = text.split("\n### ")
    for number, part in enumerate(parts):
        lines = part.split("\n")
        rows = [
            n
            for n, line in enumerate(lines)
            if line.startswith(tuple(f"| {f} | {p} | " for f, p in cells))
        ]
        if not rows:
            continue
        known = {tuple(lines[n].split(" | ")[:2]) for n in rows}
        empty = " | ".join(["not run"] * len(RUNTIMES))
        added = [f"| {f} | {p} | {empty} |" for f, p in cells if (f"| {f}", p) not in known]
        lines[rows[-1] + 1 : rows[-1] + 1] = added
        parts[number] = "\n".join(lines)
    return "\n### ".join(parts)


def main() -> None:
    """Makes environments, exports, runs; writes the page, and the records into the cache."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", default="", help="Comma-separated [all packaged ones].")
    parser.add_argument("--cache", type=Path, default=cache_folder() / "interoperability")
    parser.add_argument("--output", type=Path, default=PAGE)
    parser.add_argument(
        "--missing", action="store_true", help="Add rows of what nobody ran yet; runs nothing."
    )
    given = parser.parse_args()
    if given.missing:
        formats = load_registry(PluginSettings(installed=False)).exporters
        page = given.output.read_text(encoding="utf-8")
        cells = [(each.name, precision) for each in formats for precision in each.precisions]
        given.output.write_text(with_missing(page, cells), encoding="utf-8")
        return
    wanted = [name for name in given.models.split(",") if name]
    for runtime in RUNTIMES:
        environment(runtime, given.cache)
    files = [file for c in checkpoints(wanted) for file in files_of(c, given.cache)]
    with ThreadPoolExecutor(2) as pool:
        judges = [next(r for r in RUNTIMES if r.name == JUDGES[f.format]) for f in files]
        list(pool.map(lambda pair: cell(*pair, given.cache), zip(files, judges, strict=True)))
        pairs = [(file, runtime) for file in files for runtime in RUNTIMES]
        cells = list(pool.map(lambda pair: cell(*pair, given.cache), pairs))
    width = len(RUNTIMES)
    rows = [(f, cells[n * width : (n + 1) * width]) for n, f in enumerate(files)]
    records = [
        {"file": asdict(f) | {"path": f.path and f.path.name}, "runtime": r.name, **asdict(c)}
        for f, own in rows
        for r, c in zip(RUNTIMES, own, strict=True)
        if c is not None
    ]
    (given.cache / "records.json").write_text(json.dumps(records, indent=1), encoding="utf-8")
    page = given.output.read_text(encoding="utf-8")
    given.output.write_text(with_tables(page, tables(rows)), encoding="utf-8")


if __name__ == "__main__":
    main()

"""Writes docs/interoperability.md: every packaged model's files, run in every runtime.

    python docs/interoperability.py [--cache FOLDER]
    python docs/interoperability.py --models lenet5.fashion_mnist --precisions int4-weights
    python docs/interoperability.py --runtimes opencv
    python docs/interoperability.py --missing   # marks what nobody ran yet; runs nothing

Of some models or precisions alone, their rows take the place of those that the page has; of some
runtimes, their cells alone, and those of the judges, in which every file runs. The page is written
after each model.

What was done is kept in the cache folder, so that the program goes on where it stopped: files by
the code and weights that they come from, answers by the SHA-256 of the model in the file and the
runtime's version. Runtimes that this Python does not have get environments of their own there, in
the versions that runtimes.py names.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

from runtime_answers import JUDGES, Cell, File, cell, checkpoints, files_of, operators
from runtimes import RUNTIMES, Runtime, environment, runtime_version

from zoo.common.paths import cache_folder
from zoo.registry import PluginSettings, load_registry

PAGE = Path(__file__).with_suffix(".md")
BEGIN, END = "<!-- begin tables -->", "<!-- end tables -->"
WHY, NOT_RUN = "### Why not", "not run"


def tables(rows: Sequence[tuple[File, Sequence[Cell | None]]]) -> str:
    """A table for each model, and the reasons of what does not run."""
    notes: dict[str, int] = {}
    lines: list[str] = []
    for model in dict.fromkeys(file.model for file, _ in rows):
        lines += heading(model, rows)
        lines += [row_of(file, cells, notes) for file, cells in rows if file.model == model]
    lines += ["", WHY, "", *numbered(notes)]
    return "\n".join([summary(lines), *lines]).strip("\n")


def heading(model: str, rows: Sequence[tuple[File, Sequence[Cell | None]]]) -> list[str]:
    """What stands above the rows of a model's table."""
    heads = [f"{runtime.name} {runtime_version(runtime)}" for runtime in RUNTIMES]
    shown = [c for file, cells in rows if file.model == model for c in cells if c is not None]
    lines = ["", f"### {model}", ""]
    if not any(c.agreement is not None for c in shown):
        lines += ["It chooses nothing: what is shown is signal over noise in decibels.", ""]
    lines.append(f"| format | precision | {' | '.join(heads)} |")
    return [*lines, "|---" * (len(heads) + 2) + "|"]


def row_of(
    file: File, cells: Sequence[Cell | None], notes: dict[str, int], kept: Sequence[str] = ()
) -> str:
    """A file's row; what does not run is added to the notes.

    Args:
        file: What ran.
        cells: One for each runtime.
        notes: Reasons and their numbers.
        kept: What stays of an older row, one text for each runtime; empty where a cell is new.
    """
    shown = [
        old or shown_cell(c, runtime.name == JUDGES[file.format], operators(file), notes)
        for c, runtime, old in zip(cells, RUNTIMES, kept or [""] * len(RUNTIMES), strict=True)
    ]
    return f"| {file.format} | {file.precision} | {' | '.join(shown)} |"


def numbered(notes: Mapping[str, int]) -> list[str]:
    """The reasons of what does not run."""
    return [f"{number}. {reason}" for reason, number in notes.items()]


def with_rows(
    text: str, rows: Sequence[tuple[File, Sequence[Cell | None]]], only: Sequence[str] = ()
) -> str:
    """The page with the rows of some files renewed; all others stay.

    Args:
        text: Of the page.
        rows: Files and a cell for each runtime.
        only: Runtimes whose cells are renewed, beside the judges'; empty for all.

    Raises:
        SystemExit: The page has no row of a file: it comes from a run of everything, or --missing.
    """
    before, _, rest = text.partition(BEGIN)
    found, _, after = rest.partition(END)
    lines = found.strip("\n").split("\n")
    at = lines.index(WHY)
    told = [line.partition(". ") for line in lines[at + 1 :] if line]
    notes = {reason: int(number) for number, _, reason in told}
    lines = lines[1:at]
    for model in dict.fromkeys(file.model for file, _ in rows):
        if f"### {model}" not in lines:  # a model that is new
            own = [f"| {f.format} | {f.precision} | |" for f, _ in rows if f.model == model]
            lines = ["\n".join(lines).rstrip("\n"), *heading(model, rows), *own, ""]
            lines = "\n".join(lines).split("\n")
    for file, cells in rows:
        start = f"| {file.format} | {file.precision} | "
        sections = [n for n, line in enumerate(lines) if line.startswith("### ")] + [len(lines)]
        first = next((n for n in sections[:-1] if lines[n] == f"### {file.model}"), len(lines))
        last = next((n for n in sections if n > first), len(lines))
        place = next((n for n in range(first, last) if lines[n].startswith(start)), None)
        if place is None:
            raise SystemExit(f"{PAGE.name} has no row of {file.model} {start}: --missing adds them")
        old = [each.strip() for each in lines[place].strip("|").split("|")][2:]
        pairs = zip(old, RUNTIMES, strict=True) if only else ()
        kept = [
            "" if runtime.name in only or file.format not in runtime.formats else text
            for text, runtime in pairs
        ]
        if only:
            kept[[r.name for r in RUNTIMES].index(JUDGES[file.format])] = ""
        lines[place] = row_of(file, cells, notes, kept)
    lines, notes = with_notes_in_use(lines, notes)
    renewed = "\n".join([summary(lines), *lines, WHY, "", *numbered(notes)])
    return f"{before}{BEGIN}\n\n{renewed}\n\n{END}{after}"


def with_notes_in_use(
    lines: Sequence[str], notes: Mapping[str, int]
) -> tuple[list[str], dict[str, int]]:
    """The lines and their notes numbered anew, without notes that no cell has any more."""
    used = {int(number) for line in lines for number in re.findall(r" \[(\d+)\] \|", line)}
    kept = [(reason, number) for reason, number in notes.items() if number in used]
    new = {number: place for place, (_, number) in enumerate(kept, start=1)}

    def renumbered(found: re.Match[str]) -> str:
        return f" [{new[int(found[1])]}] |"

    written = [re.sub(r" \[(\d+)\] \|", renumbered, line) for line in lines]
    return written, {reason: new[number] for reason, number in kept}


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
    # Which file it was, which of several nodes, and what that is called, differs.
    said = re.sub(r"^the agent could not load: \w+ cannot run \S+: ", "", said)
    said = re.sub(r"\(onnx_node!\S+\)|layer (\"onnx_node\S+\"|\S+/\S+)", "a layer", said)
    said = re.sub(r" \(number \d+\)| and name \d+", "", " ".join(said.split()))
    return f"`{said}`"


def summary(lines: Iterable[str]) -> str:
    """How many cells of the tables run, and how little they agree at worst."""
    formats = tuple(f"| {name} | " for name in JUDGES)
    rows = [line.strip("|").split("|")[2:] for line in lines if line.startswith(formats)]
    cells = [cell.strip() for row in rows for cell in row]
    others = [cell for cell in cells if cell not in ("", "judge", NOT_RUN)]
    ran = [cell for cell in others if not cell.endswith("]")]
    shares = [float(cell.removesuffix("%")) for cell in ran if cell.endswith("%")]
    noises = [float(cell.removesuffix(" dB")) for cell in ran if cell.endswith(" dB")]
    parts = [f"Of {len(others)} cells beside the judges' {len(ran)} run"]
    if shares:
        parts.append(f"first choices are the same for {min(shares):.1f}% of inputs at worst")
    if noises:
        parts.append(f"images made by networks are at {min(noises):.1f} dB at worst")
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
        added = [not_run(f, p) for f, p in cells if (f"| {f}", p) not in known]
        lines[rows[-1] + 1 : rows[-1] + 1] = added
        parts[number] = "\n".join(lines)
    return "\n### ".join(parts)


def not_run(format: str, precision: str) -> str:
    """A row that nobody ran, empty in columns of runtimes that do not know the format."""
    texts = [NOT_RUN if format in runtime.formats else "" for runtime in RUNTIMES]
    return f"| {format} | {precision} | {' | '.join(texts)} |"


def with_new_runtimes(text: str) -> str:
    """The page with a column for each runtime that has none yet; nobody ran anything there."""
    lines = text.split("\n")
    known: list[str] = []
    for number, line in enumerate(lines):
        parts = [part.strip() for part in line.strip("|").split("|")]
        if parts[:2] == ["format", "precision"]:
            known = [head.split(" ")[0] for head in parts[2:]]
            heads = [f"{runtime.name} {runtime_version(runtime)}" for runtime in RUNTIMES]
            old = dict(zip(known, parts[2:], strict=True))
            parts[2:] = [old.get(r.name, head) for r, head in zip(RUNTIMES, heads, strict=True)]
        elif line.startswith("|---") and known:
            parts = ["---"] * (len(RUNTIMES) + 2)
        elif parts[0] in JUDGES and known:
            cells = dict(zip(known, parts[2:], strict=True))
            new = [NOT_RUN if parts[0] in runtime.formats else "" for runtime in RUNTIMES]
            parts[2:] = [cells.get(r.name, n) for r, n in zip(RUNTIMES, new, strict=True)]
        else:
            known = [] if not line.startswith("|") else known
            continue
        divider = parts[0] == "---"
        lines[number] = f"|{'|'.join(parts)}|" if divider else f"| {' | '.join(parts)} |"
    return "\n".join(lines)


def with_new_models(text: str, models: Sequence[str], cells: Sequence[tuple[str, str]]) -> str:
    """The page with a table for each model that has none yet, of rows that nobody ran."""
    rows = [not_run(format, precision) for format, precision in cells]
    new = [name for name in models if f"\n### {name}\n" not in text]
    added = ["\n".join([*heading(name, []), *rows, "", ""]).lstrip("\n") for name in new]
    return text.replace(WHY, "".join(added) + WHY, 1)


def main() -> None:
    """Makes environments, exports, runs; writes the page, and the records into the cache."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", default="", help="Comma-separated [all packaged ones].")
    parser.add_argument("--precisions", default="", help="Comma-separated [all].")
    parser.add_argument("--runtimes", default="", help="Comma-separated [all].")
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
        models = [found.model_id for found in checkpoints([])]
        page = with_new_models(with_missing(with_new_runtimes(page), cells), models, cells)
        given.output.write_text(page, encoding="utf-8")
        return
    wanted, precisions, only = (
        [name for name in text.split(",") if name]
        for text in (given.models, given.precisions, given.runtimes)
    )
    asked = [runtime for runtime in RUNTIMES if not only or runtime.name in only]
    for runtime in asked:
        environment(runtime, given.cache)
    rows: list[tuple[File, list[Cell | None]]] = []
    for checkpoint in checkpoints(wanted):
        files = list(files_of(checkpoint, given.cache, precisions))
        new = list(zip(files, cells_of(files, asked, given.cache), strict=True))
        rows += new
        if new and (wanted or precisions or only):
            page = given.output.read_text(encoding="utf-8")
            given.output.write_text(with_rows(page, new, only), encoding="utf-8")
    records = [
        {"file": asdict(f) | {"path": f.path and f.path.name}, "runtime": r.name, **asdict(c)}
        for f, own in rows
        for r, c in zip(RUNTIMES, own, strict=True)
        if c is not None
    ]
    (given.cache / "records.json").write_text(json.dumps(records, indent=1), encoding="utf-8")
    if not (wanted or precisions or only):
        page = given.output.read_text(encoding="utf-8")
        given.output.write_text(with_tables(page, tables(rows)), encoding="utf-8")


def cells_of(
    files: Sequence[File], asked: Sequence[Runtime], cache: Path
) -> list[list[Cell | None]]:
    """The cells of files, one list each: of the runtimes asked for and the judge, else None."""

    def one(pair: tuple[File, Runtime]) -> Cell | None:
        file, runtime = pair
        judges = runtime.name == JUDGES[file.format]
        return cell(file, runtime, cache) if judges or runtime in asked else None

    judges = [next(r for r in RUNTIMES if r.name == JUDGES[f.format]) for f in files]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(one, zip(files, judges, strict=True)))  # the others are held against them
        pairs = [(file, runtime) for file in files for runtime in RUNTIMES]
        cells = list(pool.map(one, pairs))
    width = len(RUNTIMES)
    return [cells[n * width : (n + 1) * width] for n in range(len(files))]


if __name__ == "__main__":
    main()

"""Writes docs/interoperability.md: every packaged model's files, run in every runtime.

    python docs/interoperability.py [--models lenet5.fashion_mnist,…] [--cache FOLDER]

What was done is kept in the cache folder, so that the program goes on where it stopped: files by
the code and weights that they come from, answers by the SHA-256 of the model in the file and the
runtime's version. Runtimes that this Python does not have get environments of their own there, in
the versions that runtimes.py names.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from runtimes import RUNTIMES, Elsewhere, Runtime, environment, runtime_version, short

from zoo.artifact import Artifact, open_unaltered
from zoo.checkpoints import Checkpoint, packaged
from zoo.contracts.exporter import CALIBRATED
from zoo.data.inputs import read_inputs
from zoo.devices.host import AGENT
from zoo.errors import Unsupported, ZooError
from zoo.files import sha256_of
from zoo.isolation import call
from zoo.measurement.session import AgentSession
from zoo.paths import cache_folder
from zoo.recipe import Calibration
from zoo.registry import PluginSettings, load_registry
from zoo.running import require_manifest
from zoo.steps.common import Subject, open_dataset
from zoo.versions import versions_of

HERE = Path(__file__).parent
PAGE = HERE / "interoperability.md"
REGISTRY = load_registry(PluginSettings(installed=False))
BEGIN, END = "<!-- begin tables -->", "<!-- end tables -->"
INPUTS = 256
#: Beside these, the file itself decides nothing: they write it.
SOURCES = ("exporters/*.py", "zoo/networks.py", "zoo/steps/export.py", "zoo/data/calibration.py")


#: The runtime whose answers the others are compared with: the one that the gate judges in.
JUDGES = {"tflite": "litert", "onnx": "onnxruntime"}


@dataclass(frozen=True)
class File:
    """A row: one exported file, or why there is none."""

    model: str
    format: str
    precision: str
    path: Path | None
    reason: str = ""


@dataclass(frozen=True)
class Cell:
    """What a runtime made of a file.

    Attributes:
        agreement: Share of inputs with the judge's first choice; None for what chooses nothing.
        decibels: Signal-to-noise ratio against the judge's outputs.
        reason: Why there is no answer; empty when there is one.
        version: Of the runtime.
    """

    agreement: float | None
    decibels: float | None
    reason: str
    version: str


# ------------------------------------------------------------------ files


def checkpoints(wanted: Sequence[str]) -> Iterator[Checkpoint]:
    """The packaged weights, all or those wanted."""
    for architecture, variant in REGISTRY.variants():
        for path in packaged(architecture, variant).values():
            found = Checkpoint(architecture=architecture, variant=variant, path=path)
            if not wanted or found.model_id in wanted:
                yield found


def files_of(checkpoint: Checkpoint, folder: Path) -> Iterator[File]:
    """Every format and precision of a model, exported unless it is there already."""
    for exporter in REGISTRY.exporters:
        for precision in exporter.precisions:
            key = short(
                _code()
                + sha256_of(checkpoint.path)
                + str(versions_of((*exporter.distributions, "numpy")))
            )
            place = folder / "files" / f"{checkpoint.model_id}-{key}"
            path = place / f"{checkpoint.model_id}.{precision}{exporter.suffix}"
            refusal = path.with_suffix(path.suffix + ".refused")
            if not path.is_file() and not refusal.is_file():
                _export(checkpoint, exporter.name, precision, place, refusal)
            model, row = checkpoint.model_id, (exporter.name, precision)
            if refusal.is_file():
                yield File(model, *row, None, refusal.read_text(encoding="utf-8"))
            else:
                yield File(model, *row, path)


def _export(
    checkpoint: Checkpoint, format: str, precision: str, place: Path, refusal: Path
) -> None:
    print(f"exporting {checkpoint.model_id} {format} {precision}", flush=True)
    place.mkdir(parents=True, exist_ok=True)
    try:
        call(
            "zoo.steps.export:export",
            {
                "subject": Subject(model=checkpoint.model_id, plugins=REGISTRY.settings),
                "format": format,
                "precision": precision,
                "data": checkpoint.card().dataset if precision in CALIBRATED else None,
                "calibration": Calibration().model_dump(mode="json"),
                "seed": 0,
                "folder": str(place),
            },
            on_event=lambda event: None,
        )
    except Unsupported as error:
        refusal.write_text(error.what, encoding="utf-8")


@cache
def _code() -> str:
    """Changes with the code that writes files."""
    digest = hashlib.sha256()
    for pattern in SOURCES:
        for path in sorted(HERE.parent.glob(pattern)):
            digest.update(path.read_bytes())
    return digest.hexdigest()


# ------------------------------------------------------------------ answers


@cache
def inputs_of(path: Path) -> Any:
    """The first real test inputs of a file, raw."""
    artifact = open_unaltered(REGISTRY, path)
    manifest = require_manifest(artifact)
    split = open_dataset(REGISTRY, manifest.dataset.name).splits["test"]
    return read_inputs(split, manifest.preprocessing, range(min(INPUTS, len(split))))


def answers(file: File, runtime: Runtime, folder: Path) -> tuple[Any, str]:
    """Outputs of a file in a runtime, or None and the reason; kept from run to run."""
    assert file.path is not None
    model = _open(file.path).contents.payload_sha256
    key = short(f"{model} {runtime.name} {runtime_version(runtime)} {_agent()}")
    kept, refused = (folder / "answers" / f"{key}{end}" for end in (".npy", ".txt"))
    if kept.is_file():
        return np.load(kept, allow_pickle=False), ""
    if refused.is_file():
        return None, refused.read_text(encoding="utf-8")
    print(f"{file.path.name} in {runtime.name}", flush=True)
    kept.parent.mkdir(parents=True, exist_ok=True)
    ask = _answers_of_node if runtime.npm else _answers_of_agent
    try:
        outputs = ask(file.path, runtime, folder)
    except ZooError as error:
        reason = " ".join(part for part in (error.what, error.why) if part)
        refused.write_text(reason, encoding="utf-8")
        return None, reason
    np.save(kept, outputs)
    return outputs, ""


def _answers_of_agent(path: Path, runtime: Runtime, folder: Path) -> Any:
    place = Elsewhere(environment(runtime, folder))
    with AgentSession(place, runtime.name, timeout=600.0) as session:
        session.load(path)
        return session.run(inputs_of(path))


def _answers_of_node(path: Path, runtime: Runtime, folder: Path) -> Any:
    place = Path(environment(runtime, folder)).parents[1]
    contents = _open(path).contents
    (takes,), (gives,) = contents.inputs, contents.outputs
    given, made = (place / f"{short(str(path))}.{end}" for end in ("in", "out"))
    given.write_bytes(np.ascontiguousarray(inputs_of(path).astype(takes.dtype)).tobytes())
    script = str(HERE / "interoperability.mjs")
    node = str(place / "bin" / "node")
    done = subprocess.run(
        [node, script, str(place), str(path), str(given), str(made)],
        check=False,
        capture_output=True,
        text=True,
        timeout=600,
    )
    given.unlink()
    try:
        said = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError) as error:
        raise ZooError("node did not answer", why=done.stderr[-300:]) from error
    if "error" in said:
        raise ZooError(said["error"])
    outputs = np.frombuffer(made.read_bytes(), gives.dtype).reshape(-1, *gives.shape[1:])
    made.unlink()
    return outputs


@cache
def _agent() -> str:
    return short(AGENT.read_bytes().hex() + (HERE / "interoperability.mjs").read_text())


def compare(expected: Any, found: Any, chooses: bool) -> tuple[float | None, float]:
    """Share of equal first choices, and decibels of signal over noise (infinite when equal)."""
    signal = expected.astype(np.float64)
    noise = np.square(signal - found).sum()
    decibels = float(10 * np.log10(np.square(signal).sum() / noise)) if noise else float("inf")
    same = float((expected.argmax(-1) == found.argmax(-1)).mean()) if chooses else None
    return same, decibels


def cell(file: File, runtime: Runtime, folder: Path) -> Cell | None:
    """One cell; None where the runtime knows nothing of the format."""
    if file.format not in runtime.formats:
        return None
    version = runtime_version(runtime)
    if file.path is None:
        return Cell(None, None, file.reason, version)
    found, reason = answers(file, runtime, folder)
    if reason:
        return Cell(None, None, reason, version)
    if not np.isfinite(found).all():
        return Cell(None, None, "NaN or infinite answers, without a word", version)
    judge = next(r for r in RUNTIMES if r.name == JUDGES[file.format])
    expected, reason = answers(file, judge, folder)
    if reason:
        return Cell(None, None, f"the judge has no answer: {reason}", version)
    chooses = REGISTRY.tasks.get(require_manifest(_open(file.path)).task).chooses
    return Cell(*compare(expected, found, chooses), "", version)


@cache
def _open(path: Path) -> Artifact:
    return open_unaltered(REGISTRY, path)


# ------------------------------------------------------------------ the page


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


def operators(file: File) -> tuple[str, ...]:
    """The longest names first, so that a name within another is not taken for it."""
    if file.path is None:
        return ()
    return tuple(sorted(_open(file.path).contents.operators, key=len, reverse=True))


def main() -> None:
    """Makes environments, exports, runs, writes the page and the records beside the cache."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", default="", help="Comma-separated [all packaged ones].")
    parser.add_argument("--cache", type=Path, default=cache_folder() / "interoperability")
    parser.add_argument("--output", type=Path, default=PAGE)
    given = parser.parse_args()
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

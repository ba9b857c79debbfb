"""Exports packaged models and runs the files in every runtime; what was done is kept."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from runtimes import RUNTIMES, Elsewhere, Runtime, browser, environment, runtime_version, short

from zoo.artifacts.artifact import Artifact, open_unaltered, require_manifest
from zoo.common.errors import Unsupported, ZooError
from zoo.common.files import sha256_of
from zoo.common.versions import versions_of
from zoo.common.worker import call
from zoo.contracts import Task
from zoo.contracts.outputs import CLASS_MAP
from zoo.contracts.precision import precision_named
from zoo.data.opening import open_dataset
from zoo.data.preprocessing.inputs import read_inputs
from zoo.devices.shared.agent_files import agent_archive
from zoo.execution.session import AgentSession
from zoo.networks.checkpoints import Checkpoint, packaged
from zoo.networks.loading import Subject
from zoo.pipeline.steps.export import ExportParameters
from zoo.registry import PluginSettings, load_registry

HERE = Path(__file__).parent
REGISTRY = load_registry(PluginSettings(installed=False))
INPUTS = 256
#: Beside these, the file itself decides nothing: they write it.
SOURCES = (
    "exporters/**/*.py",
    "zoo/networks/building.py",
    "zoo/pipeline/steps/export.py",
    "zoo/data/preprocessing/calibration.py",
)


#: The runtime whose answers the others are compared with: the one that the gate judges in.
JUDGES = {"tflite": "litert", "onnx": "onnxruntime"}


#: Held by the file that runs in the browser, which starts with the first.
_BROWSER = Lock()


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


def files_of(
    checkpoint: Checkpoint, folder: Path, precisions: Sequence[str] = ()
) -> Iterator[File]:
    """Every format and precision of a model, or some, exported unless it is there already.

    None of a network of several files: what one takes is what the one before gives.
    """
    if REGISTRY.tasks.get(checkpoint.variant.task).several_files:
        return
    for exporter in REGISTRY.exporters:
        for precision in exporter.precisions:
            if precisions and precision not in precisions:
                continue
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
    calibrated = precision_named(precision).calibrated
    try:
        call(
            "zoo.pipeline.steps.export:export",
            {
                "subject": Subject(model=checkpoint.model_id, plugins=REGISTRY.settings),
                "asked": ExportParameters(
                    format=format,
                    precision=precision,
                    data=checkpoint.card().dataset if calibrated else None,
                ),
                "folder": place,
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
    model = opened(file.path).contents.payload_sha256
    key = short(f"{model} {runtime.name} {runtime_version(runtime)} {_agent(runtime.browser)}")
    kept, refused = (folder / "answers" / f"{key}{end}" for end in (".npy", ".txt"))
    if kept.is_file():
        return np.load(kept, allow_pickle=False), ""
    if refused.is_file():
        return None, refused.read_text(encoding="utf-8")
    print(f"{file.path.name} in {runtime.name}", flush=True)
    kept.parent.mkdir(parents=True, exist_ok=True)
    try:
        outputs = _answers(file.path, runtime, folder)
    except ZooError as error:
        reason = " ".join(part for part in (error.what, error.why) if part)
        refused.write_text(reason, encoding="utf-8")
        return None, reason
    np.save(kept, outputs)
    return outputs, ""


def _answers(path: Path, runtime: Runtime, folder: Path) -> Any:
    place = browser() if runtime.browser else Elsewhere(environment(runtime, folder))
    turn = _BROWSER if runtime.browser else nullcontext()
    with turn, AgentSession(place, runtime.name, timeout=600.0) as session:
        session.load(path)
        return session.run(inputs_of(path))


@cache
def _agent(browser: bool) -> str:
    """Changes with the code that runs files: the agent of this machine, or that of pages."""
    if not browser:
        return short(agent_archive().name)
    page = sorted(HERE.parent.glob("devices/browser/page/*.js"))
    return short("".join(map(sha256_of, page)))


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
    manifest = require_manifest(opened(file.path))
    # Whether single answers are right or wrong, and outputs are scores of them, of pixels perhaps.
    chooses = type(REGISTRY.tasks.get(manifest.task)).wrong is not Task.wrong
    chooses = chooses and {*manifest.readings.values()} <= {"", CLASS_MAP}
    return Cell(*compare(expected, found, chooses), "", version)


@cache
def opened(path: Path) -> Artifact:
    """A file and what it says of itself, read once."""
    return open_unaltered(REGISTRY, path)


def operators(file: File) -> tuple[str, ...]:
    """The longest names first, so that a name within another is not taken for it."""
    if file.path is None:
        return ()
    return tuple(sorted(opened(file.path).contents.operators, key=len, reverse=True))

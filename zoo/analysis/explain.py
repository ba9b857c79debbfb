"""Why a file is larger, slower or worse than its float twin: ``zoo explain``."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.analysis.advice import Advice, advice
from zoo.analysis.explanation_record import (
    environment_here,
    failure_recorded,
    record_explanation,
)
from zoo.analysis.file_facts import FileFacts
from zoo.analysis.findings import findings
from zoo.artifacts.artifact import Artifact, open_unaltered, require_manifest
from zoo.artifacts.file_chain import refuse_part
from zoo.common.brief import Brief
from zoo.common.errors import BadData, BadFile, UnknownName, UsageError, ZooError
from zoo.common.files import sha256_of
from zoo.common.progress import OnStep, quiet
from zoo.common.worker import WorkerLimits, call
from zoo.contracts import LayerComparison
from zoo.contracts.dataset import SPLITS
from zoo.contracts.precision import BASELINE
from zoo.data.opening import check_task, data_for_task
from zoo.networks.checkpoints import resolve
from zoo.registry import Registry, load_registry
from zoo.results.layer_errors import EXPLAIN
from zoo.results.records import QualityFinding, as_plain
from zoo.results.store import Store
from zoo.targets import HOST_NAMES, target_named

SAMPLES = 64
RUNS = 50
_LIMITS = WorkerLimits(seconds=1800.0)
_REJECTED = ".rejected"


@dataclass(frozen=True, kw_only=True, repr=False)
class Explanation(Brief):
    """What was found out about a file.

    Attributes:
        model_id: ``variant.tag``.
        findings: What follows from the comparison, in sentences.
        advice: What to try; None when nothing stands out.
        network: What the manifest says against the network itself.
    """

    model_id: str
    format: str
    file: FileFacts
    twin: FileFacts
    data: str
    split: str
    comparison: LayerComparison
    findings: tuple[str, ...]
    advice: Advice | None
    network: tuple[QualityFinding, ...] = ()

    def plain(self) -> dict[str, Any]:
        """As nested dictionaries and lists, ready for JSON."""
        plain = as_plain(self)
        for side in ("file", "twin"):
            plain[side]["path"] = str(plain[side]["path"])
        return plain


def explain(
    file: str | Path,
    *,
    against: str | Path | None = None,
    data: str | None = None,
    split: str = "validation",
    samples: int = SAMPLES,
    runs: int = RUNS,
    store: str | None = None,
    on_step: OnStep = quiet,
    progress: bool | None = None,
    registry: Registry | None = None,
) -> Explanation:
    """Compares a file with its float twin, operator by operator, in its runtime.

    The errors by layer become a record in the results store, unless the same are there already.

    Args:
        file: An exported file, rejected ones too.
        against: The float32 file of the same network and format; None finds it beside `file`.
        data: Dataset; None for the one that the weights were trained on.
        split: Of the dataset; the test split is the gate's.
        samples: Real inputs, each class as often as the others.
        runs: Inferences over which operators are timed; 0 times nothing.
        store: URL of the results store; None for the user's own.
        on_step: Receives progress.
        progress: Whether it is shown where no `on_step` is given; None: on a terminal and in a
            notebook. Commands show their own.
        registry: None discovers plugins anew.

    Raises:
        UsageError: The file is its own twin, or there is none.
        Unsupported: The format's plugin cannot compare layers.
    """
    if split not in SPLITS:
        raise UnknownName("split", split, SPLITS)
    if samples < 1:
        raise UsageError(f"{samples} examples are too few", fix="ask for at least one, better 64")
    registry = registry or load_registry()
    artifact = open_unaltered(registry, Path(file))
    manifest = require_manifest(artifact)
    refuse_part(
        artifact,
        "what it loses shows in what all of them give",
        "hold them against the float files: zoo evaluate FILE",
    )
    if manifest.precision == BASELINE.name:
        raise UsageError(
            f"{artifact.path} is a {BASELINE.name} file: the one that others are compared with",
            fix="name a file of another precision",
        )
    if against is not None:
        twin = _checked_twin(registry, artifact, Path(against))
    else:
        twin = _find_twin(registry, artifact)
    data = data_for_task(registry, data or manifest.dataset.name, manifest.task)
    check_task(registry, data, manifest.task, artifact.path.name)
    hashes = sha256_of(artifact.path), sha256_of(twin.path)
    asked = _export_command(registry, artifact, data)
    records = Store(store)
    try:
        on_step(EXPLAIN, {"event": "start", "kind": EXPLAIN})
        started = time.perf_counter()
        with failure_recorded(records, artifact.path.name):
            comparison: LayerComparison = call(
                "zoo.analysis.layer_comparison:compare_layers",
                {
                    "plugins": registry.settings,
                    "path": str(artifact.path),
                    "twin": str(twin.path),
                    "data": data,
                    "split": split,
                    "samples": samples,
                    "seed": 0,
                    "runs": runs,
                },
                on_event=lambda event: on_step(EXPLAIN, event),
                limits=_LIMITS,
                tensorflow=False,
            )
            environment = environment_here(registry, artifact)
        seconds = time.perf_counter() - started
        found = _explanation(artifact, twin, data, split, comparison, asked)
        record_explanation(records, found, sha256=hashes, environment=environment, seconds=seconds)
        ended = {"event": "end", "status": "passed", "seconds": seconds, "cached": False}
        on_step(EXPLAIN, ended)
    finally:
        records.close(on_step)
    return found


def _explanation(
    artifact: Artifact,
    twin: Artifact,
    data: str,
    split: str,
    comparison: LayerComparison,
    asked: str,
) -> Explanation:
    """What follows from a comparison; `asked` is the command that made the file."""
    manifest = require_manifest(artifact)
    mine, theirs = _facts(artifact), _facts(twin)
    return Explanation(
        model_id=manifest.model_id,
        format=manifest.format,
        file=mine,
        twin=theirs,
        data=data,
        split=split,
        comparison=comparison,
        findings=tuple(findings(comparison, mine, theirs)),
        advice=advice(comparison, mine, theirs, asked),
        network=artifact.findings,
    )


def _facts(artifact: Artifact) -> FileFacts:
    manifest = require_manifest(artifact)
    return FileFacts(
        path=artifact.path,
        bytes=artifact.path.stat().st_size,
        model_bytes=artifact.contents.payload_bytes,
        weight_bytes=artifact.contents.weight_bytes,
        precision=manifest.precision,
        metric=manifest.gate.metrics[0] if manifest.gate and manifest.gate.metrics else None,
        conversions=artifact.contents.conversions,
    )


def _checked_twin(registry: Registry, artifact: Artifact, path: Path) -> Artifact:
    """The file that the user calls the twin, if it can be.

    Raises:
        UsageError: Another format or precision; of another network.
    """
    twin = open_unaltered(registry, path)
    mine, theirs = require_manifest(artifact), require_manifest(twin)
    problem = ""
    if theirs.format != mine.format:
        problem = f"its format is {theirs.format}, that of {artifact.path.name} is {mine.format}"
    elif theirs.precision != BASELINE.name:
        problem = f"its precision is {theirs.precision}, not {BASELINE.name}"
    elif theirs.weights_sha256 != mine.weights_sha256:
        problem = "it was made from other weights"
    elif theirs.end_to_end != mine.end_to_end:
        problem = "one of them holds more than the network, by --end-to-end"
    if problem:
        raise UsageError(
            f"{path} is not the float twin of {artifact.path}",
            why=problem,
            fix=_twin_command(registry, artifact),
        )
    return twin


def _find_twin(registry: Registry, artifact: Artifact) -> Artifact:
    """The float32 file of the same weights and format beside a file.

    Raises:
        UsageError: There is none.
    """
    mine = require_manifest(artifact)
    for path in _twin_candidates(artifact):
        try:
            twin = open_unaltered(registry, path)
        except (BadFile, BadData):
            continue  # another's file, which is not asked about
        theirs = twin.manifest
        if theirs is None or theirs.precision != BASELINE.name or theirs.format != mine.format:
            continue
        if (theirs.weights_sha256, theirs.end_to_end) == (mine.weights_sha256, mine.end_to_end):
            return twin
    raise UsageError(
        f"there is no float twin of {artifact.path} beside it",
        why=f"no {BASELINE.name} file of the format {mine.format} made from the same weights "
        f"{'with --end-to-end ' * mine.end_to_end}is in {artifact.path.parent}",
        fix=f"{_twin_command(registry, artifact)}; or name one: --against FILE",
    )


def _twin_candidates(artifact: Artifact) -> Iterator[Path]:
    """Files beside one that may be its twin, the likeliest first."""
    name = artifact.path.name.removesuffix(_REJECTED)
    precision = require_manifest(artifact).precision
    suffix = artifact.exporter.suffix
    likely = name.removesuffix(suffix).removesuffix(precision) + BASELINE.name + suffix
    names = [likely, likely + _REJECTED]
    folder = artifact.path.parent
    others = sorted(p.name for p in folder.glob("*") if p.name not in names)
    for other in (*names, *others):
        path = folder / other
        if other.removesuffix(_REJECTED).endswith(suffix) and path != artifact.path:
            yield path


def _twin_command(registry: Registry, artifact: Artifact) -> str:
    """The command that makes the float twin beside a file."""
    manifest = require_manifest(artifact)
    options = ["zoo", "export", _model(registry, artifact), "--format", manifest.format]
    options += ["--precision", f"{BASELINE.name},{manifest.precision}"]
    options += ["--end-to-end"] * manifest.end_to_end
    return f"make it: {shlex.join([*options, '--output', str(artifact.path.parent)])}"


def _export_command(registry: Registry, artifact: Artifact, data: str) -> str:
    """The command that made the file, as far as the file tells."""
    manifest = require_manifest(artifact)
    options = ["zoo", "export", _model(registry, artifact)]
    if data != manifest.dataset.name:
        options += ["--data", data]
    options += ["--format", manifest.format, "--precision", manifest.precision]
    options += ["--end-to-end"] * manifest.end_to_end
    if manifest.target and manifest.target not in (*HOST_NAMES, _host_target(registry)):
        options += ["--target", manifest.target]
    return shlex.join(options)


def _host_target(registry: Registry) -> str:
    """The target that is chosen when none is named; empty when this machine fits none."""
    try:
        return target_named(registry, HOST_NAMES[0]).name
    except UsageError:
        return ""


def _model(registry: Registry, artifact: Artifact) -> str:
    """What to call the weights that the file was made from."""
    manifest = require_manifest(artifact)
    beside = artifact.path.with_name(f"{manifest.model_id}.safetensors")
    try:
        checkpoint = resolve(registry, manifest.model_id)[2]
        if checkpoint is not None and checkpoint.card().sha256 == manifest.weights_sha256:
            return manifest.model_id
    except ZooError:
        pass  # the weights of somebody's own; they lie beside the file, as a rule
    return str(beside) if beside.exists() else manifest.model_id

"""Sabotaged files before the real gate and the real `zoo verify`."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.analysis.verify.verify import verify
from zoo.artifacts.artifact import Artifact, Manifest, embed, open_artifact, require_manifest
from zoo.artifacts.file_chain import FileChain
from zoo.artifacts.gate import chain_checks
from zoo.artifacts.reference_outputs import REFERENCE
from zoo.common.errors import ZooError
from zoo.common.worker import Children, WorkerLimits
from zoo.pipeline.steps.gate import OUTPUTS
from zoo.pipeline.steps.rounded_network import ROUNDED, rounded_outputs
from zoo.pipeline.steps.step import FinishedStep, FinishedSteps, StepContext
from zoo.registry import Registry

from .answer_kinds import KINDS
from .families import Honest, family_named
from .network import Network
from .tolerance import Effect, effect_of

Array = NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """Who refused a file, and by which checks or claims; none where it passed."""

    by: tuple[str, ...]
    reason: str = ""

    @property
    def refused(self) -> bool:
        return bool(self.by)


class Judge:
    """The gate and `zoo verify` for the files of one honest file."""

    def __init__(self, registry: Registry, honest: Honest) -> None:
        self.registry, self.honest = registry, honest
        manifest = require_manifest(open_artifact(registry, honest.judged))
        self.task = registry.tasks.get(manifest.task)
        self.kind = KINDS[family_named(honest.family).answers]
        self.classes = len(manifest.classes) if self.kind.named else 0
        with np.load(honest.finished.of(honest.gate).folder / OUTPUTS) as stored:
            self.answers, self.labels = stored["outputs"], stored["labels"]
        evaluated = honest.finished.of(honest.gate.reference).folder / REFERENCE
        # What four bits cost is no fault of a file: it is to answer as the rounded network.
        rounded = honest.finished.of(honest.gate).folder / ROUNDED
        with np.load(rounded if rounded.exists() else evaluated) as stored:
            self.network = stored["outputs"][: len(self.answers)]

    @cached_property
    def distance(self) -> float:
        """Mean distance of the honest file from its network."""
        own, _ = self.kind.rows(self.network, self.labels)
        said, _ = self.kind.rows(self.answers, self.labels)
        return self.kind.distance(own, said)

    def open(self, path: Path) -> Network:
        """The network in a file, beside that of another training."""
        network = self._opened(path)
        network.high = float(np.quantile(self.answers, 0.75))
        if self.honest.other is not None:
            network.other = self._opened(self.honest.other)
        return network

    def _opened(self, path: Path) -> Network:
        # Neither format's packages are needed where no file of it is judged.
        if self.honest.format == "onnx":
            from .onnx_network import OnnxNetwork

            return OnnxNetwork(path, self.classes)
        from .tflite_network import TfliteNetwork

        return TfliteNetwork(path, self.classes)

    def before_gate(self, change: Callable[[Network], None]) -> tuple[Refusal, Effect | None]:
        """Changes the file as the exporter wrote it, and lets the gate judge it.

        Returns:
            The gate's answer, and what the change did to the answers; None where there are none.
        """
        gate, finished = self.honest.gate, self.honest.finished
        made = finished.of(gate.export)
        with _folder() as folder:
            path = folder / made.result.file
            shutil.copy(self.honest.exported, path)
            network = self.open(path)
            change(network)
            network.save(path)
            _hash_anew(open_artifact(self.registry, path))
            before = FinishedSteps(finished)
            before[gate.export.id] = FinishedStep(
                record=made.record, folder=folder, value=made.result
            )
            own = folder / "gate"
            own.mkdir()
            context = _Context(
                folder=own,
                before=before,
                emit=lambda _: None,
                children=Children(),
                rounded=finished.of(gate).folder / ROUNDED,
                held=_four_bits(self.registry, self.honest.exported),
                again=_four_bits(self.registry, path),
            )
            try:
                outcome = gate.run(context)
            except (ZooError, ValueError) as error:
                what = error.what if isinstance(error, ZooError) else str(error)
                return Refusal(by=("does not run",), reason=what), None
            with np.load(own / OUTPUTS) as stored:
                answers = stored["outputs"]
        effect = effect_of(self.network, self.answers, answers, self.labels, self.kind)
        failed = tuple(check.name for check in outcome.result.checks if not check.passed)
        return Refusal(by=failed, reason=outcome.reason), effect

    def before_verify(self, change: Callable[[Network], None]) -> Refusal:
        """Changes the file as it ships, makes every hash in it right again, and verifies it."""

        def sabotaged(path: Path) -> None:
            network = self.open(path)
            change(network)
            network.save(path)
            claim_anew(self.registry, path)

        return self.verified(sabotaged)

    def verified(self, change: Callable[[Path], None]) -> Refusal:
        """Verifies the shipped file after a change, its weights and card beside it."""
        with _folder() as folder:
            path = self._shipped(folder)
            change(path)
            try:
                found = verify(path, registry=self.registry)
                if found.passed:
                    # What is wrong for some inputs alone, golden ones need not show.
                    data = self.honest.gate.origin.data
                    found = verify(path, registry=self.registry, data=data)
            except ZooError as error:
                return Refusal(by=("does not run",), reason=error.what)
        failed = [claim for claim in found.claims if claim.status == "fails"]
        return Refusal(
            by=tuple(claim.name for claim in failed),
            reason="; ".join(f"{claim.name}: {claim.reason}" for claim in failed),
        )

    def _shipped(self, folder: Path) -> Path:
        gate, finished = self.honest.gate, self.honest.finished
        result = finished.of(gate).result
        source = finished.of(gate).folder
        for name in filter(None, (result.file, result.golden)):
            shutil.copy(source / name, folder)
        for step in (gate.reference.train, gate.reference):
            for path in finished.of(step).folder.iterdir():
                if path.suffix in (".safetensors", ".toml"):
                    shutil.copy(path, folder)
        return folder / result.file


@dataclass(frozen=True, kw_only=True)
class _Context(StepContext):
    """Takes the outputs of the rounded network from the honest file's gate: they are the same.

    Attributes:
        rounded: These outputs.
        held: How many bytes of the honest file are weights of four bits; `again` of the changed.
    """

    rounded: Path
    held: int
    again: int

    def call(
        self,
        function: Callable[..., Any],
        limits: WorkerLimits | None = None,
        /,
        **arguments: Any,
    ) -> Any:
        if function is rounded_outputs and self.rounded.exists() and self.held == self.again:
            shutil.copy(self.rounded, self.folder)
            return ""
        return super().call(function, limits, **arguments)


def _four_bits(registry: Registry, path: Path) -> int:
    return open_artifact(registry, path).contents.weight_types.get("int4", 0)


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="sabotage-") as name:
        yield Path(name)


def _hash_anew(artifact: Artifact) -> Manifest:
    """The manifest of a file that was changed, true to its bytes; written into it."""
    contents = artifact.contents
    manifest = replace(
        require_manifest(artifact),
        payload_sha256=contents.payload_sha256,
        inputs=contents.inputs,
        outputs=contents.outputs,
        attachments=contents.attachments,
    )
    embed(artifact.exporter, artifact.path, manifest)
    return manifest


def claim_anew(registry: Registry, path: Path) -> None:
    """Like `_hash_anew` of a judged file: what the gate read from the bytes is true again, too."""
    manifest = _hash_anew(open_artifact(registry, path))
    if manifest.gate is None:
        return
    artifact = open_artifact(registry, path)
    precision = registry.precision(manifest.precision)
    found = {c.name: c for c in chain_checks(FileChain(artifacts=(artifact,)), precision)}
    checks = tuple(found.get(check.name, check) for check in manifest.gate.checks)
    embed(artifact.exporter, path, replace(manifest, gate=replace(manifest.gate, checks=checks)))

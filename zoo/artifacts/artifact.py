"""Artifacts: exported files with their manifests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from zoo.artifacts.format_of_file import find_exporter
from zoo.artifacts.further_sizes import FurtherOutputs
from zoo.artifacts.golden_samples import Golden
from zoo.artifacts.seal import sealed, unsealed
from zoo.common.errors import BadFile
from zoo.contracts import (
    BackboneOrigin,
    Check,
    Exporter,
    FileContents,
    Metric,
    SourceReference,
    TensorInfo,
)
from zoo.contracts.preprocessing.stored import StoredPreprocessing
from zoo.registry import Registry
from zoo.results.records import QualityFinding

#: Since 2 a manifest ends with a hash of its own text, and names what else is in the file.
SCHEMA = 2
REJECTED = ".rejected"
#: Characters of a manifest: more than ten times what a thousand long class names need.
MOST_TEXT = 4 << 20


@dataclass(frozen=True, kw_only=True)
class DatasetReference:
    """Which dataset, and exactly which content."""

    name: str
    content_hash: str
    licence: str = "unknown"


@dataclass(frozen=True, kw_only=True)
class CalibrationReference:
    """Which real inputs the integer ranges were measured on."""

    split: str
    count: int
    content_hash: str
    method: str = "minmax"


@dataclass(frozen=True, kw_only=True)
class TrainedReference:
    """How the ranges of an integer file were trained.

    Attributes:
        method: ``quantization-aware training``.
        split: On which inputs: ``dataset/split``.
        epochs: How many were made.
        options: The recipe's ``qat`` table.
        weights_sha256: Of the trained weights and limits.
        notes: Which layers stayed in float, and why.
    """

    split: str
    epochs: int
    options: dict[str, Any]
    weights_sha256: str
    notes: tuple[str, ...] = ()
    method: str = "quantization-aware training"


@dataclass(frozen=True, kw_only=True)
class GateReference:
    """How the gate judged the file.

    Attributes:
        processor: As in `Golden`; empty in older files.
        outputs_sha256: Of what the file answered to the whole test split; empty in older files.
        calibration_error: Of its probabilities on that split, 0 to 1; None of other outputs, and in
            older files.
        findings: What speaks against the network it was made from, against how that was judged, or
            against the file's own answers; None in files of an older edgezoo.
    """

    passed: bool
    runtime: str
    runtime_version: str
    checks: tuple[Check, ...]
    metrics: tuple[Metric, ...]
    processor: str = ""
    outputs_sha256: str = ""
    calibration_error: float | None = None
    findings: tuple[QualityFinding, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class PartReference:
    """One of the files that make one model together.

    Attributes:
        part: Its name: ``encoder``.
        file: Of its file, which lies beside the others.
        payload_sha256: Of the model in it, without its manifest.
    """

    part: str
    file: str
    payload_sha256: str


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """The manifest of a file.

    Attributes:
        schema: Version of this layout.
        model_id: ``variant.tag``.
        architecture: The family.
        task: What the outputs mean.
        format: Exporter name.
        precision: As exported.
        licence: SPDX identifier of the weights.
        classes: Names in the order of the outputs.
        weights_sha256: Of the checkpoint that was exported.
        dataset: What the weights were trained on.
        calibration: None for precisions that need none.
        preprocessing: From raw example to network input.
        normalization: ``in the graph``: the input takes raw values (0-255 pixels, …).
        inputs: Names, shapes, types and scales.
        outputs: Likewise.
        payload_sha256: Of the model without this manifest; changes when the model is altered.
        versions: Distributions that made the file; `created` is ISO 8601, UTC.
        target: The kind of processor it was written for; empty in older files.
        remarks: The exporter's, on how it wrote the file.
        layers: Names of the network's Keras layers, in its order; empty in older files.
        kept: Names of those that were kept in float on purpose in an integer file.
        trained: How ranges were trained; None for those that were calibrated, or need none.
        network: Where the network came from, if it was made elsewhere.
        budgets: Device → what the file may take there at most, quantity → limit, as asked for.
        gate: None until the gate has judged the file.
        meanings: Of outputs, by name, where the task gives them.
        readings: How programs read outputs, by name; see `zoo.contracts.Output`.
        golden: Real inputs with the file's own outputs, which the gate keeps; None in files that it
            has not judged, that gave no finite answer, or that are older.
        part: Which of several files that make one model together this is; empty for a whole model.
        parts: All of these files in the order in which they run, as the gate has judged them.
        attachments: As `FileContents.attachments` has them; not known of files of older layout.
        free_sides: Sides of inputs that are free; see `zoo.contracts.exporter.FreeSides`.
        further: What the file answered to golden inputs larger along each of them.
        decoding: What outputs are decoded with, such as a threshold; see `zoo.contracts.Task`.
        end_to_end: Whether the file decodes its outputs itself (`zoo.contracts.GraphDecoder`).
        backbone: Whose weights a part of the network's layers began with; None where none did.
    """

    model_id: str
    architecture: str
    task: str
    format: str
    precision: str
    licence: str
    classes: tuple[str, ...]
    weights_sha256: str
    dataset: DatasetReference
    calibration: CalibrationReference | None
    preprocessing: StoredPreprocessing
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    payload_sha256: str
    versions: dict[str, str] = field(default_factory=dict)
    created: str = ""
    normalization: str = "in the graph"
    target: str = ""
    remarks: tuple[str, ...] = ()
    layers: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    trained: TrainedReference | None = None
    network: SourceReference | None = None
    budgets: dict[str, dict[str, str]] = field(default_factory=dict)
    gate: GateReference | None = None
    golden: Golden | None = None
    meanings: dict[str, str] = field(default_factory=dict)
    readings: dict[str, str] = field(default_factory=dict)
    part: str = ""
    parts: tuple[PartReference, ...] = ()
    attachments: dict[str, str] = field(default_factory=dict)
    free_sides: dict[str, tuple[str, ...]] = field(default_factory=dict)
    further: tuple[FurtherOutputs, ...] = ()
    decoding: dict[str, float | str] = field(default_factory=dict)
    end_to_end: bool = False
    backbone: BackboneOrigin | None = None
    schema: int = SCHEMA

    @property
    def findings(self) -> tuple[QualityFinding, ...]:
        """What it says against the network; none where it says nothing."""
        return () if self.gate is None else self.gate.findings or ()


_MANIFEST = TypeAdapter(Manifest)


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """An exported file with its manifest and contents."""

    path: Path
    exporter: Exporter
    contents: FileContents
    manifest: Manifest | None

    @property
    def altered(self) -> bool:
        """Whether something in the file differs from what the manifest describes."""
        return self.manifest is not None and (
            self.manifest.payload_sha256 != self.contents.payload_sha256
            or bool(self.altered_attachments)
        )

    @property
    def altered_attachments(self) -> tuple[str, ...]:
        """Names of what lies in the file beside the model and is not as the manifest says."""
        if self.manifest is None or self.manifest.schema < SCHEMA:
            return ()
        there, claimed = self.contents.attachments, self.manifest.attachments
        return tuple(n for n in sorted({*there, *claimed}) if there.get(n) != claimed.get(n))

    @property
    def findings(self) -> tuple[QualityFinding, ...]:
        """What its manifest says against the network; none where there is no manifest."""
        return () if self.manifest is None else self.manifest.findings

    @property
    def companions(self) -> tuple[str, ...]:
        """Names of its side files: external weights and golden samples."""
        golden = self.manifest.golden if self.manifest is not None else None
        beside = (golden.file,) if golden is not None and golden.file else ()
        return (*self.contents.side_files, *beside)


def open_artifact(registry: Registry, path: Path) -> Artifact:
    """Reads a file and its manifest.

    Raises:
        BadFile: Not there, of unknown or another format than its suffix, or damaged.
    """
    exporter = find_exporter(registry, path)
    text = exporter.read_manifest(path)
    return Artifact(
        path=path,
        exporter=exporter,
        contents=exporter.inspect(path),
        manifest=None if text is None else parse_manifest(text, path),
    )


def open_unaltered(registry: Registry, path: Path) -> Artifact:
    """Like `open_artifact`, and refuses a file that was changed after its manifest was written."""
    artifact = open_artifact(registry, path)
    if artifact.manifest is not None and artifact.altered:
        names = ", ".join(artifact.altered_attachments)
        raise BadFile(
            f"{path} was altered after its manifest was written",
            why=f"not as the manifest says: {names}"
            if names
            else f"the model's SHA-256 is {artifact.contents.payload_sha256}, "
            f"the manifest says {artifact.manifest.payload_sha256}",
            fix="export the file again",
        )
    return artifact


def parse_manifest(text: str, origin: Path) -> Manifest:
    """Reads a manifest; the text may come from anywhere, so everything in it is validated."""
    try:
        if len(text) > MOST_TEXT:
            raise ValueError(f"it is {len(text):,} characters long")
        plain, is_sealed = unsealed(text)
        manifest = _MANIFEST.validate_json(plain)
        if not 1 <= manifest.schema <= SCHEMA:
            raise ValueError(
                f"its layout is version {manifest.schema}, this edgezoo reads 1 to {SCHEMA}"
            )
        if not is_sealed and manifest.schema > 1:
            raise ValueError("the hash at its end is missing: it was altered")
        return manifest
    except (ValidationError, ValueError) as error:
        details = error.errors() if isinstance(error, ValidationError) else []
        where = ".".join(str(part) for part in details[0]["loc"]) if details else ""
        raise BadFile(
            f"the manifest in {origin} is not usable",
            why=": ".join(filter(None, (where, details[0]["msg"]))) if details else str(error),
            fix="export the file again with this version of edgezoo",
        ) from error


def manifest_text(manifest: Manifest) -> str:
    """The manifest as JSON, with its hash at the end."""
    return sealed(_MANIFEST.dump_json(manifest).decode("utf-8"))


def embed(exporter: Exporter, path: Path, manifest: Manifest) -> None:
    """Writes the manifest into the file."""
    exporter.write_manifest(path, manifest_text(manifest))


def with_gate_result(
    manifest: Manifest,
    gate: GateReference,
    golden: Golden | None = None,
    budgets: Mapping[str, Mapping[str, str]] | None = None,
    parts: tuple[PartReference, ...] = (),
    further: tuple[FurtherOutputs, ...] = (),
) -> Manifest:
    """The manifest with the gate's verdict, golden samples, budgets and parts."""
    limits = {device: dict(table) for device, table in (budgets or {}).items()}
    return replace(manifest, gate=gate, golden=golden, budgets=limits, parts=parts, further=further)


def require_manifest(artifact: Artifact) -> Manifest:
    """The manifest of a file that must have one."""
    if artifact.manifest is None:
        raise BadFile(
            f"{artifact.path} has no manifest, so its preprocessing and classes are unknown",
            fix="export it with edgezoo; `zoo bench` and `zoo inspect` need no manifest",
        )
    return artifact.manifest

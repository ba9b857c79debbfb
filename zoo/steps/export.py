"""Step: one checkpoint into one file of one format and precision."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from zoo.artifact import (
    CalibrationReference,
    DatasetReference,
    Manifest,
    TrainedReference,
    embed,
)
from zoo.clock import utc_now
from zoo.contracts import Exporter, ExportRequest
from zoo.contracts.exporter import CALIBRATED, Written
from zoo.data.calibration import calibration_inputs
from zoo.errors import UsageError, ZooError
from zoo.files import atomic_path, sha256_of
from zoo.isolation import Event
from zoo.networks import deployed_model
from zoo.qat import files as qat
from zoo.qat.files import Trained
from zoo.recipe import Calibration
from zoo.records import Export, as_plain
from zoo.registry import load_registry
from zoo.steps.common import Subject, load_model, open_dataset
from zoo.targets import target_named
from zoo.versions import versions_of

#: Where the inputs come from on which the exporter chooses, by the split it calibrates on.
HELD_OUT = {"train": "validation", "validation": "train"}
HELD_OUT_SAMPLES = 256


def export(
    *,
    subject: Subject,
    format: str,
    precision: str,
    data: str | None,
    calibration: dict[str, Any],
    seed: int,
    folder: str,
    emit: Callable[[Event], None],
    target: str = "auto",
    recurrent: str = "auto",
    keep: Sequence[str] = (),
    options: Mapping[str, Any] | None = None,
    trained: Trained | None = None,
    training: TrainedReference | None = None,
) -> dict[str, Any]:
    """Writes ``<model id>.<precision><suffix>`` into `folder`, with its manifest.

    With `trained`, the network is the one that was trained to be quantized, and the name says so:
    ``<model id>.int8-qat<suffix>``; `training` goes into the manifest.

    Returns:
        An `Export` as a dictionary.

    Raises:
        UsageError: An integer precision without calibration data.
        Unsupported: The format cannot hold this network at this precision.
    """
    registry = load_registry(subject.plugins)
    exporter = registry.exporters.get(format)
    asked = Calibration.model_validate(calibration)
    loaded = load_model(subject)
    preprocessing = loaded.preprocessing
    samples, held_out, reference = None, None, None
    if precision in CALIBRATED:
        if data is None:
            raise UsageError(
                f"{precision} needs calibration data",
                why="the ranges of integers are measured on real inputs",
                fix="name a dataset: --data DATASET",
            )
        emit({"event": "stage", "text": "reading calibration data"})
        splits = open_dataset(registry, data).splits
        samples, digest = calibration_inputs(
            splits[asked.split], preprocessing, asked.samples, seed
        )
        other = splits[HELD_OUT[asked.split]]
        held_out, _ = calibration_inputs(other, preprocessing, HELD_OUT_SAMPLES, seed)
        reference = CalibrationReference(
            split=f"{data}/{asked.split}",
            count=len(samples),
            content_hash=digest,
            method=asked.method,
        )
    emit({"event": "stage", "text": "converting"})
    path = Path(folder) / file_name(loaded.card.model_id, precision, exporter, trained is not None)
    if trained is None:
        model = deployed_model(loaded.network, preprocessing, loaded.task)
    else:
        model = qat.load(registry, loaded, trained, batch=1).deployed
    with atomic_path(path) as temporary:
        told = exporter.export(
            ExportRequest(
                model=model,
                path=temporary,
                precision=precision,
                calibration=samples,
                input_name=preprocessing.input_name,
                output_name=loaded.task.output,
                integer_input=preprocessing.whole_bytes,
                recurrent=recurrent,
                target=target_named(registry, target),
                method=asked.method,
                held_out=held_out,
                keep=tuple(keep),
                options=options or {},
                trained=trained is not None,
            )
        )
        if not temporary.is_file():
            raise ZooError(
                f"the exporter {format!r} wrote no file", fix="tell the author of that plugin"
            )
    written = told if isinstance(told, Written) else Written(remarks=tuple(told or ()))
    if reference is not None and written.method:
        reference = replace(reference, method=written.method)
    contents = exporter.inspect(path)
    card = loaded.card
    embed(
        exporter,
        path,
        Manifest(
            model_id=card.model_id,
            architecture=loaded.architecture.name,
            task=loaded.task.name,
            format=format,
            precision=precision,
            licence=card.licence,
            classes=card.classes,
            weights_sha256=card.sha256,
            dataset=DatasetReference(
                name=card.dataset, content_hash=card.dataset_hash, licence=card.licence
            ),
            # Of trained ranges none was measured, but for what stayed in float between them.
            calibration=reference if training is None or training.notes else None,
            preprocessing=preprocessing,
            inputs=contents.inputs,
            outputs=contents.outputs,
            payload_sha256=contents.payload_sha256,
            versions=versions_of(exporter.distributions),
            target=target,
            remarks=written.remarks,
            trained=training,
            created=utc_now(),
        ),
    )
    return as_plain(
        Export(
            file=path.name,
            format=format,
            precision=precision,
            bytes=path.stat().st_size,
            sha256=sha256_of(path),
            contents=contents,
        )
    )


def file_name(model_id: str, precision: str, exporter: Exporter, trained: bool = False) -> str:
    """``lenet5.digits.int8.tflite``; of trained ranges ``lenet5.digits.int8-qat.tflite``."""
    return f"{model_id}.{precision}{'-qat' if trained else ''}{exporter.suffix}"

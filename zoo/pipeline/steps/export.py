"""Step: one checkpoint into one file of one format and precision."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from zoo.artifacts.artifact import (
    CalibrationReference,
    DatasetReference,
    Manifest,
    TrainedReference,
    embed,
)
from zoo.artifacts.reference_outputs import EXPECTED
from zoo.common.clock import utc_now
from zoo.common.errors import UnknownName, UsageError, ZooError
from zoo.common.files import sha256_of, size_with_sides
from zoo.common.progress import Event
from zoo.common.versions import versions_of
from zoo.contracts import Exporter, ExportRequest
from zoo.contracts.exporter import Written
from zoo.contracts.training import Calibration
from zoo.data.opening import open_dataset
from zoo.data.preprocessing.calibration import calibration_inputs
from zoo.data.subset import subset
from zoo.models.building import deployed_model, layer_names
from zoo.models.compatibility import check_fits
from zoo.models.loading import Subject, load_model
from zoo.pipeline.steps.evaluate import keras_outputs
from zoo.registry import load_registry
from zoo.results.records import Export, as_plain
from zoo.targets import target_named
from zoo.training.qat import files as qat
from zoo.training.qat.files import Trained

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
    expected: int = 0,
    trained: Trained | None = None,
    training: TrainedReference | None = None,
) -> dict[str, Any]:
    """Writes ``<model id>.<precision><suffix>`` into `folder`, with its manifest.

    When `expected` is given, the Keras model's outputs on so many examples of the validation split
    are written beside it, as ``expected.npz``: what an integer file is measured against.

    With `trained`, the network is the one that was trained to be quantized, and the name says so:
    ``<model id>.int8-qat<suffix>``; `training` goes into the manifest.

    Returns:
        An `Export` as a dictionary.

    Raises:
        UsageError: An integer precision without calibration data.
        Unsupported: The format cannot hold this network at this precision.
    """
    registry = load_registry(subject.plugins)
    exporter, kind = registry.exporters.get(format), registry.precision(precision)
    if precision not in exporter.precisions:
        raise UnknownName(f"precision of {format}", precision, exporter.precisions)
    asked = Calibration.model_validate(calibration)
    chosen = target_named(registry, target)
    loaded = load_model(subject)
    preprocessing = loaded.preprocessing
    samples, held_out, reference = None, None, None
    kept = tuple(keep)
    if kind.calibrated:
        if data is None:
            raise UsageError(
                f"{precision} needs calibration data",
                why="the ranges of integers are measured on real inputs",
                fix="name a dataset: --data DATASET",
            )
        emit({"event": "stage", "text": "reading calibration data"})
        dataset = open_dataset(registry, data)
        check_fits(loaded.card, preprocessing, dataset, data)
        splits = dataset.splits
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
        rounding = qat.load(registry, loaded, trained, batch=1)
        model, kept = rounding.deployed, tuple(rounding.real)
    # Under its own name, since a file may refer to others that are named after it; the folder of
    # a step is thrown away if the step fails.
    told = exporter.export(
        ExportRequest(
            model=model,
            path=path,
            precision=precision,
            calibration=samples,
            input_name=preprocessing.input_name,
            output_names=loaded.task.output_names,
            integer_input=preprocessing.whole_bytes,
            axes=preprocessing.axes,
            recurrent=recurrent,
            target=chosen,
            method=asked.method,
            held_out=held_out,
            keep=tuple(keep),
            options=options or {},
            name=loaded.card.model_id,
            task=loaded.task.name,
            classes=loaded.card.classes,
            licence=loaded.card.licence,
            trained=trained is not None,
        )
    )
    if not path.is_file():
        raise ZooError(
            f"the exporter {format!r} wrote no file", fix="tell the author of that plugin"
        )
    written = told if isinstance(told, Written) else Written(remarks=tuple(told or ()))
    if reference is not None and written.method:
        reference = replace(reference, method=written.method)
    if expected and data is not None:
        emit({"event": "stage", "text": "answers of the Keras model on the validation split"})
        examples = subset(open_dataset(registry, data).splits["validation"], expected)
        outputs = keras_outputs(loaded, examples, lambda done: None)
        np.savez(Path(folder) / EXPECTED, outputs=outputs)
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
            preprocessing=preprocessing.in_layout(contents.inputs[0].layout),
            inputs=contents.inputs,
            outputs=contents.outputs,
            payload_sha256=contents.payload_sha256,
            versions=versions_of(exporter.distributions),
            target=chosen.name,
            remarks=written.remarks,
            layers=layer_names(model),
            meanings={o.name: o.meaning for o in loaded.task.outputs if o.meaning},
            kept=tuple(dict.fromkeys((*kept, *written.kept))),
            trained=training,
            created=utc_now(),
        ),
    )
    return as_plain(
        Export(
            file=path.name,
            format=format,
            precision=precision,
            bytes=size_with_sides(path, contents.side_files),
            sha256=sha256_of(path),
            contents=contents,
            kept=tuple(keep),
        )
    )


def file_name(model_id: str, precision: str, exporter: Exporter, trained: bool = False) -> str:
    """``lenet5.digits.int8.tflite``; of trained ranges ``lenet5.digits.int8-qat.tflite``."""
    return f"{model_id}.{precision}{'-qat' if trained else ''}{exporter.suffix}"

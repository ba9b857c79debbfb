"""Step: one checkpoint into one file of one format and precision."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from zoo.artifact import CalibrationReference, DatasetReference, Manifest, embed
from zoo.clock import utc_now
from zoo.contracts import ExportRequest
from zoo.contracts.exporter import CALIBRATED, Written
from zoo.data.calibration import calibration_inputs
from zoo.data.subset import subset
from zoo.errors import UsageError, ZooError
from zoo.files import atomic_path, sha256_of
from zoo.isolation import Event
from zoo.networks import deployed_model, layer_names
from zoo.recipe import Calibration
from zoo.records import Export, as_plain
from zoo.registry import load_registry
from zoo.steps.common import EXPECTED, Subject, load_model, open_dataset
from zoo.steps.evaluate import keras_outputs
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
    expected: int = 0,
) -> dict[str, Any]:
    """Writes ``<model id>.<precision><suffix>`` into `folder`, with its manifest.

    When `expected` is given, the Keras model's outputs on so many examples of the validation split
    are written beside it, as ``expected.npz``: what an integer file is measured against.

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
    path = Path(folder) / f"{loaded.card.model_id}.{precision}{exporter.suffix}"
    model = deployed_model(loaded.network, preprocessing, loaded.task)
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
            )
        )
        if not temporary.is_file():
            raise ZooError(
                f"the exporter {format!r} wrote no file", fix="tell the author of that plugin"
            )
    if expected and data is not None:
        emit({"event": "stage", "text": "answers of the Keras model on the validation split"})
        examples = subset(open_dataset(registry, data).splits["validation"], expected)
        outputs = keras_outputs(loaded, examples, lambda done: None)
        np.savez(Path(folder) / EXPECTED, outputs=outputs)
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
            calibration=reference,
            preprocessing=preprocessing,
            inputs=contents.inputs,
            outputs=contents.outputs,
            payload_sha256=contents.payload_sha256,
            versions=versions_of(exporter.distributions),
            target=target,
            remarks=written.remarks,
            layers=layer_names(model),
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
            kept=tuple(keep),
        )
    )

"""Step: one checkpoint into one file of one format and precision."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from zoo.artifact import CalibrationReference, DatasetReference, Manifest, embed
from zoo.clock import utc_now
from zoo.contracts import ExportRequest
from zoo.contracts.exporter import CALIBRATED
from zoo.data.calibration import calibration_inputs
from zoo.errors import UsageError, ZooError
from zoo.files import atomic_path, sha256_of
from zoo.isolation import Event
from zoo.networks import deployed_model
from zoo.records import Export, as_plain
from zoo.registry import load_registry
from zoo.steps.common import Subject, load_model, open_dataset
from zoo.versions import versions_of

CALIBRATION_SPLIT = "train"


def export(
    *,
    subject: Subject,
    format: str,
    precision: str,
    data: str | None,
    calibration_samples: int,
    seed: int,
    folder: str,
    emit: Callable[[Event], None],
    recurrent: str = "auto",
) -> dict[str, Any]:
    """Writes ``<model id>.<precision><suffix>`` into `folder`, with its manifest.

    Returns:
        An `Export` as a dictionary.

    Raises:
        UsageError: An integer precision without calibration data.
        Unsupported: The format cannot hold this network at this precision.
    """
    registry = load_registry(subject.plugins)
    exporter = registry.exporters.get(format)
    loaded = load_model(subject)
    preprocessing = loaded.preprocessing
    samples, reference = None, None
    if precision in CALIBRATED:
        if data is None:
            raise UsageError(
                f"{precision} needs calibration data",
                why="the ranges of integers are measured on real inputs",
                fix="name a dataset: --data DATASET",
            )
        emit({"event": "stage", "text": "reading calibration data"})
        split = open_dataset(registry, data).splits[CALIBRATION_SPLIT]
        samples, digest = calibration_inputs(split, preprocessing, calibration_samples, seed)
        reference = CalibrationReference(
            split=f"{data}/{CALIBRATION_SPLIT}", count=len(samples), content_hash=digest
        )
    emit({"event": "stage", "text": "converting"})
    path = Path(folder) / f"{loaded.card.model_id}.{precision}{exporter.suffix}"
    with atomic_path(path) as temporary:
        remarks = exporter.export(
            ExportRequest(
                model=deployed_model(loaded.network, preprocessing, loaded.task),
                path=temporary,
                precision=precision,
                calibration=samples,
                input_name=preprocessing.input_name,
                output_name=loaded.task.output,
                integer_input=preprocessing.whole_bytes,
                recurrent=recurrent,
            )
        )
        if not temporary.is_file():
            raise ZooError(
                f"the exporter {format!r} wrote no file", fix="tell the author of that plugin"
            )
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
            remarks=tuple(remarks or ()),
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

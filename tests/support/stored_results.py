"""A store with what runs leave behind: trainings, files that passed and did not, latencies."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

from measured import PLAIN

from zoo.contracts.comparison import Comparison
from zoo.contracts.task import Check, Metric
from zoo.results.layer_errors import EXPLAIN, LayerError, LayerErrors
from zoo.results.measurements import Measurement, Samples
from zoo.results.records import (
    Epoch,
    Evaluation,
    GateResult,
    NetworkEvaluation,
    StepRecord,
    TrainingResult,
    as_plain,
)
from zoo.results.store import Store

RUN, LATER = "lenet5.digits-1a2b3c4d", "lenet5.digits-5e6f7a8b"
MODEL = "lenet5.digits"
FILE, LARGE, REJECTED = f"{MODEL}.int8.tflite", f"{MODEL}.float32.onnx", f"{MODEL}.int8.onnx"
CREATED = "2026-11-2{day}T20:00:00+00:00"


def sha256(name: str) -> str:
    """Of a file whose content is its name."""
    return hashlib.sha256(name.encode()).hexdigest()


def metric(value: float) -> Metric:
    """An accuracy with an interval."""
    return Metric(name="accuracy", value=value, low=value - 0.03, high=value + 0.02, count=274)


def like() -> Comparison:
    """Outputs that are like those of another."""
    return Comparison(count=64, max_abs=0.01, mean_abs=0.001, agreement=0.993)


def record(kind: str, step: str, result: Any, day: int = 2, status: Any = "passed") -> StepRecord:
    """A step that ended."""
    return StepRecord(
        step=step,
        kind=kind,
        key=sha256(f"{step} {day}"),
        status=status,
        seconds=2.0,
        created=CREATED.format(day=day),
        result=None if result is None else as_plain(result),
    )


def trained() -> TrainingResult:
    """Two epochs."""
    epochs = tuple(
        Epoch(
            epoch=number,
            loss=1.0 / number,
            metric=0.6 + number / 10,
            validation_loss=1.1 / number,
            validation_metric=0.55 + number / 10,
            learning_rate=0.001,
            examples_per_second=500.0,
            seconds=5.0,
        )
        for number in (1, 2)
    )
    return TrainingResult(
        model_id=MODEL,
        parent=None,
        dataset="digits",
        metric_name="accuracy",
        epochs=epochs,
        best_epoch=2,
        weights=f"{MODEL}.safetensors",
        weights_sha256=sha256("weights"),
        options={"epochs": 2},
        seconds=10.0,
    )


def evaluated(subject: str, value: float) -> dict[str, Any]:
    """The fields of an evaluation."""
    return {
        "subject": subject,
        "dataset": "digits",
        "split": "test",
        "metrics": (metric(value),),
        "details": {"confusion": [[1, 0], [0, 1]], "classes": ["0", "1"]},
        "outputs": None,
        "runtime": "litert",
        "seconds": 1.0,
    }


def gated(file: str, value: float, size: int, *, passed: bool = True) -> GateResult:
    """A verdict on a file whose content is its name."""
    _, precision, format = file.rsplit(".", 2)
    return GateResult(
        file=file,
        format=format,
        precision=precision,
        passed=passed,
        checks=(
            Check(name="parity", passed=passed, value="99.3% of 274 agree", limit="at least 98%"),
        ),
        evaluation=Evaluation(**evaluated(file, value)),
        network=like(),
        preprocessing=like(),
        drop=0.4,
        sha256=sha256(file),
        bytes=size,
        model_bytes=size - 5000,
    )


def timed(file: str, p50_ms: float, **changes: Any) -> Measurement:
    """A latency, quiet unless changed."""
    return replace(
        PLAIN,
        file=file,
        sha256=sha256(file),
        p50_ms=p50_ms,
        p50_low_ms=0.9 * p50_ms,
        p50_high_ms=1.1 * p50_ms,
        **changes,
    )


def explained(file: str, *layers: LayerError, **changes: Any) -> LayerErrors:
    """Errors by layer; of two layers unless others are given."""
    two = (
        LayerError(layer="c1", operator="CONV_2D", arithmetic="integer", sqnr_db=41.0,
                   own_sqnr_db=41.0),
        LayerError(layer="head", operator="FULLY_CONNECTED", arithmetic="integer", sqnr_db=24.5,
                   own_sqnr_db=25.25, cause="weights", rank=1),
    )  # fmt: skip
    _, precision, format = file.rsplit(".", 2)
    values = {
        "file": file,
        "sha256": sha256(file),
        "format": format,
        "precision": precision,
        "twin": f"{MODEL}.float32.{format}",
        "twin_sha256": sha256("twin"),
        "dataset": "digits",
        "split": "validation",
        "examples": 64,
        "runtime": "litert",
        "runtime_version": "2.3.0",
        "layers": layers or two,
        "environment": PLAIN.environment,
        "created": CREATED.format(day=4),
        **changes,
    }
    return LayerErrors(**values)


def keep_explained(store: Store, errors: LayerErrors, day: int = 4) -> None:
    """Puts them into a store."""
    store.append(EXPLAIN, record(EXPLAIN, f"explain {errors.file}", errors, day))


def fill(url: str) -> None:
    """Two runs: a quick small file, a better one, one rejected; noisy and emulated latencies.

    The first file is explained, too.
    """
    store = Store(url)
    network = NetworkEvaluation(**evaluated(MODEL, 0.95), preprocessing=like())
    first = [
        record("finetune", "finetune", trained()),
        record("evaluate", "evaluate keras", network),
        record("gate", "gate tflite int8", gated(FILE, 0.94, 22_000)),
        record("gate", "gate onnx float32", gated(LARGE, 0.95, 90_000)),
        record(
            "gate", "gate onnx int8", gated(REJECTED, 0.99, 20_000, passed=False), status="rejected"
        ),
        record("export", "export onnx int4", None, status="failed"),
    ]
    for one in first:
        store.append(RUN, one)
    latencies = [
        timed(FILE, 0.1),
        timed(LARGE, 0.3),
        timed(LARGE, 0.01, threads=2, quiet=False, noise=("another program ran",)),
        timed(REJECTED, 0.05),
        timed(FILE, 0.001, device="pretended", clock="emulated"),
    ]
    for number, latency in enumerate(latencies):
        _time(store, RUN, latency, number)
    _time(store, LATER, timed(FILE, 0.2), 9)
    keep_explained(store, explained(FILE))
    store.close()


def _time(store: Store, run: str, latency: Measurement, number: int) -> None:
    import numpy as np

    parts = tuple(np.full(30, round(1e6 * (latency.p50_ms or 0)) + n, np.int64) for n in range(5))
    step = record("bench", f"bench {number}", latency, day=3)
    store.append(run, step, Samples(parts).encode())


def keep(cache: Path, file: str, step: str) -> Path:
    """Puts a file where the cache keeps that of a step."""
    path = cache / sha256(f"{step} 2") / file
    path.parent.mkdir(parents=True)
    path.write_text(file)
    return path

"""Operators of two files as they are compared, made by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zoo.analysis.file_facts import FileFacts
from zoo.contracts import LayerComparison, Metric, OperatorRecord


def record(name: str, **given: Any) -> OperatorRecord:
    values = {
        "kind": "CONV_2D",
        "twin": name,
        "layers": (name,),
        "arithmetic": "integer",
        "sqnr_db": 40.0,
        "own_sqnr_db": 45.0,
        "low": 0.0,
        "high": 10.0,
        "range_low": 0.0,
        "range_high": 10.0,
        "clipped": 0.0,
        "weight_bytes": 100,
        "twin_weight_bytes": 400,
        "microseconds": 10.0,
        "twin_microseconds": 20.0,
        **given,
    }
    return OperatorRecord(name=name, **values)


def comparison(*records: OperatorRecord, **given: Any) -> LayerComparison:
    values = {"overhead": {}, "twin_overhead": {}, **given}
    return LayerComparison(
        runtime="litert", runtime_version="1", examples=64, operators=records, **values
    )


def facts(precision: str, size: int, accuracy: float) -> FileFacts:
    metric = Metric(name="accuracy", value=accuracy, low=0.0, high=1.0, count=10_000)
    return FileFacts(
        path=Path(f"net.digits.{precision}.tflite"),
        bytes=size + 3000,
        model_bytes=size,
        weight_bytes=size - 500,
        precision=precision,
        metric=metric,
        conversions=0,
    )

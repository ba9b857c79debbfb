"""A plugin that brings a precision, and the format that holds it, in one file."""

from __future__ import annotations

import dataclasses
from typing import Any

import zoo

WIDE = zoo.Precision(
    name="wide-int8",
    weights="int8",
    activations="int16",
    order=25,
    calibrated=True,
    integer_work=0.75,
    tolerances=zoo.Tolerances(
        output=0.004, agreement=0.91, sqnr_db=20.0, ssim=0.8, points=7.5, percent=20.0
    ),
)


def export(request: zoo.ExportRequest) -> Any:
    from zoo.exporters.tflite.export import export as as_tflite

    precision = "int16x8" if request.precision == WIDE.name else request.precision
    return as_tflite(dataclasses.replace(request, precision=precision))


@zoo.hookimpl
def zoo_exporters() -> Any:
    from zoo.exporters import tflite

    (usual,) = tflite.zoo_exporters()
    yield dataclasses.replace(
        usual,
        name="wide",
        suffix=".wide.tflite",
        precisions=("float32", WIDE.name),
        declares=(WIDE,),
        mixes=(),
        export=export,
    )


@zoo.hookimpl
def zoo_targets() -> Any:
    yield zoo.Target(
        name="wide-npu",
        summary="A processor for wide integers",
        source="https://example.org",
        precisions=(WIDE.name, "float32"),
        recurrent={WIDE.name: "unrolled"},
        declares=(WIDE,),
    )

"""The same files run in each runtime that is installed, and agree with the one that judges."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from shared_agents import agent
from tiny_networks import ONNX, REGISTRY, TFLITE, Deployed, agreement, answers_of, row_reader, write

from zoo.contracts import Exporter, FileContents
from zoo.devices.local.host import MODULES
from zoo.execution.failures import AgentRefused
from zoo.execution.runtimes import runtimes_of
from zoo.registry import load_registry

for module in ("tensorflow", "ai_edge_litert", "onnxruntime", "sklearn"):
    pytest.importorskip(module)

#: Written out LSTMs take long to convert, and run in the tests of recurrent files.
PRECISIONS = {
    "convolutional": ("float32", "float16", "dynamic-int8", "int8", "int16x8"),
    "recurrent": ("float32", "float16", "int8"),
}
JUDGES = {TFLITE.name: "litert", ONNX.name: "onnxruntime"}
CELLS = [
    pytest.param(
        *(runtime, exporter, precision, network),
        id=f"{exporter.name}-{precision}-{network}-{runtime}",
        marks=pytest.mark.skipif(
            importlib.util.find_spec(MODULES[runtime]) is None,
            reason=f"{runtime} is not installed",
        ),
    )
    for exporter in (TFLITE, ONNX)
    for runtime in runtimes_of(load_registry(), exporter)
    for precision in exporter.precisions
    for network, precisions in PRECISIONS.items()
    if runtime in MODULES and runtime != JUDGES[exporter.name] and precision in precisions
]
#: What a runtime cannot run, and the operator that it names: hybrid and half-precision kernels
#: microcontrollers have none of, fused LSTMs OpenVINO and OpenCV, and OpenCV of integers only few.
LACKS = {
    ("opencv", "convolutional", "int8"): "Lookup table for RELU",
    ("opencv", "convolutional", "int16x8"): "INT64",
    **{
        ("opencv", "recurrent", precision): "UNIDIRECTIONAL_SEQUENCE_LSTM"
        for precision in ("float32", "float16", "int8")
    },
    ("tflite-micro", "convolutional", "float16"): "DEQUANTIZE",
    ("tflite-micro", "convolutional", "dynamic-int8"): "CONV_2D|FULLY_CONNECTED",
    ("tflite-micro", "recurrent", "float16"): "DEQUANTIZE",
    **{
        ("openvino", "recurrent", precision): "UNIDIRECTIONAL_SEQUENCE_LSTM"
        for precision in ("float32", "float16", "int8")
    },
}

#: The same of ONNX files.
ONNX_LACKS = {("opencv", "recurrent", "int8"): "DynamicQuantizeLSTM"}


def convolutional(rows: object) -> object:
    import keras

    pixels = keras.layers.Reshape((8, 8, 1))(rows)
    found = keras.layers.Conv2D(12, 3, activation="relu")(pixels)
    return keras.layers.Dense(32, activation="relu")(keras.layers.Flatten()(found))


def recurrent(rows: object) -> object:
    import keras

    return keras.layers.LSTM(24)(rows)


@pytest.fixture(scope="module")
def subjects() -> dict[str, Deployed]:
    return {f.__name__: row_reader(f, epochs=6) for f in (convolutional, recurrent)}


@pytest.fixture(scope="module")
def written(
    subjects: dict[str, Deployed], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Exporter, str, str], tuple[Path, FileContents]]:
    """Writes each file once, for all runtimes."""

    made: dict[tuple[str, str, str], tuple[Path, FileContents]] = {}

    def file(exporter: Exporter, precision: str, network: str) -> tuple[Path, FileContents]:
        key = exporter.name, precision, network
        if key not in made:
            folder = tmp_path_factory.mktemp("file")
            made[key] = write(exporter, subjects[network], folder, precision)
        return made[key]

    return file


@pytest.mark.parametrize(("runtime", "exporter", "precision", "network"), CELLS)
def test_a_file_runs_unchanged(
    subjects: dict[str, Deployed],
    written: Callable[[Exporter, str, str], tuple[Path, FileContents]],
    runtime: str,
    exporter: Exporter,
    precision: str,
    network: str,
) -> None:
    path, contents = written(exporter, precision, network)
    if (refusal := REGISTRY.runtimes.get(runtime).refusal) and refusal(contents):
        return  # No command tries it.
    lacks = (LACKS if exporter is TFLITE else ONNX_LACKS).get((runtime, network, precision))
    session = agent(runtime)
    if lacks:
        with pytest.raises(AgentRefused, match=lacks):
            session.load(path)
        return
    session.load(path)
    some = subjects[network].inputs[:128]
    found = session.run(some)
    # One after another and each from the start: nothing is remembered from the last.
    np.testing.assert_array_equal(session.run(some[::-1])[::-1], found)
    assert agreement(answers_of(path, some), found) >= 0.97

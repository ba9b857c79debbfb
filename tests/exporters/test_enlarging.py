"""Nearest enlargement in files: one operator that small runtimes have, and the same numbers."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_networks import FORMATS, answers_of

from zoo.contracts import ExportRequest
from zoo.devices.local.host import HostTransport
from zoo.execution.session import AgentSession
from zoo.exporters.onnx import conversion
from zoo.exporters.tflite import export

for module in ("tensorflow", "ai_edge_litert", "onnxruntime"):
    pytest.importorskip(module)

INPUTS = np.random.default_rng(0).random((16, 5, 4, 2), dtype=np.float32)


def network() -> Any:
    """Each pixel six and 14 times, one of the steps in a network inside; nothing is learned."""
    import keras

    keras.utils.set_random_seed(1)
    small = keras.Input((15, 28, 3))
    inner = keras.Model(small, keras.layers.UpSampling2D(2, name="twice")(small), name="inner")
    pixels = keras.Input((5, 4, 2), batch_size=1)
    found = keras.layers.Conv2D(3, 2, padding="same", name="conv")(pixels)
    found = keras.layers.UpSampling2D((3, 7), name="uneven")(found)
    return keras.Model(pixels, inner(found))


def written(model: Any, path: Path, precision: str) -> Path:
    FORMATS[path.suffix[1:]].export(
        ExportRequest(
            model=model,
            path=path,
            precision=precision,
            calibration=INPUTS if precision.startswith("int") else None,
            input_name="pixels",
            output_names=("enlarged",),
            integer_input=False,
        )
    )
    return path


@contextmanager
def as_keras_writes_it(*_: Any, **__: Any) -> Any:
    yield


@pytest.mark.parametrize(
    ("format", "precision"),
    [
        *(("tflite", precision) for precision in ("float32", "int8", "int16x8")),
        *(("onnx", precision) for precision in ("float32", "int8")),
    ],
)
def test_a_resize_gives_the_numbers_of_repeated_pixels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format: str, precision: str
) -> None:
    model, made = network(), FORMATS[format]
    path = written(model, tmp_path / f"resized.{format}", precision)
    kinds = Counter(kind.upper() for kind in made.inspect(path).operators)
    assert "TILE" not in kinds
    assert any(kind.startswith("RESIZE") for kind in kinds)
    for one in (conversion, export):
        monkeypatch.setattr(one, "enlarged_by_resizing", as_keras_writes_it)
    tiled = written(model, tmp_path / f"tiled.{format}", precision)
    assert "TILE" in {kind.upper() for kind in made.inspect(tiled).operators}
    np.testing.assert_array_equal(answers_of(path, INPUTS), answers_of(tiled, INPUTS))
    # The network itself is as it was.
    assert not any("call" in vars(layer) for layer in model._flatten_layers())


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_microcontrollers_run_it(tmp_path: Path, precision: str) -> None:
    pytest.importorskip("tflite_micro")
    path = written(network(), tmp_path / "net.tflite", precision)
    with AgentSession(HostTransport(), "tflite-micro") as session:
        session.load(path)
        found = session.run(INPUTS)
    np.testing.assert_allclose(found, answers_of(path, INPUTS), rtol=0, atol=0.02)

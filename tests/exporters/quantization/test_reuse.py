"""Conversions that differ in kept layers alone share what is the same, and give the same files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_networks import FORMATS, ONNX, TFLITE, Deployed, deployed, write

from zoo.exporters.quantization.histograms import Histogram
from zoo.exporters.quantization.reuse import reused, reused_histograms


def test_what_was_made_once_is_read(tmp_path: Path) -> None:
    made: list[bytes] = []

    def make() -> bytes:
        made.append(b"one more" * (len(made) + 1))
        return made[-1]

    first = [reused(tmp_path, "graph", make) for _ in range(3)]
    assert first == [b"one more"] * 3
    assert len(made) == 1
    assert reused(tmp_path, "another", make) == b"one more" * 2
    assert reused(None, "graph", make) == b"one more" * 3


@pytest.mark.parametrize("keys", [("input", "conv/Relu"), (0, 17)])
def test_histograms_come_back_as_they_were(tmp_path: Path, keys: tuple[Any, Any]) -> None:
    random = np.random.default_rng(0)
    seen = {key: Histogram() for key in keys}
    for size in (3.0, 50.0, 1.0):
        seen[keys[0]].add(random.normal(0.1, size, (1, 4, 4, 2)).astype(np.float32))
    seen[keys[1]].add(np.zeros((1, 3), np.float32))  # another number of examples, none of them real
    calls: list[int] = []

    def observe() -> Any:
        calls.append(1)
        return seen

    reused_histograms(tmp_path, "seen.npz", observe)
    found = reused_histograms(tmp_path, "seen.npz", observe)
    assert len(calls) == 1
    assert [*found] == [*seen]
    for key, one in seen.items():
        assert np.array_equal(found[key].counts, one.counts)
        assert found[key].counts.dtype == one.counts.dtype
        assert (found[key].limit, found[key].lows, found[key].highs) == (
            one.limit,
            one.lows,
            one.highs,
        )


@pytest.fixture(scope="module")
def network() -> Deployed:
    import keras

    layers = keras.layers
    keras.utils.set_random_seed(3)
    pixels = keras.Input((8, 8, 1))
    x = layers.Conv2D(4, 3, activation="relu", name="conv")(pixels)
    x = layers.Dense(6, activation="relu", name="hidden")(layers.Flatten()(x))
    inputs = np.random.default_rng(1).integers(0, 17, (16, 8, 8, 1)).astype(np.float32)
    normalize = layers.Rescaling(1 / 16, name="normalization")
    built = keras.Model(pixels, layers.Dense(3, name="head")(x))
    return deployed(built, normalize, inputs, inputs)


def content(path: Path) -> Any:
    """All of a file but names in ONNX, which the converter numbers on in one process."""
    if path.suffix == ".tflite":
        return path.read_bytes()
    import onnx

    graph = onnx.load(path).graph
    constants = sorted((tuple(one.dims), one.raw_data) for one in graph.initializer)
    return [node.op_type for node in graph.node], constants


@pytest.mark.slow
@pytest.mark.parametrize("format", sorted(FORMATS))
def test_files_are_the_same_with_and_without(
    network: Deployed, format: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exporter, shared = FORMATS[format], tmp_path / "shared"
    shared.mkdir()
    files = {}
    for name, reuse in (("alone", None), ("first", shared), ("second", shared)):
        for keep in ((), ("hidden",)):
            folder = tmp_path / f"{name}{len(keep)}"
            folder.mkdir()
            asked = {"keep": keep, "reuse": reuse, "method": "mse"}
            files[name, keep] = content(write(exporter, network, folder, "int8", **asked)[0])
        if name == "first":
            _forbid_conversion(monkeypatch)
    for keep in ((), ("hidden",)):
        assert files["alone", keep] == files["first", keep] == files["second", keep]
    assert files["alone", ()] != files["alone", ("hidden",)]


def _forbid_conversion(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on neither a network is converted nor a range is measured."""
    import tensorflow as tf

    from zoo.exporters.onnx import calibration as onnx_calibration
    from zoo.exporters.onnx import export as onnx_export
    from zoo.exporters.tflite import calibration as tflite_calibration

    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("done again")

    monkeypatch.setattr(onnx_export, "convert", refuse)
    monkeypatch.setattr(onnx_calibration, "observe_ranges", refuse)
    monkeypatch.setattr(tflite_calibration, "observe_ranges", refuse)
    kind = type(tf.lite.TFLiteConverter.from_keras_model(None))
    monkeypatch.setattr(kind, "convert", refuse)


@pytest.mark.slow
@pytest.mark.parametrize("exporter", [TFLITE, ONNX], ids=["tflite", "onnx"])
def test_recurrent_layers_are_converted_each_time(exporter: Any, tmp_path: Path) -> None:
    """Remarks on how they are written come from tracing them."""
    import keras

    rows = keras.Input((4, 3))
    built = keras.Model(rows, keras.layers.Dense(2)(keras.layers.LSTM(4)(rows)))
    inputs = np.random.default_rng(1).normal(size=(8, 4, 3)).astype(np.float32)
    subject = deployed(built, lambda raw: raw, inputs, inputs)
    shared = tmp_path / "shared"
    shared.mkdir()
    write(exporter, subject, tmp_path, "int8", method="minmax", reuse=shared)
    assert not [*shared.iterdir()]

"""Labelled networks that take any size, compared with what is made of them at several."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from keras_makers import nearest_mean, nearest_window, opened, save

from zoo.common.errors import Unsupported
from zoo.networks import free_sides
from zoo.networks.card import read_card

keras = pytest.importorskip("keras")
tf = pytest.importorskip("tensorflow")
pytest.importorskip("ai_edge_litert")

ANY = (None, None, 1)
ASKED = {"input": "8x8 grey 0..1", "dynamic": ("NxHxWx1",)}


def as_tflite(file: Path) -> Path:
    """The same network in TFLite; its sizes are free in the signature alone."""
    model = keras.models.load_model(file, compile=False)
    made = file.with_suffix(".tflite")
    made.write_bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert())
    return made


@pytest.mark.parametrize("source", ["keras", "tflite"])
def test_free_sides_are_compared_at_further_sizes(tmp_path: Path, source: str) -> None:
    file = save(tmp_path / "net.keras", nearest_window, ANY)
    file = file if source == "keras" else as_tflite(file)
    card = read_card(opened(file, tmp_path / "made", source=source, **ASKED).with_suffix(".toml"))
    assert card.network is not None
    assert card.network.free_sides == {"pixels": ("N", "H", "W", "")}
    assert card.network.notes[-1].startswith(
        "with free sides it answers as the original, too, at N = 2, H = 16, W = 16: "
    )


def test_a_size_that_the_network_does_not_take_is_refused_with_its_layer(tmp_path: Path) -> None:
    file = save(tmp_path / "net.keras", nearest_mean)
    with pytest.raises(Unsupported, match="does not take H = 16") as caught:
        opened(file, tmp_path / "made", **ASKED)
    assert "its layer head takes 64 numbers, the output of flatten" in (caught.value.why or "")
    assert not (tmp_path / "made").exists()
    weights = opened(file, tmp_path / "made", dynamic=("Nx8x8x1",))
    card = read_card(weights.with_suffix(".toml"))
    assert card.network is not None
    assert card.network.free_sides == {"pixels": ("N", "", "", "")}


def test_a_conversion_that_holds_a_size_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the size of the data it answers as the original, at another it does not."""
    own = free_sides.with_sides

    def holding(network: Any, *others: Any) -> Any:
        made = own(network, *others)
        smaller = keras.ops.image.resize(made.input, (8, 8))
        return keras.Model(made.input, own(network, *others)(smaller))

    monkeypatch.setattr("zoo.networks.sources.comparing_labelled.with_sides", holding)
    with pytest.raises(Unsupported, match="converted network has a fixed size there") as caught:
        opened(save(tmp_path / "net.keras", nearest_window, ANY), tmp_path / "made", **ASKED)
    assert "at another H, its outputs differ by" in (caught.value.why or "")


def test_a_tflite_file_of_free_sizes_needs_one(tmp_path: Path) -> None:
    from zoo.plugins.tflite_files.opening import open_network

    network = open_network(as_tflite(save(tmp_path / "net.keras", nearest_window, ANY)))
    assert network.inputs[0].shape == (None, None, None, 1)
    with pytest.raises(Unsupported, match="the size of its input is free") as caught:
        _ = network.model
    assert "--input 224x224" in (caught.value.fix or "")
    batch = np.random.default_rng(0).random((2, 10, 12, 1), np.float32)
    fixed = network.with_shape(batch.shape[1:])
    np.testing.assert_allclose(fixed.answers(batch), np.asarray(fixed.model(batch)), atol=1e-5)
    given = network.as_given.with_shapes({network.as_given.inputs[0].name: batch.shape[1:]})
    assert given.outputs[0].shape[1:] == (10,)

"""A network that was made of a labelled one is held against it, and random ones are refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from keras_makers import nearest_mean, opened, save

from zoo.common.errors import ZooError
from zoo.networks.sources.graph import rebuilt

keras = pytest.importorskip("keras")
pytest.importorskip("tensorflow")
layers = keras.layers


def test_random_answers_are_refused(tmp_path: Path) -> None:
    class Noise(layers.Layer):
        def call(self, inputs: object) -> object:
            return inputs + keras.random.normal((8, 8, 1))

    with keras.saving.CustomObjectScope({"Noise": Noise}):
        file = save(tmp_path / "net.keras", lambda x: nearest_mean(Noise()(x), "linear"))
        with pytest.raises(ZooError, match="answers differently each time"):
            opened(file, tmp_path / "made")


def test_a_wrong_conversion_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def damaged(model: object, origin: str) -> object:
        again = rebuilt(model, origin)
        head = again.get_layer("head")
        head.set_weights([1.01 * values for values in head.get_weights()])
        return again

    monkeypatch.setattr("zoo.networks.sources.opening.rebuilt", damaged)
    with pytest.raises(ZooError, match="could not be brought in"):
        opened(save(tmp_path / "net.keras", nearest_mean), tmp_path / "made")
    assert not (tmp_path / "made").exists()

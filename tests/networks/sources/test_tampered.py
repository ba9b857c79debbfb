"""Networks whose input, classes, output or state are not what they are said to be are refused."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from keras_makers import SURE, nearest_mean, opened, save

from zoo.common.errors import UsageError, ZooError
from zoo.data.opening import open_dataset
from zoo.networks.card import read_card
from zoo.registry import load_registry

keras = pytest.importorskip("keras")
pytest.importorskip("tensorflow")
IMAGENET = (np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225]))


@cache
def coloured() -> tuple[Any, Any]:
    """Digits in red on a green ground, and, as classes 10 to 19, in blue: uint8 images, labels."""
    split = open_dataset(load_registry(), "digits").splits["train"]
    drawn = np.stack([split.read(i) for i in range(len(split))]).reshape(-1, 8, 8)
    images = np.zeros((2 * len(drawn), 8, 8, 3), np.uint8)
    images[: len(drawn), ..., 0] = images[len(drawn) :, ..., 2] = drawn
    images[..., 1] = 255 - np.concatenate([drawn, drawn])
    return images, np.concatenate([split.labels, split.labels + 10])


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> str:
    images, labels = coloured()
    path = tmp_path_factory.mktemp("coloured") / "digits.npz"
    np.savez(path, x=images, y=labels, classes=[f"{n:02}" for n in range(20)])
    return f"npz:{path}"


def network(path: Path, *, bgr: bool = False, imagenet: bool = False) -> Path:
    """The nearest mean of a class, of images as the network was made for them."""
    images, labels = coloured()
    mean, std = IMAGENET if imagenet else (0.0, 1.0)
    values = (images / 255 - mean) / std
    values = values[..., ::-1] if bgr else values
    means = np.stack([values[labels == c].mean(0).reshape(-1) for c in range(20)])
    means, sure = means - means.mean(0), SURE / 3

    def outputs(inputs: Any) -> Any:
        dense = keras.layers.Dense(20, activation="softmax")
        made = dense(keras.layers.Flatten()(inputs))
        centre = values.reshape(len(values), -1).mean(0)
        bias = -sure * ((means + centre) ** 2 - centre**2).sum(1)
        dense.set_weights([2 * sure * means.T, bias])
        return made

    return save(path, outputs, (8, 8, 3))


@pytest.mark.parametrize(
    ("takes", "stated", "right"),
    [
        ({"bgr": True}, "rgb 0..1", "0..1, bgr"),
        ({"imagenet": True}, "rgb 0..1", "ImageNet's mean and std, rgb"),
    ],
    ids=["bgr for rgb", "without mean and std"],
)
def test_another_input_than_stated_is_refused_and_found(
    tmp_path: Path, data: str, takes: dict[str, bool], stated: str, right: str
) -> None:
    file = network(tmp_path / "net.keras", **takes)
    with pytest.raises(UsageError, match="takes other inputs than stated") as caught:
        opened(file, tmp_path / "none", data=data, input=stated)
    assert f"{right} is clearly better" in str(caught.value.why)
    assert not (tmp_path / "none").exists()
    card = read_card(opened(file, tmp_path / "made", data=data).with_suffix(".toml"))
    assert card.network is not None
    assert f"{right}, 9" in card.network.input


def test_what_a_file_says_falsely_of_itself_is_refused(tmp_path: Path) -> None:
    """Its range, and the order of its classes, in its own metadata."""
    from onnx_makers import nearest_mean as classifier
    from onnx_makers import saved

    names = str([str(c) for c in (3, 1, 4, 0, 5, 9, 2, 6, 8, 7)])
    for span, classes, problem in (
        ("Normalized_1_1", "", "takes other inputs than"),
        # Seven in a thousand answers fewer are right.
        ("NominalRange_0_255", "", "takes other inputs than"),
        ("Normalized_0_1", names, "in another order than those of the data"),
    ):
        metadata = {"Image.BitmapPixelFormat": "Gray8", "Image.NominalPixelRange": span}
        file = saved(tmp_path / "net.onnx", classifier(metadata={**metadata, "names": classes}))
        with pytest.raises(UsageError, match=problem):
            opened(file, tmp_path / "none", source="onnx", trained=span == "NominalRange_0_255")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("wrapped", [False, True])
def test_state_that_is_not_reset_is_refused(tmp_path: Path, wrapped: bool) -> None:
    """A recurrent layer that goes on where the last call ended."""
    layer = keras.layers.GRU(5 if wrapped else 10, stateful=True)
    layer = keras.layers.Bidirectional(layer) if wrapped else layer
    inputs = keras.Input(batch_shape=(1, 8, 8, 1))
    state = layer(keras.layers.Reshape((8, 8))(inputs))
    answers = keras.layers.Add()([nearest_mean(inputs, "linear"), state])
    keras.Model(inputs, answers).save(tmp_path / "net.keras")
    with pytest.raises(ZooError, match="keeps state from one call to the next: "):
        opened(tmp_path / "net.keras", tmp_path / "none")

"""Pictures answered by networks from elsewhere in their own framework, without a dataset."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from keras_makers import nearest_mean, nearest_window, save

from zoo.common.errors import Unsupported, UsageError
from zoo.networks.sources.references import NO_DATA, Opening
from zoo.pipeline.predictions import PredictionRequest
from zoo.pipeline.source_predictions import SourceAnswers, answer_as_it_is
from zoo.registry import PluginSettings

keras = pytest.importorskip("keras")
pytest.importorskip("tensorflow")
layers = keras.layers


def digits(count: int = 20) -> tuple[Any, Any]:
    """Test images, uint8 (count, 8, 8, 1), and their digits."""
    from zoo.data.opening import open_dataset
    from zoo.registry import load_registry

    split = open_dataset(load_registry(), "digits").splits["test"]
    return np.stack([split.read(i) for i in range(count)]), split.labels[:count]


def answered(file: Path, images: Any, *, task: str | None = None, **stated: Any) -> SourceAnswers:
    return answer_as_it_is(
        source="keras",
        reference=str(file),
        how=Opening(data=NO_DATA, **stated),
        asked=PredictionRequest(inputs=tuple(images)),
        task=task,
        plugins=PluginSettings(),
        emit=lambda event: None,
    )


@pytest.mark.parametrize("end", ["softmax", "linear"])
def test_pictures_are_answered_as_the_file_answers(tmp_path: Path, end: str) -> None:
    file = save(tmp_path / "net.keras", lambda x: nearest_mean(x, end))
    images, labels = digits()
    found = answered(file, images, input="8x8 grey 0..1")
    made = keras.models.load_model(file, compile=False)(images / np.float32(255))
    right = np.asarray(made if end == "softmax" else keras.ops.softmax(made))
    np.testing.assert_allclose(found.answered.outputs, right, atol=1e-6)
    assert (right.argmax(-1) == labels).mean() > 0.8
    assert (found.task, found.classes) == ("image-classification", tuple("0123456789"))
    assert found.answered.runtime == "keras"
    assert any("--classes FILE" in note for note in found.notes)
    assert any("taken as logits" in note for note in found.notes) == (end == "linear")
    # What is stated counts: other pixels, other answers.
    other = answered(file, images, input="8x8 grey -1..1").answered.outputs
    assert np.abs(other - right).max() > 0.05


def test_any_size_is_answered_at_the_stated_one_with_the_names_of_a_file(tmp_path: Path) -> None:
    file = save(tmp_path / "net.keras", nearest_window, (None, None, 1))
    names = tmp_path / "names.txt"
    names.write_text("\n".join(f"digit {number}" for number in range(10)))
    images, labels = digits()
    found = answered(file, images, input="8x8 grey 0..1", classes=str(names))
    assert found.classes[3] == "digit 3"
    assert (found.answered.outputs.argmax(-1) == labels).mean() > 0.8
    names.write_text("one\ntwo")
    with pytest.raises(UsageError, match=r"names 2 classes, and net\.keras has 10 outputs"):
        answered(file, images, input="8x8 grey 0..1", classes=str(names))
    with pytest.raises(UsageError, match="the size of its images is not in it"):
        answered(file, images, input="grey 0..1")


def several(inputs: Any) -> Any:
    return nearest_mean(inputs, "sigmoid")


def rescaled(inputs: Any) -> Any:
    return nearest_mean(layers.Rescaling(1 / 255)(inputs))


def test_labels_that_are_true_beside_each_other_are_read_as_such(tmp_path: Path) -> None:
    images, _ = digits(4)
    found = answered(save(tmp_path / "net.keras", several), images, input="8x8 grey 0..1")
    assert found.task == "multi-label"
    assert found.answered.outputs.min() >= 0
    assert found.answered.outputs.max() <= 1


def test_a_normalization_in_the_graph_need_not_be_stated(tmp_path: Path) -> None:
    images, labels = digits()
    found = answered(save(tmp_path / "net.keras", rescaled), images)
    assert found.notes[0].startswith("input in its graph: ")
    assert (found.answered.outputs.argmax(-1) == labels).mean() > 0.8


@pytest.mark.parametrize(
    ("make", "stated", "problem"),
    [
        (nearest_mean, "", "the preprocessing of net.keras is not known"),
        (lambda x: layers.Dense(1)(layers.Flatten()(x)), "0..1", "gives one number for each"),
        (lambda x: layers.Conv2D(3, 3)(x), "0..1", r"gives outputs of shape \(6, 6, 3\)"),
    ],
)
def test_what_cannot_be_answered_is_named(
    tmp_path: Path, make: Callable[[Any], Any], stated: str, problem: str
) -> None:
    with pytest.raises((UsageError, Unsupported), match=problem) as caught:
        answered(save(tmp_path / "net.keras", make), digits(2)[0], input=stated)
    assert caught.value.fix

"""Weights answer pictures as the network does that ``zoo.load`` returns, by its `predict`, too."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import zoo
from zoo.common.errors import UsageError
from zoo.contracts import ImagePreprocessing
from zoo.data.preprocessing.images import to_pixels
from zoo.pipeline.coded_inputs import CodedInputs
from zoo.pipeline.predictions import PredictionRequest, _pictures_among


@pytest.mark.slow
def test_weights_answer_as_the_loaded_network(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 33, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(b"nothing")
    found = zoo.predict("lenet5.fashion_mnist", [tmp_path / "b.png", tmp_path / "a.png"], top=10)
    taken = to_pixels(pixels, ImagePreprocessing(height=28, width=28, channels=1))
    network = zoo.load("lenet5.fashion_mnist")
    expected = np.sort(np.asarray(network(taken[np.newaxis].astype(np.float32)))[0])[::-1]
    (one,) = found.examples
    scores = [score.value for score in one.output.scores]
    np.testing.assert_allclose(scores, expected, rtol=1e-4, atol=1e-6)
    assert found.runtime == "keras"
    assert [failed.input for failed in found.failed] == [str(tmp_path / "b.png")]
    mine = network.predict([tmp_path / "b.png", tmp_path / "a.png"], top=10)
    assert mine.plain() == found.plain()
    of_folder = network.predict(str(tmp_path))
    assert [len(of_folder.examples), len(of_folder.failed)] == [1, 1]
    (answered,) = network.predict(pixels, top=10).examples
    assert answered.output == mine.examples[0].output
    # A batch is Keras's own affair; one of another size is nobody's.
    batch = taken[np.newaxis].astype(np.float32)
    np.testing.assert_array_equal(network.predict(batch, verbose=0), network(batch))
    for wrong in (np.stack([pixels] * 2), np.float32(3), 5):
        with pytest.raises(zoo.ZooError, match=r"is not a batch for lenet5\.fashion_mnist"):
            network.predict(wrong)
    with pytest.raises(zoo.ZooError, match="top must be 1 or more"):
        network.predict(pixels, top=0)


@pytest.mark.parametrize("missing", [1, 2])
def test_a_coded_file_is_decoded_beside_pictures_that_are_not_there(missing: int) -> None:
    names = tuple(f"missing{number}.png" for number in range(missing))
    own, asked = ImagePreprocessing(height=8, width=8, channels=1), PredictionRequest(inputs=())
    found = _pictures_among(own, CodedInputs(pictures=names, coded=("a.ezp",)), asked, "")
    assert found.samples == []
    assert [name for name, _ in found.problems] == list(names)
    with pytest.raises(zoo.ZooError, match=r"missing0\.png|nothing could be read"):
        _pictures_among(own, CodedInputs(pictures=names, coded=()), asked, "")
    none = CodedInputs(pictures=(), coded=("a.ezp",))
    assert _pictures_among(own, none, asked, "").problems == []


def test_that_pictures_are_there_already_is_told_before_a_code_is_made(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((9, 7, 3), np.uint8)).save(tmp_path / "a.png")
    (tmp_path / "b.ezp").write_bytes(b"nothing")

    def before(subject: str, names: Sequence[str], readings: Sequence[str]) -> None:
        told.append((subject, [Path(name).name for name in names]))
        raise UsageError("it is there already")

    told: list[tuple[str, list[str]]] = []
    inputs = [tmp_path / "b.ezp", tmp_path / "a.png"]
    with pytest.raises(zoo.ZooError, match="it is there already"):
        zoo.predict("autoencoder_small", inputs, before=before)
    (named,) = told
    assert named[0].startswith("autoencoder_small.")
    assert named[1] == ["a.png", "b.ezp"]


@pytest.mark.slow
def test_a_loaded_network_compresses_pictures_as_the_weights_do(tmp_path: Path) -> None:
    rows = np.linspace(0, 255, 70 * 90).reshape(70, 90, 1)
    pixels = np.broadcast_to(rows, (70, 90, 3)).astype(np.uint8)
    network = zoo.load("autoencoder_small")
    (one,) = network.predict(pixels).examples
    assert one.output.answer.startswith("90×70 pixels in ")
    assert one.output.picture.shape == pixels.shape
    (tmp_path / "received").write_bytes(one.output.coded.content)
    found = network.predict(tmp_path / "received")
    assert found.plain() == zoo.predict("autoencoder_small", tmp_path / "received").plain()
    np.testing.assert_array_equal(found.examples[0].output.picture, one.output.picture)

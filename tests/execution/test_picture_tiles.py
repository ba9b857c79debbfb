"""Pictures of any size by tiles: put together as one picture, whatever the scale and the size."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from zoo.common.errors import UsageError
from zoo.contracts import ImagePreprocessing, Task
from zoo.contracts.outputs import PICTURE
from zoo.contracts.prediction import DecodedOutput
from zoo.contracts.preprocessing import Sample
from zoo.execution.picture_tiles import MOST_PIXELS, picture_tiles
from zoo.execution.sample_outputs import SampleOutputs, outputs_for
from zoo.registry import load_registry
from zoo.report.prediction_pictures import refuse_written, write_pictures
from zoo.results.predictions import PredictedExample, Predictions

OWN = ImagePreprocessing(height=16, width=16, channels=3, mean=(0.0,) * 3, std=(1.0,) * 3)


@pytest.fixture(scope="module")
def task() -> Task:
    return load_registry().tasks.get("image-enhancement")


def blurred(pixels: np.ndarray) -> np.ndarray:
    """A network that looks one pixel around: means of 3 x 3, zeros beyond the edge."""
    padded = np.pad(pixels.astype(np.float32) / 255, ((0, 0), (1, 1), (1, 1), (0, 0)))
    height, width = pixels.shape[1:3]
    shifted = [padded[:, y : y + height, x : x + width] for y in range(3) for x in range(3)]
    return np.mean(shifted, axis=0, dtype=np.float32)


def doubled(pixels: np.ndarray) -> np.ndarray:
    return blurred(pixels).repeat(2, axis=1).repeat(2, axis=2)


def answered(task: Task, *pictures: np.ndarray, scale: int = 1) -> SampleOutputs:
    samples = [Sample(name=f"{n}.png", read=one.copy) for n, one in enumerate(pictures)]
    cut = picture_tiles(task, OWN, samples)
    network = blurred if scale == 1 else doubled
    found = outputs_for(cut.samples, OWN, network, "test", emit=lambda event: None, take=cut.take)
    assert (found.outputs is None) == bool(cut.notes)  # parts are not held
    assert bool(cut.notes) == any(one.shape[:2] != (16, 16) for one in pictures)
    return cut.joined(found)


def picture(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(height).integers(0, 256, (height, width, 3)).astype(np.uint8)


@pytest.mark.parametrize("scale", [1, 2])
def test_tiles_give_what_the_whole_picture_gives(task: Task, scale: int) -> None:
    sizes = [(16, 16), (37, 50), (16, 17), (100, 16), (40, 33)]
    pictures = [picture(*size) for size in sizes]
    found = answered(task, *pictures, scale=scale)
    assert found.kept == (0, 1, 2, 3, 4)
    assert found.outputs is not None
    network = blurred if scale == 1 else doubled
    for own, made in zip(pictures, found.outputs, strict=True):
        assert made.dtype == np.uint8
        assert np.array_equal(made, task.decode(network(own[None])[0]))


def test_small_pictures_are_filled_up_and_cut_again(task: Task) -> None:
    found = answered(task, picture(9, 30))
    assert found.outputs is not None
    assert found.outputs[0].shape == (9, 30, 3)
    whole = task.decode(blurred(picture(9, 30)[None])[0])
    assert np.array_equal(found.outputs[0][:8], whole[:8])


def test_what_is_too_large_or_cannot_be_read_is_told_and_the_others_are_made(task: Task) -> None:
    large = np.broadcast_to(np.uint8(0), (2, MOST_PIXELS // 2 + 1, 3))
    text = np.zeros((5, 5), np.uint8)
    found = answered(task, large, picture(20, 20), text)
    assert found.kept == (1,)
    assert "at most 33.6 million are answered: cut the picture" in dict(found.problems)[0]
    assert 2 in dict(found.problems)


def test_a_picture_of_thousands_of_tiles_is_read_once_and_no_tile_is_held(task: Task) -> None:
    reads: list[int] = []

    def read() -> np.ndarray:
        reads.append(1)
        return np.broadcast_to(np.arange(250, dtype=np.uint8)[:, None, None], (250, 4000, 3))

    cut = picture_tiles(task, OWN, [Sample(name="wide.png", read=read)])
    assert len(cut.samples) > 4096
    held = len(reads)
    found = outputs_for(
        cut.samples,
        OWN,
        lambda pixels: pixels.astype(np.float32) / 255,
        "test",
        emit=lambda event: None,
        take=cut.take,
    )
    made = cut.joined(found).outputs
    assert made is not None
    assert np.array_equal(made[0], read())
    assert len(reads) - held == 2  # once for all tiles, once here


def test_other_tasks_resize_as_ever(task: Task) -> None:
    samples = [Sample(name="a", read=picture(40, 40).copy)]
    assert picture_tiles(replace(task, tiled=False), OWN, samples).samples is samples


def test_pictures_are_written_and_none_is_overwritten(tmp_path: Path) -> None:
    def example(name: str) -> PredictedExample:
        return PredictedExample(
            sample=Sample(name=name, read=picture(4, 4).copy),
            output=DecodedOutput(answer="a picture", picture=picture(6, 5)),
        )

    found = Predictions(
        subject="net.int8.tflite",
        task="image-enhancement",
        classes=("picture",),
        runtime="test",
        preprocessing=OWN,
        examples=(example("a/cat.jpg"), example("b/cat.png")),
    )

    def refuse(names: list[str], folder: str, *, overwrite: bool = False) -> None:
        refuse_written(
            found.subject, names, [PICTURE], pictures=tmp_path / folder, overwrite=overwrite
        )

    paths = write_pictures(found, tmp_path / "new")
    assert [path.name for path in paths] == ["cat.net.int8.tflite.png", "cat.net.int8.tflite-2.png"]
    from PIL import Image

    with Image.open(paths[1]) as read:
        assert np.array_equal(np.asarray(read), picture(6, 5))
    with pytest.raises(UsageError, match="is there already, and 1 more") as refused:
        write_pictures(found, tmp_path / "new")
    assert "--overwrite" in refused.value.fix
    with pytest.raises(UsageError, match="is there already, and 1 more"):
        refuse(["a/cat.jpg", "b/cat.png"], "new")
    refuse(["a/cat.jpg", "b/cat.png"], "new", overwrite=True)
    refuse(["dog.png"], "new")
    refuse(["cat.png"], "other")
    assert not (tmp_path / "other").exists()
    assert write_pictures(found, tmp_path / "new", overwrite=True) == paths
    assert "picture" not in found.plain()["examples"][0]

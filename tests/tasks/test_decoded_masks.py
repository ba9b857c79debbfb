"""Masks in their pictures: put back at the size that was given, counted, written, drawn."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from zoo.common.errors import UsageError, ZooError
from zoo.contracts import ImagePreprocessing
from zoo.contracts.dataset import IGNORED
from zoo.contracts.outputs import CLASS_MAP, PICTURE
from zoo.contracts.prediction import DecodedMask, DecodedOutput, NamedScore
from zoo.contracts.preprocessing import Sample
from zoo.data.preprocessing.images import resized_masks, shown_part, to_pixels
from zoo.report.prediction_pictures import refuse_written, write_masks, write_pictures
from zoo.report.prediction_text import score_rows
from zoo.results.predictions import PredictedExample, Predictions

CLASSES = ("ground", "disc", "<bar>")
SIDE = 8
#: Sizes of pictures: square, wide, high, and smaller than the network takes.
SIZES = [(32, 32), (24, 61), (57, 16), (5, 7)]


def preprocessing(**how: Any) -> ImagePreprocessing:
    own = {"mean": (0.5,) * 3, "std": (0.5,) * 3, **how}
    return ImagePreprocessing(height=SIDE, width=SIDE, channels=3, **own)


def answered(classes: int = len(CLASSES)) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, classes, (SIDE, SIDE)).astype(np.uint8)


def decoded(size: tuple[int, int], own: ImagePreprocessing) -> DecodedMask:
    output = DecodedOutput(answer="", mask=DecodedMask(chosen=answered(), names=CLASSES))
    mask = output.in_picture(*size, shown_part(size, own)).mask
    assert mask is not None
    return mask


def predicted(mask: DecodedMask, name: str = "a/b.png") -> PredictedExample:
    height, width = mask.size or mask.chosen.shape
    picture = np.full((height, width, 3), 90, np.uint8)
    score = NamedScore(name="disc", value=0.25)
    output = DecodedOutput(answer="disc 25 %", scores=(score,), probabilities=True, mask=mask)
    return PredictedExample(sample=Sample(name=name, read=lambda: picture), output=output)


def predictions(*examples: PredictedExample, subject: str = "net.onnx") -> Predictions:
    return Predictions(
        subject=subject,
        task="semantic-segmentation",
        classes=CLASSES,
        runtime="keras",
        preprocessing=preprocessing(),
        examples=examples,
    )


@pytest.mark.parametrize("resize", ["stretch", "crop", "pad"])
@pytest.mark.parametrize("size", SIZES[:3])
def test_a_mask_put_back_is_the_answer_when_it_is_resized_again(
    resize: str, size: tuple[int, int]
) -> None:
    own = preprocessing(resize=resize)
    whole = decoded(size, own).whole()
    assert whole.shape == size
    again = resized_masks(whole[None], own)[0]
    there = again != IGNORED
    assert there.mean() >= (1.0 if resize != "pad" else 0.25)
    assert (again[there] == answered()[there]).all()
    assert ((whole == IGNORED).any()) == (resize == "crop" and size[0] != size[1])
    # Another way of resizing is noticed.
    other = preprocessing(resize="stretch" if resize != "stretch" else "crop")
    if size[0] != size[1]:
        assert (resized_masks(whole[None], other)[0] != answered()).any()


@pytest.mark.parametrize("resize", ["stretch", "crop", "pad"])
@pytest.mark.parametrize("size", SIZES)
def test_places_are_those_where_pixels_come_from(resize: str, size: tuple[int, int]) -> None:
    own = preprocessing(resize=resize, interpolation="nearest")
    rows, columns = np.mgrid[: size[0], : size[1]]
    picture = np.stack([rows, columns, np.full(size, 255)], axis=-1).astype(np.uint8)
    taken = to_pixels(picture, own).astype(np.int64)
    places = np.arange(SIDE * SIDE, dtype=np.uint16).reshape(SIDE, SIDE)
    names = tuple(map(str, range(SIDE * SIDE)))
    mask = DecodedMask(chosen=places, names=names, size=size, part=shown_part(size, own))
    whole, shown = mask.whole(), taken[..., 2] == 255
    for place in places[shown].tolist():
        row, column = taken[..., :2].reshape(-1, 2)[place]
        found = np.argwhere(whole == place)
        if len(found):  # what is made larger: several places show one pixel
            near = np.abs(found - (row, column)).max(axis=1).min()
            assert near <= 1


@pytest.mark.parametrize("resize", ["stretch", "crop", "pad"])
@pytest.mark.parametrize("size", SIZES)
def test_pixels_are_counted_in_the_picture(resize: str, size: tuple[int, int]) -> None:
    mask = decoded(size, preprocessing(resize=resize))
    whole, counts = mask.whole(), mask.pixels()
    assert counts == {
        name: int((whole == place).sum())
        for place, name in enumerate(CLASSES)
        if (whole == place).any()
    }
    assert list(counts.values()) == sorted(counts.values(), reverse=True)
    plain = predicted(mask).plain()["mask"]
    assert plain["unseen"] == int((whole == IGNORED).sum())
    assert (plain["height"], plain["width"]) == size
    assert max(mask.whole(most=4).shape) <= max(4, 1)


def test_files_hold_classes_and_overwrite_nothing_unasked(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    mask = decoded((24, 61), preprocessing(resize="crop"))
    found = predictions(predicted(mask), predicted(mask, "other/b.png"))
    first, second = write_masks(found, tmp_path / "made")
    assert (first.name, second.name) == ("b.mask.net.onnx.png", "b.mask.net.onnx-2.png")
    with image.open(first) as picture:
        assert picture.mode == "P"
        values, palette = np.asarray(picture), picture.getpalette()
    assert np.array_equal(np.where(values == 255, IGNORED, values.astype(int)), mask.whole())
    assert len({tuple(palette[3 * place : 3 * place + 3]) for place in (0, 1, 2, 255)}) == 4
    first.write_bytes(b"mine")
    with pytest.raises(UsageError, match="there already") as caught:
        write_masks(found, tmp_path / "made")
    assert "--masks" in str(caught.value)
    # The same before the network works.
    names = [one.input for one in found.examples]
    asked = partial(refuse_written, found.subject, names, pictures=tmp_path)
    with pytest.raises(UsageError, match="there already, and 1 more") as before:
        asked([CLASS_MAP], masks=tmp_path / "made")
    assert before.value.as_dict() == caught.value.as_dict()
    asked([CLASS_MAP], masks=tmp_path / "made", overwrite=True)
    asked([CLASS_MAP], masks=tmp_path / "other")
    asked([""])
    with pytest.raises(UsageError, match="no masks"):
        asked([PICTURE], masks=tmp_path / "other")
    assert first.read_bytes() == b"mine"
    write_masks(found, tmp_path / "made", overwrite=True)
    assert first.read_bytes() != b"mine"

    many = tuple(f"class{number}" for number in range(300))
    wide = DecodedMask(chosen=np.full((2, 2), 299, np.uint16), names=many)
    (path,) = write_masks(predictions(predicted(wide)), tmp_path / "wide")
    with image.open(path) as picture:
        assert np.asarray(picture).max() == 299


def test_a_folder_that_cannot_be_written_is_named_with_its_option(tmp_path: Path) -> None:
    pytest.importorskip("PIL.Image")
    (tmp_path / "file").write_text("mine")
    mask = decoded((24, 61), preprocessing())
    shown = DecodedOutput(answer="a picture", picture=np.zeros((2, 2, 3), np.uint8))
    one = PredictedExample(sample=predicted(mask).sample, output=shown)
    with pytest.raises(ZooError, match="file cannot be written") as caught:
        write_masks(predictions(predicted(mask)), tmp_path / "file")
    assert "--masks" in caught.value.fix
    with pytest.raises(ZooError, match="made cannot be written") as caught:
        write_pictures(predictions(one), tmp_path / "file" / "made")
    assert "--pictures" in caught.value.fix
    (tmp_path / "b.mask.net.onnx.png").mkdir()
    with pytest.raises(ZooError, match="png cannot be written") as caught:
        write_masks(predictions(predicted(mask)), tmp_path, overwrite=True)
    assert "--masks" in caught.value.fix


def test_answers_that_are_no_masks_are_refused(tmp_path: Path) -> None:
    sample = Sample(name="a.png", read=lambda: np.zeros((2, 2, 3), np.uint8))
    one = PredictedExample(sample=sample, output=DecodedOutput(answer="cat"))
    with pytest.raises(UsageError, match="no masks"):
        write_masks(predictions(one), tmp_path)


@pytest.mark.parametrize(
    ("size", "drawn"), [((1, 1024), (1, 512)), ((1024, 1), (512, 1)), ((5, 8), (80, 128))]
)
def test_drawings_are_no_larger_than_they_need_to_be(
    size: tuple[int, int], drawn: tuple[int, int]
) -> None:
    from zoo.report.drawn_answers import drawn_answer

    one = predicted(decoded(size, preprocessing()))
    picture = drawn_answer(one.sample.read(), one.output)
    assert picture is not None
    assert picture.shape == (*drawn, 3)


def test_rows_and_the_page_with_its_legend() -> None:
    mask = decoded((24, 61), preprocessing())
    one = predicted(mask)
    headings, rows, _ = score_rows(one)
    assert headings == ("class", "%", "pixels")
    assert rows == [("disc", "25.0", f"{mask.pixels()['disc']:,}")]
    pytest.importorskip("jinja2")
    from zoo.report.drawn_answers import drawn_answer, legend
    from zoo.report.pages.predictions import render

    drawn = drawn_answer(one.sample.read(), one.output)
    assert drawn is not None
    grey = (drawn == 90).all(axis=-1).mean()
    assert grey == pytest.approx(mask.pixels()["ground"] / (24 * 61), abs=0.02)
    told = {name: colour for colour, name in legend(mask)}
    assert told["ground"] == ""
    assert len({*told.values()}) == 3
    text = render(predictions(one))
    for name in ("ground", "disc", "&lt;bar&gt;"):
        assert f"</svg> {name}</li>" in text
    assert "<bar>" not in text

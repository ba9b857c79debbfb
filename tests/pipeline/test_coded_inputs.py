"""Pictures and coded files that are named together: told apart, and answered in their order."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from zoo.common.errors import BadData, UsageError
from zoo.contracts import ImagePreprocessing
from zoo.contracts.outputs import CLASS_MAP
from zoo.contracts.preprocessing import Sample
from zoo.data.samples.reading import find_samples
from zoo.execution.picture_codes import code_grid
from zoo.pipeline.coded_inputs import CodedInputs, sorted_inputs
from zoo.pipeline.coded_predictions import CodedAnswer, CodingParts, run_coding, told_of
from zoo.report.prediction_pictures import refuse_written
from zoo.tasks.image_compression.coded_file import MOST_PIXELS, CodedPictures

OWN = ImagePreprocessing(height=8, width=8, channels=3, mean=(0.5,) * 3, std=(0.5,) * 3)


class Stored(CodedPictures):
    """Coded files without tables."""

    def __init__(self) -> None:
        pass

    def described(self, content: bytes, picture: Any, given: Any) -> Any:
        return content


def pictured(path: Path) -> str:
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(np.zeros((9, 7, 3), np.uint8)).save(path)
    return str(path)


def coded(path: Path) -> str:
    path.write_bytes(b"nothing")
    return str(path)


def names(found: Any) -> list[str]:
    return [Path(one.sample.name).name for one in found.examples]


def test_answers_are_in_the_order_of_the_inputs(tmp_path: Path) -> None:
    folder = tmp_path / "holiday"
    given = [coded(tmp_path / "a.ezp"), pictured(tmp_path / "b.png"), coded(tmp_path / "c.ezp")]
    for number in (1, 2):
        pictured(folder / f"d{number}.png")
    given += [str(folder), coded(tmp_path / "e.ezp")]
    stored = Stored()
    inputs = sorted_inputs(stored, given)
    found = find_samples(OWN, inputs.pictures, "", alone=False)
    order = [*(s.name for s in found.samples), *inputs.coded]
    made = [CodedAnswer(content=name.encode(), picture=np.zeros((1, 1, 3))) for name in order]
    told = told_of(stored, inputs, found, made, OWN)
    assert names(told) == ["a.ezp", "b.png", "c.ezp", "d1.png", "d2.png", "e.ezp"]
    # Each has its own answer.
    assert [Path(one.output.decode()).name for one in told.examples] == names(told)  # type: ignore[attr-defined]


def test_a_folder_of_coded_files_is_decoded(tmp_path: Path) -> None:
    folder = tmp_path / "made"
    folder.mkdir()
    first, second = coded(folder / "a.ezp"), coded(folder / "b.EZP")
    inputs = sorted_inputs(Stored(), [str(folder)])
    assert (inputs.pictures, inputs.coded) == ((), (first, second))
    picture = pictured(folder / "c.png")
    (folder / "notes.txt").write_text("none of both")
    inputs = sorted_inputs(Stored(), [str(folder)])
    assert (inputs.pictures, inputs.coded) == ((picture,), (first, second))
    (folder / "elsewhere.ezp").symlink_to(coded(tmp_path / "x.ezp"))
    with pytest.raises(BadData, match="elsewhere"):
        sorted_inputs(Stored(), [str(folder)])
    # A folder without any is left to those who read pictures.
    assert sorted_inputs(Stored(), [str(tmp_path / "none")]) == CodedInputs(
        pictures=(str(tmp_path / "none"),), coded=(), places=(0,)
    )


def test_a_picture_that_is_too_large_is_refused_before_it_is_encoded() -> None:
    def encode(windows: Any) -> Any:
        raise AssertionError("the encoder ran")

    wide = MOST_PIXELS // 4096 + 1
    picture = np.broadcast_to(np.uint8(0), (4096, wide, 3))
    parts = CodingParts(
        stored=Stored(), grid=code_grid((8, 8), (1, 1, 4)), encode=encode, decode=encode
    )
    with pytest.raises(BadData, match=rf"{wide}×4096 pixels is too large to be coded"):
        run_coding(
            parts,
            OWN,
            [Sample(name="large", read=lambda: picture)],
            [],
            emit=lambda event: None,
        )


@pytest.mark.parametrize(("reading", "folder"), [(CLASS_MAP, "masks"), ("picture", "pictures")])
def test_names_that_no_file_system_takes_are_refused_before_the_work(
    reading: str, folder: str, tmp_path: Path
) -> None:
    refuse: Callable[..., None] = partial(
        refuse_written, "unet_small.x", readings=[reading], pictures=tmp_path
    )
    masks = {"masks": tmp_path} if folder == "masks" else {}
    refuse(names=["a" * 220 + ".jpg"], **masks)
    with pytest.raises(UsageError, match="is too long") as caught:
        refuse(names=["a" * 251 + ".jpg"], **masks)
    assert f"--{folder}" in (caught.value.fix or "")

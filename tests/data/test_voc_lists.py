"""Lists of splits in Pascal VOC's form, as common programs write them."""

from __future__ import annotations

from pathlib import Path

import pytest
from annotated import COUNT, as_voc

from zoo.common.errors import BadData
from zoo.data.annotations.files import Files
from zoo.data.annotations.voc import read_voc

NAMES = [f"{number:02d}" for number in range(COUNT)]


def splits(root: Path, lists: dict[str, list[str]]) -> dict[str, list[str]]:
    """Names of pictures by split, read with these lists."""
    as_voc(root)
    (root / "ImageSets" / "Main").mkdir(parents=True)
    for name, lines in lists.items():
        (root / "ImageSets" / "Main" / name).write_text("\n".join(lines))
    found: dict[str, list[str]] = {}
    for picture in read_voc(Files(str(root))).pictures:
        found.setdefault(str(picture.split), []).append(Path(picture.path).stem)
    return found


@pytest.mark.parametrize(
    ("train", "validation", "form"),
    [
        ("train.txt", "val.txt", "{}"),
        ("Train.txt", "Validation.txt", "{}"),
        ("train.txt", "valid.txt", "{}.png"),
        ("train.txt", "val.txt", "JPEGImages/{}.png"),
    ],
)
def test_lists_of_programs(train, validation, form, tmp_path):
    lists = {train: NAMES[:14], validation: NAMES[14:]}
    lists = {name: [form.format(one) for one in own] for name, own in lists.items()}
    # The sum of both, and one for a class that is called train.
    lists |= {"trainval.txt": NAMES, "train_trainval.txt": [f"{one} -1" for one in NAMES]}
    assert splits(tmp_path / "data", lists) == {"train": NAMES[:14], "validation": NAMES[14:]}


def test_both_parts_in_one_list_are_for_training(tmp_path):
    lists = {"trainval.txt": NAMES[:14], "test.txt": NAMES[14:]}
    assert splits(tmp_path / "data", lists) == {"train": NAMES[:14], "test": NAMES[14:]}


def test_names_of_pictures_may_have_spaces(tmp_path):
    root = tmp_path / "data"
    as_voc(root)
    for path in (*root.glob("*/*.png"), *root.glob("*/*.xml")):
        path.rename(path.with_name(f"my photo {path.name}"))
    (root / "ImageSets" / "Main").mkdir(parents=True)
    (root / "ImageSets" / "Main" / "train.txt").write_text("my photo 03\n")
    assert [one.path for one in read_voc(Files(str(root))).pictures] == [
        "JPEGImages/my photo 03.png"
    ]


@pytest.mark.parametrize(
    ("lists", "says"),
    [
        ({"train.txt": NAMES[:9], "val.txt": NAMES[8:]}, "08 is in ImageSets/Main/train.txt and "),
        ({"train.txt": ["a", "b"]}, "the lists in ImageSets/Main name no picture"),
        ({"train.txt": ["\udcff"]}, "ImageSets/Main/train.txt cannot be read as text"),
    ],
    ids=["twice", "others", "bytes"],
)
def test_lists_that_cannot_be_used(lists, says, tmp_path, monkeypatch):
    write = Path.write_text
    monkeypatch.setattr(
        Path, "write_text", lambda path, text: write(path, text, errors="surrogateescape")
    )
    with pytest.raises(BadData, match=says):
        splits(tmp_path / "data", lists)

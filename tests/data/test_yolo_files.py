"""Folders in YOLO's form, as common programs write them."""

from __future__ import annotations

from pathlib import Path

import pytest
from annotated import COUNT, as_yolo, picture

from zoo.common.errors import BadData
from zoo.data.annotations.files import Files
from zoo.data.annotations.records import Annotations
from zoo.data.annotations.yolo import read_yolo


def read(root: Path, text: str) -> Annotations:
    as_yolo(root)
    (root / "data.yaml").write_text(text)
    return read_yolo(Files(str(root)))


@pytest.mark.parametrize(
    ("text", "classes"),
    [
        ("names: [yes, no, off]", ("yes", "no", "off")),
        ("names: [1e3, 0x10, 1_0]", ("1e3", "0x10", "1_0")),
        ("names:\n  '0': cat\n  2: owl\n  1: dog", ("cat", "dog", "owl")),
        ("names: [a, b, c]  # *all of them", ("a", "b", "c")),
        ("names: [R &D, b, c]\ndownload: |\n  print(*names)\n  f(a, &b)", ("R &D", "b", "c")),
    ],
    ids=["words", "numbers", "keys", "comment", "code"],
)
def test_names_are_as_written(text, classes, tmp_path):
    found = read(tmp_path / "data", text)
    assert found.classes == classes
    assert len(found.pictures) == COUNT


def test_paths_of_windows(tmp_path):
    root = tmp_path / "data"
    for part in ("train", "valid"):
        (root / part / "images").mkdir(parents=True)
        picture(50).save(root / part / "images" / "x.png")
        (root / part / "images" / "x.txt").write_text("")
    found = read(root, "names: [a, b, c]\ntrain: ..\\train\\images\nval: valid\\images\\")
    assert {one.path: one.split for one in found.pictures} == {
        "train/images/x.png": "train",
        "valid/images/x.png": "validation",
    }


def test_a_list_of_names_beside_the_rows_is_no_row(tmp_path):
    root = tmp_path / "data"
    as_yolo(root)
    (root / "labels" / "classes.txt").write_text("cat\ndog\nowl\n")
    assert not read_yolo(Files(str(root))).lost
    (root / "labels" / "no_picture.txt").write_text("")
    assert read_yolo(Files(str(root))).lost == ["labels/no_picture.txt is of no picture"]


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"1234567", "notes.txt has more than 6 bytes"), (b"\xff", "notes.txt cannot be read as t")],
    ids=["large", "bytes"],
)
def test_a_file_that_is_no_small_text_is_refused(tmp_path, monkeypatch, content, says):
    monkeypatch.setattr("zoo.data.annotations.files.MOST_BYTES", 6)
    (tmp_path / "notes.txt").write_bytes(content)
    (tmp_path / "short.txt").write_text("123456")
    files = Files(str(tmp_path))
    assert files.text("short.txt") == "123456"
    with pytest.raises(BadData, match=says):
        files.text("notes.txt")

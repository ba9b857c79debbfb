"""A run's folder: nothing of other data is replaced, and what is replaced is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from zoo.common.errors import UsageError
from zoo.pipeline.output_folder import publish, refuse_other_data


def made(folder: Path, data: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "lenet5.parts.recipe.toml").write_text(f'model = "lenet5"\ndata = "{data}"\n')


@pytest.mark.parametrize(
    ("earlier", "now"),
    [
        ("folder:site1/parts", "folder:site2/parts"),
        ("folder:site1/parts", "npz:site1/parts"),
        ("folder:photos", "folder:elsewhere/photos"),
        ("csv:a/parts.csv?window=5", "csv:b/parts.csv?window=5"),
        ("parts", "folder:parts"),
    ],
)
def test_files_of_other_data_are_not_replaced(tmp_path, monkeypatch, earlier, now):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "site1" / "parts").mkdir(parents=True)
    (tmp_path / "site2" / "parts").mkdir(parents=True)
    made(tmp_path / "weights", earlier)
    with pytest.raises(UsageError, match="that were made from") as caught:
        refuse_other_data(tmp_path / "weights", "lenet5.parts", now)
    assert earlier in str(caught.value)
    assert "--output" in caught.value.fix


@pytest.mark.parametrize(
    "now",
    [
        *("folder:site1/parts", "folder:site1/parts/", "folder:./site1/../site1/parts"),
        *("folder:{here}/site1/parts", "folder:link", "folder:site1/parts?group=x"),
    ],
)
def test_the_same_data_under_another_name(tmp_path, monkeypatch, now):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "site1" / "parts").mkdir(parents=True)
    (tmp_path / "link").symlink_to("site1/parts")
    made(tmp_path / "weights", "folder:site1/parts")
    refuse_other_data(tmp_path / "weights", "lenet5.parts", now.format(here=tmp_path))


def test_other_models_and_empty_folders(tmp_path):
    made(tmp_path / "weights", "folder:a/parts")
    refuse_other_data(tmp_path / "weights", "lenet5.other", "folder:b/other")
    refuse_other_data(tmp_path / "new", "lenet5.parts", "folder:b/parts")


@pytest.mark.parametrize("text", ["", "data = 3", "data", "[data]"])
def test_a_recipe_that_is_none(tmp_path, text):
    (tmp_path / "lenet5.parts.recipe.toml").write_text(text)
    if text == "data = 3":
        with pytest.raises(UsageError):
            refuse_other_data(tmp_path, "lenet5.parts", "folder:b/parts")
    elif text != "[data]":
        refuse_other_data(tmp_path, "lenet5.parts", "folder:b/parts")


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    folder = tmp_path / "cache"
    folder.mkdir()
    (folder / "net.tflite").write_bytes(b"new")
    (folder / "net.safetensors").write_bytes(b"weights")
    return folder


def test_a_new_folder_has_no_notes(tmp_path, cache):
    out = tmp_path / "out"
    assert publish(out, cache.iterdir(), [out / "net.tflite"]) == []
    assert (out / "net.tflite").read_bytes() == b"new"
    assert publish(out, cache.iterdir(), [out / "net.tflite"]) == []


def test_what_is_replaced_is_said(tmp_path, cache):
    """Also a file that was damaged: the table says that it passed."""
    out = tmp_path / "out"
    publish(out, cache.iterdir(), [])
    (out / "net.tflite").write_bytes(b"ne")
    (note,) = publish(out, cache.iterdir(), [])
    assert note == f"{out / 'net.tflite'} was there with other content, and was replaced"
    assert (out / "net.tflite").read_bytes() == b"new"


@pytest.mark.parametrize(
    ("now", "before", "state"),
    [
        ("net.tflite.rejected", "net.tflite", "was rejected"),
        ("net.tflite", "net.tflite.rejected", "passed"),
    ],
)
def test_the_opposite_of_a_file_is_removed_with_a_note(tmp_path, now, before, state):
    out = tmp_path / "out"
    out.mkdir()
    (out / before).write_bytes(b"old")
    (tmp_path / now).write_bytes(b"new")
    (note,) = publish(out, [tmp_path / now], [out / now])
    assert note == f"{out / before} was removed: the file that was made now {state}"
    assert [path.name for path in out.iterdir()] == [now]

"""A run's folder: nothing of other data is replaced, and what is replaced is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from zoo.common.errors import UsageError
from zoo.networks.card import Card, write_card
from zoo.pipeline import output_folder
from zoo.pipeline.options import recipe_from
from zoo.pipeline.output_folder import publish, write_recipe
from zoo.registry import PluginSettings, load_registry

REGISTRY = load_registry(PluginSettings(installed=False))


def made(folder: Path, data: str) -> None:
    """As by a version that did not write the data's place."""
    folder.mkdir(exist_ok=True)
    (folder / "lenet5.parts.recipe.toml").write_text(f'model = "lenet5"\ndata = "{data}"\n')


def refuse_other_data(folder: Path, model_id: str, data: str, content: str = "") -> None:
    output_folder.refuse_other_data(REGISTRY, folder, model_id, data, lambda: content)


@pytest.fixture
def sites(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for site in ("site1", "site2"):
        (tmp_path / site / "parts").mkdir(parents=True)
    return tmp_path


@pytest.mark.parametrize(
    ("earlier", "now"),
    [
        ("folder:site1/parts", "folder:site2/parts"),
        ("folder:site1/parts", "npz:site1/parts"),
        ("folder:photos", "folder:elsewhere/photos"),
        ("folder:site1/parts", "folder:site1/parts?group=x"),
        ("csv:a/parts.csv?window=5", "csv:b/parts.csv?window=5"),
        ("csv:parts.csv?label=a&window=5", "csv:parts.csv?label=b&window=5"),
        ("parts", "folder:parts"),
    ],
)
def test_files_of_other_data_are_not_replaced(sites, earlier, now):
    made(sites / "weights", earlier)
    with pytest.raises(UsageError, match="that were made from") as caught:
        refuse_other_data(sites / "weights", "lenet5.parts", now)
    assert earlier in str(caught.value)
    assert "--output" in caught.value.fix


@pytest.mark.parametrize(
    "now",
    [
        *("folder:site1/parts", "folder:site1/parts/", "folder:./site1/../site1/parts"),
        *("folder:{here}/site1/parts", "folder:link"),
    ],
)
def test_the_same_data_under_another_name(sites, now):
    (sites / "link").symlink_to("site1/parts")
    made(sites / "weights", "folder:site1/parts")
    refuse_other_data(sites / "weights", "lenet5.parts", now.format(here=sites))


@pytest.mark.parametrize("data", ["folder:parts", "folder:parts?test=0.2&group=%0A"])
def test_two_projects_whose_data_have_one_relative_name(sites, monkeypatch, data):
    shared = Path("../shared")
    recipe = recipe_from(model="lenet5", data=data)
    monkeypatch.chdir(sites / "site1")
    write_recipe(REGISTRY, shared / "lenet5.parts.recipe.toml", recipe)
    refuse_other_data(shared, "lenet5.parts", data)
    monkeypatch.chdir(sites / "site2")
    with pytest.raises(UsageError, match="that were made from") as caught:
        refuse_other_data(shared, "lenet5.parts", data)
    assert f"folder:{sites / 'site1' / 'parts'}" in str(caught.value)
    monkeypatch.chdir(sites)
    (sites / "site1").rename("moved")
    with pytest.raises(UsageError, match="made from folder:parts"):
        refuse_other_data(sites / "shared", "lenet5.parts", data.replace("parts", "moved/parts"))


def test_a_project_that_was_moved_with_its_folder(sites, monkeypatch):
    monkeypatch.chdir(sites / "site1")
    recipe = recipe_from(model="lenet5", data="folder:parts")
    write_recipe(REGISTRY, Path("weights/lenet5.parts.recipe.toml"), recipe)
    assert str(sites) not in Path("weights/lenet5.parts.recipe.toml").read_text()
    monkeypatch.chdir(sites)
    (sites / "site1").rename("moved")
    refuse_other_data(sites / "moved" / "weights", "lenet5.parts", "folder:moved/parts")


@pytest.mark.parametrize(("content", "same"), [("1a", True), ("2b", False), ("", False)])
def test_files_of_an_earlier_version_in_a_folder_elsewhere(sites, monkeypatch, content, same):
    """Nobody knows what their relative path begins with: the content decides."""
    made(sites / "shared", "folder:parts")
    card = Card(
        variant="lenet5",
        tag="parts",
        dataset="folder:parts",
        dataset_hash="1a",
        classes=("a",),
        licence="unknown",
        sha256="0" * 64,
    )
    write_card(sites / "shared" / "lenet5.parts.toml", card)
    for recipe in (True, False):
        if not recipe:
            (sites / "shared" / "lenet5.parts.recipe.toml").unlink()
        monkeypatch.chdir(sites / "site2")
        if same:
            refuse_other_data(Path("../shared"), "lenet5.parts", "folder:parts", content)
        else:
            with pytest.raises(UsageError, match="in another folder, perhaps"):
                refuse_other_data(Path("../shared"), "lenet5.parts", "folder:parts", content)


def test_other_models_and_empty_folders(tmp_path):
    made(tmp_path / "weights", "folder:a/parts")
    refuse_other_data(tmp_path / "weights", "lenet5.other", "folder:b/other")
    refuse_other_data(tmp_path / "new", "lenet5.parts", "folder:b/parts")


@pytest.mark.parametrize("text", ["", "data = 3", "data", "[data]", "# data, seen from here: é"])
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

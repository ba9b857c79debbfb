"""Datasets of the Hugging Face library: itself where it is installed, else one like it."""

from __future__ import annotations

import io
import os
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hub_library import NAMES, REAL, Image, Rows, Value, png, sizes, texts
from PIL import Image as Pictures

from zoo.common.errors import BadData, MissingExtra, UnknownName, UsageError
from zoo.data.hf import fingerprint, open_hf, tasks_of


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Any:
    """``library.loads(**splits)`` says what `load_dataset` gives for any name."""
    module: Any = types.ModuleType("datasets")
    hub: Any = types.ModuleType("huggingface_hub")

    class HfHubHTTPError(OSError):
        pass

    def load_dataset(name: str, config: str | None, revision: str | None) -> Any:
        module.asked = (name, config, revision)
        return module.given

    def loads(**splits: Rows) -> None:
        module.given = splits

    info = types.SimpleNamespace(sha="abc123")
    module.Image, module.load_dataset, module.loads = Image, load_dataset, loads
    module.config = types.SimpleNamespace(HF_HUB_OFFLINE=False)
    module.load_dataset_builder = lambda name, revision: None
    hub.HfApi = lambda: types.SimpleNamespace(dataset_info=lambda *a, **k: info)
    hub.errors = types.SimpleNamespace(HfHubHTTPError=HfHubHTTPError)
    hub.constants = types.SimpleNamespace(HF_HUB_OFFLINE=False)
    module.hub = hub
    monkeypatch.setitem(sys.modules, "datasets", module)
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub)
    monkeypatch.delenv("ZOO_OFFLINE", raising=False)
    return module


def pictures(start: int, count: int) -> Rows:
    columns = {
        "image": [png(i) for i in range(start, start + count)],
        "label": [i % 2 for i in range(count)],
    }
    return Rows(columns, {"image": Image(), "label": NAMES})


def test_texts_with_given_splits(library: Any) -> None:
    library.loads(train=texts(0, 20), validation=texts(20, 4), test=texts(30, 6))
    dataset = open_hf("owner/name?config=small")
    assert library.asked == ("owner/name", "small", "abc123")
    assert dataset.name == "hf:owner/name?config=small"
    assert dataset.classes == ("neg", "pos")
    assert sizes(dataset) == [20, 4, 6]
    assert dataset.splits["test"].read(1).item() == "text 31"
    assert dataset.splits["test"].labels.tolist() == [0, 1] * 3
    assert dataset.source == "https://huggingface.co/datasets/owner/name"


def test_one_split_is_split_by_content(library: Any) -> None:
    library.loads(train=texts(0, 40))
    assert sum(sizes(open_hf("name"))) == 40
    library.loads(everything=texts(0, 40))
    assert sum(sizes(open_hf("name"))) == 40


def test_images(library: Any) -> None:
    library.loads(train=pictures(0, 20), test=pictures(20, 6))
    dataset = open_hf("name")
    assert sizes(dataset)[2] == 6
    with Pictures.open(io.BytesIO(png(21)["bytes"])) as expected:
        np.testing.assert_array_equal(dataset.splits["test"].read(1), np.asarray(expected))


def test_hidden_labels_and_other_splits(library: Any) -> None:
    hidden = texts(40, 4, label=[-1] * 4)
    library.loads(train=texts(0, 20), validation=texts(20, 4), test=hidden, extra=texts(60, 4))
    dataset = open_hf("name")
    notes = " ".join(dataset.notes)
    assert sizes(dataset)[2] == 4
    assert dataset.splits["test"].read(0).item() == "text 20"
    assert "the split 'test' is not used: its labels are hidden" in notes
    assert "the split 'extra' is not used" in notes
    assert "validation serves as test" in notes


def test_copies_of_test_examples_are_left_out(library: Any) -> None:
    library.loads(train=texts(0, 20), test=texts(15, 10))
    dataset = open_hf("name")
    assert "5 examples are left out" in dataset.notes[0]
    assert sum(sizes(dataset)) == 25


def test_columns_are_chosen(library: Any) -> None:
    rows = texts(0, 20, title=[f"title {i}" for i in range(20)])
    rows.features["kind"], rows.columns["kind"] = Value("int64"), [3 + i % 2 * 7 for i in range(20)]
    library.loads(train=rows)
    assert open_hf("name").splits["train"].read(0).item().startswith("text ")
    dataset = open_hf("name?text=title&label=kind")
    assert dataset.splits["train"].read(0).item().startswith("title ")
    assert dataset.classes == ("3", "10")
    rows.columns["body"], rows.features["body"] = (
        rows.columns.pop("text"),
        rows.features.pop("text"),
    )
    with pytest.raises(UsageError, match="several columns of name hold texts: title, body"):
        open_hf("name")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (texts(0, 20, label=[0] * 20), "there is only one class: neg"),
        (texts(0, 20, label=[None, *[1, 0] * 9, 1]), r"train\[0\] has no label"),
        (texts(0, 20, text=["", *"abcdefghijklmnopqrs"]), "1 of 20 texts are broken"),
        (Rows({"x": [1, 2]}, {"x": Value("int64"), "label": NAMES}), "no column of images or te"),
    ],
)
def test_what_cannot_be_used(library: Any, rows: Rows, message: str) -> None:
    library.loads(train=rows)
    with pytest.raises(BadData, match=message) as caught:
        open_hf("name")
    assert caught.value.fix


def test_a_column_of_names_is_no_class(library: Any) -> None:
    rows = texts(0, 3000)
    rows.features["label"] = Value("string")
    rows.columns["label"] = [f"id {i}" for i in range(3000)]
    library.loads(train=rows)
    with pytest.raises(BadData, match="there are 3,000 classes"):
        open_hf("name")


def test_images_that_cannot_be_used(library: Any, tmp_path: Path) -> None:
    rows = pictures(0, 20)
    library.loads(train=rows)
    rows.columns["image"] = [{"bytes": b"no image %d" % i, "path": None} for i in range(20)]
    dataset = open_hf("name")
    with pytest.raises(BadData, match=r"the image \[\d+\] of name cannot be used"):
        dataset.splits["train"].read(0)
    rows.columns["image"] = [{"bytes": None, "path": "/etc/hostname"}] * 20
    with pytest.raises(BadData, match="outside the folder"):
        open_hf(str(tmp_path))
    rows.columns["image"] = [None] * 20
    with pytest.raises(BadData, match="has no image"):
        open_hf("name")


def test_no_network(library: Any) -> None:
    def refuse(*arguments: Any, **options: Any) -> Any:
        raise OSError("[Errno -2] Name or service not known")

    library.hub.HfApi = lambda: types.SimpleNamespace(dataset_info=refuse)
    library.load_dataset_builder = refuse
    with pytest.raises(BadData, match="hf:owner/name could not be loaded") as caught:
        open_hf("owner/name")
    assert caught.value.why == "it is not in the cache, and: [Errno -2] Name or service not known"
    assert not library.hub.constants.HF_HUB_OFFLINE
    # What was downloaded before is found without the network.
    library.load_dataset_builder = lambda name, revision: None
    library.loads(train=texts(0, 40))
    assert sum(sizes(open_hf("owner/name?revision=v1"))) == 40
    assert library.asked == ("owner/name", None, "v1")
    assert library.config.HF_HUB_OFFLINE


def test_downloads_can_be_forbidden(library: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*arguments: Any, **options: Any) -> Any:
        raise AssertionError("asked the hub")

    def lacking(*arguments: Any, **options: Any) -> Any:
        raise OSError("not cached")

    monkeypatch.setenv("ZOO_OFFLINE", "1")
    library.hub.HfApi = lambda: types.SimpleNamespace(dataset_info=never)
    library.load_dataset_builder = lacking
    with pytest.raises(BadData) as caught:
        open_hf("owner/name")
    assert "ZOO_OFFLINE forbids downloads" in (caught.value.why or "")


def test_unknown_on_the_hub(library: Any) -> None:
    def refuse(*arguments: Any, **options: Any) -> Any:
        raise library.hub.errors.HfHubHTTPError("404 Client Error.\nRepository Not Found")

    library.hub.HfApi = lambda: types.SimpleNamespace(dataset_info=refuse)
    with pytest.raises(BadData) as caught:
        open_hf("owner/name")
    assert caught.value.why == "404 Client Error. Repository Not Found"


def test_options_are_checked_before_anything_is_loaded() -> None:
    for function in (open_hf, fingerprint, tasks_of):
        with pytest.raises(UnknownName, match="unknown option of hf 'lable'"):
            function("name?lable=x")
        with pytest.raises(UsageError, match="exclude each other"):
            function("name?image=x&text=y")
        with pytest.raises(UsageError, match="hf needs a name"):
            function(None)


def test_tasks_follow_the_column() -> None:
    assert tasks_of("name?image=x") == ("image-classification",)
    assert tasks_of("name?text=x") == ("sequence-classification",)
    assert len(tasks_of("name")) == 2


def test_fingerprint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not REAL:
        with pytest.raises(MissingExtra):
            fingerprint("name")
    monkeypatch.setattr("zoo.data.hf.require_extra", lambda extra: None)
    assert fingerprint("name?revision=v1") == "hf:name?revision=v1"
    path = tmp_path / "a" / "b.parquet"
    path.parent.mkdir()
    path.write_bytes(b"x")
    first = fingerprint(str(tmp_path))
    os.utime(path, ns=(5, 5))
    assert fingerprint(str(tmp_path)) != first


@pytest.mark.skipif(REAL, reason="datasets is installed")
def test_without_the_library() -> None:
    with pytest.raises(MissingExtra) as caught:
        open_hf("name")
    assert caught.value.fix == 'pip install "edgezoo[hf]"'

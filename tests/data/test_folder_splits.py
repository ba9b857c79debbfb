"""Splits that a folder gives, and what is remembered of its images."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
from image_folders import contents, notes
from PIL import Image

import zoo
from zoo.common.errors import BadData
from zoo.data.folder import open_folder
from zoo.data.readers import folder_check


def given(make_folder, validation: str = "validation") -> Path:
    counts = {"train": 9, validation: 3, "test": 4}
    return make_folder({f"{s}/{c}": n for s, n in counts.items() for c in ("cat", "dog")})


@pytest.mark.parametrize("validation", ["validation", "val"])
def test_given_splits_are_honoured(make_folder, validation):
    dataset = open_folder(str(given(make_folder, validation)))
    sizes = {name: np.bincount(split.labels).tolist() for name, split in dataset.splits.items()}
    assert sizes == {"train": [9, 9], "validation": [3, 3], "test": [4, 4]}
    assert dataset.classes == ("cat", "dog")


def test_validation_is_taken_from_train_when_absent(make_folder):
    root = given(make_folder)
    before = contents(open_folder(str(root)))["test"]
    shutil.rmtree(root / "validation")
    dataset = open_folder(str(root))
    assert contents(dataset)["test"] == before
    assert len(dataset.splits["train"]) + len(dataset.splits["validation"]) == 18
    assert "15 % of train/" in notes(dataset)


def test_an_image_in_two_splits_is_refused(make_folder):
    root = given(make_folder)
    shutil.copy(root / "train/cat/000.png", root / "test/dog/leak.png")
    with pytest.raises(BadData, match=r"train/cat/000\.png = test/dog/leak\.png"):
        zoo.open_dataset(f"folder:{root}")


def test_every_split_holds_every_class(make_folder):
    root = given(make_folder)
    shutil.rmtree(root / "test" / "dog")
    with pytest.raises(BadData, match="test/ has no folder for dog"):
        open_folder(str(root))
    (root / "test" / "dog").mkdir()
    with pytest.raises(BadData, match="test/dog holds no images"):
        open_folder(str(root))


def test_incomplete_or_doubtful_splits(make_folder):
    root = given(make_folder)
    shutil.copytree(root / "validation", root / "val")
    with pytest.raises(BadData, match="both val/ and validation/"):
        open_folder(str(root))
    shutil.rmtree(root / "val")
    (root / "extra").mkdir()
    with pytest.raises(BadData, match="and also extra"):
        open_folder(str(root))
    (root / "extra").rmdir()
    shutil.rmtree(root / "test")
    (root / "validation").rename(root / "eval")
    assert "eval/ serves as test, since there is no test/" in open_folder(str(root)).notes[0]


def test_a_class_may_be_called_train(make_folder):
    root = make_folder({"bus": 4, "car": 4, "train": 4})
    assert open_folder(str(root)).classes == ("bus", "car", "train")


@pytest.fixture
def decoded(monkeypatch) -> list[int]:
    """Sizes of the files that were decoded during checks."""
    sizes: list[int] = []
    lock = threading.Lock()
    real = folder_check.decode

    def decode(data: bytes) -> np.ndarray:
        with lock:
            sizes.append(len(data))
        return real(data)

    monkeypatch.setattr(folder_check, "decode", decode)
    return sizes


def test_each_image_is_opened_once_and_remembered(make_folder, decoded):
    root = make_folder({"cat": 20, "dog": 20})
    first = open_folder(str(root))
    assert len(decoded) == 40
    assert open_folder(str(root)).content_hash == first.content_hash
    assert len(decoded) == 40
    path = root / "cat" / "000.png"
    Image.new("L", (9, 9)).save(path)
    assert open_folder(str(root)).content_hash != first.content_hash
    assert len(decoded) == 41


def test_fresh_files_are_checked_again(make_folder, decoded):
    root = make_folder({"cat": 4, "dog": 4})
    (root / "cat" / "000.png").touch()
    open_folder(str(root))
    open_folder(str(root))
    assert len(decoded) == 9


@pytest.mark.parametrize("text", ["", "{", "[]", '{"decoder": 1}', "\ud800"])
def test_a_damaged_memory_is_replaced(make_folder, decoded, own_home, text):
    root = make_folder({"cat": 4, "dog": 4})
    open_folder(str(root))
    [memory] = (own_home / "cache" / "folders").iterdir()
    whole = memory.read_text()
    memory.write_text(text, errors="surrogatepass")
    open_folder(str(root))
    assert len(decoded) == 16
    assert memory.read_text() == whole


def test_a_cache_that_cannot_be_written_is_noted(make_folder, own_home):
    root = make_folder({"cat": 4, "dog": 4})
    (own_home / "cache").write_text("in the way")
    assert "was not remembered" in notes(open_folder(str(root)))


def test_reading_from_many_threads(make_folder):
    from concurrent.futures import ThreadPoolExecutor

    split = open_folder(str(make_folder({"cat": 40, "dog": 40}))).splits["train"]
    alone = [split.read(i).tobytes() for i in range(len(split))]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda i: split.read(i).tobytes(), list(range(len(split))) * 5))
    assert together == alone * 5

"""Folders as other tools name them: splits, leftovers of systems, spellings of one name."""

from __future__ import annotations

import shutil
import unicodedata
from pathlib import Path

import numpy as np
import pytest

import zoo
from zoo.common.errors import BadData, UsageError
from zoo.contracts.dataset import Dataset
from zoo.data.folder import open_folder
from zoo.data.readers.folder_names import lookalike_notes, split_of, split_of_any
from zoo.data.text import open_text


@pytest.mark.parametrize(
    ("split", "names"),
    [
        ("train", "train Train TRAINING trainset train_set Train-Images train2017 01_train trn"),
        ("validation", "val Val valid VALIDATION dev Dev. development val_set valid-data"),
        ("test", "test Testing TEST_SET seg_test test-images hold-out tst"),
        # Capitals of Turkish, full width, and the small letters that come of them.
        ("train", "TRAİN TRAINİNG tra\u0131n\u0131ng \uff34\uff32\uff21\uff29\uff2e"),
        ("?", "eval Evaluation"),
        # Other languages.
        (
            "train",
            "训练集 訓練データ 학습 Trainingsdaten entrenamiento Entraînement treino обучение",
        ),
        ("validation", "验证集 検証用データ 검증 Validierung validación validação проверка"),
        ("test", "测试集 テスト 테스트 Testdaten prueba pruebas teste тест"),
        (None, "测量 训导 проба pruebo lerner"),
        (None, "images data trainer strain testament car test_pattern train_station devil value"),
    ],
)
def test_names_of_splits(split, names):
    for name in names.split():
        assert split_of(name) == split, name


def sizes(dataset: Dataset) -> dict[str, list[int]]:
    return {name: np.bincount(split.labels).tolist() for name, split in dataset.splits.items()}


@pytest.mark.parametrize(
    "names",
    [
        ("train", "valid", "test"),
        ("Train", "Val", "Test"),
        ("TRAINING", "DEV", "TESTING"),
        ("train_set", "validation_set", "test_set"),
        ("1_train", "2_val", "3_test"),
        ("train", "eval", "test"),
        ("train", "val", "eval"),
        ("训练集", "验证集", "测试集"),
        ("Entrenamiento", "Validación", "Prueba"),
    ],
)
def test_given_splits_in_other_words(make_folder, names):
    counts = dict(zip(names, (9, 3, 4), strict=True))
    root = make_folder({f"{s}/{c}": n for s, n in counts.items() for c in ("cat", "dog")})
    dataset = open_folder(str(root))
    assert dataset.classes == ("cat", "dog")
    assert sizes(dataset) == {"train": [9, 9], "validation": [3, 3], "test": [4, 4]}


def test_train_alone_is_where_the_classes_are(make_folder):
    dataset = open_folder(str(make_folder({"Train/cat": 10, "Train/dog": 10})))
    assert dataset.classes == ("cat", "dog")
    assert sizes(dataset) == {"train": [7, 7], "validation": [1, 1], "test": [2, 2]}
    assert "Train/ alone is given" in "\n".join(dataset.notes)


def test_folders_that_hold_the_same_folders_are_named(make_folder):
    """They may be splits in words that nobody here knows, or sessions."""
    folders = [f"{outer}/{inner}" for outer in ("oppi", "koe") for inner in ("cat", "dog")]
    notes = "\n".join(open_folder(str(make_folder(dict.fromkeys(folders, 6)))).notes)
    assert "koe/, oppi/ are taken for the classes, and each holds cat/, dog/" in notes


@pytest.mark.parametrize("folders", [("cat/a", "dog/b"), ("cat/a", "dog/a"), ("cat", "dog")])
def test_folders_within_classes_are_nobodys_concern(make_folder, folders):
    notes = "\n".join(open_folder(str(make_folder(dict.fromkeys(folders, 6)))).notes)
    assert "are taken for the classes" not in notes


def test_a_test_split_is_cut_from_train_when_asked(make_folder):
    """By class and content, and never where it is given or made anyway."""
    root = make_folder({"train/cat": 40, "train/dog": 20, "Val/cat": 5, "Val/dog": 4})
    alone = open_folder(str(root))
    assert sizes(alone)["test"] == [5, 4]
    assert sum(sizes(alone)["train"]) + sum(sizes(alone)["validation"]) == 60
    assert {name.partition("/")[0] for name in alone.splits["validation"].names} == {"train"}
    assert alone.notes[:2] == (
        "Val/ serves as test, since there is no test/; ?test=0.2 keeps it for validation and cuts "
        "a fifth of train/ off as test",
        "15 % of train/ serve as validation, since no folder does",
    )
    for k in range(3):
        shutil.copy(root / "train/cat/000.png", root / f"train/cat/copy{k}.png")
    dataset = open_folder(f"{root}?test=0.2")
    found = sizes(dataset)
    assert found["validation"] == [5, 4]
    assert 7 <= found["test"][0] <= 12
    assert 3 <= found["test"][1] <= 5
    assert [a + b for a, b in zip(found["train"], found["test"], strict=True)] == [43, 20]
    assert "20 % of train/ serve as test, which is not given: test=0.2" in dataset.notes
    where = {s for s, split in dataset.splits.items() if any("copy" in n for n in split.names)}
    assert len(where) == 1, "copies of a picture are in one split"
    for text in ("0", "0.9", "one", "nan", "1_0"):
        with pytest.raises(UsageError, match="is not a share from"):
            open_folder(f"{root}?test={text}")
    with pytest.raises(UsageError, match="is not divided yet"):
        open_folder(f"{root / 'train'}?test=0.2")
    shutil.copytree(root / "Val", root / "Test")
    with pytest.raises(UsageError, match="has Test/ already"):
        open_folder(f"{root}?test=0.2")


BOTH = ("cat", "dog")


@pytest.mark.parametrize(
    ("folders", "message"),
    [
        (["train/cat", "train/dog", "Val/cat"], "Val/ has no folder for dog"),
        ([f"{s}/{c}" for s in ("val", "test") for c in BOTH], "look like splits, not like classes"),
        ([f"{s}/{c}" for s in ("train", "train2", "test") for c in BOTH], "both train/ and train2"),
        ([f"{s}/{c}" for s in ("train", "test", "extra") for c in BOTH], "and also extra"),
        ([f"fold{n}/{c}" for n in range(5) for c in BOTH], "cross-validation"),
        (["train/images", "valid/images"], "boxes or masks, such as YOLO's: train/images/"),
        (["train/images", "train/labels", "test/images", "test/labels"], "such as YOLO's"),
        (["images/train", "images/val", "labels/train", "labels/val"], "such as YOLO's: images/"),
        (["images/train", "images/val"], "holds only images/, and that holds splits"),
        (["dataset/train/cat", "dataset/test/cat"], "holds only dataset/, and that holds splits"),
        (["train", "test"], "without class folders"),
        (["train/cat", "train/dog", "cat"], "train/, which looks like a split"),
    ],
)
def test_what_is_neither_splits_nor_classes_is_refused(make_folder, folders, message):
    root = make_folder(dict.fromkeys(folders, 4))
    with pytest.raises(BadData, match=message):
        open_folder(str(root))


def test_one_folder_beside_a_table_is_no_class(make_folder):
    root = make_folder({"images": 8})
    (root / "labels.csv").write_text("file,kind\n000.png,cat\n")
    with pytest.raises(BadData, match=r"line 2, column 'kind': 'cat' is not a .*number") as caught:
        open_folder(str(root))
    assert "names of classes are not read from tables" in str(caught.value.why)
    assert "sort the files into a folder per class" in str(caught.value.fix)


def test_folders_of_systems_are_left_out_and_told(make_folder):
    root = make_folder({"cat": 8, "dog": 8})
    for name in ("__MACOSX/cat", "@eaDir", "$RECYCLE.BIN", ".ipynb_checkpoints", "cat/@eaDir"):
        (root / name).mkdir(parents=True)
        (root / name / "._000.png").write_bytes(b"\0\5\26\7" * 20)
        shutil.copy(root / "cat" / "000.png", root / name / "thumb.png")
    dataset = open_folder(str(root))
    assert dataset.classes == ("cat", "dog")
    assert sum(map(sum, sizes(dataset).values())) == 16
    told = "\n".join(dataset.notes)
    for name in ("__MACOSX", "@eaDir", "$RECYCLE.BIN", "cat/@eaDir"):
        assert f"{name} (made by a system, not by you)" in told
    assert ".ipynb_checkpoints (hidden)" in told


def test_composed_and_decomposed_letters_are_one_name(make_folder):
    one, two = (unicodedata.normalize(form, "café") for form in ("NFC", "NFD"))
    root = make_folder({f"train/{one}": 9, f"test/{two}": 4, "train/tea": 9, "test/tea": 4})
    assert open_folder(str(root)).classes == (one, "tea")
    root = make_folder({one: 10, two: 10, "tea": 10}, name="mixed")
    dataset = open_folder(str(root))
    assert dataset.classes == (one, "tea")
    assert sizes(dataset) == {"train": [14, 7], "validation": [3, 1], "test": [3, 2]}
    assert f"two folders spell one name, and are one class: {one}" in dataset.notes


def test_names_that_look_alike_are_told(make_folder):
    dataset = open_folder(str(make_folder({"Cat": 5, "cat ": 5, "dog": 5})))
    assert dataset.classes == ("Cat", "cat ", "dog")
    assert "different classes whose names look alike: 'Cat', 'cat '" in dataset.notes
    assert lookalike_notes(["Walk", "walk", "run"], "tags") == [
        "different tags whose names look alike: 'Walk', 'walk'"
    ]


def test_texts_know_splits_too(tmp_path):
    for split, count in (("Training", 6), ("Testing", 4)):
        for label in ("good", "bad"):
            folder = tmp_path / split / label
            folder.mkdir(parents=True)
            for n in range(count):
                (folder / f"{n}.txt").write_text(f"{split} {label} {n}")
    dataset = open_text(str(tmp_path))
    assert dataset.classes == ("bad", "good")
    assert len(dataset.splits["test"]) == 8


def test_pictures_of_phones_are_read_or_named(make_folder, monkeypatch, tmp_path):
    heif = pytest.importorskip("pillow_heif")
    from PIL import Image

    root = make_folder({"cat": 4, "dog": 4})
    heif.register_heif_opener()
    for path in sorted(root.glob("cat/*.png")):
        Image.open(path).resize((64, 64)).save(path.with_suffix(".heic"))
        path.unlink()
    assert sum(map(sum, sizes(open_folder(str(root))).values())) == 8
    from zoo.data.readers import image_files

    without = image_files.suffixes() - {".heic", ".heif", ".hif"}
    monkeypatch.setattr(image_files, "suffixes", lambda: without)
    with pytest.raises(BadData, match="the class folder cat holds no images") as caught:
        open_folder(str(root))
    assert "4 .heic pictures are not read" in str(caught.value.why)
    assert 'pip install "edgezoo[heic]"' in str(caught.value.why)


def test_a_folder_with_a_question_mark(make_folder):
    root = make_folder({"cat": 4, "dog": 4}, name="what?group=x")
    assert len(zoo.open_dataset(f"folder:{root}").classes) == 2
    assert isinstance(root, Path)


def test_the_first_name_of_a_split_counts() -> None:
    assert split_of_any(["pictures", "val2017", "train"]) == "validation"
    assert split_of("eval") == "?"
    assert split_of_any(["cats", "eval", "train"]) == "validation"
    assert split_of_any(["cats", "images"]) is None

"""Arrays from files that anybody may have made."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

import zoo
from zoo.common.errors import BadData, BadFile, UnknownName, UsageError
from zoo.data.npz import fingerprint, open_npz

RANDOM = np.random.default_rng(0)


def images(count: int, *shape: int) -> np.ndarray:
    return RANDOM.integers(0, 256, (count, *(shape or (4, 3))), dtype=np.uint8)


@pytest.fixture
def save(tmp_path):
    def write(**arrays: object) -> str:
        path = tmp_path / "data.npz"
        np.savez_compressed(path, **arrays)
        return str(path)

    return write


def labels(count: int, classes: int = 2) -> np.ndarray:
    return np.arange(count) % classes


def test_x_and_y_are_split_by_content(save):
    x = images(40)
    dataset = open_npz(save(x=x, y=labels(40)))
    assert dataset.classes == ("0", "1")
    found = {}
    for split in dataset.splits.values():
        for i in range(len(split)):
            assert split.read(i).shape == (4, 3, 1)
            found[split.read(i).tobytes()] = int(split.labels[i])
    assert found == {image.tobytes(): i % 2 for i, image in enumerate(x)}


def test_given_splits_keep_their_order(save):
    arrays = {}
    for name, count in (("train", 9), ("validation", 4), ("test", 6)):
        arrays |= {f"x_{name}": images(count, 5, 5, 3), f"y_{name}": labels(count)[:, None]}
    dataset = open_npz(save(**arrays, classes=np.array(["cat", "dog"]), extra=np.zeros(3)))
    assert dataset.classes == ("cat", "dog")
    assert dataset.notes == ("not used: extra",)
    for name, split in dataset.splits.items():
        assert split.labels.tolist() == arrays[f"y_{name}"][:, 0].tolist()
        assert np.array_equal(split.read(3), arrays[f"x_{name}"][3])


def test_validation_is_taken_from_train_when_absent(save):
    dataset = open_npz(
        save(x_train=images(40), y_train=labels(40), x_test=images(5), y_test=labels(5))
    )
    assert len(dataset.splits["train"]) + len(dataset.splits["validation"]) == 40
    assert len(dataset.splits["test"]) == 5
    assert "15 % of x_train" in dataset.notes[0]


def test_validation_serves_as_test_where_there_is_none(save):
    held_out = images(5)
    dataset = open_npz(
        save(x_train=images(40), y_train=labels(40), x_validation=held_out, y_validation=labels(5))
    )
    assert np.array_equal(dataset.splits["test"].read(3)[..., 0], held_out[3])
    assert len(dataset.splits["train"]) + len(dataset.splits["validation"]) == 40
    assert dataset.notes[:2] == (
        "x_validation serves as test, since there is no x_test",
        "15 % of x_train serve as validation, since no other array does",
    )


def test_hash_and_fingerprint_change_with_content(save):
    x = images(20)
    path = save(x=x, y=labels(20))
    first, mark = open_npz(path).content_hash, fingerprint(path)
    assert open_npz(path).content_hash == first
    x[3] = 0
    save(x=x, y=labels(20))
    os.utime(path, ns=(1, 1))
    assert open_npz(path).content_hash != first
    changed = fingerprint(path)
    assert changed != mark
    x[3] = 1
    save(x=x, y=labels(20))
    os.utime(path, ns=(1, 1))
    assert fingerprint(path) != changed, "of one size and time"


# --- how values become bytes -------------------------------------------------------------------

LEVELS = np.array([0, 1, 127, 128, 254, 255], np.uint8)


def opened_levels(save, stored: np.ndarray) -> list[int]:
    x = np.zeros((12, 1, 6), stored.dtype)
    x[:, 0, :] = stored
    # Twelve different pictures: the first pixel tells them apart.
    x[:, 0, 0] = stored[1] * np.arange(12).astype(stored.dtype)
    split = open_npz(save(x=x, y=labels(12))).splits["train"]
    return split.read(0)[0, 1:, 0].tolist()


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.uint16, np.float32, np.float64])
def test_values_of_0_to_255(save, dtype):
    assert opened_levels(save, LEVELS.astype(dtype)) == LEVELS[1:].tolist()


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_fractions_of_0_to_1(save, dtype):
    assert opened_levels(save, (LEVELS / 255).astype(dtype)) == LEVELS[1:].tolist()


def test_the_range_is_decided_over_all_splits(save):
    train = images(10).astype(np.float32)
    train[0, 0, 0] = 255
    dark = np.ones((2, 4, 3), np.float32)
    dark[1] = 0
    data = save(x_train=train, y_train=labels(10), x_test=dark, y_test=labels(2))
    assert open_npz(data).splits["test"].read(0).max() == 1


# --- clear errors ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x": np.full((6, 4, 3), np.nan)}, r"x holds nan at index \(0, 0, 0, 0\)"),
        ({"x": np.where(np.arange(72).reshape(6, 4, 3) == 50, np.inf, 0.5)}, r"\(4, 0, 2, 0\)"),
        ({"x": np.full((6, 4, 3), -0.5)}, "values from -0.5 to -0.5"),
        ({"x": np.full((6, 4, 3), 256)}, "values from 256 to 256"),
        ({"x": np.full((6, 4, 3), 1.5)}, "neither 0 to 1 nor 0 to 255"),
        ({"x": np.zeros((6, 4, 3), bool)}, "x is of type bool"),
        ({"x": np.zeros((6, 4, 3), complex)}, "x is of type complex128"),
        ({"x": np.zeros((6, 3, 4, 5), np.uint8)}, r"x has shape \(6, 3, 4, 5\)"),
        ({"x": np.zeros((6, 4), np.uint8)}, r"x has shape \(6, 4\)"),
        ({"x": np.zeros((0, 4, 3), np.uint8)}, r"x has shape \(0, 4, 3\)"),
        ({"y": np.arange(5)}, "y has 5 labels for 6 examples"),
        ({"y": np.zeros((6, 2))}, "'label 0' is 0 in each training example"),
        ({"y": np.arange(6) / 1.0}, "y is of type float64"),
        ({"y": np.array(list("abcdef"))}, "y is of type <U1"),
        ({"y": np.array([0, 1, 0, -1, 0, 1])}, "y holds -1 at index 3"),
        ({"y": np.array([0, 1, 0, 2**63, 0, 1], np.uint64)}, "at index 3"),
        ({"y": np.array([0, 1, 0, 2**30, 0, 1])}, "class 2 has no examples"),
        ({"y": np.array([0, 2, 0, 2, 0, 2])}, "class 1 has no examples"),
        ({"classes": np.array(["cat", "dog", "cow"])}, "class 2 has no examples"),
        ({"classes": np.array(["cat"])}, "y holds 1 at index 1"),
        ({"classes": np.array(["cat", "cat"])}, "'cat' is no usable class name"),
        ({"classes": np.array(["cat", "d\x1bg"])}, "is no usable class name"),
        ({"classes": np.array([1, 2])}, "classes is of type int64"),
        ({"x_train": images(6)}, "x_train is not known"),
    ],
)
def test_impossible_arrays(save, change, message):
    arrays = {"x": images(6), "y": labels(6)} | change
    with pytest.raises(BadData, match=message):
        open_npz(save(**arrays))


def test_names_of_arrays(save):
    with pytest.raises(BadData, match="y_test is missing, x_vaildation is not known"):
        open_npz(
            save(x_train=images(6), y_train=labels(6), x_test=images(6), x_vaildation=images(6))
        )
    with pytest.raises(BadData, match="x_train is missing") as caught:
        open_npz(save(pictures=images(6)))
    assert "npz:PATH?kind=tensors" in (caught.value.fix or "")
    with pytest.raises(BadData, match="x is missing") as caught:
        open_npz(save(picture=images(6), place=labels(6), y=labels(6)))
    assert "several inputs" in (caught.value.fix or "")
    with pytest.raises(BadData, match="x is missing") as caught:
        open_npz(save(pictures=images(6), y=labels(6), classes=np.array(["a", "b"])))
    assert "several inputs" not in (caught.value.fix or "")


def test_a_table_is_told_what_takes_rows(save):
    with pytest.raises(BadData, match=r"x has shape \(6, 10\)") as caught:
        open_npz(save(x=np.ones((6, 10)), y=labels(6)))
    assert "rows of a table and time series: npz:PATH?kind=series" in str(caught.value.fix)


def test_a_class_without_training_examples(save):
    data = save(x_train=images(9), y_train=labels(9), x_test=images(3), y_test=np.array([0, 1, 2]))
    with pytest.raises(BadData, match="class 2 has no training examples"):
        open_npz(data)


def test_an_image_in_two_splits_is_refused(save):
    x = images(9)
    with pytest.raises(BadData, match=r"x_train\[4\] = x_test\[1\]"):
        zoo.open_dataset(
            "npz:" + save(x_train=x, y_train=labels(9), x_test=x[3:6], y_test=labels(3))
        )


@pytest.mark.parametrize("argument", [None, "", "/no/such.npz", "/"])
def test_no_file(argument):
    for function in (open_npz, fingerprint):
        with pytest.raises(UsageError, match=r"npz needs a path|there is no file|is a folder"):
            function(argument)


# --- series ------------------------------------------------------------------------------------


def series(count: int, *shape: int) -> np.ndarray:
    return RANDOM.normal(0, 1e6, (count, *(shape or (7, 2))))


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16, np.int16, np.uint8])
def test_series_of_any_numbers(save, dtype):
    x = (series(40) / 1e5).astype(dtype)
    x[:, 0, 0] = np.arange(40)
    dataset = open_npz(save(x=x, y=labels(40)) + "?kind=series")
    found = {}
    for split in dataset.splits.values():
        for i in range(len(split)):
            window = split.read(i)
            assert window.dtype == np.float32
            assert window.shape == (7, 2)
            found[int(window[0, 0])] = (window.tolist(), int(split.labels[i]))
    assert found == {i: (x[i].astype(np.float32).tolist(), i % 2) for i in range(40)}


def test_series_of_one_channel_and_given_splits(save):
    arrays = {f"x_{name}": series(12, 5) for name in ("train", "test")}
    arrays |= {f"y_{name}": labels(12) for name in ("train", "test")}
    dataset = open_npz(save(**arrays) + "?kind=series")
    assert dataset.splits["test"].read(3).shape == (5, 1)
    np.testing.assert_array_equal(
        dataset.splits["test"].read(3)[:, 0], arrays["x_test"][3].astype(np.float32)
    )
    assert "15 % of x_train" in dataset.notes[0]


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.where(np.arange(84).reshape(6, 7, 2) == 33, np.nan, 0.5), r"nan at index \(2, 2, 1\)"),
        (np.where(np.arange(42).reshape(6, 7) == 33, np.inf, 0.5), r"inf at index \(4, 5\)"),
        (np.full((6, 7, 2), 1e39), r"x holds 1e\+39 at index \(0, 0, 0\)"),
        (np.zeros((6, 7, 2, 1)), r"x has shape \(6, 7, 2, 1\)"),
        (np.zeros(6), r"x has shape \(6,\)"),
        (np.zeros((6, 0, 2)), r"x has shape \(6, 0, 2\)"),
        (np.zeros((6, 7, 2), bool), "x is of type bool"),
        (np.zeros((6, 7, 2), complex), "x is of type complex128"),
    ],
)
def test_impossible_series(save, x, message):
    with pytest.raises(BadData, match=message):
        open_npz(save(x=x, y=labels(6)) + "?kind=series")


def test_series_of_other_lengths_in_another_split(save):
    data = save(x_train=series(9), y_train=labels(9), x_test=series(4, 8, 2), y_test=labels(4))
    with pytest.raises(BadData, match=r"differ: x_train \(7, 2\), x_test \(8, 2\)"):
        open_npz(data + "?kind=series")


def test_series_that_are_taken_for_images_are_told_how(save):
    for x in (series(6), series(6, 20, 6, 2)):
        with pytest.raises(BadData) as caught:
            open_npz(save(x=x, y=labels(6)))
        assert "?kind=series" in caught.value.fix


def test_wrong_options(save):
    path = save(x=images(6), y=labels(6))
    with pytest.raises(UnknownName, match="unknown kind of npz 'serie'") as caught:
        open_npz(path + "?kind=serie")
    assert caught.value.suggestions == ["series"]
    with pytest.raises(UnknownName, match="unknown option of npz 'knd'"):
        open_npz(path + "?knd=series")


# --- hostile -----------------------------------------------------------------------------------


class Bomb:
    """Unpickling it writes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.path,))


def test_pickled_objects_are_never_loaded(save, tmp_path):
    mark = tmp_path / "ran"
    for key in ("x", "y", "classes", "other"):
        arrays = {"x": images(6), "y": labels(6), key: np.array([Bomb(mark)] * 6, dtype=object)}
        with pytest.raises(BadData, match=f"the array '{key}'"):
            open_npz(save(**arrays))
    path = tmp_path / "plain.npz"
    path.write_bytes(pickle.dumps(Bomb(mark)))
    with pytest.raises(BadFile, match=r"not an \.npz file"):
        open_npz(str(path))
    assert not mark.exists()


def test_truncated_or_foreign_files(save, tmp_path):
    whole = Path(save(x=images(50), y=labels(50))).read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 3] ^= 0xFF
    single = io.BytesIO()
    np.save(single, images(6))
    for data in (whole[:-30], whole[: len(whole) // 2], bytes(flipped), single.getvalue(), b""):
        path = tmp_path / "bad.npz"
        path.write_bytes(data)
        with pytest.raises(BadFile, match=r"truncated or not an \.npz file"):
            open_npz(str(path))


def test_members_that_lie_about_their_size(save, tmp_path):
    path = Path(save(y=labels(6)))
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "|u1", "fortran_order": False, "shape": (1 << 45, 8, 8)}
    )
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("x.npy", header.getvalue() + b"0" * 100)
    with pytest.raises(BadData, match="the array 'x'"):
        open_npz(str(path))


def test_more_than_fits_in_memory(save, monkeypatch):
    path = save(x=images(50), y=labels(50))
    monkeypatch.setattr("psutil.virtual_memory", lambda: type("M", (), {"available": 100})())
    with pytest.raises(BadFile, match="unpacks to"):
        open_npz(path)


def test_members_that_are_no_arrays(save):
    path = save(x=images(6), y=labels(6))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(BadFile, match="not an array"):
        open_npz(path)

"""Arrays with a slip in them, and labels that are no classes: each is told what it is."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from zoo.common.errors import BadData
from zoo.contracts.dataset import Dataset
from zoo.data.npz import open_npz

X = np.random.default_rng(0).integers(0, 256, (90, 8, 8, 1)).astype(np.uint8)
Y = np.arange(90) % 3


@pytest.fixture
def opened(tmp_path):
    def make(kind: str = "", **arrays: np.ndarray) -> Dataset:
        path = Path(tmp_path) / "a.npz"
        np.savez(path, **arrays)
        return open_npz(f"{path}{kind}")

    return make


@pytest.mark.parametrize("train", [255.0, 1.0])
def test_splits_scaled_differently_are_refused(opened, train):
    x = X.astype(np.float32) / 255
    with pytest.raises(BadData, match=r"holds fractions up to 1, x_.* values up to 255"):
        opened(x_train=x[:60] * train, y_train=Y[:60], x_test=x[60:] * 255 / train, y_test=Y[60:])


def test_black_bytes_are_told(opened):
    dark = opened(x=(X > 127).astype(np.uint8), y=Y).notes
    assert any("only the values 0 and 1 of 255" in note for note in dark)
    assert not any("0 and 1" in note for note in opened(x=X, y=Y).notes)
    assert not any("0 and 1" in n for n in opened(x=(X > 127).astype(np.float32), y=Y).notes)


def test_series_scaled_differently_are_told(opened):
    x = np.random.default_rng(1).normal(20, 5, (90, 10, 2)).astype(np.float32)
    test = (x[60:] - [20, 0]) / [5, 1]
    arrays = {"x_train": x[:60], "y_train": Y[:60], "y_test": Y[60:]}
    notes = opened("?kind=series", **arrays, x_test=test).notes
    (told,) = [note for note in notes if "were they scaled alike" in note]
    assert told.startswith("channel 0 of x_test")
    notes = opened("?kind=series", **arrays, x_test=x[60:] * 1.3).notes
    assert not any("scaled alike" in note for note in notes)


def test_what_float32_cannot_hold_is_told(opened):
    """Its steps at 1e9 are 64: what is smaller there is gone before anything is normalized."""
    x = np.random.default_rng(1).normal(0, 5, (90, 10, 2))
    second = np.array([0, 1])
    notes = opened("?kind=series", x=x + 1e9 * second, y=Y).notes
    (told,) = [note for note in notes if "float32" in note]
    assert re.match(r"channel 1 of x is 1e\+09 ± 5\.\d+, .*steps of 64", told)
    with pytest.raises(BadData, match=r"channel 0 of x is 1e\+09 ± 5, .*steps of 64"):
        opened("?kind=series", x=x + 1e9, y=Y)
    kept = (x + 1e6 * second, 0.1 + x * 1e-17**second, (x * 100).astype(np.int64))
    for harmless in kept:
        assert not any("float32" in n for n in opened("?kind=series", x=harmless, y=Y).notes)


@pytest.mark.parametrize(
    ("y", "why", "fix"),
    [
        (np.eye(3)[Y], "one-hot rows", "numpy.argmax"),
        (np.eye(3)[Y], "one-hot rows", "npz:PATH?task=multi-label"),
        (np.tile([0.2, 0.3, 0.5], (90, 1)), "probabilities of classes", "the likeliest alone"),
        (np.tile([3, 5], (90, 1)), "whole numbers, several each", "npz:PATH?task=regression"),
        (np.array(["cat", "dog", "owl"])[Y], "these are words, such as 'cat'", "numpy.unique(y,"),
        (np.array([b"cat", b"dog", b"owl"])[Y], "these are words", "numpy.unique(y.astype(str)"),
        (Y.astype(np.float32), "the index of the class", "astype(numpy.int64)"),
        (Y.astype(np.float32), "the index of the class", "npz:PATH?task=regression"),
        (Y > 0, "the index of the class", "astype(numpy.int64)"),
    ],
)
def test_labels_of_other_kinds_get_the_right_advice(opened, y, why, fix):
    with pytest.raises(BadData) as caught:
        opened(x=X, y=y)
    assert why in str(caught.value.why)
    assert fix in str(caught.value.fix)
    throws_away = "argmax" in fix or "int64" in fix or "likeliest" in fix
    assert throws_away or not {"argmax", "int64"} & set(str(caught.value.fix).split())


def test_the_advice_for_words_works(opened):
    classes, y = np.unique(np.array(["cat", "dog", "owl"])[Y], return_inverse=True)
    assert opened(x=X, y=y, classes=classes).classes == ("cat", "dog", "owl")

"""Real targets and several labels in arrays: their form, their splits, what is wrong of them."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from zoo.common.errors import BadData, UnknownName
from zoo.data.npz import open_npz, tasks_of
from zoo.data.summary import summarize

RANDOM = np.random.default_rng(0)
X = RANDOM.integers(0, 256, (240, 6, 6)).astype(np.uint8)
REAL = RANDOM.gamma(2.0, 9.0, 240)
MARKS = np.stack([REAL > 20, REAL < 3, np.arange(240) % 2 == 0], 1).astype(np.uint8)


@pytest.fixture
def saved(tmp_path):
    def save(options: str = "", **arrays: np.ndarray) -> str:
        path = Path(tmp_path) / "a.npz"
        np.savez(path, **{"x": X, **arrays})
        return f"{path}{options}"

    return save


@pytest.mark.parametrize(
    ("y", "options", "task", "names"),
    [
        (REAL, "", "regression", ("target",)),
        (REAL[:, None], "", "regression", ("target",)),
        (np.stack([REAL, -REAL], 1), "", "regression", ("target 0", "target 1")),
        (np.arange(240) // 3, "?task=regression", "regression", ("target",)),
        (MARKS, "", "multi-label", ("label 0", "label 1", "label 2")),
        (MARKS.astype(bool), "", "multi-label", ("label 0", "label 1", "label 2")),
        (MARKS.astype(float), "", "multi-label", ("label 0", "label 1", "label 2")),
        (MARKS[:, :1], "?task=multi-label", "multi-label", ("label",)),
        (np.eye(3)[np.arange(240) % 3], "?task=multi-label", "multi-label", None),
        (np.arange(240) % 3, "", "image-classification", ("0", "1", "2")),
        (np.arange(240) % 3, "?kind=series", "sequence-classification", ("0", "1", "2")),
    ],
)
def test_the_form_of_labels_says_the_task(saved, y, options, task, names):
    path = saved(options, y=y)
    assert tasks_of(path)[0] == task
    dataset = open_npz(path)
    assert names is None or dataset.classes == names
    kind = "int64" if "classification" in task else "float32"
    for split in dataset.splits.values():
        assert str(split.labels.dtype) == kind
        assert split.labels.ndim == (1 if kind == "int64" else 2)


def test_targets_are_split_alike_and_read_back(saved):
    dataset = open_npz(saved(y=REAL, targets=np.array(["weight"])))
    assert dataset.classes == ("weight",)
    truth = {X[i].tobytes(): np.float32(REAL[i]) for i in range(240)}
    for split in dataset.splits.values():
        for index in range(len(split)):
            assert split.labels[index, 0] == truth[split.read(index)[..., 0].tobytes()]
        # Quantiles are shared out: no split lies at one end.
        assert abs(np.median(split.labels) - np.median(REAL)) < 4
        assert 0.1 < (split.labels > np.quantile(REAL, 0.75)).mean() < 0.4
    low, mean, high = summarize(dataset).ranges["train"]["weight"]
    assert low < mean < high
    again = open_npz(saved(y=REAL * 2, targets=np.array(["weight"])))
    assert again.content_hash != dataset.content_hash


def test_targets_that_hardly_vary_beside_their_size_are_told(saved):
    assert not open_npz(saved(y=REAL)).notes[1:]
    (told,) = [n for n in open_npz(saved(y=REAL / 10 + 2000.5)).notes if "varies by" in n]
    assert "around 2002" in told or "around 2001" in told or "around 2000" in told


def test_each_label_is_in_each_split(saved):
    rare = MARKS.copy()
    rare[:, 1] = 0
    rare[:12, 1] = 1
    dataset = open_npz(saved(y=rare, labels=np.array(["large", "small", "even"])))
    assert dataset.classes == ("large", "small", "even")
    for name, split in dataset.splits.items():
        assert (split.labels.sum(axis=0) > 0).all(), name
        assert summarize(dataset).labels[name]["small"] == split.labels[:, 1].sum()
    assert not summarize(dataset).ranges


def test_a_label_without_examples_in_a_split_is_told(tmp_path):
    rare = MARKS.copy()
    rare[200:, 1] = 0
    path = tmp_path / "a.npz"
    np.savez(path, x_train=X[:200], y_train=rare[:200], x_test=X[200:], y_test=rare[200:])
    assert "test has no example of 'label 1'" in open_npz(str(path)).notes


def test_a_test_split_with_one_label_each_by_chance_is_no_other_task(tmp_path):
    one = MARKS.sum(axis=1) == 1
    path = tmp_path / "a.npz"
    np.savez(path, x_train=X[~one], y_train=MARKS[~one], x_test=X[one], y_test=MARKS[one])
    assert tasks_of(str(path)) == ("multi-label",)
    assert open_npz(str(path)).classes == ("label 0", "label 1", "label 2")


@pytest.mark.parametrize(
    ("options", "arrays", "error", "told"),
    [
        ("", {"y": np.where(np.arange(240) == 5, np.nan, REAL)}, BadData, r"holds nan at .*5, 0"),
        ("?task=regression", {"y": REAL * 1e300}, BadData, "float32"),
        ("", {"y": REAL[:9]}, BadData, "9 labels for 240 examples"),
        ("", {"y": REAL, "targets": np.array(["a", "b"])}, BadData, "names 2 targets, and .* 1"),
        (
            "",
            {"y": MARKS, "labels": np.array(["a", "a", "b"])},
            BadData,
            "'a' is no usable label name",
        ),
        ("", {"y": REAL, "targets": np.array([b"a"])}, BadData, r"of type \|S1 and shape \(1,\)"),
        ("", {"y": REAL, "targets": np.array("a")}, BadData, r"targets is of .* and shape \(\)"),
        ("", {"y": np.arange(1000, 1240) * 3}, BadData, "task=regression"),
        ("", {"y": np.arange(240) - 9}, BadData, "task=regression"),
        ("?task=multi-label", {"y": REAL}, BadData, "a label is true, 1, or not, 0"),
        ("", {"y": MARKS * [[1, 0, 1]]}, BadData, "'label 1' is 0 in each training example"),
        ("?task=regression", {"y": np.ones(240)}, BadData, "'target' is 1 in each"),
        ("?task=regresion", {"y": REAL}, UnknownName, "did you mean 'regression'|regression"),
    ],
)
def test_what_cannot_be_learnt_is_refused(saved, options, arrays, error, told):
    with pytest.raises(error) as caught:
        open_npz(saved(options, **arrays))
    assert re.search(told, f"{caught.value} {caught.value.fix}")


def test_splits_with_other_columns_are_refused(tmp_path):
    path = tmp_path / "a.npz"
    two = np.stack([REAL, REAL + 0.5], 1)
    np.savez(path, x_train=X[:200], y_train=two[:200], x_test=X[200:], y_test=two[200:, :1])
    with pytest.raises(BadData, match="columns differ: y_train has 2, y_test has 1"):
        open_npz(str(path))

"""Data for anomaly detection: training is normal, and what is wrong with a dataset is said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from zoo.common.errors import BadData, UnknownName, UsageError, ZooError
from zoo.contracts import Dataset
from zoo.data import aeon_anomalies
from zoo.data.opening import check_task, open_dataset, tasks_of
from zoo.registry import load_registry

RANDOM = np.random.default_rng(0)
TASK = ("anomaly-detection",)


def counts(dataset: Dataset) -> dict[str, tuple[int, int]]:
    """Normal examples and anomalies of each split."""
    return {
        name: (int((split.labels == 0).sum()), int((split.labels == 1).sum()))
        for name, split in dataset.splits.items()
    }


def opened(name: str) -> Dataset:
    return open_dataset(load_registry(), name)


@pytest.fixture
def pictures(tmp_path: Path) -> Callable[..., str]:
    from PIL import Image

    def write(**folders: int) -> str:
        for folder, count in folders.items():
            place = tmp_path / "set" / folder.replace("__", "/")
            place.mkdir(parents=True)
            for number in range(count):
                pixels = RANDOM.integers(0, 256, (6, 6), dtype=np.uint8)
                Image.fromarray(pixels).save(place / f"{number}.png")
        return f"folder:{tmp_path}/set"

    return write


def test_one_class_folder_is_normal_and_the_others_are_anomalies(pictures) -> None:
    data = pictures(good=40, scratch=10, dent=10)
    assert tasks_of(load_registry(), f"{data}?normal=good") == TASK
    found = opened(f"{data}?normal=good")
    assert found.classes == ("normal", "anomaly")
    every = counts(found)
    assert every["train"][1] == 0
    assert [sum(of[n] for of in every.values()) for n in range(2)] == [40, 20]
    assert min(every["validation"] + every["test"]) >= 5
    names = [name for split in found.splits.values() for name in split.names]
    assert len(set(names)) == 60
    assert "normal: good; anomalies: dent, scratch" in found.notes


def test_folders_for_splits_may_have_kinds_of_their_own(pictures) -> None:
    found = opened(f"{pictures(train__good=20, test__good=8, test__dent=8)}?normal=good")
    assert counts(found)["test"] == (8, 8)
    assert counts(found)["validation"][1] == 0
    assert any("validation has no anomaly" in note for note in found.notes)


def test_odd_examples_in_training_are_told_by_file_and_many_stop(pictures) -> None:
    data = pictures(train__good=120, train__dent=1, test__good=8, test__dent=8)
    found = opened(f"{data}?normal=good")
    assert counts(found)["train"][1] == 0
    assert any(
        "1 training examples not of the normal class" in n and "train/dent/0.png" in n
        for n in found.notes
    )


def test_more_than_one_in_a_hundred_odd_ones_stop(pictures) -> None:
    data = pictures(train__good=60, train__dent=2, test__good=8, test__dent=8)
    with pytest.raises(BadData, match="2 of 62 training examples") as told:
        opened(f"{data}?normal=good")
    assert "train/dent/1.png" in told.value.what
    assert told.value.fix == "move them to validation or test"


@pytest.mark.parametrize(
    ("folders", "option", "what"),
    [
        ({"good": 9, "dent": 9}, "normal=god", "unknown class 'god'"),
        ({"good": 9}, "normal=good", "all examples are normal"),
        ({"train__good": 20, "test__good": 5}, "normal=good", "all examples are normal"),
        (
            {"train__good": 20, "validation__good": 5, "validation__dent": 5, "test__good": 5},
            "normal=good",
            "test has no anomaly, so no area under a ROC curve",
        ),
        (
            {"train__good": 20, "test__dent": 5},
            "normal=good",
            "test has no normal example, so no area under a ROC curve",
        ),
        ({"good": 9, "dent": 9}, "normal=good&group=folder", "group= and normal= cannot be given"),
    ],
)
def test_what_cannot_be_measured_is_refused(pictures, folders, option, what) -> None:
    with pytest.raises(ZooError, match=what) as told:
        opened(f"{pictures(**folders)}?{option}")
    assert told.value.fix


def test_data_that_lack_the_normal_class_are_told_what_to_write(pictures) -> None:
    data = pictures(good=9, dent=9)
    with pytest.raises(UsageError) as told:
        check_task(load_registry(), data, *TASK, "autoencoder_conv")
    assert told.value.fix == f"for this task, write {data}?normal=CLASS"


@pytest.mark.parametrize("kind", ["images", "series"])
def test_arrays(tmp_path: Path, kind: str) -> None:
    x = RANDOM.integers(0, 256, (90, 5, 3)).astype(np.uint8)
    np.savez(tmp_path / "a.npz", x=x, y=np.arange(90) % 3, classes=np.array(["a", "b", "c"]))
    data = f"npz:{tmp_path}/a.npz?normal=b&kind={kind}"
    assert tasks_of(load_registry(), data) == TASK
    every = counts(opened(data))
    assert every["train"][1] == 0
    assert [sum(of[n] for of in every.values()) for n in range(2)] == [30, 60]
    with pytest.raises(UnknownName, match="'d'"):
        opened(f"npz:{tmp_path}/a.npz?normal=d")
    np.savez(
        tmp_path / "b.npz", x_train=x, y_train=np.arange(90) % 2, x_test=x, y_test=np.arange(90) % 2
    )
    with pytest.raises(BadData, match=r"45 of 90 training examples.*x_train\[1\]"):
        opened(f"npz:{tmp_path}/b.npz?normal=0&kind={kind}")
    half = {"x_test": x[45:], "y_test": np.arange(45) % 2}
    np.savez(tmp_path / "c.npz", x_train=x[:45], y_train=np.zeros(45, int), **half)
    every = counts(opened(f"npz:{tmp_path}/c.npz?normal=0&kind={kind}"))
    assert every["test"] == (23, 22)
    assert every["train"][1] == every["validation"][1] == 0


def series(rows: int = 900, stretches: tuple[int, ...] = (200, 500, 800)) -> np.ndarray:
    """Two noisy channels and whether a row is anomalous: 20 rows from each of these on."""
    table = RANDOM.normal(size=(rows, 3))
    table[:, 2] = 0
    for start in stretches:
        table[start : start + 20, 2] = 1
    return table


def written(path: Path, table: np.ndarray, header: str = "a,b,odd") -> str:
    np.savetxt(path, table, "%.6f", ",", header=header, comments="")
    path.write_text(path.read_text().replace(".000000\n", "\n"))
    return f"csv:{path}"


def test_windows_of_one_split_share_no_row_with_another(tmp_path: Path) -> None:
    table = series()
    data = written(tmp_path / "s.csv", table)
    marked = opened(f"{data}?window=10&stride=3&label=odd&normal=0")
    listed = opened(
        written(tmp_path / "u.csv", table[:, :2], "a,b")
        + "?window=10&stride=3&anomalies=201-220,501-520,801-820"
    )
    every = counts(marked)
    assert every == counts(listed)
    assert every["train"][1] == 0
    assert every["validation"][1] > 0
    assert every["test"][1] > every["validation"][1]
    rows = {
        name: {float(v) for i in range(len(split)) for v in split.read(i)[:, 0]}
        for name, split in marked.splits.items()
    }
    assert not rows["train"] & rows["test"]
    assert not rows["train"] & rows["validation"]
    assert not rows["validation"] & rows["test"]
    odd = {float(np.float32(v)) for v in np.round(table[table[:, 2] == 1, 0], 6)}
    for split in marked.splits.values():
        for index, label in enumerate(split.labels.tolist()):
            assert label == bool(odd & {float(v) for v in split.read(index)[:, 0]})


@pytest.mark.parametrize(
    ("change", "options", "what"),
    [
        ({}, "window=5000&label=odd&normal=0", "no window of 5000 rows: s.csv .900 rows"),
        ({}, "window=10&label=odd&normal=2", "unknown class '2'"),
        ({}, "label=odd&normal=0", "number of rows that make an example is not given"),
        ({}, "window=10&anomalies=890-901", "s.csv has the rows 1 to 900"),
        ({}, "window=10&anomalies=9,x", "'x' in anomalies= is no range of rows"),
        ({}, "window=10&anomalies=5&normal=0", "both say which rows are anomalies"),
        (
            {"constant": True},
            "window=10&label=odd&normal=0",
            "s.csv: the channel 'b' never changes",
        ),
        ({"nan": True}, "window=10&label=odd&normal=0", "s.csv, line 52, column 'a': .* nan"),
        (
            {"stretches": ()},
            "window=10&label=odd&normal=0",
            "one class: 0.*why: how well a network separates",
        ),
        ({}, "window=10&anomalies=30-20", "ends before it begins.*fix: anomalies=20-30"),
        ({"constant": True}, "window=10&label=odd&normal=0", "fix: channels=a,"),
    ],
)
def test_series_that_cannot_be_used_are_named(tmp_path: Path, change, options, what) -> None:
    table = series(stretches=change.get("stretches", (200, 500, 800)))
    if change.get("constant"):
        table[:, 1] = 7.5
    if change.get("nan"):
        table[50, 0] = np.nan
    with pytest.raises(ZooError, match=f"(?s){what}"):
        opened(f"{written(tmp_path / 's.csv', table)}?{options}")


def test_a_training_file_with_its_test_file_behind_the_same_rows(tmp_path: Path) -> None:
    folder = tmp_path / "KDD"
    folder.mkdir()
    table = series(1200, (1000,))
    lines = [f"{n},{a:.5f},{int(odd)}" for n, (a, _, odd) in enumerate(table.tolist())]
    for name, rows in (("TRAIN", 500), ("TEST", 1200)):
        text = "\n".join(["timestamp,value,is_anomaly", *lines[:rows]]) + "\n"
        (folder / f"1_{name}.csv").write_text(text)
    (tmp_path / "Other").mkdir()
    (tmp_path / "Other/plain.csv").write_text("a,b\n1,2\n")
    assert [*aeon_anomalies.find_sets(tmp_path)] == ["KDD"]
    found = aeon_anomalies.open_series("KDD?window=20&stride=5", tmp_path)
    every = counts(found)
    assert every["train"] == (77, 0)  # of the first 400 rows
    assert every["validation"] == (17, 0)
    assert every["test"][1] == 7  # windows that reach the 20 rows, 5 rows apart
    assert sum(every["test"]) == 137  # of 700 rows, which are not those of training


def test_one_digit_is_normal_and_nine_are_anomalies() -> None:
    registry, whole = load_registry(), opened("digits")
    pictures, columns = opened("digits_one_class:3"), opened("digits_columns_one_class:3")
    assert (pictures.name, columns.name) == ("digits_one_class:3", "digits_columns_one_class:3")
    assert counts(pictures) == counts(columns)
    for name, split in pictures.splits.items():
        threes = whole.splits[name].labels == 3
        wanted = (int(threes.sum()), 0 if name == "train" else int((~threes).sum()))
        assert counts(pictures)[name] == wanted
        np.testing.assert_array_equal(columns.splits[name].read(4), split.read(4)[:, :, 0].T)
    (third,) = np.flatnonzero(whole.splits["test"].labels == 3)[2:3]
    assert pictures.splits["test"].labels[third] == 0
    np.testing.assert_array_equal(
        pictures.splits["test"].read(third), whole.splits["test"].read(third)
    )
    for name in ("digits_one_class", "digits_columns_one_class"):
        assert tasks_of(registry, f"{name}:3") == TASK
        prints = {registry.datasets.get(name).fingerprint(kind) for kind in "37"}
        assert len(prints) == 2
        with pytest.raises(UnknownName, match="'three'"):
            opened(f"{name}:three")
    assert len({pictures.content_hash, columns.content_hash, whole.content_hash}) == 3


def test_kinds_of_clothes() -> None:
    with pytest.raises(UnknownName, match="'trousers'") as told:
        opened("fashion_mnist_one_class:trousers")
    assert "trouser" in str(told.value.fix)

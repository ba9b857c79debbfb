"""Photographs in installed packages: found, read, and split by photograph."""

import importlib.util
import re
import subprocess
import sys

import numpy as np
import pytest

from zoo.common.errors import MissingExtra, UsageError
from zoo.contracts.dataset import SPLITS
from zoo.data.photographs import for_task, open_photographs, tasks_of
from zoo.data.readers.degradations import enlarged
from zoo.data.readers.photographs import (
    PHOTOGRAPHS,
    find_photograph,
    photographs,
    photographs_fingerprint,
    read_photograph,
)


def test_every_photograph_is_read_in_rgb() -> None:
    for one in PHOTOGRAPHS:
        pixels = read_photograph(one)
        assert (pixels.dtype, pixels.ndim, pixels.shape[-1]) == (np.uint8, 3, 3)
        assert min(pixels.shape[:2]) >= 300, one.name
        assert pixels.std() > 5, one.name


def test_splits_share_no_photograph() -> None:
    by_split = {name: {one.name for one in photographs(name)} for name in SPLITS}
    assert all(len(own) >= 3 for own in by_split.values())
    names = {one.name for one in PHOTOGRAPHS}
    assert sum(map(len, by_split.values())) == len(PHOTOGRAPHS) == len(names)
    # Each split has colours and grey.
    for name in SPLITS:
        spread = [np.ptp(read_photograph(one), axis=2).max() for one in photographs(name)]
        assert min(spread) == 0 < max(spread)


def test_the_fingerprint_follows_the_files() -> None:
    assert len(photographs_fingerprint()) == 64


def test_packages_are_not_imported() -> None:
    code = (
        "import sys; from zoo.data.readers.photographs import *; read_photograph(PHOTOGRAPHS[0]);"
        "photographs_fingerprint(); print({'skimage', 'sklearn'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


def test_a_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match="skimage"):
        find_photograph(PHOTOGRAPHS[0])


def test_patches_are_cut_alike_of_bad_and_good_pictures() -> None:
    dataset = open_photographs("?degrade=bicubic3")
    test = dataset.splits["test"]
    assert dataset.content_hash == open_photographs("?degrade=bicubic3").content_hash
    assert (test.labels.dtype, test.labels.shape[1:]) == (np.uint8, (96, 96, 3))
    assert test.read(0).shape == (32, 32, 3)
    for index in (0, len(test) // 2):
        wide = enlarged(test.read(index), 3).astype(float)
        assert np.abs(wide - test.labels[index]).mean() < 15, test.names[index]


def test_noise_is_the_same_every_time_and_as_large_as_it_says() -> None:
    first, again = (open_photographs("?degrade=noise25").splits["test"] for _ in range(2))
    assert all(np.array_equal(first.read(i), again.read(i)) for i in range(0, len(first), 20))
    inside = [i for i in range(len(first)) if 80 < first.labels[i].mean() < 170][:40]
    apart = np.concatenate([(first.read(i).astype(int) - first.labels[i]).ravel() for i in inside])
    assert apart.std() == pytest.approx(25, abs=1.5)
    assert abs(apart.mean()) < 1


def test_splits_share_no_photograph_and_small_patches_are_more() -> None:
    dataset = open_photographs("?degrade=jpeg20&patch=48")
    names = {
        name: {one.partition(" at ")[0] for one in split.names}
        for name, split in dataset.splits.items()
    }
    assert not names["train"] & names["test"]
    assert dataset.splits["test"].labels.shape[1] == 48
    assert len(set(dataset.splits["test"].identities or ())) == len(dataset.splits["test"])


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (None, "how the pictures of photographs become bad is not given"),
        ("?degrade=blur3", "degrade=blur3 is no degradation"),
        ("?degrade=bicubic9", "degrade=bicubic9 is out of range"),
        ("?degrade=noise0", "out of range"),
        ("?degrade=bicubic2&patch=33", "patch=33 is no side"),
        ("?degrade=bicubic2&patch=16", "patch=16 is no side"),
    ],
)
def test_degradations_that_there_are_not_are_told(typed: str | None, told: str) -> None:
    with pytest.raises(UsageError, match=re.escape(told)) as found:
        open_photographs(typed)
    assert found.value.fix


def test_pictures_to_compress_are_their_own_labels() -> None:
    assert for_task("", "image-compression") == "?task=image-compression"
    assert for_task("?patch=96", "image-compression") == "?patch=96&task=image-compression"
    for same in ("", "?degrade=jpeg20"):
        assert for_task(same, "image-enhancement") == same
    assert for_task("?degrade=jpeg20", "image-compression") == "?degrade=jpeg20"
    assert tasks_of("?degrade=jpeg20") == ("image-enhancement",)
    assert tasks_of("?task=image-compression") == ("image-compression",)
    dataset = open_photographs("?task=image-compression&patch=96")
    test = dataset.splits["test"]
    assert test.labels.shape[1:] == (96, 96, 3)
    assert all(np.array_equal(test.read(n), test.labels[n]) for n in range(0, len(test), 9))
    assert not any("made bad" in note for note in dataset.notes)
    with pytest.raises(UsageError, match="for pictures as they are"):
        open_photographs("?task=image-compression&degrade=jpeg20")

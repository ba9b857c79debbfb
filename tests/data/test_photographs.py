"""Photographs in installed packages: found, read, and split by photograph."""

import importlib.util
import subprocess
import sys

import numpy as np
import pytest

from zoo.common.errors import MissingExtra
from zoo.contracts.dataset import SPLITS
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

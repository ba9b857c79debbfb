"""The digits, pinned: a change of content or split is a change of every published number."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from zoo.common.errors import MissingExtra, UsageError
from zoo.data import digits

GOLDEN_HASH = "4897e1aaeb9965b677807c7ad2ed3e4090a9d0832547fb776ba6b8ce8e26de8d"


def test_content_is_pinned():
    dataset = digits.open_digits(None)
    assert {name: len(split) for name, split in dataset.splits.items()} == {
        "train": 1257,
        "validation": 266,
        "test": 274,
    }
    assert dataset.content_hash == GOLDEN_HASH
    assert dataset.classes == tuple("0123456789")


def test_classes_are_balanced():
    dataset = digits.open_digits(None)
    total = sum(np.bincount(split.labels) for split in dataset.splits.values())
    assert total.tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    for name, least, most in (("train", 110, 140), ("validation", 15, 40), ("test", 15, 40)):
        counts = np.bincount(dataset.splits[name].labels, minlength=10)
        assert counts.min() >= least
        assert counts.max() <= most


def test_grey_levels_are_scaled_to_bytes():
    train = digits.open_digits(None).splits["train"]
    image = train.read(0)
    assert image.shape == (8, 8, 1)
    assert image.dtype == np.uint8
    levels = np.unique([train.read(i) for i in range(len(train))])
    assert levels.tolist() == [round(level * 255 / 16 + 1e-9) for level in range(17)]


def test_readers_cannot_alter_the_dataset():
    image = digits.open_digits(None).splits["test"].read(3)
    with pytest.raises(ValueError, match="read-only"):
        image[0, 0, 0] = 1


def test_fingerprint_is_stable():
    assert digits.fingerprint(None) == digits.fingerprint(None)


@pytest.mark.parametrize("function", [digits.open_digits, digits.fingerprint])
def test_an_argument_is_refused(function):
    with pytest.raises(UsageError, match="takes no argument"):
        function("x")


def test_absent_scikit_learn_is_named(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match="sklearn"):
        digits.open_digits(None)


def test_providers_import_nothing_heavy():
    code = (
        "import sys\n"
        "from zoo.data import digits, fashion_mnist, folder, npz\n"
        "from zoo.common.errors import ZooError\n"
        "for m in (digits, fashion_mnist, folder, npz):\n"
        "    [provider] = m.zoo_datasets()\n"
        "    assert provider.summary and provider.where\n"
        "digits.fingerprint(None)\n"
        "try:\n"
        "    fashion_mnist.fingerprint(None)\n"
        "except ZooError:  # it is not on every machine\n"
        "    pass\n"
        "heavy = {'numpy', 'PIL', 'sklearn', 'scipy', 'tensorflow', 'urllib.request'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert answer.stdout.strip() == "[]", answer.stderr

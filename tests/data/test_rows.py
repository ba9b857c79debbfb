"""Pictures read row by row."""

from __future__ import annotations

import numpy as np
import pytest

from zoo.common.errors import UsageError
from zoo.data.digits import open_digits
from zoo.data.readers import fashion_files as files
from zoo.registry import PluginSettings, load_registry

needs_files = pytest.mark.skipif(
    not all((files.DEBIAN_FOLDER / file.name).is_file() for file in files.FILES),
    reason="the Debian package dataset-fashion-mnist is not installed",
)


def test_rows_are_the_images() -> None:
    provider = load_registry(PluginSettings(installed=False)).datasets.get("digits_rows")
    images, rows = open_digits(None), provider.open(None)
    assert rows.name == "digits_rows"
    assert rows.classes == images.classes
    for name, split in rows.splits.items():
        before = images.splits[name]
        np.testing.assert_array_equal(split.labels, before.labels)
        series = split.read(5)
        assert (series.dtype, series.shape) == (np.float32, (8, 8))
        np.testing.assert_array_equal(series, before.read(5)[:, :, 0])
    assert rows.content_hash != images.content_hash
    assert rows.content_hash == provider.open(None).content_hash


@pytest.mark.slow
@needs_files
def test_fashion_mnist_rows() -> None:
    provider = load_registry(PluginSettings(installed=False)).datasets.get("fashion_mnist_rows")
    dataset = provider.open(None)
    assert [len(dataset.splits[n]) for n in ("train", "validation", "test")] == [55000, 5000, 10000]
    series = dataset.splits["test"].read(0)
    assert (series.dtype, series.shape) == (np.float32, (28, 28))
    assert series.max() == 255.0
    assert provider.fingerprint(None).startswith("rows of fashion_mnist")


def test_they_serve_sequences_and_take_no_argument() -> None:
    registry = load_registry(PluginSettings(installed=False))
    for name in ("digits_rows", "fashion_mnist_rows"):
        provider = registry.datasets.get(name)
        assert provider.tasks == ("sequence-classification",)
        for function in (provider.open, provider.fingerprint):
            with pytest.raises(UsageError, match=f"{name} takes no argument"):
                function("x")

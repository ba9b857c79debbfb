"""Datasets that Keras fetches: by a stand-in that gives what Keras gives, and by Keras offline."""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zoo.common.errors import BadData, UnknownName, UsageError
from zoo.contracts import TokenPreprocessing
from zoo.data.keras_sets import SETS, fingerprint, open_keras, zoo_datasets
from zoo.data.preprocessing.inputs import fitted, read_inputs

RANDOM = np.random.default_rng(0)


class Fetched:
    """A module like `keras.datasets.mnist`, with data of the same shapes and types."""

    def __init__(self, train: tuple[Any, Any], test: tuple[Any, Any]) -> None:
        self.parts = train, test
        self.asked: dict[str, Any] = {}

    def load_data(self, **options: Any) -> Any:
        print("Downloading data from somewhere")
        self.asked = options
        return self.parts

    def get_word_index(self) -> dict[str, int]:
        return {"the": 1, "film": 2, "good": 3, "bad": 4}

    def get_label_names(self) -> tuple[str, ...]:
        return ("cocoa", "grain")


@pytest.fixture
def keras(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.delenv("ZOO_OFFLINE", raising=False)
    module: Any = types.ModuleType("keras")
    module.datasets = types.SimpleNamespace()
    monkeypatch.setitem(sys.modules, "keras", module)
    return module.datasets


def pictures(count: int, *shape: int) -> np.ndarray:
    return RANDOM.integers(0, 256, (count, *shape), dtype=np.uint8)


def test_grey_images(keras: Any, capsys: pytest.CaptureFixture[str]) -> None:
    x, y = pictures(60, 28, 28), (np.arange(60) % 10).astype(np.uint8)
    keras.mnist = Fetched((x[:50], y[:50]), (x[50:], y[50:]))
    dataset = open_keras("mnist")
    assert dataset.name == "keras:mnist"
    assert dataset.classes == tuple("0123456789")
    assert [len(split) for split in dataset.splits.values()][2] == 10
    np.testing.assert_array_equal(dataset.splits["test"].read(4)[:, :, 0], x[54])
    assert dataset.splits["test"].labels.tolist() == y[50:].tolist()
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "Downloading" in printed.err


@pytest.mark.parametrize("shape", [(32, 32, 3), (3, 32, 32)])
def test_colour_images(keras: Any, shape: tuple[int, ...]) -> None:
    x, y = pictures(60, *shape), (np.arange(60) % 10).astype(np.uint8)[:, None]
    keras.cifar10 = Fetched((x[:50], y[:50]), (x[50:], y[50:]))
    dataset = open_keras("cifar10")
    assert dataset.splits["test"].read(0).shape == (32, 32, 3)
    assert dataset.classes[3] == "cat"


def rows(count: int, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    found = np.empty(count, object)
    for i in range(count):
        found[i] = [1, 2, 3 + i % 2, *random.integers(1, 5, 12).tolist()]
    return found


def test_texts(keras: Any) -> None:
    x, y = rows(20, 1), np.arange(20) % 2
    keras.imdb = Fetched((x, y), (rows(6, 2), np.arange(6) % 2))
    dataset = open_keras("imdb")
    assert keras.imdb.asked == {"start_char": None, "oov_char": None, "index_from": 0}
    assert dataset.classes == ("negative", "positive")
    tokens = dataset.splits["test"].read(1)
    assert tokens.tolist()[:3] == ["the", "film", "bad"]
    fit = fitted(TokenPreprocessing(length=8, size=10), dataset)
    assert read_inputs(dataset.splits["test"], fit).shape == (6, 8)
    keras.reuters = keras.imdb
    assert open_keras("reuters").classes == ("cocoa", "grain")


def test_copies_of_test_examples_are_left_out(keras: Any) -> None:
    x, y = pictures(60, 28, 28), np.arange(60) % 10
    keras.mnist = Fetched((x[:50], y[:50]), (x[45:], y[45:]))
    dataset = open_keras("mnist")
    assert "5 examples are left out" in dataset.notes[0]
    assert [len(s) for s in dataset.splits.values()][2] == 15


def test_a_failed_download(keras: Any) -> None:
    def load_data() -> None:
        raise Exception("URL fetch failure on https://x:\nNone -- [Errno -2] Name not known")

    keras.mnist = types.SimpleNamespace(load_data=load_data)
    with pytest.raises(BadData, match="keras:mnist could not be loaded") as caught:
        open_keras("mnist")
    assert caught.value.why == "URL fetch failure on https://x: None -- [Errno -2] Name not known"
    assert "mnist.npz into" in (caught.value.fix or "")


def test_nothing_is_fetched_when_that_is_forbidden(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    for function in (open_keras, fingerprint):
        with pytest.raises(BadData, match=r"lacks reuters.npz, reuters_word_index.json") as caught:
            function("reuters")
        assert "ZOO_OFFLINE forbids" in (caught.value.why or "")
    (tmp_path / "datasets").mkdir()
    for file in SETS["reuters"].files:
        (tmp_path / "datasets" / file).touch()
    assert fingerprint("reuters") == "keras:reuters"


def test_names() -> None:
    with pytest.raises(UnknownName, match="unknown dataset of Keras 'minst'") as caught:
        open_keras("minst")
    assert caught.value.suggestions == ["mnist"]
    with pytest.raises(UsageError, match="keras:fashion_mnist is not offered") as told:
        fingerprint("fashion_mnist")
    assert "--data fashion_mnist" in (told.value.fix or "")
    with pytest.raises(UsageError, match="is not offered"):
        open_keras("boston_housing")


def test_tasks() -> None:
    (provider,) = zoo_datasets()
    assert provider.tasks_of is not None
    assert provider.tasks_of("mnist") == ("image-classification",)
    assert provider.tasks_of("imdb") == ("sequence-classification",)
    assert {task for known in SETS.values() for task in known.tasks} == set(provider.tasks)


@pytest.mark.slow
def test_keras_itself_without_a_network(tmp_path: Path) -> None:
    """Its sets are where we look for them, and its failure is told in a sentence."""
    import subprocess

    code = """
from zoo.data.keras_sets import SETS, open_keras
from zoo.common.errors import BadData
import keras
for name in SETS:
    assert hasattr(keras.datasets, name), name
assert len(keras.datasets.reuters.get_label_names()) == 46
for name in ("mnist", "imdb"):
    try:
        open_keras(name)
    except BadData as error:
        print(error)
"""
    environment = {
        "HOME": str(tmp_path),
        "KERAS_HOME": str(tmp_path),
        "https_proxy": "http://127.0.0.1:9",
        "CUDA_VISIBLE_DEVICES": "",
    }
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        check=True,
    )
    assert done.stdout.count("could not be loaded") == 2
    assert "URL fetch failure" in done.stdout
    assert "Traceback" not in done.stderr

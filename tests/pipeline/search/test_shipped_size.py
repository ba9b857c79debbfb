"""What the gate adds to a file, estimated on examples of the training."""

from __future__ import annotations

import numpy as np
import pytest

from zoo.artifacts.golden_samples import MOST_EMBEDDED, packed
from zoo.contracts import ImagePreprocessing, Split
from zoo.data.opening import open_dataset
from zoo.data.preprocessing.inputs import read_inputs
from zoo.pipeline.search import shipped_size
from zoo.pipeline.search.shipped_size import gate_addition
from zoo.registry import load_registry

PIXELS = ImagePreprocessing(height=28, width=28, channels=1)


def test_golden_samples_of_the_test_split_take_what_was_estimated() -> None:
    pytest.importorskip("sklearn")
    splits = open_dataset(load_registry(), "digits").splits
    found = gate_addition(splits["train"], PIXELS, 10)
    draw = np.random.default_rng(0)
    for _ in range(40):
        trio = draw.choice(len(splits["test"]), 3, replace=False)
        inputs = len(packed(read_inputs(splits["test"], PIXELS, trio)).data)
        answers = len(packed(draw.random((3, 10), np.float32)).data)
        assert found.least - shipped_size._LEAST_WORDS <= inputs
        expected = found.usual - shipped_size._USUAL_WORDS
        assert abs(expected - inputs - answers) < 0.2 * expected


def noise(side: int) -> Split:
    draw = np.random.default_rng(0)
    pictures = draw.integers(0, 256, (60, side, side, 1), np.uint8)
    return Split(labels=np.zeros(60, np.int64), read=lambda i: pictures[i], content_hash="")


def test_what_a_manifest_does_not_take_lies_beside_the_file() -> None:
    words = shipped_size._LEAST_WORDS, shipped_size._USUAL_WORDS
    large = ImagePreprocessing(height=160, width=160, channels=1)
    found = gate_addition(noise(160), large, 10)
    assert (found.least, found.usual) == words
    small = ImagePreprocessing(height=64, width=64, channels=1)
    found = gate_addition(noise(64), small, 10)
    assert 3 * 64 * 64 < found.usual < MOST_EMBEDDED
    assert words[0] < found.least < found.usual


def test_of_few_examples_only_the_words_are_known() -> None:
    few = noise(28)
    few = Split(labels=few.labels[:20], read=few.read, content_hash="")
    assert gate_addition(few, PIXELS, 10).least == shipped_size._LEAST_WORDS

"""Data that do not fit weights are refused before anything is calibrated on them, both named."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from zoo.common.errors import UsageError
from zoo.contracts import (
    Dataset,
    ImagePreprocessing,
    Preprocessing,
    SeriesPreprocessing,
    Split,
    TokenPreprocessing,
)
from zoo.networks.card import Card
from zoo.networks.compatibility import check_fits

RANDOM = np.random.default_rng(0)
CARD = Card(
    variant="tiny",
    tag="walks",
    dataset="walks",
    dataset_hash="0" * 64,
    classes=("run", "walk"),
    licence="MIT",
    sha256="0" * 64,
)
SERIES = SeriesPreprocessing(steps=20, channels=2, mean=(0.0, 9.8), std=(1.0, 2.0))
IMAGES = ImagePreprocessing(height=8, width=8, channels=1)
TEXTS = TokenPreprocessing(length=4, size=10, vocabulary=("good", "bad", "day"))
WINDOWS = (RANDOM.normal(size=(40, 20, 2)) * (1, 2) + (0, 9.8)).astype(np.float32)
PIXELS = RANDOM.integers(0, 256, (40, 8, 8, 1)).astype(np.uint8)
SENTENCES = [np.array(text) for text in ["a good day", "a bad day", "good good", "bad day"]]


def dataset(examples: Any, classes: tuple[str, ...] = CARD.classes) -> Dataset:
    labels = np.arange(len(examples)) % len(classes)
    split = Split(labels=labels, read=lambda i: examples[i], content_hash="1" * 64)
    return Dataset(
        name="other",
        classes=classes,
        splits={"train": split, "validation": split, "test": split},
        content_hash="2" * 64,
        licence="MIT",
    )


def refused(preprocessing: Preprocessing, data: Dataset) -> str:
    with pytest.raises(UsageError) as caught:
        check_fits(CARD, preprocessing, data, "csv:other.csv?window=20", "w/tiny.safetensors")
    text = str(caught.value)
    for side in ("csv:other.csv", "tiny.walks", "trained on walks"):
        assert side in text
    assert "zoo finetune w/tiny.safetensors --data 'csv:other.csv?window=20'" in text
    return text


@pytest.mark.parametrize(
    ("preprocessing", "examples"), [(SERIES, WINDOWS), (IMAGES, PIXELS), (TEXTS, SENTENCES)]
)
def test_what_fits(preprocessing: Preprocessing, examples: Any) -> None:
    check_fits(CARD, preprocessing, dataset(examples), "other")


@pytest.mark.parametrize("classes", [("run", "sit"), ("walk", "run"), ("run", "walk", "sit")])
def test_other_classes(classes: tuple[str, ...]) -> None:
    text = refused(SERIES, dataset(WINDOWS, classes))
    assert "the network has 2 classes (run, walk)" in text
    assert f"the data have {len(classes)} classes ({', '.join(classes)})" in text


@pytest.mark.parametrize(
    ("preprocessing", "examples", "has"),
    [
        (SERIES, WINDOWS[:, :10], "the dataset has 10 steps of 2 channels"),
        (SERIES, WINDOWS[:, :, :1], "the dataset has 20 steps of 1 channels"),
        (SERIES, PIXELS, "uint8"),
        (SERIES, SENTENCES, "it is <U10"),
        (IMAGES, SENTENCES, "<U10"),
        (IMAGES, WINDOWS, "float32"),
        (IMAGES, np.repeat(PIXELS, 5, axis=3), "5"),
        (TEXTS, WINDOWS, "float32"),
        (TEXTS, PIXELS, "uint8"),
    ],
)
def test_other_shapes_and_types(preprocessing: Preprocessing, examples: Any, has: str) -> None:
    text = refused(preprocessing, dataset(examples))
    assert f"the weights take {preprocessing.describe()['input']}" in text
    assert has in text


@pytest.mark.parametrize(
    ("preprocessing", "examples", "ours", "theirs"),
    [
        (SERIES, WINDOWS * 1000, "channel 0 of the training was 0 ± 1", "of the data it is"),
        (SERIES, WINDOWS / 100, "0 ± 1", "± 0.0"),
        (SERIES, WINDOWS - np.float32(100), "0 ± 1", "-100"),
        (IMAGES, (PIXELS > 127).astype(np.uint8), "pixels from 0 to 255", "the data end at 1"),
        (TEXTS, [np.array("un tres beau jour")] * 4, "has 3 words", "0% of the words of the data"),
    ],
)
def test_other_ranges(preprocessing: Preprocessing, examples: Any, ours: str, theirs: str) -> None:
    text = refused(preprocessing, dataset(examples))
    assert ours in text
    assert theirs in text


def test_a_channel_that_rests_is_no_other_range() -> None:
    resting = WINDOWS.copy()
    resting[..., 0] = 0
    check_fits(CARD, SERIES, dataset(resting), "other")


def test_the_data_of_the_training_are_not_judged() -> None:
    odd = replace(dataset(WINDOWS * 1000), content_hash=CARD.dataset_hash)
    check_fits(CARD, SERIES, odd, "walks")

"""Tones in noise, the dataset of sounds that needs nothing but edgezoo."""

from __future__ import annotations

import numpy as np
import pytest

from zoo.common.errors import UsageError
from zoo.contracts import SoundPreprocessing
from zoo.contracts.preprocessing import TokenPreprocessing
from zoo.data.preprocessing.inputs import fitted, read_inputs
from zoo.data.tones import CLASSES, RATE, fingerprint, open_tones, tone_of
from zoo.registry import load_registry
from zoo.testing.exports import choose_data
from zoo.testing.verdict import NotTried


def test_tones_lie_in_the_bands_of_their_classes() -> None:
    data = open_tones(None)
    assert data.classes == ("low", "mid", "high")
    assert {name: len(own) for name, own in data.splits.items()} == {
        "train": 210,
        "validation": 45,
        "test": 45,
    }
    frequencies = np.fft.rfftfreq(RATE, 1 / RATE)
    for split in data.splits.values():
        for index in range(0, len(split), 7):
            sound = split.read(index)
            assert (sound.dtype, sound.shape) == (np.float32, (RATE,))
            loudest = frequencies[np.abs(np.fft.rfft(sound)).argmax()]
            low, high = CLASSES[data.classes[split.labels[index]]]
            assert low - 2 <= loudest <= high + 2
    assert np.array_equal(tone_of(7), tone_of(7))
    assert not np.array_equal(tone_of(7), tone_of(10))
    # No sound is in two splits.
    known = [one for split in data.splits.values() for one in split.identities or ()]
    assert len({*known}) == len(known) == 300


def test_a_network_for_sounds_is_measured_on_them() -> None:
    data = open_tones(None)
    own = fitted(SoundPreprocessing(coefficients=10), data)
    assert isinstance(own, SoundPreprocessing)
    assert (own.rate, own.samples) == (RATE, RATE)
    values = read_inputs(data.splits["test"], own)
    unit = (values - own.mean[0]) / own.std[0]
    assert abs(float(unit.mean())) < 0.1
    assert abs(float(unit.std()) - 1) < 0.1


def test_the_kit_chooses_them_for_sounds() -> None:
    registry = load_registry()
    task = registry.tasks.get("audio-classification")
    assert choose_data(registry, task, None, SoundPreprocessing()) == "tones"
    with pytest.raises(NotTried, match="audio-classification with tokens"):
        choose_data(registry, task, None, TokenPreprocessing(length=9, size=9))


def test_nothing_follows_the_name() -> None:
    for read in (open_tones, fingerprint):
        with pytest.raises(UsageError, match="tones"):
            read("loud")

"""Features of real images are kept in the cache, and used while they are intact."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from home import own_home as own_home

from zoo.tasks import features


@pytest.fixture
def computed(monkeypatch):
    """How often they were computed."""
    made = []

    def compute(pixels, judge):
        made.append(judge)
        return np.arange(6000, dtype=np.float32).reshape(1000, 6)

    monkeypatch.setattr(features, "features_of", compute)
    monkeypatch.setattr(features, "_judge", lambda judge: (None, SimpleNamespace(sha256="1")))
    monkeypatch.setattr("zoo.data.preprocessing.inputs.read_inputs", lambda *given: np.zeros(1))
    return made


def real():
    return features.real_features(
        SimpleNamespace(content_hash="2"), 1000, SimpleNamespace(judge="j", examples="e")
    )


@pytest.mark.parametrize("damage", ["none", "bit", "half", "empty", "other"])
def test_a_damaged_file_is_made_anew(own_home, computed, damage):
    expected = real()
    (file,) = (own_home / "cache" / "features").iterdir()
    data = bytearray(file.read_bytes())
    if damage == "bit":
        data[len(data) // 2] ^= 1
    if damage == "half":
        data = data[: len(data) // 2]
    file.write_bytes({"empty": b"", "other": b"PK\3\4 of somebody else"}.get(damage, data))
    np.testing.assert_array_equal(real(), expected)
    assert len(computed) == (1 if damage == "none" else 2)
    np.testing.assert_array_equal(real(), expected)
    assert len(computed) == (1 if damage == "none" else 2)

"""A licence is that of the data that a network has learnt from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from zoo.contracts.training import Training
from zoo.networks.card import read_card
from zoo.pipeline.steps.finetune import FinetuneParameters, finetune
from zoo.registry import PluginSettings

pytest.importorskip("tensorflow")


def licence_after(model: str, data: str, folder: Path, **options: object) -> str:
    folder.mkdir()
    asked = FinetuneParameters(data=data, tag="t", training=Training(**options), seed=0)
    finetune(
        asked=asked,
        model=model,
        folder=folder,
        checkpoint=None,
        plugins=PluginSettings(installed=False),
        emit=lambda event: None,
    )
    return read_card(folder / "lenet5.t.toml").licence


def test_data_that_nothing_is_learnt_from_change_no_licence(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (200, 8, 8), np.uint8)
    np.savez(tmp_path / "own.npz", x=pixels, y=np.arange(200) % 10)
    own = f"npz:{tmp_path / 'own.npz'}"
    first = tmp_path / "first"
    assert licence_after("lenet5", "digits", first, epochs=0, from_scratch=True) == "CC-BY-4.0"
    weights = str(first / "lenet5.t.safetensors")
    assert licence_after(weights, own, tmp_path / "as_it_was", epochs=0) == "CC-BY-4.0"
    assert licence_after(weights, own, tmp_path / "learnt", epochs=1) == "unknown"

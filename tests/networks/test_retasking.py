"""A network written for classification gets the head of another task where the data ask for it."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from zoo.common.errors import UsageError
from zoo.networks.retasking import task_on_card, variant_for
from zoo.pipeline.job import make_job
from zoo.pipeline.recipe import Recipe
from zoo.registry import PluginSettings, load_registry

REGISTRY = load_registry(PluginSettings(installed=False))
X = np.random.default_rng(0).integers(0, 256, (60, 4, 4)).astype(np.uint8)


@pytest.fixture
def real(tmp_path: Path) -> str:
    np.savez(tmp_path / "real.npz", x=X, y=np.linspace(0, 1, 60) ** 2)
    return f"npz:{tmp_path / 'real.npz'}"


@pytest.mark.parametrize(
    ("name", "task"),
    [
        ("lenet5", "regression"),
        ("lstm_small", "regression"),
        ("lstm_text", "regression"),
        ("lstm_tagger", "sequence-tagging"),
    ],
)
def test_what_chooses_one_class_serves_real_targets(name, task, real):
    architecture, variant = REGISTRY.variant(name)
    found = variant_for(REGISTRY, architecture, variant, real)
    assert found.task == task
    assert task_on_card(architecture, found) == ("" if found == variant else task)
    # From real targets back to classes, by a new head again.
    if name == "lenet5":
        assert variant_for(REGISTRY, architecture, found, "digits") == variant


def test_weights_of_another_task_need_a_trained_head(real):
    job = make_job(Recipe(model="lenet5", data=real), REGISTRY)
    assert job.variant.task == "regression"
    still = {"model": "lenet5", "data": real, "training": {"epochs": 0}}
    told = "was trained for image-classification, and npz:.* is for regression"
    with pytest.raises(UsageError, match=told):
        make_job(Recipe.model_validate(still), REGISTRY)
    tagger = {"model": "lstm_tagger", "data": real, "training": {"from_scratch": True}}
    with pytest.raises(UsageError) as caught:
        make_job(Recipe.model_validate(tagger), REGISTRY)
    assert re.search("task is sequence-tagging; the dataset serves regression", str(caught.value))

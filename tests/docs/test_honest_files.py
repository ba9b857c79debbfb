"""The command that measures honest files: what it would train is a recipe today, too."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from zoo.pipeline.options import recipe_from

ROOT = Path(__file__).parents[2]


def test_each_network_is_described_by_a_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    monkeypatch.syspath_prepend(str(ROOT))
    measured = importlib.import_module("honest_files")
    for subject in (*measured.SHORT, *measured.ANSWERS):
        recipe = recipe_from(model=subject.model, data=subject.data, **subject.training)
        assert (recipe.model, recipe.data) == (subject.model, subject.data)

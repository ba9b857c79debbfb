"""The command that measures honest files: what it would train is a recipe today, too."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from zoo.pipeline.options import recipe_from

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("known", "network", "trained", "another"),
    [
        ("a", "a", True, False),
        ("a", "b", True, True),
        ("a", "b", False, True),
        ("", "a", True, True),
        ("", "a", False, False),
    ],
)
def test_what_was_measured_on_another_training_is_not_kept(
    monkeypatch: pytest.MonkeyPatch, known: str, network: str, trained: bool, another: bool
) -> None:
    """Of records that do not say which network they are about, those of packaged weights stay."""
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    of_other_network = importlib.import_module("support_matrix").of_other_network
    before = {"cells": [{"precision": "int8"}], "network": known}
    assert of_other_network(before, network, trained) is another
    del before["network" if not known else "cells"]
    before.setdefault("cells", [])
    assert of_other_network(before, network, trained) is (another and not known)
    assert not of_other_network(None, network, trained)


def test_each_network_is_described_by_a_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    monkeypatch.syspath_prepend(str(ROOT))
    measured = importlib.import_module("honest_files")
    for subject in (*measured.SHORT, *measured.ANSWERS):
        recipe = recipe_from(model=subject.model, data=subject.data, **subject.training)
        assert (recipe.model, recipe.data) == (subject.model, subject.data)

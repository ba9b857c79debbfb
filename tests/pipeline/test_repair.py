"""Why an integer file is not good enough to be left as it is: in figures that were measured."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from makers import comparison, truth

from zoo.contracts.precision import precision_named
from zoo.pipeline.steps.repair import loss_reasons, parity_reason
from zoo.registry import PluginSettings, load_registry

TASK = load_registry(PluginSettings(installed=False)).tasks.get("image-classification")
INT8 = precision_named("int8")


def test_what_is_told_is_what_was_counted() -> None:
    """A margin decides, and is no share of the inputs: 2 of 26 were shown as 12.9 %."""
    found = replace(comparison(agreement=24 / 26), count=26)
    assert parity_reason(TASK, found, INT8) == (
        "the file chooses another class on 2 of 26 real inputs"
    )


def test_a_share_within_the_limit_may_still_be_too_near_to_it() -> None:
    near = replace(comparison(agreement=261 / 266), count=266)
    reason = parity_reason(TASK, near, INT8)
    assert reason.startswith("98.12% of 266 agree")
    assert "too near the limit for so few inputs" in reason
    assert parity_reason(TASK, replace(near, agreement=1.0), INT8) == ""


def test_a_class_that_is_lost_is_a_reason_though_little_is_lost_on_the_whole() -> None:
    labels = np.repeat(np.arange(20), 100)
    known = truth(labels, tuple(f"class {n}" for n in range(20)))
    sure = np.where(labels[:, None] == np.arange(20), 0.981, 0.001).astype(np.float32)
    assert loss_reasons(TASK, known, sure, sure, INT8) == ""
    lost = sure.copy()
    lost[:19] = np.roll(sure[:19], 1, axis=1)  # 0.95 of 2,000 examples, all of one class
    assert "a class is lost" in loss_reasons(TASK, known, sure, lost, INT8)
    spread = sure.copy()
    rows = np.arange(19) * 100  # as many, of all classes
    spread[rows] = np.roll(sure[rows], 1, axis=1)
    assert loss_reasons(TASK, known, sure, spread, INT8) == ""

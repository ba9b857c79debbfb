"""Errors of answers of different size, each beside what varies of it."""

from __future__ import annotations

import numpy as np
import pytest

from zoo.exporters.quantization.quantization_error import IntegerMapping, OutputStatistics

RANDOM = np.random.default_rng(0)
#: A large target, a small one far from zero, and one that never changes.
VALUES = RANDOM.normal(size=(400, 3)) * [50.0, 0.3, 0.0] + [500.0, 3.5, 7.0]
STEPS = IntegerMapping(scale=600 / 255, zero_point=-128, dtype="int8")


def figures(answers: bool) -> dict[str, float]:
    found = OutputStatistics(integers=STEPS, answers=answers)
    for row in VALUES:
        found.add(row[None], STEPS.rounded(row[None]))
        found.own.add(row[None], STEPS.rounded(row[None]))
    return found.figures()


def test_a_small_target_that_is_lost_is_noise_though_the_whole_is_fine() -> None:
    alone = {name: figures(True)[name] for name in ("sqnr_db", "own_sqnr_db", "output_sqnr_db")}
    rounded = STEPS.rounded(VALUES[:, 1])
    wanted = 10 * np.log10(VALUES[:, 1].var() / np.square(VALUES[:, 1] - rounded).mean())
    assert alone == {name: pytest.approx(wanted, abs=1e-3) for name in alone}
    assert wanted < 0
    assert figures(False)["own_sqnr_db"] > 40

"""Energy by a battery's gauge: told of long runs, and only where the gauge can tell."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.benchmark.battery import LEAST_UAH, METER, battery_energy
from zoo.benchmark.process_result import Window
from zoo.benchmark.profile import energy_of
from zoo.contracts import Condition

FULL = {"battery_uah": 3_000_000, "battery_mv": 4000, "charged_by": []}


def window(runs: int = 500, seconds: float = 10.0) -> Window:
    return Window(start_seconds=0.0, seconds=seconds, runs=runs, p50_ns=1.0, p90_ns=1.0, every=1)


def found(earlier: dict[str, Any], later: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    return battery_energy(Condition(readings=earlier), Condition(readings=later), [window()] * 100)


def test_what_a_battery_gave() -> None:
    """100 mAh at 3.9 V are 1404 J; of 1000 s that is 1.404 W, of 50,000 inferences 28.08 mJ."""
    (energy,) = energy_of(found(FULL, {**FULL, "battery_uah": 2_900_000, "battery_mv": 3800}))
    assert energy.meter == METER
    assert energy.joules == pytest.approx(1404.0)
    assert energy.watts == pytest.approx(1.404)
    assert energy.mj_per_inference == pytest.approx(28.08)


@pytest.mark.parametrize(
    "later",
    [
        {"battery_uah": 2_900_000, "charged_by": ["USB"]},
        {"battery_uah": 3_000_000 - LEAST_UAH + 1},
        {"battery_uah": None},
        {"battery_mv": None},
        {"charged_by": None},
    ],
)
def test_a_gauge_that_cannot_tell(later: dict[str, Any]) -> None:
    changed = {name: value for name, value in {**FULL, **later}.items() if value is not None}
    assert found(FULL, changed) == ()
    assert found(changed, FULL) == ()


@given(before=st.integers(1, 2**31), after=st.integers(1, 2**31), volts=st.integers(1, 30_000))
def test_it_never_tells_of_energy_that_came_in(before: int, after: int, volts: int) -> None:
    told = found(
        {**FULL, "battery_uah": before, "battery_mv": volts},
        {**FULL, "battery_uah": after, "battery_mv": volts},
    )
    assert bool(told) == (before - after >= LEAST_UAH)
    assert all(row["joules"] > 0.0 for row in told)

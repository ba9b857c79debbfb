"""Where a network's first layers begin, in a graph of any format."""

from __future__ import annotations

from typing import Any

import pytest

from zoo.exporters.shared.entry_tensors import GraphStep, Grid, trace_entries

INPUT, SCALED, SQUARE, TOGETHER = "input", "scaled", "square", "together"
NARROW, WIDE = Grid(step=0.01, low=-0.8, high=2.0), Grid(step=0.02, low=0.0, high=4.0)


def step(kind: Any, reads: tuple[str, ...], makes: str, **more: Any) -> GraphStep[str]:
    return GraphStep(kind=kind, name=makes, reads=reads, makes=(makes,), shape=(1, 4), **more)


@pytest.mark.parametrize("joined", [(SCALED, SQUARE), (SQUARE, SCALED)])
def test_what_is_made_of_two_tensors_holds_what_either_does(joined):
    """A concatenation reaches as far as its widest part, whichever comes first."""
    made = trace_entries(
        [(INPUT, (1, 4), None)],
        [
            step("values", (INPUT,), SCALED, grid=NARROW),
            step("values", (SCALED, SCALED), SQUARE, grid=WIDE),
            step("concatenate", joined, TOGETHER, axes=(1,)),
            step("layer", (TOGETHER,), "conv"),
        ],
        ["conv"],
    )
    assert made.read == [TOGETHER]
    found = made.found[TOGETHER]
    assert (found.low, found.high, found.step, found.copies) == (-0.8, 4.0, 0.02, 2)
    assert set(found.rounded) == {SCALED, SQUARE}
    assert set(found.operators) == {SCALED, SQUARE}

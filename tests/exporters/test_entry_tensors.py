"""Where a network's first layers begin, in a graph of any format."""

from __future__ import annotations

from typing import Any

import pytest

from zoo.exporters.quantization.quantization_error import IntegerMapping
from zoo.exporters.shared.entry_tensors import GraphStep, trace_entries

INPUT, SCALED, SQUARE, TOGETHER = "input", "scaled", "square", "together"
NARROW = IntegerMapping(scale=0.01, zero_point=80, dtype="uint8")  # -0.8 to 1.75
WIDE = IntegerMapping(scale=0.02, zero_point=0, dtype="uint8")  # 0 to 5.1


def step(kind: Any, reads: tuple[str, ...], makes: str, **more: Any) -> GraphStep[str]:
    return GraphStep(kind=kind, name=makes, reads=reads, makes=(makes,), shape=(1, 4), **more)


@pytest.mark.parametrize("joined", [(SCALED, SQUARE), (SQUARE, SCALED)])
def test_what_is_made_of_two_tensors_holds_what_either_does(joined):
    """A concatenation reaches as far as its widest part, whichever comes first."""
    made = trace_entries(
        [(INPUT, (1, 4), None)],
        [
            step("values", (INPUT,), SCALED, integers=NARROW),
            step("values", (SCALED, SCALED), SQUARE, integers=WIDE),
            step("concatenate", joined, TOGETHER, axes=(1,)),
            step("layer", (TOGETHER,), "conv"),
        ],
        ["conv"],
    )
    assert made.read == [TOGETHER]
    found = made.found[TOGETHER]
    assert (found.low, found.high, found.step, found.copies) == (-0.8, WIDE.range[1], 0.02, 2)
    assert set(found.rounded) == {SCALED, SQUARE}
    assert set(found.operators) == {SCALED, SQUARE}


@pytest.mark.parametrize("condition", ["negative", "converted"])
def test_a_selection_by_a_comparison_of_the_same_values_is_no_layer(condition):
    """So do lookups count negative numbers from the end; what is not selected is read by none."""
    made = trace_entries(
        [(INPUT, (1, 4), None)],
        [
            step("conversion", (INPUT,), "number", whole=True),
            step("values", ("number",), "wrapped", whole=True),
            step("comparison", ("number",), "negative"),
            step("conversion", ("negative",), "converted", whole=True),
            step("values", (condition, "wrapped", "number"), "selected", whole=True),
            step("layer", ("selected",), "lookup"),
        ],
        ["lookup"],
    )
    assert made.read == ["selected"]
    assert made.found["selected"].whole


def test_a_layer_that_reads_truth_values_reads_what_was_compared():
    """The mask of a recurrent layer, say."""
    made = trace_entries(
        [(INPUT, (1, 4), None)],
        [
            step("values", (INPUT,), SCALED),
            step("comparison", (SCALED,), "more"),
            step("values", ("more",), "less"),
            step("conversion", ("less",), "number", whole=True),
            step("layer", ("number",), "recurrent"),
            step("values", ("number", SCALED), "masked"),
            step("layer", ("masked",), "conv"),
        ],
        ["recurrent", "conv"],
    )
    assert made.read == [SCALED, "masked"]
    assert [one.reads for one in made.results(lambda key: True)] == [(SCALED,), ("masked",)]
    assert not made.found["masked"].whole


def test_results_name_what_their_layer_reads_and_what_alone_reads_them():
    """Of a separable convolution only the second operator's result is a layer's."""
    traces = trace_entries(
        [(INPUT, (1, 4), None)],
        [
            step("values", (INPUT,), SCALED),
            step("layer", (INPUT,), "depthwise"),
            step("layer", ("depthwise",), "pointwise"),
            step("layer", (SCALED,), "pool"),
            step("layer", ("pool", "pointwise"), "both"),
            step("layer", ("both", INPUT), "words"),
        ],
        ["words"],
    )
    found = {one.key: (one.reads, one.behind) for one in traces.results(lambda key: key != "words")}
    assert found == {"depthwise": ((INPUT,), "pointwise"), "pool": ((SCALED,), None)}

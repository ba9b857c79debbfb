"""Which layers are to blame, and which must stay in float with them."""

from __future__ import annotations

from layer_makers import comparison, operator

from zoo.analysis.layer_ranking import (
    INPUTS,
    KERNEL,
    OUTPUT,
    WEIGHTS,
    answering_layers,
    cause_of,
    kept_layers,
    sensitive_layers,
)


def test_the_part_that_is_as_bad_as_the_whole_is_the_cause() -> None:
    parts = {"input_sqnr_db": 50.0, "weight_sqnr_db": 48.0, "output_sqnr_db": 51.0}
    assert cause_of(operator("a", own_sqnr_db=20.0, **{**parts, "input_sqnr_db": 21.0})) == INPUTS
    assert cause_of(operator("a", own_sqnr_db=20.0, **{**parts, "weight_sqnr_db": 22.0})) == WEIGHTS
    assert cause_of(operator("a", own_sqnr_db=20.0, **{**parts, "output_sqnr_db": 20.5})) == OUTPUT
    assert cause_of(operator("a", own_sqnr_db=20.0, **parts)) == KERNEL


def test_neighbours_stay_in_float_with_a_culprit_whose_ranges_are_to_blame() -> None:
    good = {"own_sqnr_db": 45.0, "output_sqnr_db": 45.0}
    wide = operator("wide", sources=(), **good)
    reader = operator("reader", sources=(0,), own_sqnr_db=5.0, input_sqnr_db=5.0)
    heavy = operator("heavy", sources=(1,), own_sqnr_db=8.0, weight_sqnr_db=8.0)
    coarse = operator("coarse", sources=(2,), own_sqnr_db=12.0, output_sqnr_db=12.0)
    last = operator("last", sources=(3,), **good)
    ranked = sensitive_layers(comparison(wide, reader, heavy, coarse, last))
    assert [c.keep for c in ranked[:3]] == [("reader", "wide"), ("heavy",), ("coarse", "last")]
    assert [c.decibels for c in ranked] == sorted(c.decibels for c in ranked)
    assert kept_layers(ranked[:2]) == ("reader", "wide", "heavy")


def test_what_cannot_be_kept_in_float_is_no_culprit() -> None:
    ranked = sensitive_layers(
        comparison(
            operator("island", arithmetic="float", own_sqnr_db=1.0),
            operator("nameless", layers=(), own_sqnr_db=2.0),
            operator("unknown", own_sqnr_db=None),
            operator("eight bits", arithmetic="hybrid", weight_bits=8, own_sqnr_db=1.0),
            operator("four bits", arithmetic="hybrid", weight_bits=4, own_sqnr_db=2.5),
            operator("fused", layers=("conv", "bn", "relu"), own_sqnr_db=3.0, weight_sqnr_db=3.0),
        )
    )
    assert [c.keep for c in ranked] == [("four bits",), ("conv",)]


def test_answers_are_made_by_the_last_weights_and_what_follows_them() -> None:
    weighted = {"weight_bits": 8}
    body = operator("body", **weighted)
    relu = operator("relu", sources=(0,))
    head = operator("head", sources=(1,), **weighted)
    beside = operator("beside", sources=(0,), **weighted)
    doubled = operator("doubled", sources=(3,))
    softmax = operator("softmax", sources=(2,))
    nameless = operator("nameless", sources=(5,), layers=())
    one = comparison(body, relu, head, beside, doubled, softmax, nameless)
    assert answering_layers(one) == ("head", "beside", "doubled", "softmax")
    assert answering_layers(comparison(relu, operator("sum", sources=(0,)))) == ()

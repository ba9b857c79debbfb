"""The search for the fewest layers in float; files are made of numbers here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from layer_makers import comparison, operator

from zoo.analysis.mixed_precision import (
    MOST_ATTEMPTS,
    FloatLayerSearch,
    MixedCandidate,
    SearchCallbacks,
    remark,
    search,
)
from zoo.common.errors import ProcessFailed, Unsupported
from zoo.contracts import LayerComparison
from zoo.contracts.precision import TRAINABLE, precision_named
from zoo.pipeline.steps.repair import can_repair
from zoo.registry import PluginSettings, load_registry
from zoo.results.records import Attempt

#: Eight layers, each worse than the one before it.
NAMES = tuple("hgfedcba")


class Maker:
    """Files whose loss depends on which layers are in float, and what each of these costs."""

    def __init__(
        self, drop: Callable[[set[str]], float], refused: str = "", size: int = 100
    ) -> None:
        self.precision = TRAINABLE
        self.drop = drop
        self.size = size
        self.refused = refused
        self.made: list[tuple[str, ...]] = []
        self.compared = 0
        #: What is compared; None for eight layers that have nothing to do with each other.
        self.chain: LayerComparison | None = None

    def make(self, keep: tuple[str, ...]) -> MixedCandidate:
        self.made.append(keep)
        if self.refused and self.refused in keep:
            raise Unsupported("the converter folded it into a neighbour")
        drop = self.drop(set(keep))
        attempt = Attempt(
            kept=keep, drop=drop, bytes=1000 + self.size * len(keep), good=drop <= 1.0, reason=""
        )
        return MixedCandidate(attempt=attempt, path=Path("x"), result={})

    def compare(self, first: MixedCandidate) -> LayerComparison:
        self.compared += 1
        if self.chain:
            return self.chain
        worst = [
            operator(name, own_sqnr_db=30.0 - 3 * place, weight_sqnr_db=30.0 - 3 * place)
            for place, name in enumerate(NAMES)
        ]
        return comparison(*worst)

    def search(self, always: tuple[str, ...] = ()) -> FloatLayerSearch:
        workshop = SearchCallbacks(
            make=self.make, compare=self.compare, tell=lambda text: None, precision=self.precision
        )
        return search(workshop, always)


def test_precisions_that_can_keep_no_layer_are_not_searched() -> None:
    registry = load_registry(PluginSettings(installed=False))
    for format in ("tflite", "onnx"):
        assert can_repair(registry, format, "int8")
        assert not can_repair(registry, format, "dynamic-int8")
        assert not can_repair(registry, format, "float16")
    assert can_repair(registry, "tflite", "int4-weights")
    assert not can_repair(registry, "tflite", "int16x8")
    exporter = registry.exporters.get("onnx")
    with pytest.raises(ValueError, match="mixes a precision it cannot write"):
        replace(exporter, mixes=("int16x8",))


def test_a_file_within_the_budget_costs_nothing_more() -> None:
    maker = Maker(lambda kept: 0.5)
    found = maker.search(("z",))
    assert maker.made == [("z",)]
    assert maker.compared == 0
    assert remark(found, 1.0, "points", 2000) == ""


@pytest.mark.parametrize("needed", [1, 2, 3, 5, 8])
def test_as_few_of_the_worst_as_needed_stay_in_float(needed: int) -> None:
    wanted = set(NAMES[::-1][:needed])
    maker = Maker(lambda kept: 0.2 if wanted <= kept else 30.0)
    found = maker.search()
    assert set(found.chosen.attempt.kept) == wanted
    assert found.attempts[0].kept == ()
    assert len(found.attempts) == len(maker.made) <= MOST_ATTEMPTS
    text = remark(found, 1.0, "points", 2000)
    assert "it loses 30 points; with them 0.20 points" in text.replace("30.0", "30")
    assert f"of {len(maker.made)} attempts on 2,000 validation inputs" in text


def test_a_layer_that_turns_out_not_to_be_needed_is_given_back() -> None:
    maker = Maker(lambda kept: 0.2 if "b" in kept else 30.0)  # the second worst alone
    assert maker.search().chosen.attempt.kept == ("b",)


def test_what_the_user_keeps_stays_kept() -> None:
    maker = Maker(lambda kept: 0.2 if "a" in kept else 30.0)
    assert set(maker.search(("z",)).chosen.attempt.kept) == {"z", "a"}


def test_when_nothing_helps_the_best_is_taken_and_the_remark_says_what_it_misses() -> None:
    maker = Maker(lambda kept: 9.0 - len(kept) / 2)
    found = maker.search()
    assert not any(attempt.good for attempt in found.attempts)
    assert len(found.chosen.attempt.kept) == 8
    text = remark(found, 1.0, "points", 500)
    assert "No choice of layers in float suffices" in text
    assert "4.0 points more than the budget of 1" in text


def test_a_file_that_is_hardly_an_integer_one_is_not_taken() -> None:
    maker = Maker(lambda kept: 5.0 - len(kept), size=300)  # Three of them are still worth it.
    found = maker.search()
    assert any(attempt.good for attempt in found.attempts)
    assert not found.chosen.attempt.good
    assert found.chosen.attempt.bytes <= 2000
    text = remark(found, 1.0, "points", 500)
    assert "A file within the budget was 2.2 × as large as without any: float16" in text
    # Where even the largest file that is worth it loses too much, no larger one is made.
    hopeless = Maker(lambda kept: 9.0, size=600)
    assert not hopeless.search().chosen.attempt.good
    assert max(len(kept) for kept in hopeless.made) == 2


def test_where_the_worst_layers_are_too_large_those_of_the_answers_are_tried() -> None:
    answers = ("head", "probabilities")
    chain = comparison(
        operator("before", own_sqnr_db=70.0),
        operator("between", own_sqnr_db=70.0, sources=(0,)),
        operator("worst", own_sqnr_db=5.0, input_sqnr_db=5.0, sources=(0, 1), weight_bits=8),
        operator("head", own_sqnr_db=39.0, sources=(2,), weight_bits=8),
        operator("probabilities", own_sqnr_db=50.0, sources=(3,)),
    )
    for size, kept in ((400, answers), (600, ())):  # those of the answers too large, too
        maker = Maker(lambda kept: 0.0 if kept == {*answers} else 9.0, size=size)
        maker.chain = chain
        assert maker.search().chosen.attempt.kept == kept
        assert maker.made == [(), ("worst", "before", "between"), answers]


def test_what_is_kept_from_four_bits_has_eight() -> None:
    """Words and advice are the precision's own."""
    maker = Maker(lambda kept: 0.2 if "a" in kept else 30.0)
    maker.precision = precision_named("int4-weights")
    assert "Mixed precision: a in 8 bits, since" in remark(maker.search(), 1.0, "points", 500)
    dear = Maker(lambda kept: 5.0 - len(kept), size=300)
    dear.precision = maker.precision
    text = remark(dear.search(), 1.0, "points", 500)
    assert "as large as without any: dynamic-int8 needs no more" in text


def test_layers_that_a_format_cannot_keep_are_passed_over() -> None:
    maker = Maker(lambda kept: 9.0, refused="a")
    found = maker.search()
    assert found.chosen.attempt.kept == ()
    assert "nothing" in remark(found, 1.0, "points", 500)


def test_a_file_that_could_not_be_measured_is_left_to_the_gate() -> None:
    attempt = Attempt(
        kept=(), drop=None, bytes=1, good=True, reason="the agent was killed by SIGSEGV"
    )
    first = MixedCandidate(attempt=attempt, path=Path("x"), result={})

    def never(first: MixedCandidate) -> LayerComparison:
        raise AssertionError("there is nothing to compare")

    found = search(
        SearchCallbacks(make=lambda keep: first, compare=never, tell=print, precision=TRAINABLE)
    )
    assert found.attempts == (attempt,)


def test_the_number_of_attempts_is_bounded() -> None:
    def drop(kept: set[str]) -> float:
        return 0.2 if len(kept) == len(NAMES) else 30.0

    maker = Maker(drop)
    assert maker.search().chosen.attempt.good
    assert len(maker.made) <= MOST_ATTEMPTS


def test_layers_that_cannot_be_ranked_cost_the_search_and_not_the_file() -> None:
    maker = Maker(lambda kept: 9.0)

    def fails(first: MixedCandidate) -> LayerComparison:
        raise ProcessFailed("compare was killed by SIGSEGV")

    found = search(SearchCallbacks(make=maker.make, compare=fails, tell=print, precision=TRAINABLE))
    assert found.chosen.attempt.kept == ()
    text = remark(found, 1.0, "points", 500)
    assert "loses 9.0 points, more than the budget of 1 allows" in text
    assert "could not be ranked: compare was killed by SIGSEGV" in text

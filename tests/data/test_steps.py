"""Sequences step by step: what is fed back, where one begins, and what goes wrong otherwise."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter

from zoo.artifacts.closeness import compare, parity
from zoo.artifacts.golden_samples import GoldenArrays
from zoo.common.errors import BadData
from zoo.common.named_arrays import fields_of, joined
from zoo.contracts import Split
from zoo.contracts.checks import InvalidRecord
from zoo.contracts.precision import precision_named
from zoo.contracts.preprocessing import CarriedState, SteppedPreprocessing, TensorPreprocessing
from zoo.contracts.preprocessing.stored import StoredPreprocessing
from zoo.data.preprocessing.inputs import read_inputs
from zoo.data.preprocessing.steps import first_step, outputs_of, step_inputs
from zoo.registry import load_registry

RANDOM = np.random.default_rng(0)
W, U, K = (RANDOM.normal(size=shape) / 2 for shape in ((4, 8), (8, 8), (8, 3)))
SEQUENCES = RANDOM.normal(size=(20, 6, 4)).astype(np.float32)
X, H, N = (
    TensorPreprocessing(name=name, shape=shape, low=-1.0, high=1.0, number=number)
    for name, shape, number in (("x", (4,), "float32"), ("h", (8,), "float32"), ("n", (), "int64"))
)
#: The state comes first, so that order matters.
CELL = SteppedPreprocessing(
    tensors=(H, X), carried=(CarriedState(input="h", output="hn"),), steps=6
)


def cell(fed: Any) -> Any:
    state = np.tanh(fed["x"] @ W + fed["h"] @ U)
    return joined({"y": (state @ K).astype(np.float32), "hn": state.astype(np.float32)})


def by_hand(sequence: Any) -> Any:
    """The states behind each step of one sequence."""
    states = [np.zeros(8)]
    for x in sequence:
        states.append(np.tanh(x @ W + states[-1] @ U))
    return np.stack(states[1:])


def test_sequences_are_run_step_by_step_from_zeros() -> None:
    made = outputs_of(SEQUENCES, CELL, cell)
    assert {name: values.shape for name, values in fields_of(made).items()} == {
        "y": (20, 6, 3),
        "hn": (20, 6, 8),
    }
    for number in (0, 19):
        assert made["hn"][number] == pytest.approx(by_hand(SEQUENCES[number]), abs=1e-6)
    turned = outputs_of(SEQUENCES[::-1], CELL, cell)[::-1]
    assert np.array_equal(made, turned)
    assert np.array_equal(outputs_of(SEQUENCES, X, lambda raw: 2 * raw), 2 * SEQUENCES)


def test_a_state_that_is_lost_or_kept_too_long_is_refused() -> None:
    """By the task's parity, at what files of integers may do."""
    task, int8 = load_registry().tasks.get("tensors"), precision_named("int8")
    right = outputs_of(SEQUENCES, CELL, cell)

    def lost(fed: Any) -> Any:  # a file that reads no state
        return cell(joined({"h": np.zeros_like(fed["h"]), "x": fed["x"]}))

    def given_back_wrong(fed: Any) -> Any:
        made = cell(fed)
        made["hn"] = made["hn"][:, ::-1]
        return made

    # One sequence behind the other, as whoever forgets to begin anew runs them.
    endless = by_hand(SEQUENCES.reshape(-1, 4)).reshape(20, 6, 8).astype(np.float32)
    never_reset = joined({"y": (endless @ K).astype(np.float32), "hn": endless})
    for wrong in (
        outputs_of(SEQUENCES, CELL, lost),
        outputs_of(SEQUENCES, CELL, given_back_wrong),
        never_reset,
    ):
        found = compare(task, right, wrong)
        verdict = parity(task, found, int8)
        assert not verdict.passed
        assert "hn: it does not answer as the network" in verdict.reason
        assert (found.outputs["hn"].sqnr_db or 0) < 15
    rounded = right.copy()
    rounded["hn"] = np.round(right["hn"] * 127) / 127
    assert parity(task, compare(task, right, rounded), int8).passed


def test_states_that_occur_are_what_ranges_are_measured_on() -> None:
    fed = step_inputs(SEQUENCES, CELL, cell, most=50, seed=0)
    assert (fed.dtype, len(fed)) == (np.dtype(CELL.graph_dtype), 50)
    before = np.concatenate([np.stack([np.zeros(8), *by_hand(one)[:-1]]) for one in SEQUENCES])
    every = {tuple(x): h for x, h in zip(SEQUENCES.reshape(-1, 4), before, strict=True)}
    for one in fed:
        assert one["h"] == pytest.approx(every[tuple(one["x"])], abs=1e-6)
    assert len(step_inputs(SEQUENCES, CELL, cell, most=1000, seed=0)) == 120
    begins = first_step(SEQUENCES, CELL)
    assert not begins["h"].any()
    assert np.array_equal(begins["x"], SEQUENCES[:, 0])
    assert first_step(SEQUENCES, X) is SEQUENCES


def test_a_state_of_whole_numbers_and_a_single_output() -> None:
    counting = SteppedPreprocessing(
        tensors=(X, N), carried=(CarriedState(input="n", output="next"),), steps=6
    )
    seen = []

    def count(fed: Any) -> Any:
        seen.append(fed["n"].dtype)
        return (fed["n"] + 1).astype(np.float32)

    assert outputs_of(SEQUENCES, counting, count)[3].tolist() == [1, 2, 3, 4, 5, 6]
    assert {*seen} == {np.dtype(np.int64)}


def test_what_cannot_be_carried_on() -> None:
    for output, what in (("other", "is not there"), ("y", "is of shape")):
        wrong = replace(CELL, carried=(CarriedState(input="h", output=output),))
        with pytest.raises(BadData, match=f"carried on from '{output}'") as caught:
            outputs_of(SEQUENCES, wrong, cell)
        assert what in (caught.value.why or "")


def test_sequences_are_read_as_they_are() -> None:
    split = Split(labels=np.zeros(20, np.int64), read=lambda n: SEQUENCES[n], content_hash="x")
    raw = read_inputs(split, CELL)
    assert np.array_equal(raw, SEQUENCES)  # a single array may have any name
    assert GoldenArrays(inputs=raw[:3], outputs=raw[:3]).fit(CELL)
    assert not GoldenArrays(inputs=raw[:3, 1:], outputs=raw[:3]).fit(CELL)
    ids = TensorPreprocessing(name="ids", shape=(2,), low=0, high=9, number="int64")
    two = SteppedPreprocessing(tensors=(ids, H, X), carried=CELL.carried, steps=6)
    both = joined({"x": SEQUENCES, "ids": np.zeros((20, 6, 2), np.int64)})
    several = Split(labels=split.labels, read=lambda n: both[n], content_hash="x")
    made = read_inputs(several, two)
    assert made.dtype.names == ("ids", "x")
    assert np.array_equal(made["x"], SEQUENCES)
    assert outputs_of(made, two, cell)["y"].shape == (20, 6, 3)
    for wrong, own in ((split, two), (Split(**{**vars(split), "read": lambda n: 0 * U}), CELL)):
        with pytest.raises(BadData) as caught:
            read_inputs(wrong, own)
        assert "samples" in caught.value.what
    stored = TypeAdapter(StoredPreprocessing)
    for record in (CELL, two):
        assert stored.validate_json(stored.dump_json(record)) == record


@pytest.mark.parametrize(
    "changed",
    [
        {"carried": ()},
        {"carried": CELL.carried * 2},
        {"carried": (CarriedState(input="k", output="hn"),)},
        {"carried": (*CELL.carried, CarriedState(input="x", output="hn"))},
        {"steps": 1},
        {"tensors": (X, X, H)},
    ],
)
def test_records_that_say_nothing(changed: Any) -> None:
    with pytest.raises(InvalidRecord, match="preprocessing"):
        replace(CELL, **changed)

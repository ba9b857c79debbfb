"""Each task says in words and numbers what the output for one example means."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
from digit_files import registry

from zoo.contracts.prediction import DecodedStep, NamedScore

NAMES = ("a", "b", "c")


def decoded(task: str, output: np.ndarray, most: int = 2, steps: tuple[str, ...] = ()):
    return registry().tasks.get(task).decoded(output, NAMES, most, steps)


def test_classes_are_ranked() -> None:
    found = decoded("image-classification", np.array([0.25, 0.25, 0.5], np.float32))
    assert (found.answer, found.confidence, found.chosen) == ("c", 0.5, ("c",))
    assert found.scores == (NamedScore(name="c", value=0.5), NamedScore(name="a", value=0.25))


def test_every_answered_label_is_shown_however_few_are_asked_for() -> None:
    found = decoded("multi-label", np.array([0.5, 0.1, 0.75], np.float32), most=1)
    assert found.answer == "a, c"
    assert found.chosen == ("a", "c")
    assert [score.name for score in found.scores] == ["c", "a"]
    assert decoded("multi-label", np.zeros(3, np.float32)).answer == "no label"


def test_targets_keep_their_order_and_all_are_shown() -> None:
    found = decoded("regression", np.array([1.5, -2.0, 1e6], np.float32), most=1)
    assert [(score.name, score.value) for score in found.scores] == [
        ("a", 1.5),
        ("b", -2.0),
        ("c", 1e6),
    ]
    assert not found.probabilities
    assert not found.chosen


def test_steps_behind_the_end_are_left_out() -> None:
    output = np.array([[0.75, 0.25, 0], [0, 0.5, 0.5], [1, 0, 0]], np.float32)
    found = decoded("sequence-tagging", output, steps=("to", "Rome"))
    assert found.steps == (
        DecodedStep(text="to", answer="a", confidence=0.75),
        DecodedStep(text="Rome", answer="b", confidence=0.5),
    )
    assert found.answer == "to/a Rome/b"
    assert found.chosen == ("a", "b")


def test_outputs_without_a_meaning_are_numbers() -> None:
    record = np.zeros(1, [("mask", np.float32, (2, 2)), ("score", np.float32)])
    record["mask"][0, 1, 0] = 3
    found = decoded("tensors", record[0])
    assert found.answer == "mask (2×2): 0, 0, 3.000, 0; score 0"
    assert json.loads(json.dumps(asdict(found)))["numbers"] == {
        "mask": [[0, 0], [3, 0]],
        "score": 0,
    }
    assert decoded("tensors", np.arange(20, dtype=np.float32)).answer.endswith("6.000, 7.000, …")

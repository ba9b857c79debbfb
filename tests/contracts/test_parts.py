"""Outputs that name the file which gives them."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from zoo.contracts import ModelPart, Output, PartPreprocessing
from zoo.contracts.checks import InvalidRecord
from zoo.tasks.classification import zoo_tasks

TASK = next(iter(zoo_tasks()))


def outputs(text: str) -> tuple[Output, ...]:
    """``code@encoder image@decoder`` as records."""
    pairs = (word.partition("@") for word in text.split())
    return tuple(Output(name=name, part=part) for name, _, part in pairs)


def test_a_task_without_parts_has_one_file() -> None:
    assert TASK.parts == (ModelPart(name="", outputs=("probabilities",)),)
    assert not TASK.several_files


def test_each_part_takes_what_the_one_before_gives() -> None:
    task = replace(TASK, outputs=outputs("code@encoder plan@planner image@decoder mask@decoder"))
    assert task.several_files
    assert task.parts == (
        ModelPart(name="encoder", outputs=("code",)),
        ModelPart(name="planner", outputs=("plan",), takes="code"),
        ModelPart(name="decoder", outputs=("image", "mask"), takes="plan"),
    )
    assert task.part("planner").takes == "code"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("code@encoder image", "some outputs name a part, others do not"),
        ("code@encoder", "'encoder' is the only part: leave it out"),
        ("code@encoder size@encoder image@decoder", "'encoder' returns code, size: the next part"),
        ("code@a image@b mask@a", "outputs of a part must stand together"),
    ],
)
def test_parts_that_make_no_chain(text: str, problem: str) -> None:
    with pytest.raises(InvalidRecord, match=re.escape(problem)):
        replace(TASK, outputs=outputs(text))


def test_a_part_is_a_word_in_file_names() -> None:
    with pytest.raises(InvalidRecord, match="is not usable: use lower-case letters"):
        Output(name="code", part="../x")


@pytest.mark.parametrize(
    "changes", [{"shape": ()}, {"shape": (0, 2)}, {"low": 2.0}, {"high": float("nan")}]
)
def test_inputs_of_a_part_are_checked(changes: dict[str, object]) -> None:
    good = PartPreprocessing(shape=(4,), low=-1.0, high=1.0, before="encoder", output="code")
    with pytest.raises(InvalidRecord):
        replace(good, **changes)

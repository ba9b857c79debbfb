"""Which networks are compared, and what each begins with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from annotated import as_masks
from choices import candidate

from zoo.common.errors import BadData, MissingExtra, UsageError
from zoo.common.progress import quiet
from zoo.pipeline.options import recipe_from
from zoo.pipeline.recipe import Recipe
from zoo.pipeline.search.candidates import (
    ChoiceCandidate,
    Unfit,
    candidates_of,
    none_fits,
    told_in_short,
)
from zoo.pipeline.search.screening import Screened, none_built
from zoo.pipeline.search.starting_job import starting_job
from zoo.registry import load_registry

pytest.importorskip("sklearn")


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ZOO_OFFLINE", "1")


def found_for(
    data: str, *names: str, **given: Any
) -> tuple[dict[str, ChoiceCandidate], list[Unfit], list[str]]:
    def recipe_for(name: str) -> Recipe:
        return recipe_from(model=name, data=data, **given)

    notes: list[str] = []
    found, unfit = candidates_of(
        load_registry(), names, recipe_for, data, on_step=quiet, note=notes.append
    )
    return {one.name: one for one in found}, unfit, notes


@pytest.mark.parametrize("names", [(), ("lstm_small",)], ids=["of the task", "named"])
def test_a_network_whose_weights_take_other_inputs_begins_with_random_ones(
    names: tuple[str, ...],
) -> None:
    found, _, notes = found_for("digits_rows", *names)
    assert found["lstm_small"].begins == "random weights"
    assert found["lstm_small"].job.recipe.training.from_scratch
    (note,) = [note for note in notes if note.startswith("lstm_small")]
    assert note == (
        "lstm_small begins with random weights: the network takes 28 steps of 28 channels, the "
        "dataset has 8 steps of 8 channels"
    )


def test_weights_that_were_named_are_kept() -> None:
    named = "lstm_small.fashion_mnist_rows"
    found, _, notes = found_for("digits_rows", named)
    assert found[named].begins == named
    assert notes == []


def test_one_network_under_two_names_is_compared_once() -> None:
    found, _, notes = found_for("digits", "lenet5", "lenet5.fashion_mnist", "resnet8")
    assert list(found) == ["lenet5", "resnet8"]
    assert notes == ["lenet5.fashion_mnist is lenet5 by another name: it was compared once"]


def test_a_backbone_that_may_not_be_fetched_leaves_the_network_in(tmp_path: Path) -> None:
    found, unfit, notes = found_for(as_masks(tmp_path))
    assert unfit == []
    assert found["lraspp_mobilenet96"].begins == "random weights"
    assert any("lraspp_mobilenet96 begins with random weights" in note for note in notes)


def test_what_is_wrong_with_the_data_is_told_in_its_own_words() -> None:
    error = BadData("folder:one holds only one class: a", fix="add examples of another class")
    same = [
        Screened(candidate=candidate(name), reason=error.what, error=error)
        for name in ("lenet5", "resnet8")
    ]
    assert none_built("folder:one", same, ()) is error
    other = Screened(candidate=candidate("convnet28"), reason="it crashed", error=BadData("no"))
    several = none_built("folder:one", [*same, other], ())
    assert isinstance(several, UsageError)
    assert "lenet5: folder:one holds only one class" in str(several)
    assert "convnet28: it crashed" in str(several)


def test_a_failure_is_told_with_its_cause_on_one_line() -> None:
    error = UsageError("the plugin of 'a' could not build 'a'", why="RuntimeError: not\nready")
    assert told_in_short(error) == "the plugin of 'a' could not build 'a': RuntimeError: not"
    assert told_in_short(UsageError("it crashed\nbadly")) == "it crashed"


def test_networks_that_take_other_inputs_are_no_candidates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = ["a,b,price", *(f"{n % 7},{n % 5},{n % 7 + 0.5 * (n % 5)}" for n in range(120))]
    (tmp_path / "houses.csv").write_text("\n".join(lines))
    begun: list[str] = []

    def noted(registry: Any, recipe: Recipe, on_step: Any) -> Any:
        begun.append(recipe.model)
        return starting_job(registry, recipe, on_step)

    monkeypatch.setattr("zoo.pipeline.search.candidates.starting_job", noted)
    found, unfit, _ = found_for(f"csv:{tmp_path / 'houses.csv'}?target=price")
    assert list(found) == ["lstm_small"]
    assert set(begun) == {"lstm_small"}, "nothing else was opened or built"
    reasons = {one.name: one.reason for one in unfit}
    assert reasons["lenet5"].startswith("it takes other inputs: example 0 cannot be used")
    assert "float32" in reasons["lenet5"]


def test_a_network_that_nobody_named_and_that_lacks_its_part_is_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def lacking(registry: Any, recipe: Recipe, on_step: Any) -> Any:
        if recipe.model != "lenet5":
            raise MissingExtra("torch", "torch")
        return starting_job(registry, recipe, on_step)

    monkeypatch.setattr("zoo.pipeline.search.candidates.starting_job", lacking)
    found, unfit, _ = found_for("digits")
    assert list(found) == ["lenet5"]
    assert {one.reason for one in unfit if "torch" in one.reason}
    with pytest.raises(MissingExtra):
        found_for("digits", "resnet8")


def test_no_candidate_at_all_is_told_by_what_networks_have_in_common() -> None:
    unfit = [Unfit(name=name, reason="it takes pictures") for name in "abcde"]
    error = none_fits("csv:x", [*unfit, Unfit(name="f", reason="it crashed")])
    assert error.what == "no network of the zoo can be trained on csv:x"
    assert error.why == "a, b, c and 2 more: it takes pictures\nf: it crashed"
    assert "networks from elsewhere" in str(error.fix)

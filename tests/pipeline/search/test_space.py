"""The space of ``zoo tune``: what is declared, what is typed, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from zoo.common.errors import UsageError
from zoo.contracts import Choices, Interval
from zoo.contracts.checks import InvalidRecord
from zoo.contracts.search_space import choice_text
from zoo.pipeline.job import Job, make_job
from zoo.pipeline.options import recipe_from
from zoo.pipeline.search.space import parse_space, search_space, with_values
from zoo.registry import PluginSettings, load_registry

pytest.importorskip("sklearn")
REGISTRY = load_registry(PluginSettings(installed=False))


def job_of(model: str = "lenet5", data: str = "digits", **options: Any) -> Job:
    options.setdefault("from_scratch", True)
    return make_job(recipe_from(model=model, data=data, **options), REGISTRY)


def space_of(job: Job, only: bool = False, **asked: str) -> dict[str, Any]:
    return {p.name: p for p in search_space(job, asked, only=only)}


def test_network_and_training_declare_what_varies() -> None:
    space = space_of(job_of())
    assert space["learning_rate"].range == Interval(1e-4, 1e-2, log=True)
    assert space["learning_rate"].default == 0.001
    assert space["activation"].range == Choices(("relu", "tanh", "silu"))
    assert space["activation"].default == "relu", "the variant's own, not the family's"
    assert space["dropout"].owner == "training"
    assert space["batch_size"].default == 32
    assert all(p.holds_default for p in space.values())


def test_what_was_given_is_not_varied_unless_it_is_named() -> None:
    job = job_of(learning_rate=0.02, set={"activation": "tanh"})
    space = space_of(job)
    assert "learning_rate" not in space
    assert "activation" not in space
    named = space_of(job, learning_rate="0.01..0.05")
    assert named["learning_rate"].default == 0.02


def test_widths_vary_by_factors_and_zero_stays_off() -> None:
    space = space_of(job_of("convnet28"))
    assert space["filters"].range.texts == ("16", "24", "32", "48")
    assert space["filters"].default == (32,)
    series = space_of(job_of("lstm_small", "digits_rows"))
    assert "embedding" not in series
    assert "augment" not in series, "series are no pictures"
    assert series["layers"].range == Interval(1, 2)


def test_weights_hold_the_network_as_it_is() -> None:
    job = job_of(from_scratch=False)
    assert job.checkpoint is not None
    assert {p.owner for p in space_of(job).values()} == {"training"}
    with pytest.raises(UsageError, match="changes the network") as caught:
        space_of(job, activation="relu,tanh")
    assert "--from-scratch" in str(caught.value)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ({"learning_rate": "1e-4..1e-1:log"}, Interval(1e-4, 1e-1, log=True)),
        ({"weight_decay": "0..1"}, Interval(0.0, 1.0)),
        ({"batch_size": "8..64"}, Interval(8, 64)),
        ({"batch_size": "8,16"}, Choices((8, 16))),
        ({"augment": "none,shift,shift+rotate"}, Choices(((), ("shift",), ("shift", "rotate")))),
        ({"activation": "relu, tanh"}, Choices(("relu", "tanh"))),
    ],
    ids=str,
)
def test_ranges_are_read_as_they_are_meant(typed: dict[str, str], meant: object) -> None:
    (parameter,) = search_space(job_of(), typed, only=True)
    assert parameter.range == meant
    if isinstance(meant, Interval):
        assert parameter.range.whole == meant.whole


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("learning_rat=1,2", "did you mean 'learning_rate'"),
        ("epochs=1..3", "unknown parameter"),
        ("accelerators=gpu:0,gpu:1", "unknown parameter"),
        ("learning_rate=1e-1..1e-4", "first end must be below"),
        ("learning_rate=0..1:log", "only positive numbers"),
        ("learning_rate=a..b", "'a' is not a number"),
        ("learning_rate=1..2..3", "cannot be read"),
        ("learning_rate=1e-4...1e-1", "LOW..HIGH"),
        ("augment=shift..rotate", "it is a list"),
        ("optimizer=a..b", "--space optimizer=adamw,sgd"),
        ("batch_size=8,,16", "missing between two commas"),
        ("batch_size=8,8", "named twice"),
        ("learning_rate=nan,0.1", "must be finite"),
        ("batch_size=8,1e400", "must be finite"),
        pytest.param(f"batch_size=8..1{'0' * 400}", "must be finite", id="endless"),
        pytest.param(f"batch_size=0.5..1{'0' * 400}", "cannot be read", id="endless and real"),
        ("batch_size", "not NAME=RANGE"),
        ("=3", "not NAME=RANGE"),
    ],
)
def test_wrong_ranges_are_refused(typed: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        search_space(job_of(), parse_space((typed,)), only=False)
    assert words in str(caught.value)


def test_a_name_stands_once_and_something_must_vary() -> None:
    with pytest.raises(UsageError, match="twice"):
        parse_space(("batch_size=8,16", "batch_size=4,8"))
    with pytest.raises(UsageError, match="nothing to vary"):
        search_space(job_of(), {}, only=True)
    with pytest.raises(UsageError, match="nothing to vary") as caught:
        search_space(job_of(), {"learning_rate": "0.001"}, only=True)
    assert "the default alone" in str(caught.value)


def test_python_gives_lists_and_texts() -> None:
    given = parse_space({"batch_size": [8, 16], "learning_rate": "1e-3..1e-2", "batch_norm": True})
    assert given == {"batch_size": "8,16", "learning_rate": "1e-3..1e-2", "batch_norm": "true"}
    assert parse_space("batch_size=8,16") == {"batch_size": "8,16"}
    assert parse_space({1: (2, 3)}) == {"1": "2,3"}
    for wrong in (3, [("a", "b")]):
        with pytest.raises(UsageError):
            parse_space(wrong)
    for empty in ([], ""):
        with pytest.raises(UsageError, match="missing between two commas"):
            search_space(job_of(), parse_space({"batch_size": empty}), only=True)


def test_only_what_departs_from_the_default_changes_the_recipe() -> None:
    job = job_of(epochs=3)
    space = search_space(job, {}, only=False)
    default = {p.name: p.default for p in space}
    assert with_values(job.recipe, space, default) is job.recipe
    changed = with_values(job.recipe, space, {**default, "activation": "tanh", "dropout": 0.25})
    assert changed.hyperparameters == {"activation": "tanh"}
    assert changed.training.dropout == 0.25
    assert changed.training.model_fields_set == {"from_scratch", "epochs", "dropout"}
    assert changed.training.epochs == 3


def test_options_that_do_not_go_together_are_refused() -> None:
    job = job_of(from_scratch=False, freeze="gradual")
    space = search_space(job, {}, only=False)
    values = {p.name: p.default for p in space}
    with pytest.raises(UsageError, match="rates of their own"):
        with_values(job.recipe, space, {**values, "optimizer": "sgd"})


@pytest.mark.parametrize(
    "make",
    [
        lambda: Interval(2, 1),
        lambda: Interval(0.0, 1.0, log=True),
        lambda: Interval(0.0, float("inf")),
        lambda: Choices(()),
        lambda: Choices((0.5, "0.5")),
        lambda: Choices((1, 10**400)),
        lambda: Choices(((1.0, float("inf")), (2.0,))),
        lambda: Interval(1, 10**400),
    ],
)
def test_records_that_cannot_be_are_refused(make: Any) -> None:
    with pytest.raises(InvalidRecord):
        make()


@pytest.mark.parametrize(
    ("searched", "words"),
    [
        (("activation",), "must be a dictionary"),
        ({"activation": ("relu", "tanh")}, "'activation'].*must be an Interval or Choices"),
        ({"activation": Interval(1, 3)}, "interval of numbers, and its default is '"),
        ({"activatio": Choices(("relu",))}, "no hyper-parameter activatio"),
    ],
)
def test_what_an_author_declares_wrongly_names_the_family(searched: Any, words: str) -> None:
    family = REGISTRY.variant("lenet5")[0]
    with pytest.raises(InvalidRecord, match=words) as caught:
        replace(family, searched=searched)
    assert str(caught.value).startswith("lenet: ")


def test_values_are_written_as_they_are_typed() -> None:
    written = [choice_text(value) for value in (True, 0.5, 3, "relu", (16, 32), ())]
    assert written == ["true", "0.5", "3", "relu", "16+32", "none"]
    assert str(Interval(1e-4, 0.1, log=True)) == "0.0001..0.1:log"
    assert str(Interval(0.12345678, 1234567.5)) == "0.12345678..1234567.5", "read as the same"
    assert str(Choices((3, 5))) == "3,5"

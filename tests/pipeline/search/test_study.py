"""The study of ``zoo tune``: what it asks, what it forgets nothing of, and who else opens it."""

from __future__ import annotations

import errno
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zoo.common.errors import BadFile, ZooError
from zoo.contracts import Choices, Interval
from zoo.pipeline.search.space import SearchedParameter
from zoo.pipeline.search.study import STUDY, RunningTrial, Study

optuna = pytest.importorskip("optuna")

RATE = SearchedParameter(
    name="rate", owner="training", range=Interval(1e-4, 1.0, log=True), default=0.5
)
SHAPE = SearchedParameter(
    name="shape", owner="network", range=Choices(((8,), (8, 16))), default=(8,)
)
EPOCHS = 9


@pytest.fixture(autouse=True)
def quick_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Journals are written epoch by epoch: hundreds of times here, in seconds of waiting."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


def study_in(folder: Path, **options: Any) -> Study:
    folder.mkdir(exist_ok=True)
    given: dict[str, Any] = {"maximize": True, "epochs": EPOCHS, "seed": 3, "prune": True}
    return Study(folder, "some", (RATE, SHAPE), **{**given, **options})


def quality(values: dict[str, Any], epoch: int) -> float:
    """Best at a rate of 0.01 with two stages; grows with the epochs."""
    far = abs(math.log10(values["rate"]) + 2)
    return (1.0 - 0.2 * far + 0.1 * (len(values["shape"]) == 2)) * epoch / EPOCHS


def train(trial: RunningTrial, until: int = EPOCHS) -> bool:
    """Whether it came to its end."""
    for epoch in range(1, until + 1):
        if trial.report(epoch, quality(trial.values, epoch)) and epoch < EPOCHS:
            trial.prune()
            return True
    if until == EPOCHS:
        trial.complete(quality(trial.values, EPOCHS), 0.5)
        return True
    return False


def search(folder: Path, count: int, **options: Any) -> Study:
    study = study_in(folder, **options)
    while sum(t.state != "running" for t in study.trials()) < count:
        train(study.next())
    return study


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Study]:
    """The same search with pruning and without."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        return {
            name: search(tmp_path_factory.mktemp(name), 30, prune=name == "pruned")
            for name in ("pruned", "whole")
        }


def test_the_default_is_first_and_a_planted_good_value_is_found(both: dict[str, Study]) -> None:
    trials = both["pruned"].trials()
    assert trials[0].values == {"rate": 0.5, "shape": (8,)}
    assert trials[0].state == "complete", "what others are held against is never pruned"
    best = max((t for t in trials if t.state == "complete"), key=lambda t: t.value or 0)
    assert best.values["shape"] == (8, 16)
    assert 1e-3 < best.values["rate"] < 1e-1
    assert (best.value or 0) > (trials[0].value or 0) + 0.3


def test_hyperband_trains_fewer_epochs(both: dict[str, Study]) -> None:
    pruned, whole = both["pruned"].trials(), both["whole"].trials()
    assert sum(len(t.epochs) for t in whole) == 30 * EPOCHS
    assert sum(len(t.epochs) for t in pruned) < 0.75 * 30 * EPOCHS
    assert {t.state for t in pruned} == {"complete", "pruned"}


def test_an_interrupted_search_asks_what_an_unbroken_one_asks(tmp_path: Path) -> None:
    unbroken = search(tmp_path / "a", 9).trials()
    for _ in range(3):
        study = study_in(tmp_path / "b")
        train(study.next())
    left = study_in(tmp_path / "b").next()
    assert not train(left, until=2)
    with (tmp_path / "b" / STUDY).open("ab") as file:
        file.write(b'{"op_code":4,"wor')  # killed in the middle of a line
    (tmp_path / "b" / f"{STUDY}.lock").symlink_to("gone")
    goes_on = study_in(tmp_path / "b").next()
    assert goes_on.number == left.number
    assert goes_on.values == left.values
    assert goes_on.reported == 2
    train(goes_on)
    broken = search(tmp_path / "b", 9).trials()
    assert broken == unbroken


def test_a_trial_that_was_half_asked_gets_the_same_values(tmp_path: Path) -> None:
    unbroken = search(tmp_path / "a", 7).trials()
    search(tmp_path / "b", 6)
    study = study_in(tmp_path / "b")
    study.next()
    lines = (tmp_path / "b" / STUDY).read_bytes().splitlines(keepends=True)
    (tmp_path / "b" / STUDY).write_bytes(b"".join(lines[:-1]))  # killed between two values
    assert study_in(tmp_path / "b").next().values == unbroken[6].values


def test_another_seed_asks_other_trials(tmp_path: Path) -> None:
    first = search(tmp_path / "a", 4).trials()
    second = search(tmp_path / "b", 4, seed=4).trials()
    assert [t.values for t in first][1:] != [t.values for t in second][1:]


def test_a_loss_is_made_smaller(tmp_path: Path) -> None:
    study = study_in(tmp_path, maximize=False, prune=False)
    trial = study.next()
    for epoch, loss in enumerate((0.9, 0.4, float("nan"), 0.6), start=1):
        trial.report(epoch, loss)
    trial.complete(0.4, 0.4)
    (seen,) = study.trials()
    assert list(seen.epochs.values()) == [0.9, 0.4, 0.4, 0.4]
    trial = study.next()
    trial.report(1, float("nan"))
    trial.report(2, 0.7)
    assert study.trials()[1].epochs == {2: 0.7}, "what is no number is no value"


def test_failures_and_times_are_kept(tmp_path: Path) -> None:
    study = study_in(tmp_path)
    trial = study.next()
    trial.add_seconds(2.0)
    again = study_in(tmp_path).next()
    again.add_seconds(3.0)
    again.fail("the loss became nan")
    (seen,) = study_in(tmp_path).trials()
    assert (seen.state, seen.reason, seen.seconds) == ("failed", "the loss became nan", 5.0)


def test_a_space_without_the_default_begins_elsewhere(tmp_path: Path) -> None:
    narrow = SearchedParameter(
        name="rate", owner="training", range=Interval(0.001, 0.01), default=0.5
    )
    options: dict[str, Any] = {"maximize": True, "epochs": 3, "seed": 0, "prune": True}
    trial = Study(tmp_path, "some", (narrow,), **options).next()
    assert 0.001 <= trial.values["rate"] <= 0.01


def test_a_space_of_choices_has_an_end(tmp_path: Path) -> None:
    assert study_in(tmp_path / "a").size is None
    layers = SearchedParameter(name="layers", owner="network", range=Interval(1, 3), default=1)
    options: dict[str, Any] = {"maximize": True, "epochs": 3, "seed": 0, "prune": True}
    assert Study(tmp_path, "some", (layers, SHAPE), **options).size == 6


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = study_in(tmp_path)
    trial = study.next()

    def full(backend: Any, logs: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(optuna.storages.journal.JournalFileBackend, "append_logs", full)
    writes: list[Callable[[], object]] = [
        lambda: trial.report(1, 0.5),
        lambda: trial.add_seconds(1.0),
        lambda: trial.complete(0.5, 0.5),
        trial.prune,
        lambda: trial.fail("why"),
        lambda: study.describe({"a": "b"}),
    ]
    for write in writes:
        with pytest.raises(ZooError, match="the disk is full"):
            write()


def test_a_trial_of_another_program_is_told(tmp_path: Path) -> None:
    search(tmp_path, 2)
    backend = optuna.storages.journal.JournalFileBackend(str(tmp_path / STUDY))
    storage = optuna.storages.JournalStorage(backend)
    opened = optuna.load_study(study_name="some", storage=storage)
    opened.add_trial(optuna.trial.create_trial(value=0.9))
    with pytest.raises(BadFile, match="trial 2 is one of another space"):
        study_in(tmp_path).trials()


def test_importances_name_what_decided(both: dict[str, Study], tmp_path: Path) -> None:
    shares = both["whole"].importances()
    assert sum(shares.values()) == pytest.approx(1.0)
    assert shares["rate"] > shares["shape"]
    assert search(tmp_path / "few", 2).importances() == {}


def test_optuna_opens_the_study(tmp_path: Path) -> None:
    study = search(tmp_path, 5)
    study.describe({"model": "some.digits"})
    backend = optuna.storages.journal.JournalFileBackend(str(tmp_path / STUDY))
    storage = optuna.storages.JournalStorage(backend)
    (name,) = optuna.get_all_study_names(storage)
    opened = optuna.load_study(study_name=name, storage=storage)
    assert opened.user_attrs == {"model": "some.digits"}
    assert [t.params["rate"] for t in opened.trials] == [t.values["rate"] for t in study.trials()]
    assert opened.trials[0].params["shape"] == "8"


@pytest.mark.parametrize(
    "content", [b"no journal\nat all\n", b'{"op_code":99}\n{}\n', b"\xff\xfe\n"]
)
def test_a_damaged_study_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / STUDY).write_bytes(content)
    with pytest.raises(BadFile, match="no study that can be read") as caught:
        study_in(tmp_path).trials()
    assert "kept in the cache" in str(caught.value)

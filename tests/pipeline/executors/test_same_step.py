"""Orders of one step that come at once to workers of one cache: one performs it, others wait."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from zoo.common.worker import Children
from zoo.pipeline.executors import performing
from zoo.pipeline.executors.performing import Refused, _alone

KEYS = ["abc" + "0" * 61, "abc" + "1" * 61]


@pytest.fixture(autouse=True)
def locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ZOO_HOME", str(tmp_path))
    monkeypatch.setattr(performing, "_LOOK", 0.001)
    return performing.cache_folder() / "locks"


def test_other_steps_do_not_wait(locks: Path) -> None:
    """Not even those whose addresses begin alike."""
    with _alone(KEYS[0], Children()), _alone(KEYS[1], Children()):
        assert len(list(locks.iterdir())) == 2
    assert list(locks.iterdir()) == []


def test_each_of_many_has_it_alone(locks: Path) -> None:
    inside, most, done = list[int](), list[int](), list[int]()

    def perform(number: int) -> None:
        for _ in range(20):
            with _alone(KEYS[0], Children()):
                inside.append(number)
                most.append(len(inside))
                inside.remove(number)
        done.append(number)

    threads = [threading.Thread(target=perform, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(done) == list(range(8))
    assert set(most) == {1}
    assert list(locks.iterdir()) == []


def test_a_step_that_fails_lets_the_next_one_in(locks: Path) -> None:
    with pytest.raises(ValueError, match="x"), _alone(KEYS[0], Children()):
        raise ValueError("x")
    with _alone(KEYS[0], Children()):
        pass


def test_who_waits_can_be_cancelled(locks: Path) -> None:
    children = Children()
    children.stop_all()
    with (
        _alone(KEYS[0], Children()),
        pytest.raises(Refused, match="cancelled"),
        _alone(KEYS[0], children),
    ):
        raise AssertionError("two have it")

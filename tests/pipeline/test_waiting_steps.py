"""Steps that wait: released once all is there that they need, and looked at no more often."""

from __future__ import annotations

from typing import Any

import pytest
from engine_plans import Plan, statuses
from engine_plans import run as run
from fake_steps import FakeStep, named

from zoo.pipeline.steps.step import FinishedSteps
from zoo.pipeline.waiting_steps import Room, WaitingSteps

HERE = Room(elsewhere=False, device="", exclusive=False)


def names(steps: Any) -> list[str]:
    return [step.id.device for step in steps]


def test_a_step_is_released_by_the_last_one_that_it_waits_for() -> None:
    plan = Plan().add("a").add("b").add("c", "a", "b").add("d", "c").steps
    waiting = WaitingSteps(plan, FinishedSteps())
    assert names(waiting.released()) == ["a", "b"]
    waiting.ended(named("a"))
    assert names(waiting.released()) == []
    waiting.ended(named("b"))
    waiting.ended(named("b"))  # of two steps of the same id
    assert names(waiting.released()) == ["c"]
    assert names(waiting) == ["a", "b", "c", "d"]


def test_what_has_ended_before_is_not_waited_for(run: Any) -> None:
    finished = FinishedSteps({named("a"): None})  # type: ignore[dict-item]
    assert names(WaitingSteps(Plan().add("c", "a").steps, finished).released()) == ["c"]


def test_steps_of_a_room_are_in_order_until_they_begin() -> None:
    plan = Plan().add("a").add("b").add("c", exclusive=True).steps
    waiting = WaitingSteps(plan, FinishedSteps())
    a, b, c = waiting.released()
    for step in (b, a):
        waiting.queue(step, HERE)
    waiting.queue(c, HERE._replace(exclusive=True))
    assert [names(steps) for _, steps in waiting.queued()] == [["a", "b"], ["c"]]
    waiting.remove(a)
    assert [names(steps) for _, steps in waiting.queued()] == [["b"], ["c"]]
    assert waiting.holds_shared
    waiting.remove(b)
    assert not waiting.holds_shared
    assert names(waiting) == ["c"]


def test_steps_of_a_room_may_begin_while_the_room_is_looked_at() -> None:
    plan = Plan().add("a").add("b").add("c").steps
    waiting = WaitingSteps(plan, FinishedSteps())
    for step in waiting.released():
        waiting.queue(step, HERE)
    ((_, steps),) = waiting.queued()
    begun = next(steps)
    waiting.remove(begun)
    skipped = next(steps)
    waiting.remove(last := next(steps))
    assert names([begun, skipped, last]) == ["a", "b", "c"]
    assert list(steps) == []
    assert [names(steps) for _, steps in waiting.queued()] == [["b"]]


def test_the_work_of_a_plan_grows_as_its_steps_do(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0
    needs = FakeStep.needs.fget
    assert needs is not None

    def counted(step: FakeStep) -> Any:
        nonlocal asked
        asked += 1
        return needs(step)

    monkeypatch.setattr(FakeStep, "needs", property(counted))

    def looks(steps: int, version: str) -> int:
        nonlocal asked
        asked = 0
        plan = Plan().add("train", key=f"train{version}")
        for number in range(steps):
            plan.add(f"export {number}", "train", key=f"{version} {number}")
        assert set(statuses(run(plan)).values()) == {"passed"}
        return asked

    few, many = looks(10, "few"), looks(40, "many")
    assert many < 5 * few, "four times the steps"

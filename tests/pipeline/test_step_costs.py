"""Steps side by side as far as memory allows, by what they took when they were last done."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path
from typing import Any

import pytest
from engine_plans import Plan, Watcher, statuses
from engine_plans import run as run
from fake_steps import FakeStep, named

from zoo.pipeline import engine
from zoo.pipeline.performer import StepPerformer
from zoo.pipeline.step_cache import StepCache
from zoo.pipeline.step_costs import FILE, StepCost, StepCosts
from zoo.pipeline.steps.step import StepContext

GB = 1_000_000_000


class Together:
    """Work that notes how many run at once; each takes some memory."""

    def __init__(self, taken: int) -> None:
        self.taken, self.now, self.most = taken, 0, 0
        self._lock, self._both = threading.Lock(), threading.Barrier(2)

    def __call__(self, given: StepContext) -> None:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
        with contextlib.suppress(threading.BrokenBarrierError):
            self._both.wait(timeout=0.3)  # broken for good where they run one by one
        given.on_memory(self.taken)
        given.on_memory(self.taken // 2)  # of a second, smaller worker
        with self._lock:
            self.now -= 1


def two(work: Any, version: str) -> Plan:
    return Plan().add("a", key=f"a{version}", work=work).add("b", key=f"b{version}", work=work)


def test_steps_run_side_by_side_only_where_both_fit(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = 0
    monkeypatch.setattr(engine, "available_memory", lambda: free)
    unknown, large, small, roomy = (Together(size * GB) for size in (3, 3, 1, 1))
    statuses(run(two(unknown, "1")))
    assert unknown.most == 2  # nobody knows yet what they take
    free = 5 * GB
    run(two(large, "2"))
    assert large.most == 1
    free = 6 * GB
    run(two(small, "3"))
    assert small.most == 2
    free = 2 * GB
    run(two(roomy, "4"))
    assert roomy.most == 2  # by what they took last, not by the most ever


def test_a_step_that_was_never_done_is_expected_to_take_what_others_took(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "available_memory", lambda: 5 * GB)
    work = Together(0)
    plan = Plan().add("train", work=lambda given: given.on_memory(3 * GB))
    plan.add("a", "train", work=work).add("b", "train", work=work)
    assert set(statuses(run(plan)).values()) == {"passed"}
    assert work.most == 1


def test_what_a_step_took_is_kept_for_the_next_run(run: Any, tmp_path: Any) -> None:
    run(Plan().add("a", work=lambda given: given.on_memory(7)))
    watcher = Watcher()
    run(Plan().add("a", key="other").add("b"), on_step=watcher)
    begun = {step: event for step, event in watcher.events if event["event"] == "start"}
    assert begun["a"]["usual_seconds"] > 0
    assert "usual_seconds" not in begun["b"]
    step = FakeStep(id=named("a"), content="")
    cache = tmp_path / "cache"
    for damage in (b"{", b"[]", b'{"a": {"seconds": "x"}}', b"\xff"):
        (cache / FILE).write_bytes(damage)
        costs = StepCosts(cache)
        assert costs.of(step) is None
        costs.note(step, StepCost(seconds=2.0, memory_bytes=5))
        assert StepCosts(cache).of(step) == StepCost(seconds=2.0, memory_bytes=5)


def test_what_another_machine_asked_for_is_noted_there(tmp_path: Path) -> None:
    step = FakeStep(id=named("a"), content="key")
    for keeps_samples in (True, False):
        performer = StepPerformer(
            cache=StepCache(tmp_path),
            store=None,
            run="r",
            on_step=lambda *told: None,
            keeps_samples=keeps_samples,
        )
        assert performer.perform(step).passed
        assert (tmp_path / FILE).exists() is not keeps_samples
        performer.cache.remove(step.key)

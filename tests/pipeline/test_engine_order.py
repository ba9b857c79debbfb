"""Steps side by side, alone and last; what an interruption ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from engine_plans import Plan, Watcher, chain, statuses
from engine_plans import run as run
from fake_steps import named

from zoo.common.errors import ZooError
from zoo.pipeline.engine import Pipeline
from zoo.pipeline.step_cache import StepCache
from zoo.pipeline.steps.step import StepContext
from zoo.results.store import Store


def test_another_process_that_was_first_keeps_its_files(run, tmp_path):
    """Its later steps may be reading them."""
    cache = tmp_path / "cache"

    def overtaken(_: StepContext) -> None:
        other = Plan().add("a", work=lambda w: (w.folder / "file").write_text("other") and None)
        Pipeline(cache=StepCache(cache), store=None, run="other", on_step=Watcher()).execute(
            other.steps
        )

    look = []
    plan = Plan().add("a", work=overtaken)
    plan.add(
        "b", "a", work=lambda w: look.append((w.before[named("a")].folder / "file").read_text())
    )
    assert statuses(run(plan)) == {"a": "passed", "b": "passed"}
    assert look == ["other"]
    assert sorted(p.name for p in cache.iterdir() if p.is_dir()) == ["key-of-a", "key-of-b"]


def test_interruption_keeps_finished_steps(run, tmp_path):
    plan = chain()
    with pytest.raises(KeyboardInterrupt):
        run(plan, on_step=Watcher("b", KeyboardInterrupt()))
    assert plan.done == ["a", "b"]
    records = run(plan)
    assert plan.done == ["c"]
    assert [r.cached for r in records] == [True, True, False]


def test_interruption_ends_children_and_records_no_failure(run, tmp_path):
    """Killed children fail their steps; that is the user's doing and no fact to record."""
    store = Store(f"sqlite:///{tmp_path / 'records.sqlite'}")
    stopped, begun = threading.Event(), threading.Event()

    def work(given: StepContext) -> None:
        with given.children.registered(stopped.set):
            begun.set()
            assert stopped.wait(60)
        raise ZooError("a child died by SIGTERM")

    plan = Plan().add("quick", work=lambda _: begun.wait(60)).add("slow", work=work)
    with pytest.raises(KeyboardInterrupt):
        run(plan, on_step=Watcher("quick", KeyboardInterrupt()), store=store)
    assert stopped.is_set()
    assert [s.record.step for s in store.records()] == ["quick"]
    store.close()


def test_steps_run_side_by_side(run):
    """Each waits for the other, so one after the other would never end."""
    meeting = threading.Barrier(2)
    plan = Plan()
    for name in "ab":
        plan.add(name, work=lambda _: meeting.wait(60) and None)
    assert statuses(run(plan)) == {"a": "passed", "b": "passed"}


def test_no_more_steps_at_once_than_workers(run):
    now, most, lock = 0, 0, threading.Lock()

    def work(_: StepContext) -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.01)
        with lock:
            now -= 1

    plan = Plan()
    for number in range(6):
        plan.add(str(number), work=work)
    run(plan, workers=1)
    assert most == 1


def test_what_takes_long_starts_before_what_comes_first_in_the_plan(run):
    plan = Plan().add("a").add("b").add("long").add("longest", "long")
    for step in plan.steps[2:]:
        object.__setattr__(step, "early", 1 + (step.name == "longest"))
    run(plan, workers=1)
    assert plan.done == ["long", "longest", "a", "b"]


def test_exclusive_steps_run_alone_and_last(run):
    now: set[str] = set()
    company: dict[str, set[str]] = {}
    lock = threading.Lock()

    def work(name: str) -> Callable[[StepContext], None]:
        def perform(_: StepContext) -> None:
            with lock:
                now.add(name)
            time.sleep(0.01)
            with lock:
                company[name] = set(now)
                now.discard(name)

        return perform

    plan = Plan()
    for name in ("time 1", "time 2"):
        plan.add(name, exclusive=True, work=work(name))
    for name in ("a", "b", "c"):
        plan.add(name, work=work(name))
    run(plan, workers=4)
    assert {name: others for name, others in company.items() if name.startswith("time")} == {
        "time 1": {"time 1"},
        "time 2": {"time 2"},
    }
    assert sorted(plan.done[:3]) == ["a", "b", "c"]


def test_exclusive_step_waits_for_what_already_runs(run):
    quick_ended, measured = threading.Event(), threading.Event()
    beside = []

    def slow(_: StepContext) -> None:
        quick_ended.wait(60)
        beside.append(measured.wait(0.2))  # time enough to start, if it were let

    plan = Plan().add("time", exclusive=True, work=lambda _: measured.set())
    plan.add("quick", work=lambda _: quick_ended.set()).add("slow", work=slow)
    assert set(statuses(run(plan)).values()) == {"passed"}
    assert beside == [False]


@pytest.mark.parametrize(
    "plan",
    [
        Plan().add("a", "missing"),
        Plan().add("a", "b").add("b", "a"),
        Plan().add("fine").add("a", after=("a",)),
        Plan().add("measured", exclusive=True).add("a", "measured"),
    ],
    ids=["missing", "circle", "itself", "exclusive"],
)
def test_plan_that_cannot_end_is_refused(run, plan):
    with pytest.raises(ValueError, match=r"can never start: .*'a'"):
        run(plan)

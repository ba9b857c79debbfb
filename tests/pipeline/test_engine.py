"""Running plans: order, the cache of finished steps, and that failure is data.

The pipeline knows nothing of networks, so plain functions do the work here.
"""

from __future__ import annotations

import errno
import json
import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fake_steps import FakeStep, Told, named

from zoo.common.errors import BadData, NativeCrash, ProcessFailed, Unsupported, ZooError
from zoo.pipeline import step_cache
from zoo.pipeline.engine import Pipeline
from zoo.pipeline.step_cache import RECORD, StepCache
from zoo.pipeline.steps.step import Outcome, StepContext
from zoo.results.records import StepRecord, as_plain
from zoo.results.store import Store


class Plan:
    """Steps whose work notes that it was done and leaves a file."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.steps: list[FakeStep] = []

    def add(
        self,
        name: str,
        *needs: str,
        key: str = "",
        after: tuple[str, ...] = (),
        exclusive: bool = False,
        failure_key: str = "",
        work: Callable[[StepContext], Any] | None = None,
    ) -> Plan:
        def perform(given: StepContext) -> Outcome:
            self.done.append(name)
            (given.folder / "file").write_text(name)
            found = work(given) if work is not None else None
            return found if isinstance(found, Outcome) else Outcome(result=Told(by=name))

        step = FakeStep(
            id=named(name),
            content=key or f"key-of-{name}",
            work=perform,
            need=tuple(map(named, needs)),
            wait=tuple(map(named, after)),
            alone=exclusive,
            kept=failure_key,
        )
        self.steps.append(step)
        return self


@pytest.mark.parametrize("when", ["before", "meanwhile", "never"])
def test_inputs_that_changed_since_the_plan_was_made(tmp_path, when):
    """A result of others would be kept as that of those which the key names."""
    seen = []

    def check() -> None:
        seen.append(when)
        if when == "before" or (when == "meanwhile" and len(seen) > 1):
            raise BadData("the pictures changed during the run")

    def work(given: StepContext) -> Outcome:
        raise ValueError("no such class")

    plan = Plan().add("a", work=work)
    plan.steps = [replace(plan.steps[0], check=check)]
    pipeline = Pipeline(cache=StepCache(tmp_path), store=None, run="r", on_step=Watcher())
    (record,) = pipeline.execute(plan.steps)
    assert record.status == "failed"
    assert plan.done == ([] if when == "before" else ["a"])
    said = "ValueError: no such class" if when == "never" else "the pictures changed during the run"
    assert record.reason.startswith(said)


class Watcher:
    """Receives events; raises what it was given at the end of one step."""

    def __init__(self, stop_at: str = "", stop: BaseException | None = None) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.stop_at, self.stop = stop_at, stop

    def __call__(self, step: str, event: dict[str, Any]) -> None:
        self.events.append((step, event))
        if self.stop is not None and (step, event["event"]) == (self.stop_at, "end"):
            raise self.stop

    def of(self, kind: str) -> list[str]:
        return [step for step, event in self.events if event["event"] == kind]


@pytest.fixture
def run(tmp_path: Path):
    def execute(plan: Plan, **options: Any) -> list[StepRecord]:
        plan.done.clear()
        cache = StepCache(options.pop("cache", tmp_path / "cache"))
        options = {"store": None, "on_step": Watcher(), "cache": cache, **options}
        return Pipeline(run="run", **options).execute(plan.steps)

    return execute


def raising(error: BaseException) -> Callable[[StepContext], None]:
    def work(_: StepContext) -> None:
        raise error

    return work


def statuses(records: list[StepRecord]) -> dict[str, str]:
    return {record.step: record.status for record in records}


def chain() -> Plan:
    return Plan().add("a").add("b", "a").add("c", "b")


def test_records_come_in_the_plan_s_order(run):
    plan = Plan().add("late", "early").add("early").add("middle", after=("early",))
    watcher = Watcher()
    records = run(plan, on_step=watcher)
    assert [r.step for r in records] == ["late", "early", "middle"]
    assert plan.done.index("early") < plan.done.index("late")
    assert records[0] == StepRecord(
        step="late",
        kind="test",
        key="key-of-late",
        status="passed",
        seconds=records[0].seconds,
        created=records[0].created,
        result={"by": "late"},
    )
    # Two run side by side: which of them ends first is not said.
    assert sorted(watcher.of("start")) == sorted(plan.done)
    assert sorted(watcher.of("end")) == sorted(plan.done)


def test_work_sees_what_it_needs(run):
    seen = {}

    def look(work: StepContext) -> None:
        seen.update(work.before)
        assert (work.before[named("a")].folder / "file").read_text() == "a"
        assert list(work.folder.iterdir()) == [work.folder / "file"]

    run(Plan().add("a").add("other").add("b", work=look, after=("a",)))
    assert list(seen) == [named("a")]
    assert seen[named("a")].record.result == {"by": "a"}
    assert seen[named("a")].result == Told(by="a")


def test_events_of_the_work_are_passed_on(run):
    watcher = Watcher()
    run(Plan().add("a", work=lambda w: w.emit({"event": "progress", "done": 3})), on_step=watcher)
    assert ("a", {"event": "progress", "done": 3}) in watcher.events


@pytest.mark.parametrize("status", ["rejected", "failed"])
def test_steps_after_a_failure(run, status):
    def fail(_: StepContext) -> Outcome:
        if status == "failed":
            raise BadData("no data")
        return Outcome(result=None, status="rejected", reason="too slow")

    plan = Plan().add("a", work=fail).add("b", "a").add("c", "b")
    plan.add("beside").add("then", after=("a",))
    records = run(plan)
    assert statuses(records) == {
        "a": status,
        "b": "skipped",
        "c": "skipped",
        "beside": "passed",
        "then": "passed",
    }
    assert [r.reason for r in records[1:3]] == [f"'a' was {status}", "'b' was skipped"]
    assert sorted(plan.done) == ["a", "beside", "then"]


def test_second_time_nothing_is_done(run):
    plan = chain()
    first, watcher = run(plan), Watcher()
    second = run(plan, on_step=watcher)
    assert plan.done == []
    assert second == first
    assert [r.cached for r in first + second] == [False] * 3 + [True] * 3
    assert watcher.of("start") == []
    assert all(event["cached"] for _, event in watcher.events)


def test_rejection_is_kept(run):
    plan = Plan().add("a", work=lambda _: Outcome(result=None, status="rejected", reason="why"))
    run(plan)
    record = run(plan)[0]
    assert (record.status, record.reason, record.cached) == ("rejected", "why", True)
    assert plan.done == []


def test_changed_key_redoes_only_what_has_another_key(run):
    """A step's key holds the keys of its needs, so this is what a changed parameter does."""
    run(Plan().add("a").add("b", "a").add("c", "b").add("beside", "a"))
    plan = Plan().add("a").add("b", "a", key="new b").add("c", "b", key="new c").add("beside", "a")
    records = run(plan)
    assert plan.done == ["b", "c"]
    assert [r.cached for r in records] == [True, False, False, True]


def test_failure_is_tried_again(run):
    attempts = iter([BadData("not yet"), None])

    def work(_: StepContext) -> None:
        if (error := next(attempts)) is not None:
            raise error

    plan = Plan().add("a", work=work).add("b", "a")
    assert statuses(run(plan)) == {"a": "failed", "b": "skipped"}
    assert statuses(run(plan)) == {"a": "passed", "b": "passed"}


@pytest.mark.parametrize(
    "damage",
    [
        *("", "{", "[]", "null", "3", '{"step": "a"}', "\xff", "[" * 100_000),
        json.dumps({**as_plain(StepRecord(step="a", kind="t", key="k", status="passed"))}).replace(
            "passed", "splendid"
        ),
    ],
    ids=["empty", "half", "list", "null", "number", "fields", "bytes", "depth", "status"],
)
def test_damaged_record_is_done_again(run, tmp_path, damage):
    plan = chain()
    run(plan)
    (tmp_path / "cache" / "key-of-b" / RECORD).write_bytes(damage.encode("latin-1"))
    records = run(plan)
    assert plan.done == ["b"]
    assert statuses(records) == dict.fromkeys("abc", "passed")
    assert json.loads((tmp_path / "cache" / "key-of-b" / RECORD).read_text())["step"] == "b"


def test_folder_without_a_record_is_done_again(run, tmp_path):
    plan = chain()
    run(plan)
    (tmp_path / "cache" / "key-of-b" / RECORD).unlink()
    run(plan)
    assert plan.done == ["b"]


def test_record_from_a_later_version_is_used(run, tmp_path, monkeypatch):
    plan = Plan().add("a")
    monkeypatch.setattr(step_cache, "as_plain", lambda record: {**as_plain(record), "colour": "x"})
    run(plan)
    monkeypatch.undo()
    assert run(plan)[0].cached


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
    assert sorted(p.name for p in cache.iterdir()) == ["key-of-a", "key-of-b"]


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


def test_left_overs_of_killed_runs_are_swept(run, tmp_path):
    cache = tmp_path / "cache"
    stale, fresh = cache / ".part-stale-1", cache / ".part-fresh-2"
    for folder in (stale, fresh):
        folder.mkdir(parents=True)
        (folder / "half.npz").write_bytes(b"half")
    old = time.time() - 25 * 3600
    os.utime(stale, (old, old))
    run(chain())
    assert not stale.exists()
    assert fresh.exists()  # it may belong to a run that goes on beside this one


def test_failed_work_leaves_no_folder(run, tmp_path):
    run(Plan().add("a", work=raising(BadData("no"))).add("b"))
    assert [p.name for p in (tmp_path / "cache").iterdir()] == ["key-of-b"]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ZooError("it broke", why="rust", fix="paint it"), "it broke\n  why: rust\n  fix: paint"),
        (OSError(errno.ENOSPC, "No space left on device"), "the disk is full"),
        (OSError(errno.EROFS, "Read-only file system"), "cannot be written\n  why: Read-only"),
        (FileNotFoundError(errno.ENOENT, "No such file", "/data/cat.png"), "/data/cat.png"),
        (PermissionError(errno.EACCES, "Permission denied", "/data/cat.png"), "/data/cat.png"),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), "BrokenPipeError: [Errno 32] Broken pipe"),
        (KeyError("colour"), "KeyError: 'colour'"),
        (MemoryError("too much"), "ran out of memory"),
        (AssertionError(), "AssertionError: no message"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_whatever_work_raises_costs_its_step_alone(run, error, reason):
    plan = Plan().add("a", work=raising(error)).add("beside")
    records = run(plan)
    assert statuses(records) == {"a": "failed", "beside": "passed"}
    assert reason in records[0].reason
    assert records[0].result["exit_code"] == 1
    assert records[0].result["what"] in records[0].reason


def test_surprise_keeps_its_traceback(run):
    record = run(Plan().add("a", work=raising(KeyError("colour"))))[0]
    assert "raise error" in record.result["details"]
    assert "--debug" in record.result["fix"]


def test_result_that_is_no_json_is_a_failure(run):
    plan = Plan().add("a", work=lambda _: Outcome(result=Told(by=Path("x")))).add("beside")
    records = run(plan)
    assert statuses(records) == {"a": "failed", "beside": "passed"}
    assert "JSON" in records[0].reason


def test_cache_that_cannot_be_written(run, tmp_path):
    (tmp_path / "file").write_text("x")
    record = run(Plan().add("a"), cache=tmp_path / "file" / "cache")[0]
    assert record.status == "failed"
    assert "cannot be written" in record.reason


class BrokenStore:
    def append(self, *_: Any) -> None:
        raise ZooError("the store is full")


def test_store_that_fails_does_not_hide_why_the_step_did(run):
    records = run(Plan().add("a", work=raising(BadData("no data"))), store=BrokenStore())
    assert records[0].reason == "no data"


def test_store_that_fails_fails_the_step(run):
    """A result that could not be recorded must not pass unseen; the work itself is kept."""
    plan = Plan().add("a")
    records = run(plan, store=BrokenStore())
    assert (records[0].status, records[0].reason) == ("failed", "the store is full")
    assert statuses(run(plan)) == {"a": "passed"}
    assert plan.done == []


def test_new_records_are_stored_once(run, tmp_path):
    store = Store(f"sqlite:///{tmp_path / 'records.sqlite'}")
    plan = Plan().add("a", work=lambda _: Outcome(result=Told(by=1), samples=b"raw"))
    plan.add("b", work=raising(BadData("no"))).add("c", "b")
    run(plan, store=store)
    run(Plan().add("a"), store=store)
    stored = store.records()
    assert sorted((s.run, s.record.step, s.record.status) for s in stored) == [
        ("run", "a", "passed"),
        ("run", "b", "failed"),
    ]
    assert store.samples("key-of-a") == b"raw"
    store.close()


LASTING = [NativeCrash("died", fix="f"), Unsupported("no such operator", why="w", fix="f")]


@pytest.mark.parametrize("error", LASTING, ids=lambda e: type(e).__name__)
def test_failure_that_would_come_again_is_kept(run, error):
    plan = Plan().add("a", work=raising(error), failure_key="failed-a").add("b", "a").add("c")
    first = run(plan)
    assert [r.cached for r in first] == [False, False, False]
    again = run(plan)
    assert plan.done == []
    assert statuses(again) == {"a": "failed", "b": "skipped", "c": "passed"}
    assert [r.cached for r in again] == [True, False, True]
    assert again[0].reason == str(error)
    assert again[0].result["what"] == error.what
    assert [r.cached for r in run(plan, retry=True)] == [False, False, True]


def test_kept_failure_gives_way(run):
    """To another key, as of other limits; to an asked-for retry that goes well."""
    attempts = iter([NativeCrash("died"), NativeCrash("died again"), None])

    def work(_: StepContext) -> None:
        if (error := next(attempts)) is not None:
            raise error

    plan = Plan().add("a", work=work, failure_key="little-memory")
    assert statuses(run(plan)) == {"a": "failed"}
    assert statuses(run(plan)) == {"a": "failed"}
    plan.steps[0] = replace(plan.steps[0], kept="more-memory")
    assert run(plan)[0].reason == "died again"
    assert statuses(run(plan, retry=True)) == {"a": "passed"}
    assert statuses(run(plan)) == {"a": "passed"}


@pytest.mark.parametrize("error", [ProcessFailed("killed"), BadData("bad"), MemoryError()])
def test_failure_that_may_not_come_again_is_not_kept(run, error):
    plan = Plan().add("a", work=raising(error), failure_key="failed-a")
    run(plan)
    assert not run(plan)[0].cached

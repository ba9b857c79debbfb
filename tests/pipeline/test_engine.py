"""Running plans: order, the cache of finished steps, and that failure is data.

The pipeline knows nothing of networks, so plain functions do the work here.
"""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from engine_plans import Plan, Watcher, chain, raising, statuses
from engine_plans import run as run
from fake_steps import Told, named

from zoo.common.errors import BadData
from zoo.pipeline import step_cache
from zoo.pipeline.engine import Pipeline
from zoo.pipeline.step_cache import RECORD, StepCache
from zoo.pipeline.steps.step import Outcome, StepContext
from zoo.results.records import StepRecord, as_plain
from zoo.results.store import Store


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


def test_of_two_processes_that_end_together_one_keeps_its_result(tmp_path, monkeypatch):
    """The other may commit after this one has looked for it: its files are read by then."""
    cache, commit = StepCache(tmp_path / "cache"), StepCache.commit
    other = StepRecord(step="a", kind="test", key="key-of-a", status="passed", result={"loss": 1})

    def commit_second(self, partial, key, record):
        monkeypatch.setattr(StepCache, "commit", commit)
        of_other = self.begin(key)
        (of_other / "net.tflite").write_bytes(b"of the other")
        commit(self, of_other, key, other)
        return commit(self, partial, key, record)

    monkeypatch.setattr(StepCache, "commit", commit_second)
    store = Store(f"sqlite:///{tmp_path / 'records.sqlite'}")
    plan = Plan().add("a")
    pipeline = Pipeline(cache=cache, store=store, run="r", on_step=Watcher())
    (found,) = pipeline.execute(plan.steps)
    assert plan.done == ["a"]
    assert found.cached
    assert (cache.folder / "key-of-a" / "net.tflite").read_bytes() == b"of the other"
    assert store.records(run="r") == []
    store.close()
    assert [path.name for path in cache.folder.iterdir() if path.is_dir()] == ["key-of-a"]

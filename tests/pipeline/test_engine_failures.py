"""Whatever a step raises costs that step alone, and is kept where it would come again."""

from __future__ import annotations

import errno
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from engine_plans import Plan, chain, raising, statuses
from engine_plans import run as run
from fake_steps import Told

from zoo.common.errors import (
    BadData,
    EnvironmentFailed,
    KilledFromOutside,
    MissingExtra,
    NativeCrash,
    ProcessFailed,
    Unsupported,
    ZooError,
)
from zoo.common.progress import quiet
from zoo.devices.shared.remote import DeviceUnreachable
from zoo.execution.lock import DeviceBusy
from zoo.execution.set_aside import SetAside
from zoo.pipeline.engine import Pipeline
from zoo.pipeline.step_cache import StepCache
from zoo.pipeline.steps.step import Outcome, StepContext
from zoo.results.connecting import StoreLocked


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


def test_failure_is_tried_again(run):
    attempts = iter([BadData("not yet"), None])

    def work(_: StepContext) -> None:
        if (error := next(attempts)) is not None:
            raise error

    plan = Plan().add("a", work=work).add("b", "a")
    assert statuses(run(plan)) == {"a": "failed", "b": "skipped"}
    assert statuses(run(plan)) == {"a": "passed", "b": "passed"}


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
    assert [p.name for p in (tmp_path / "cache").iterdir() if p.is_dir()] == ["key-of-b"]


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
    name = "broken"

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


@pytest.mark.parametrize(
    "error",
    [
        EnvironmentFailed("the disk is full"),
        KilledFromOutside("it was killed by SIGKILL"),
        OSError(errno.ENOSPC, "No space left on device"),
        DeviceUnreachable("the board does not answer"),
        DeviceBusy("the board is in use"),
        SetAside("the board is set aside"),
        StoreLocked("the store is locked"),
        MissingExtra("faster_coco_eval", "detection"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_comparison_ends_with_a_failure_of_the_machine(tmp_path, error):
    def pipeline() -> Pipeline:
        cache = StepCache(tmp_path)
        return Pipeline(cache=cache, store=None, run="r", on_step=quiet, compares=True, workers=1)

    before = Plan().add("before").steps
    plan = before + Plan().add("a", work=raising(error)).add("b").steps
    with pytest.raises(EnvironmentFailed) as caught:
        pipeline().execute(plan)
    assert caught.value.fix == error.fix if isinstance(error, ZooError) else caught.value.fix
    records = pipeline().execute(before + Plan().add("a").add("b").steps)
    assert [r.status for r in records] == ["passed"] * 3, "the same command goes on"
    assert records[0].cached, "what was done is kept"


def test_a_comparison_goes_on_after_a_failure_of_the_work(tmp_path):
    pipeline = Pipeline(
        cache=StepCache(tmp_path), store=None, run="r", on_step=quiet, compares=True
    )
    records = pipeline.execute(
        Plan().add("a", work=raising(ZooError("it diverged"))).add("b").steps
    )
    assert [r.status for r in records] == ["failed", "passed"]

"""Trackers of runs: what they are told, and that none costs a run."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from job_plans import REGISTRY, job

from zoo.common.errors import UnknownName, UsageError
from zoo.contracts import TrackedRun, Tracker, TrackerSession
from zoo.contracts.checks import InvalidRecord
from zoo.contracts.task import Metric
from zoo.pipeline import tracking
from zoo.pipeline.files import FileLatency, RunFile, RunFiles
from zoo.pipeline.steps.step import FinishedStep, StepId
from zoo.pipeline.tracking import tracked, trackers_of
from zoo.results.records import Epoch, StepRecord, TrainingResult

EPOCH = {
    "event": "epoch",
    "epoch": 1,
    "epochs": 2,
    "metric_name": "accuracy",
    "loss": 0.5,
    "metric": None,
    "validation_metric": 0.75,
}


class Diary(TrackerSession):
    """Keeps what it is told."""

    def __init__(self, place: str, run: TrackedRun) -> None:
        self.lines: list[Any] = BOOKS.setdefault(place, [])
        self.lines.append((run.name, run.parameters["training.epochs"], run.parameters["track"]))

    def epoch(self, step: str, number: int, figures: Mapping[str, float]) -> None:
        self.lines.append((step, number, dict(figures)))

    def finish(
        self, figures: Mapping[str, float], verdicts: Mapping[str, str], *, passed: bool
    ) -> None:
        self.lines.append((dict(figures), dict(verdicts), passed))


BOOKS: dict[str, list[Any]] = {}


def with_trackers(**opened: Callable[[str, TrackedRun], TrackerSession]) -> Any:
    named = [
        Tracker(name=name, summary="s", argument="FILE", open=start)
        for name, start in opened.items()
    ]
    return replace(job(), trackers=tuple((tracker, tracker.name) for tracker in named))


def ended_run(**changes: Any) -> Any:
    accuracy = Metric(name="accuracy", value=0.9, low=0.8, high=0.95, count=50)
    latency = FileLatency(
        p50_ms=2.0,
        p90_ms=3.0,
        p50_low_ms=1.0,
        p50_high_ms=4.0,
        where="host",
        runtime="r",
        threads=1,
        quiet=True,
        clock="real",
    )
    good = RunFile(
        path=Path("a.onnx"),
        name="a.onnx",
        format="onnx",
        precision="int8",
        verdict="passed",
        size=10,
        metrics={"accuracy": accuracy},
        latency=latency,
    )
    bad = replace(good, path=None, name="b.onnx", verdict="failed", reason="no", size=None)
    bad = replace(bad, metrics={}, latency=replace(latency, clock="simulated"))
    values = {"finished": {}, "metrics": {"accuracy": accuracy}, "files": RunFiles((good, bad))}
    return SimpleNamespace(**{**values, "passed": True, **changes})


def trained(*epochs: int) -> dict[StepId, FinishedStep[Any]]:
    """A training that was finished before."""
    zero = {
        "validation_loss": 0.0,
        "learning_rate": 0.0,
        "examples_per_second": 1.0,
        "seconds": 1.0,
    }
    result = TrainingResult(
        model_id="m",
        parent=None,
        dataset="d",
        metric_name="accuracy",
        epochs=tuple(
            Epoch(epoch=n, loss=0.1 * n, metric=None, validation_metric=0.5, **zero) for n in epochs
        ),
        best_epoch=1,
        weights="w",
        weights_sha256="",
        options={},
        seconds=1.0,
    )
    record = StepRecord(step="finetune", kind="finetune", key="", status="passed")
    return {StepId(kind="finetune"): FinishedStep(record=record, folder=Path(), value=result)}


def test_epochs_figures_and_verdicts_arrive_once() -> None:
    heard: list[Any] = []
    with tracked(with_trackers(diary=Diary), "r-1", lambda *told: heard.append(told)) as listener:
        listener("finetune", EPOCH)
        listener("finetune", EPOCH)
        assert listener.finish(ended_run(finished=trained(1, 2))) == ()
    begun, first, second, end = BOOKS.pop("diary")
    assert begun == ("r-1", 15, "")
    assert first == ("finetune", 1, {"loss": 0.5, "validation_accuracy": 0.75})
    assert second[:2] == ("finetune", 2)
    assert second[2]["loss"] == pytest.approx(0.2)
    figures, verdicts, passed = end
    assert figures == {
        "test/accuracy": 0.9,
        "a.onnx/accuracy": 0.9,
        "a.onnx/bytes": 10,
        "a.onnx/p50_ms": 2.0,
    }
    assert verdicts == {"a.onnx": "passed", "b.onnx": "failed: no"}
    assert passed
    assert heard == [("finetune", EPOCH)] * 2


def test_a_run_that_failed_is_ended_as_such() -> None:
    with (
        pytest.raises(RuntimeError),
        tracked(with_trackers(diary=Diary), "r-1", lambda *_: None),
    ):
        raise RuntimeError
    assert BOOKS.pop("diary")[1:] == [({}, {}, False)]


class Sleeper(Diary):
    """A server that does not answer."""

    def finish(self, *_: Any, **__: Any) -> None:
        time.sleep(30)


class Breaker(Diary):
    """A tracker that ends the program."""

    def epoch(self, *_: Any) -> None:
        raise SystemExit("the disk\nis full")


def refused(place: str, run: TrackedRun) -> TrackerSession:
    raise ValueError("no such server")


def test_of_two_trackers_of_a_kind_the_one_that_failed_is_named() -> None:
    made = with_trackers(refused=refused)
    ((tracker, place),) = made.trackers
    job = replace(made, trackers=((tracker, place), (tracker, "https://b")))
    with tracked(job, "r-1", lambda *_: None) as listener:
        remarks = listener.finish(ended_run())
    assert remarks == tuple(
        f"The tracker refused:{one} was left out: no such server." for one in (place, "https://b")
    )


def test_trackers_that_fail_or_hang_cost_a_remark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracking, "_PATIENCE", 2.0)
    made = with_trackers(refused=refused, breaker=Breaker, sleeper=Sleeper, diary=Diary)
    notes: list[str] = []

    def note(step: str, event: dict[str, Any]) -> None:
        notes.append(f"{step}: {event.get('text')}")

    with tracked(made, "r-1", note) as listener:
        listener("finetune", EPOCH)
        remarks = listener.finish(ended_run())
    assert remarks == (
        "The tracker refused was left out: no such server.",
        "The tracker breaker was left out: the disk.",
        "The tracker sleeper was left out: it had not ended 2 s after the run.",
    )
    assert notes[1:] == [
        f"track {name}: {remark[0].lower()}{remark[1:-1]}"
        for name, remark in zip(("refused", "breaker", "sleeper"), remarks, strict=True)
    ]
    assert len(BOOKS["diary"]) == 3


@pytest.mark.parametrize(
    ("text", "kind", "what"),
    [
        ("tensorbord:logs", UnknownName, "did you mean 'tensorboard'?"),
        ("tensorboard", UsageError, "--track tensorboard:DIR"),
        ("mlflow:https://me:hidden@host/x", UsageError, "holds a password"),
    ],
)
def test_wrong_trackers_are_found_before_anything_is_done(text: str, kind: type, what: str) -> None:
    with pytest.raises(kind) as caught:
        job(track=text)
    assert what in str(caught.value)
    assert "hidden" not in str(caught.value)


def test_records_are_checked_and_tracking_changes_no_step() -> None:
    with pytest.raises(InvalidRecord, match="argument"):
        Tracker(name="a", summary="", argument="", open=refused)
    with pytest.raises(InvalidRecord, match="callable"):
        Tracker(name="a", summary="", argument="X", open=None)  # type: ignore[arg-type]
    assert [t.name for t, _ in trackers_of(REGISTRY, ["tensorboard:a", "mlflow:b"])] == [
        *("tensorboard", "mlflow")
    ]

"""Progress in a pipe: every long step says what it does, for how long, and what is left."""

from __future__ import annotations

import math
import time
from typing import Any

import pytest

from zoo.contracts.training import Training
from zoo.report import progress as module
from zoo.report.progress import StepProgress
from zoo.training.progress import progress_callback


class Clock:
    """Seconds that a test sets."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def lines_of(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [line.strip() for line in capsys.readouterr().err.splitlines()]


def test_a_running_step_has_a_line_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    shown = StepProgress(quiet=False, clock=clock)
    shown("export", {"event": "start", "kind": "export", "usual_seconds": 75.0})
    shown("gate", {"event": "start", "kind": "gate"})
    shown("export", {"event": "stage", "text": "converting"})
    clock.now += 14
    shown.show_running()
    assert lines_of(capsys) == []
    clock.now += 2
    shown.show_running()
    shown.show_running()
    assert lines_of(capsys) == [
        "export: converting, 16 s so far, 1 min 15 s last time",
        "gate: 16 s so far",
    ]
    shown("gate", {"event": "progress", "done": 10, "total": 70})
    shown("gate", {"event": "note", "text": "a line of its own"})
    clock.now += 15
    shown("gate", {"event": "progress", "done": 40, "total": 70})
    shown("export", {"event": "end", "status": "passed", "seconds": 31.0, "cached": False})
    shown.show_running()
    # Half of what was counted since the first figure took 15 seconds.
    assert lines_of(capsys)[-1] == "gate: 40 of 70, 31 s so far, about 15 s left"
    clock.now += 60
    shown("gate", {"event": "end", "status": "passed", "seconds": 91.0, "cached": False})
    shown.show_running()
    assert len(lines_of(capsys)) == 1


def test_lines_come_by_themselves(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_TICK", 0.01)
    monkeypatch.setattr(module, "_SILENCE", 0.0)
    with StepProgress(quiet=False, clock=Clock()) as shown:
        shown("export", {"event": "start", "kind": "export"})
        said, patience = "", time.monotonic() + 30
        while "export: 0 s so far" not in said and time.monotonic() < patience:
            said += capsys.readouterr().err
    assert "export: 0 s so far" in said


@pytest.mark.parametrize(
    ("rate", "words"),
    [
        (None, ""),
        (0.0, ""),
        (0.04, "  25.0 s per example"),
        (3.26, "  3.3 examples/s"),
        (1234.5, "  1,234 examples/s"),
    ],
)
def test_speed_is_never_zero(
    capsys: pytest.CaptureFixture[str], rate: float | None, words: str
) -> None:
    clock = Clock()
    shown = StepProgress(quiet=False, clock=clock)
    shown("finetune", {"event": "start", "kind": "finetune"})
    counted = {"epoch": 1, "epochs": 2, "batch": 1, "batches": 11, "examples_per_second": rate}
    figures = {"loss": 0.5, "metric": None, "metric_name": "accuracy"}
    shown("finetune", {"event": "batch", **counted, **figures})
    clock.now += 20
    shown.show_running()
    assert lines_of(capsys) == [f"finetune: epoch 1/2{words}  loss 0.5000, 20 s so far"]


def test_no_speed_is_made_up_at_the_first_batch() -> None:
    events: list[dict[str, Any]] = []
    callback = progress_callback(events.append, 1, Training(batch_size=6), 2, "accuracy")
    callback.on_train_batch_end(0, {"loss": 1.0})
    callback.on_train_batch_end(1, {"loss": math.nan})
    first, last = (event["examples_per_second"] for event in events)
    assert first is None
    assert last > 0

"""Which steps the training for integers adds, when they are superfluous, and how a run ends."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from fake_steps import FakeStep

from zoo.common.errors import UsageError
from zoo.pipeline.engine import Pipeline
from zoo.pipeline.job import Job, make_job
from zoo.pipeline.options import recipe_from
from zoo.pipeline.plan import PlanScope, make_plan
from zoo.pipeline.run import Run
from zoo.pipeline.step_cache import StepCache
from zoo.pipeline.steps.qat import needs_no_qat
from zoo.pipeline.steps.step import FinishedStep, Outcome, Step, StepContext, StepId
from zoo.registry import PluginSettings, load_registry
from zoo.results.records import StepRecord

QAT, EVALUATE_QAT = "qat", "evaluate qat"
REGISTRY = load_registry(PluginSettings(installed=False))


def job(**changes: Any) -> Job:
    values = {"model": "lenet5", "data": "digits", "from_scratch": True, "qat": True, **changes}
    return make_job(recipe_from(**values), REGISTRY)


def plan(**changes: Any) -> dict[str, Step[Any]]:
    return {step.name: step for step in make_plan(job(**changes), Path("c"), PlanScope())}


def test_nothing_is_added_unless_it_is_asked_for() -> None:
    assert not [name for name in plan(qat=None) if "qat" in name]
    asked = {name for name in plan() if "qat" in name}
    cells = [f"{kind} {f} int8 qat" for f in ("onnx", "tflite") for kind in ("export", "gate")]
    assert asked == {
        QAT,
        EVALUATE_QAT,
        *cells,
        *(f"bench {f} int8 qat host" for f in ("onnx", "tflite")),
    }


def test_what_steps_wait_for() -> None:
    steps = plan()
    judge = steps["gate onnx int8 qat"]
    assert names(steps[QAT].needs) == ["finetune"]
    assert set(names(steps[QAT].unless)) == {"gate onnx int8", "gate tflite int8"}
    assert judge.replaces is steps["gate onnx int8"]
    assert names(judge.needs) == ["export onnx int8 qat", "evaluate keras", EVALUATE_QAT]
    assert names(judge.after) == ["gate onnx float32"]
    assert names(judge.export.needs) == ["finetune", QAT]
    assert names(judge.export.unless) == ["gate onnx int8"]


def names(steps: tuple[Step[Any], ...]) -> list[str]:
    return [step.name for step in steps]


def changed(**changes: Any) -> set[str]:
    before, now = plan(), plan(**changes)
    return {name for name in before if before[name].key != now[name].key}


def test_more_epochs_redo_what_is_trained_and_nothing_else() -> None:
    assert changed(qat_epochs=5) == {name for name in plan() if "qat" in name}


def test_another_limit_trains_nothing_anew() -> None:
    redone = changed(max_drop=0.5)
    assert QAT not in redone
    assert EVALUATE_QAT not in redone
    assert "gate tflite int8 qat" in redone


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"precision": ("float32",)}, "makes int8 files, and none is asked for"),
        ({"qat": None, "qat_epochs": 3}, "--qat-epochs was given, but no"),
        ({"keep_float": ("c1",)}, "do not go together"),
        ({"qat_epochs": 0}, "--qat-epochs .*must be 1 or more"),
    ],
)
def test_options_that_do_nothing_are_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        job(**changes)


def test_formats_that_measure_their_own_ranges_are_left_out() -> None:
    import dataclasses

    from zoo.pipeline.job import _trained_exporters

    recipe = recipe_from(model="lenet5", data="digits", qat=True)
    able = REGISTRY.exporters.get("tflite")
    unable = dataclasses.replace(able, name="own", suffix=".own", takes_trained=False)
    assert _trained_exporters(recipe, (unable, able)) == (able,)
    with pytest.raises(UsageError, match="no format takes the ranges"):
        _trained_exporters(recipe, (unable,))


@dataclass(frozen=True, kw_only=True)
class Lost:
    """The part of a gate's result that decides whether anything need be trained."""

    drop: float | None = None


def judged(drop: float | None, status: str = "passed") -> FinishedStep[Any]:
    record = StepRecord(step="gate x int8", kind="gate", key="k", status=status)
    value = None if drop is None else Lost(drop=drop)
    return FinishedStep(record=record, folder=Path(), value=value)


@pytest.mark.parametrize(
    ("gates", "limit", "superfluous"),
    [
        ([judged(0.3)], None, False),  # nobody said what may be lost: it was asked for outright
        ([judged(0.3)], 0.5, True),
        ([judged(0.3), judged(-0.1)], 0.5, True),
        ([judged(0.3), judged(0.51)], 0.5, False),
        ([judged(0.6, "rejected")], 0.5, False),
        ([judged(0.1, "rejected")], 0.5, True),  # for another reason, which no training mends
        ([judged(None, "failed")], 0.5, False),
        ([judged(None, "skipped")], 0.5, False),
    ],
)
def test_need(gates: list[FinishedStep[Any]], limit: float | None, superfluous: bool) -> None:
    reason = needs_no_qat({str(number): gate for number, gate in enumerate(gates)}, limit)
    assert bool(reason) == superfluous
    assert not reason or ("0 loses 0." in reason and "0.5 may be lost" in reason)


def executed(tmp_path: Path, drop: float, repaired: bool = True) -> Run:
    """A run whose calibrated file loses `drop` points of the 0.5 that it may."""
    did: list[str] = []

    def work(name: str, **ends: Any) -> Any:
        def perform(_: StepContext) -> Outcome[Any]:
            did.append(name)
            return Outcome(**{"result": Lost(), **ends})

        return perform

    verdict = "rejected" if drop > 0.5 else "passed"
    gate, learn = (StepId(kind=kind) for kind in ("gate", "qat"))
    trained = replace(gate, trained=True)
    steps = [
        FakeStep(
            id=gate,
            content="1",
            work=work("gate", status=verdict, result=Lost(drop=drop)),
            of=Lost,
        ),
        FakeStep(id=StepId(kind="bench"), content="2", work=work("bench"), need=(gate,)),
        FakeStep(
            id=learn,
            content="3",
            work=work("qat"),
            doubt=(gate,),
            why_not=lambda before: needs_no_qat({"gate": before[gate]}, 0.5),
        ),
        FakeStep(
            id=trained,
            content="4",
            work=work("gate qat", status="passed" if repaired else "rejected"),
            need=(learn,),
            stands_for=gate,
        ),
    ]
    pipeline = Pipeline(cache=StepCache(tmp_path), store=None, run="r", on_step=lambda *_: None)
    records = pipeline.execute(steps)
    run = Run(
        name="r",
        folder=tmp_path,
        job=job(),
        steps=tuple(records),
        finished=pipeline.finished,
        changed=True,
    )
    return run


def record(run: Run, name: str) -> StepRecord:
    (found,) = (step for step in run.steps if step.step == name)
    return found


def test_a_superfluous_training_is_skipped_and_the_run_passes(tmp_path: Path) -> None:
    run = executed(tmp_path, drop=0.2)
    learnt, judge = record(run, "qat"), record(run, "gate qat")
    assert (learnt.status, judge.status) == ("skipped", "skipped")
    assert learnt.needless
    assert judge.needless
    assert (
        judge.reason
        == learnt.reason
        == ("not needed: after calibration gate loses 0.20, and 0.5 may be lost")
    )
    assert run.passed


def test_a_trained_file_stands_in_for_the_rejected_one(tmp_path: Path) -> None:
    run = executed(tmp_path, drop=0.7)
    assert record(run, "gate").status == "rejected"
    assert record(run, "bench").status == "skipped"
    assert record(run, "gate qat").status == "passed"
    assert run.passed


def test_two_rejected_files_do_not_pass(tmp_path: Path) -> None:
    assert not executed(tmp_path, drop=0.7, repaired=False).passed

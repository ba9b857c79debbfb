"""Which steps the training for integers adds, when they are superfluous, and how a run ends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from zoo.common.errors import UsageError
from zoo.pipeline.engine import Finished, Outcome, Pipeline, Step, Work
from zoo.pipeline.job import Job, make_job
from zoo.pipeline.options import recipe_from
from zoo.pipeline.plan import Parts, make_plan
from zoo.pipeline.planning.common import EVALUATE_QAT, FINETUNE, QAT
from zoo.pipeline.planning.need import needless
from zoo.pipeline.run import Run
from zoo.registry import PluginSettings, load_registry
from zoo.results.records import StepRecord

REGISTRY = load_registry(PluginSettings(installed=False))


def job(**changes: Any) -> Job:
    values = {"model": "lenet5", "data": "digits", "from_scratch": True, "qat": True, **changes}
    return make_job(recipe_from(**values), REGISTRY)


def plan(**changes: Any) -> dict[str, Step]:
    return {step.name: step for step in make_plan(job(**changes), Path("c"), Parts())}


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
    assert steps[QAT].needs == (FINETUNE,)
    assert set(steps[QAT].after) == {"gate onnx int8", "gate tflite int8"}
    assert steps["gate onnx int8 qat"].replaces == "gate onnx int8"
    assert EVALUATE_QAT in steps["gate onnx int8 qat"].needs
    assert steps["gate onnx int8 qat"].after == ("gate onnx float32",)


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
        ({"precisions": ("float32",)}, "makes int8 files, and none is asked for"),
        ({"qat": None, "qat_epochs": 3}, "--qat-epochs was given, but no"),
        ({"keep": ("c1",)}, "do not go together"),
        ({"qat_epochs": 0}, "qat.epochs: input should be greater than or equal to 1"),
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


def judged(drop: float | None, status: str = "passed") -> Finished:
    result = None if drop is None else {"drop": drop}
    record = StepRecord(step="gate x int8", kind="gate", key="k", status=status, result=result)
    return Finished(record=record, folder=Path())


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
def test_need(gates: list[Finished], limit: float | None, superfluous: bool) -> None:
    names = [f"gate {number}" for number in range(len(gates))]
    reason = needless(dict(zip(names, gates, strict=True)), gates=names, limit=limit)
    assert bool(reason) == superfluous
    assert not reason or ("0 loses 0." in reason and "0.5 may be lost" in reason)


def executed(tmp_path: Path, drop: float, repaired: bool = True) -> Run:
    """A run whose calibrated file loses `drop` points of the 0.5 that it may."""
    did: list[str] = []

    def work(name: str, **ends: Any) -> Any:
        def perform(_: Work) -> Outcome:
            did.append(name)
            return Outcome(**{"result": {}, **ends})

        return perform

    verdict = "rejected" if drop > 0.5 else "passed"
    need = {"gates": ["gate"], "limit": 0.5}
    steps = [
        Step(
            name="gate",
            kind="gate",
            key="1",
            work=work("gate", status=verdict, result={"drop": drop}),
        ),
        Step(name="bench", kind="bench", key="2", work=work("bench"), needs=("gate",)),
        Step(
            name="qat",
            kind="finetune",
            key="3",
            work=work("qat"),
            after=("gate",),
            needless=lambda before: needless(before, **need),
        ),
        Step(
            name="gate qat",
            kind="gate",
            key="4",
            work=work("gate qat", status="passed" if repaired else "rejected"),
            needs=("qat",),
            replaces="gate",
        ),
    ]
    pipeline = Pipeline(cache=tmp_path, store=None, run="r", on_step=lambda *_: None)
    records = pipeline.execute(steps)
    run = Run(
        name="r",
        folder=tmp_path,
        job=job(),
        steps=tuple(records),
        finished=pipeline.finished,
        files=(),
        changed=True,
    )
    return run


def test_a_superfluous_training_is_skipped_and_the_run_passes(tmp_path: Path) -> None:
    run = executed(tmp_path, drop=0.2)
    learnt, judge = run.finished["qat"].record, run.finished["gate qat"].record
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
    assert run.finished["gate"].record.status == "rejected"
    assert run.finished["bench"].record.status == "skipped"
    assert run.finished["gate qat"].record.status == "passed"
    assert run.passed


def test_two_rejected_files_do_not_pass(tmp_path: Path) -> None:
    assert not executed(tmp_path, drop=0.7, repaired=False).passed

"""Why an integer file is not good enough to be left as it is: in figures that were measured."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from makers import comparison, truth

from tests.support import rectangles_plugin
from zoo.analysis.mixed_precision import MixedCandidate
from zoo.contracts.precision import precision_named
from zoo.pipeline.job import make_job
from zoo.pipeline.options import recipe_from
from zoo.pipeline.plan import PlanScope, make_plan
from zoo.pipeline.steps import repair
from zoo.pipeline.steps.repair import (
    RepairSession,
    RepairStep,
    loss_reasons,
    parity_reason,
)
from zoo.pipeline.steps.step import Step
from zoo.registry import PluginSettings, load_registry

REGISTRY = load_registry(PluginSettings(installed=False))
TASK = REGISTRY.tasks.get("image-classification")
INT8 = precision_named("int8")


def test_what_is_told_is_what_was_counted() -> None:
    """A margin decides, and is no share of the inputs: 2 of 26 were shown as 12.9 %."""
    found = replace(comparison(agreement=24 / 26), count=26)
    assert parity_reason(TASK, found, INT8) == (
        "the file chooses another class on 2 of 26 real inputs"
    )


def test_a_share_within_the_limit_may_still_be_too_near_to_it() -> None:
    near = replace(comparison(agreement=261 / 266), count=266)
    reason = parity_reason(TASK, near, INT8)
    assert reason.startswith("98.12% of 266 agree")
    assert "too near the limit for so few inputs" in reason
    assert parity_reason(TASK, replace(near, agreement=1.0), INT8) == ""


def test_a_class_that_is_lost_is_a_reason_though_little_is_lost_on_the_whole() -> None:
    labels = np.repeat(np.arange(20), 100)
    known = truth(labels, tuple(f"class {n}" for n in range(20)))
    sure = np.where(labels[:, None] == np.arange(20), 0.981, 0.001).astype(np.float32)
    assert loss_reasons(TASK, known, sure, sure, INT8) == ""
    lost = sure.copy()
    lost[:19] = np.roll(sure[:19], 1, axis=1)  # 0.95 of 2,000 examples, all of one class
    assert "a class is lost" in loss_reasons(TASK, known, sure, lost, INT8)
    spread = sure.copy()
    rows = np.arange(19) * 100  # as many, of all classes
    spread[rows] = np.roll(sure[rows], 1, axis=1)
    assert loss_reasons(TASK, known, sure, spread, INT8) == ""


def planned(precision: tuple[str, ...]) -> dict[str, Step[Any]]:
    recipe = recipe_from(model="lenet5", data="digits", format=("tflite",), precision=precision)
    steps = make_plan(make_job(recipe, REGISTRY), Path("c"), PlanScope())
    return {step.name: step for step in steps}


def test_layers_are_compared_with_the_float_file_of_the_run_where_it_has_one() -> None:
    both, alone = planned(("float32", "int8")), planned(("int8",))
    step, other = both["export tflite int8"], alone["export tflite int8"]
    assert isinstance(step, RepairStep)
    assert isinstance(other, RepairStep)
    assert step.twin is both["export tflite float32"]
    assert step.twin in step.waits_for
    assert other.twin is None
    assert other.waits_for == other.needs
    # The file is the same with and without, so that either run finds it.
    assert step.key == other.key


@pytest.mark.parametrize("status", ["passed", "failed"])
def test_a_float_file_is_made_where_the_run_has_none(status: str, tmp_path: Path) -> None:
    step = planned(("float32", "int8"))["export tflite int8"]
    assert isinstance(step, RepairStep)
    assert step.twin is not None
    done = SimpleNamespace(
        record=SimpleNamespace(status=status), folder=tmp_path, result=SimpleNamespace(file="f")
    )
    asked: list[Any] = []

    class Session(RepairSession):
        def _export(self, folder: Path, asked_for: Any, **more: Any) -> Any:
            asked.append(asked_for.precision)
            return SimpleNamespace(file="own")

    before = SimpleNamespace(of={step.twin: done}.__getitem__)
    context: Any = SimpleNamespace(before=before, folder=tmp_path)
    session = Session(step=step, context=context, asked=step.asked)
    assert session._float_twin() == (
        tmp_path / "f" if status == "passed" else tmp_path / "try-float" / "own"
    )
    assert asked == ([] if status == "passed" else ["float32"])


def test_layers_of_a_file_that_decodes_are_chosen_without_its_decoder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = load_registry(PluginSettings(paths=(str(Path(rectangles_plugin.__file__)),)))
    recipe = recipe_from(
        model="fomo_small",
        data="rectangles",
        format=("tflite",),
        from_scratch=True,
        end_to_end=True,
    )
    steps = make_plan(make_job(recipe, registry), Path("c"), PlanScope())
    (step,) = (step for step in steps if step.name == "export tflite int8")
    assert isinstance(step, RepairStep)
    assert step.twin is not None
    done = SimpleNamespace(
        record=SimpleNamespace(status="passed"), folder=tmp_path, result=SimpleNamespace(file="f")
    )
    written: list[tuple[str, str, tuple[str, ...], bool]] = []

    def write(session: RepairSession, folder: Path, asked: Any, expected: int = 0) -> Any:
        written.append((folder.name, asked.precision, asked.keep, asked.end_to_end))
        return SimpleNamespace(file="own")

    def searched(callbacks: Any, always: Any) -> Any:
        session = callbacks.make.__self__
        # The run's float file decodes boxes: the layers of this one end before.
        assert session._float_twin() == tmp_path / "try-float" / "own"
        chosen: Any = {"attempt": SimpleNamespace(kept=("head",)), "path": tmp_path, "result": None}
        return MixedCandidate(**chosen)

    monkeypatch.setattr(RepairSession, "_export", write)
    monkeypatch.setattr(RepairSession, "finish", RepairSession._asked_for)
    monkeypatch.setattr(repair, "search", searched)
    before = SimpleNamespace(of={step.twin: done}.__getitem__)
    context: Any = SimpleNamespace(before=before, folder=tmp_path, emit=lambda event: None)
    found: Any = step.run(context).result
    assert found.path == tmp_path / "try-whole" / "own"
    assert written == [
        ("try-float", "float32", (), False),
        ("try-whole", "int8", ("head",), True),
    ]

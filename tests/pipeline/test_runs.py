"""A run's folder: what is written there, found again, or refused."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from fake_steps import FakeStep, Told
from job_plans import REGISTRY, job, keys

from zoo.common.errors import BadData, UsageError
from zoo.pipeline import run as run_module
from zoo.pipeline.job import Job, make_job
from zoo.pipeline.options import recipe_from
from zoo.pipeline.plan import PlanScope, make_plan
from zoo.pipeline.run import Run, execute
from zoo.pipeline.steps.evaluate import EVALUATE
from zoo.pipeline.steps.finetune import FINETUNE
from zoo.pipeline.steps.step import Outcome, StepContext, StepId
from zoo.results.records import NO_BETTER, QualityFinding

GATE = StepId(kind="gate", format="onnx", precision="int8")


@dataclass(frozen=True, kw_only=True)
class Evaluated:
    """The part of an evaluation that decides whether files pass."""

    findings: tuple[QualityFinding, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Judged:
    """The part of a gate's result that a run's folder is filled by."""

    file: str
    side_files: tuple[str, ...] = ()
    golden: str = ""

    @property
    def files(self) -> tuple[Judged, ...]:
        """The only one."""
        return (self,)


def fake_plan(
    job: Job,
    gate: str = "passed",
    train: Exception | None = None,
    findings: tuple[QualityFinding, ...] = (),
    meanwhile: Callable[[], None] = lambda: None,
) -> list[FakeStep]:
    """Training, evaluation and one gate, done by writing the files that they leave."""

    def finetune(work: StepContext) -> Outcome:
        if train is not None:
            raise train
        meanwhile()
        (work.folder / f"{job.model_id}.safetensors").write_bytes(b"weights")
        (work.folder / f"{job.model_id}.toml").write_text("tag = 'new'")
        return Outcome(result=Told())

    def evaluate(work: StepContext) -> Outcome:
        (work.folder / f"{job.model_id}.toml").write_text("tag = 'measured'")
        return Outcome(result=Evaluated(findings=findings))

    def judge(work: StepContext) -> Outcome:
        name = f"{job.model_id}.int8.onnx" + ("" if gate == "passed" else ".rejected")
        (work.folder / name).write_bytes(gate.encode())
        return Outcome(
            result=Judged(file=name), status=gate, reason="" if gate == "passed" else "x"
        )

    return [
        FakeStep(id=FINETUNE, content="1", work=finetune),
        FakeStep(id=EVALUATE, content="2", work=evaluate, need=(FINETUNE,), of=Evaluated),
        FakeStep(id=GATE, content=f"3{gate}", work=judge, need=(EVALUATE,), of=Judged),
    ]


def exported(run: Run) -> list[Path]:
    return sorted(run.folder.glob("*.onnx*"))


@pytest.fixture
def carry_out(tmp_path, monkeypatch):
    def carry(made: Job, *, named: bool = True, **fakes: Any):
        monkeypatch.setattr(run_module, "make_plan", lambda *_: fake_plan(made, **fakes))
        return execute(
            made,
            scope=PlanScope(),
            output=tmp_path / "runs",
            named=named,
            store_url=None,
            on_step=lambda step, event: None,
        )

    return carry


FULL = {
    "format": ("onnx",),
    "precision": ("int8",),
    "device": ("host",),
    "seed": 5,
    "set": {"activation": "relu", "dropout": 0.25},
    "epochs": 3,
    "augment": ("shift", "rotate"),
    "learning_rate": 0.01,
    "max_drop": 1.5,
    "allow_weak": True,
    "calibration_samples": 33,
    "tier": "full",
    "threads": 2,
}


@pytest.mark.parametrize("changes", [{}, FULL], ids=["defaults", "everything"])
def test_recipe_in_the_folder_is_the_run_s_own(carry_out, changes):
    made = job(**changes)
    run = carry_out(made)
    again = recipe_from(recipe=run.folder / "recipe.toml")
    assert again == made.recipe
    assert carry_out(make_job(again, REGISTRY)).name == run.name


def test_folder_of_a_run(carry_out):
    run = carry_out(job())
    assert sorted(path.name for path in run.folder.iterdir()) == [
        "lenet5.digits.int8.onnx",
        "lenet5.digits.safetensors",
        "lenet5.digits.toml",
        "recipe.toml",
        "records.json",
    ]
    assert re.fullmatch(r"lenet5\.digits-[0-9a-f]{8}", run.name)
    assert run.folder.name == run.name
    assert run.weights.read_bytes() == b"weights"
    assert (run.folder / "lenet5.digits.toml").read_text() == "tag = 'measured'"
    assert exported(run) == [run.folder / "lenet5.digits.int8.onnx"]
    assert (run.passed, run.changed) == (True, True)
    records = json.loads((run.folder / "records.json").read_text())
    assert [r["step"] for r in records] == ["finetune", "evaluate", "gate onnx int8"]
    assert all("cached" not in r for r in records)


WEAK = QualityFinding(code=NO_BETTER, text="it knows nothing", fix="train it")


@pytest.mark.parametrize(
    ("findings", "changes", "passed"),
    [
        ((), {}, True),
        ((replace(WEAK, weak=False),), {}, True),
        ((WEAK,), {}, False),
        ((WEAK,), {"allow_weak": True}, True),
    ],
)
def test_files_of_a_weak_network_do_not_pass(carry_out, findings, changes, passed):
    """However faithful they are; all of it is kept."""
    run = carry_out(job(**changes), findings=findings)
    assert run.passed == passed
    assert [finding.code for finding in run.findings] == [finding.code for finding in findings]
    assert [file.name for file in exported(run)] == ["lenet5.digits.int8.onnx"]


def test_allowing_a_weak_network_changes_no_step():
    assert keys(allow_weak=True) == keys()


def test_second_run_changes_nothing(carry_out):
    first = carry_out(job())
    before = {path: path.read_bytes() for path in first.folder.iterdir()}
    second = carry_out(job())
    assert (second.name, second.changed, second.passed) == (first.name, False, True)
    assert {path: path.read_bytes() for path in first.folder.iterdir()} == before


def test_deleted_file_comes_back_from_the_cache(carry_out):
    run = carry_out(job())
    file = run.folder / "lenet5.digits.int8.onnx"
    file.unlink()
    assert carry_out(job()).changed is False
    assert file.read_bytes() == b"passed"


def test_rejected_file_takes_the_place_of_the_good_one(carry_out):
    good = carry_out(job(), named=False)
    bad = carry_out(job(), named=False, gate="rejected")
    assert not bad.passed
    assert [file.name for file in exported(good)] == ["lenet5.digits.int8.onnx.rejected"]
    carry_out(job(), named=False)
    assert [file.name for file in exported(bad)] == ["lenet5.digits.int8.onnx"]


def test_data_that_change_during_a_run_are_refused_by_each_step_that_begins(tmp_path, monkeypatch):
    """What was trained on is another dataset by then: test examples may have been trained on."""
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b"):
        (tmp_path / "photos" / name).mkdir(parents=True)
    steps = make_plan(job(data="folder:photos"), Path("c"), PlanScope())
    kinds = {step.id.kind for step in steps}
    assert {"finetune", "evaluate", "export", "gate", "bench"} <= kinds
    for step in steps:
        step.check_inputs()
    (tmp_path / "photos" / "a" / "new.png").touch()
    for step in steps:
        with pytest.raises(BadData, match="folder:photos changed during the run"):
            step.check_inputs()
    (tmp_path / "photos").rename(tmp_path / "gone")
    with pytest.raises(UsageError, match="there is no folder photos"):
        steps[0].check_inputs()


@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_two_projects_fill_one_folder(carry_out, tmp_path, monkeypatch, when):
    """Their data have the same relative name; the second may have begun before the first ended."""
    for project in ("a", "b"):
        (tmp_path / project / "photos" / "x").mkdir(parents=True)
    out = tmp_path / "runs"

    def first() -> None:
        monkeypatch.chdir(tmp_path / "a")
        carry_out(job(data="folder:photos"), named=False)
        (out / "lenet5.photos.safetensors").write_bytes(b"of a")
        monkeypatch.chdir(tmp_path / "b")

    if when == "before":
        first()
    monkeypatch.chdir(tmp_path / "b")
    with pytest.raises(UsageError, match=r"that were made from folder:/.*/a/photos") as caught:
        carry_out(
            job(data="folder:photos", seed=1),
            named=False,
            meanwhile=first if when == "meanwhile" else lambda: None,
        )
    assert "--output" in str(caught.value)
    assert (out / "lenet5.photos.safetensors").read_bytes() == b"of a"


def test_failed_training_is_raised_as_it_was(carry_out, tmp_path):
    with pytest.raises(BadData) as caught:
        carry_out(job(), train=BadData("no pictures", why="empty", fix="add some"))
    error = caught.value
    assert (error.what, error.why, error.fix) == ("no pictures", "empty", "add some")
    assert error.exit_code == 2
    # Nothing was made, and no empty folder is left; one that was there stays.
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "runs").mkdir()
    with pytest.raises(BadData):
        carry_out(job(), train=BadData("no pictures"))
    assert list(tmp_path.iterdir()) == [tmp_path / "runs"]

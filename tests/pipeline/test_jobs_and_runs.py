"""From a recipe to steps, and what a run leaves in its folder; no network is trained here."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from device_kinds import driver_of
from fake_steps import FakeStep, Told

from zoo.common.errors import BadData, UnknownName, UsageError, ZooError
from zoo.common.worker import Children
from zoo.execution.devices_file import allow_project
from zoo.networks.checkpoints import packaged
from zoo.pipeline import run as run_module
from zoo.pipeline.job import Job, make_job
from zoo.pipeline.options import recipe_from
from zoo.pipeline.plan import PlanScope, make_plan
from zoo.pipeline.run import execute
from zoo.pipeline.steps.evaluate import EVALUATE
from zoo.pipeline.steps.finetune import FINETUNE
from zoo.pipeline.steps.step import FinishedStep, FinishedSteps, Outcome, StepContext, StepId
from zoo.registry import PluginSettings, load_registry
from zoo.results.records import NO_BETTER, QualityFinding, StepRecord

REGISTRY = load_registry(PluginSettings(installed=False))


def job(**changes: Any) -> Job:
    values = {"model": "lenet5", "data": "digits", "formats": ("onnx", "tflite")}
    return make_job(recipe_from(**{**values, "from_scratch": True, **changes}), REGISTRY)


def test_all_formats_unless_some_are_named():
    assert [e.name for e in job(formats=()).exporters] == REGISTRY.exporters.names()


@pytest.mark.parametrize(
    ("changes", "problem", "nearest"),
    [
        ({"model": "lenett5"}, "unknown model 'lenett5'", "lenet5"),
        ({"data": "digit"}, "unknown dataset 'digit'", "digits"),
        ({"formats": ("onxx",)}, "unknown format 'onxx'", "onnx"),
        ({"precisions": ("int-8",)}, "'int-8'", "int8"),
        ({"devices": ("hots",)}, "unknown device 'hots'", "host"),
        ({"tier": "breif"}, "'breif'", "brief"),
    ],
)
def test_unknown_names_are_found_before_anything_is_done(changes, problem, nearest):
    with pytest.raises(UnknownName, match=problem) as caught:
        job(**changes)
    assert caught.value.suggestions[0] == nearest


def test_a_format_without_a_precision_leaves_that_file_out():
    """It is an error only where nothing is left, or where no format at all has the precision."""
    both = job(precisions=("float32", "int16x8"))
    assert both.left_out == ("the format onnx has no int16x8: left out",)
    cells = [
        (step.id.format, step.id.precision)
        for step in make_plan(both, Path(), PlanScope())
        if step.id.kind == "gate"
    ]
    assert sorted(cells) == [("onnx", "float32"), ("tflite", "float32"), ("tflite", "int16x8")]
    one = job(precisions=("int16x8",))
    assert [exporter.name for exporter in one.exporters] == ["tflite"]
    assert job(precisions=("float32", "int8")).left_out == ()
    with pytest.raises(UnknownName, match="unknown precision of onnx 'int16x8'"):
        job(precisions=("int16x8",), formats=("onnx",))
    with pytest.raises(UnknownName, match="unknown precision of onnx 'int-8'"):
        job(precisions=("float32", "int-8"))


def test_hyperparameter_that_the_network_lacks():
    with pytest.raises(UsageError, match="'lenet' has no hyper-parameter 'width'"):
        job(hyperparameters={"width": 2})


def test_variant_without_weights_is_trained_from_scratch_or_not_at_all():
    bare = [v.name for a, v in REGISTRY.variants() if not packaged(a, v)]
    if not bare:
        pytest.skip("every variant has weights")
    with pytest.raises(UsageError, match=f"'{bare[0]}' has no pretrained weights") as caught:
        job(model=bare[0], from_scratch=None)
    assert "--from-scratch" in caught.value.fix
    assert job(model=bare[0]).checkpoint is None


def test_order_and_repetition_of_names():
    made = job(formats=("onnx", "tflite", "onnx"), precisions=("int8", "float32", "int8"))
    assert [e.name for e in made.exporters] == ["onnx", "tflite"]
    assert made.precisions == ("float32", "int8")


def keys(**changes: Any) -> dict[str, str]:
    return {step.name: step.key for step in make_plan(job(**changes), Path("c"), PlanScope())}


def kinds_with_other_keys(**changes: Any) -> set[str]:
    plain, other = keys(), keys(**changes)
    assert plain.keys() == other.keys()
    return {name.split()[0] for name in plain if plain[name] != other[name]}


def test_plan():
    steps = make_plan(job(), Path("c"), PlanScope())
    cells = [(f, p) for f in ("onnx", "tflite") for p in ("float32", "int8")]
    names = {"finetune", "evaluate keras"}
    for format, precision in cells:
        cell = f"{format} {precision}"
        names |= {f"export {cell}", f"gate {cell}", f"bench {cell} host"}
    by_name = {step.name: step for step in steps}
    assert set(by_name) == names
    assert len({step.key for step in steps}) == len(steps)
    judge = by_name["gate onnx int8"]
    assert [s.name for s in judge.needs] == ["export onnx int8", "evaluate keras"]
    assert [s.name for s in judge.after] == ["gate onnx float32"]
    assert [s.name for s in steps if s.exclusive] == [n for n in by_name if n.startswith("bench")]
    assert keys() == keys()


def test_devices_that_are_never_timed_have_analyses():
    steps = {s.name: s for s in make_plan(job(devices=("pico", "host")), Path("c"), PlanScope())}
    analyses = {name: s for name, s in steps.items() if name.startswith("examine")}
    cells = {f"{f} {p}" for f in ("onnx", "tflite") for p in ("float32", "int8")}
    assert set(analyses) == {f"examine {cell} pico" for cell in cells}
    assert {f"bench {cell} host" for cell in cells} <= set(steps)
    assert not [name for name in steps if name.startswith("bench") and name.endswith("pico")]
    for name, step in analyses.items():
        (gate,) = step.needs
        record = StepRecord(step=gate.name, kind="gate", key="", status="passed")
        judged = FinishedStep(record=record, folder=Path("c"))
        reason = step.needless(FinishedSteps({gate.id: judged}))
        assert reason == ("'pico' takes no onnx files" if "onnx" in name else "")


def test_parts_of_a_plan():
    made = job()
    assert [s.name for s in make_plan(made, Path("c"), PlanScope(export=False, bench=False))] == [
        *("finetune", "evaluate keras")
    ]
    kinds = {s.id.kind for s in make_plan(made, Path("c"), PlanScope(bench=False))}
    assert kinds == {"finetune", "evaluate", "export", "gate"}


EVERYTHING = {"finetune", "evaluate", "export", "gate", "bench"}


@pytest.mark.parametrize(
    ("changes", "redone"),
    [
        ({}, set()),
        ({"epochs": 3}, EVERYTHING),
        ({"learning_rate": 0.002}, EVERYTHING),
        ({"augment": ("shift",)}, EVERYTHING),
        ({"dropout": 0.1}, EVERYTHING),
        ({"seed": 1}, EVERYTHING),
        ({"hyperparameters": {"activation": "tanh"}}, EVERYTHING),
        ({"calibration_samples": 99}, {"export", "gate", "bench"}),
        # An integer file that loses more keeps layers in float.
        ({"max_drop": 0.5}, {"export", "gate", "bench"}),
        ({"tier": "full"}, {"bench"}),
        ({"threads": 2}, {"bench"}),
    ],
)
def test_changed_option_redoes_what_depends_on_it(changes, redone):
    assert kinds_with_other_keys(**changes) == redone


def test_changed_data_redo_everything(monkeypatch):
    before = keys()
    monkeypatch.setattr("zoo.pipeline.plan.dataset_fingerprint", lambda registry, name: "other")
    assert all(before[name] != key for name, key in keys().items())


@pytest.mark.parametrize("from_scratch", [True, None])
def test_another_judge_redoes_what_it_decides(monkeypatch, tmp_path, from_scratch):
    """The weights that a generator is judged by are no part of network, data or code."""
    from dataclasses import replace

    from zoo.tasks import features

    model = "dcgan28" if from_scratch else "dcgan28.fashion_mnist"
    changes = {"model": model, "from_scratch": from_scratch}
    before = keys(**changes)
    found = features._checkpoint("lenet5.fashion_mnist")
    for path in (found.path, found.card_path):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    moved = replace(found, path=tmp_path / found.path.name)
    monkeypatch.setattr(features, "_checkpoint", lambda judge: moved)
    assert keys(**changes) == before, "the same content elsewhere"
    with moved.path.open("ab") as file:
        file.write(b"x")
    altered = keys(**changes)
    assert all(altered[name] != key for name, key in before.items())


def test_other_machine_has_other_latencies(monkeypatch):
    from dataclasses import replace

    made = job()
    before = {s.name: s.key for s in make_plan(made, Path("c"), PlanScope())}
    (device,) = made.devices
    there = {"fingerprint": lambda driver: "another machine"}
    moved = replace(device.kind, driver=lambda: driver_of(device.kind.driver(), **there))
    for other in (replace(device, kind=moved), replace(device, options={"cpus": "f0"})):
        plan = make_plan(replace(made, devices=(other,)), Path("c"), PlanScope())
        after = {s.name: s.key for s in plan}
        assert {n.split()[0] for n in before if before[n] != after[n]} == {"bench"}


def test_devices_of_a_recipe_are_those_of_the_file(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    (tmp_path / "devices.toml").write_text('[pi4]\nkind = "ssh"\nhost = "pi4.local"\n')
    allow_project()
    made = job(devices=("pi4", "host", "pi4"))
    assert [(d.name, d.kind.name) for d in made.devices] == [("pi4", "ssh"), ("host", "host")]
    assert made.devices[0].options["host"] == "pi4.local"
    with pytest.raises(UnknownName, match="did you mean 'pi4'"):
        job(devices=("pi5",))


def test_a_dead_device_costs_its_own_steps_alone(tmp_path):
    from dataclasses import replace

    def unreachable(driver: Any) -> str:
        asked.append(1)
        raise ZooError("the board cannot be reached")

    asked: list[int] = []
    made = job()
    (device,) = made.devices
    driver = driver_of(device.kind.driver(), fingerprint=unreachable)
    dead = replace(device, name="dead", kind=replace(device.kind, driver=lambda: driver))
    made = replace(made, devices=(device, dead))
    first, second = (make_plan(made, tmp_path, PlanScope()) for _ in range(2))
    assert len(asked) == 2, "asked once for all files"
    for one, other in zip(first, second, strict=True):
        if one.name.endswith(" dead"):
            assert one.key != other.key, "no result may ever be taken for this one's"
            with pytest.raises(ZooError, match="the board cannot be reached"):
                one.run(
                    StepContext(
                        folder=tmp_path, before=FinishedSteps(), emit=print, children=Children()
                    )
                )
        else:
            assert one.key == other.key


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
    "formats": ("onnx",),
    "precisions": ("int8",),
    "devices": ("host",),
    "seed": 5,
    "hyperparameters": {"activation": "relu", "dropout": 0.25},
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
    assert run.files == (run.folder / "lenet5.digits.int8.onnx",)
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
    assert run.files[0].name == "lenet5.digits.int8.onnx"


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
    run.files[0].unlink()
    assert carry_out(job()).changed is False
    assert run.files[0].read_bytes() == b"passed"


def test_rejected_file_takes_the_place_of_the_good_one(carry_out):
    good = carry_out(job(), named=False)
    bad = carry_out(job(), named=False, gate="rejected")
    assert not bad.passed
    assert bad.files[0].name == "lenet5.digits.int8.onnx.rejected"
    assert bad.files[0].exists()
    assert not good.files[0].exists()
    carry_out(job(), named=False)
    assert good.files[0].exists()
    assert not bad.files[0].exists()


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

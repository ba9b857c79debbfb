"""From a recipe to steps, and what a run leaves in its folder; no network is trained here."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from device_kinds import driver_of
from job_plans import REGISTRY, job, keys

from zoo.common.errors import UnknownName, UsageError, ZooError
from zoo.common.worker import Children
from zoo.execution.devices_file import allow_project
from zoo.networks.checkpoints import packaged
from zoo.pipeline.plan import PlanScope, make_plan
from zoo.pipeline.steps.step import FinishedStep, FinishedSteps, StepContext
from zoo.results.records import StepRecord


def test_all_formats_unless_some_are_named():
    assert [e.name for e in job(format=()).exporters] == REGISTRY.exporters.names()


@pytest.mark.parametrize(
    ("changes", "problem", "nearest"),
    [
        ({"model": "lenett5"}, "unknown model 'lenett5'", "lenet5"),
        ({"data": "digit"}, "unknown dataset 'digit'", "digits"),
        ({"format": ("onxx",)}, "unknown format 'onxx'", "onnx"),
        ({"precision": ("int-8",)}, "'int-8'", "int8"),
        ({"device": ("hots",)}, "unknown device 'hots'", "host"),
        ({"tier": "breif"}, "'breif'", "brief"),
    ],
)
def test_unknown_names_are_found_before_anything_is_done(changes, problem, nearest):
    with pytest.raises(UnknownName, match=problem) as caught:
        job(**changes)
    assert caught.value.suggestions[0] == nearest


def test_a_format_without_a_precision_leaves_that_file_out():
    """It is an error only where nothing is left, or where no format at all has the precision."""
    both = job(precision=("float32", "int16x8"))
    assert both.left_out == ("the format onnx has no int16x8: left out",)
    cells = [
        (step.id.format, step.id.precision)
        for step in make_plan(both, Path(), PlanScope())
        if step.id.kind == "gate"
    ]
    assert sorted(cells) == [("onnx", "float32"), ("tflite", "float32"), ("tflite", "int16x8")]
    one = job(precision=("int16x8",))
    assert [exporter.name for exporter in one.exporters] == ["tflite"]
    assert job(precision=("float32", "int8")).left_out == ()
    with pytest.raises(UnknownName, match="unknown precision of onnx 'int16x8'"):
        job(precision=("int16x8",), format=("onnx",))
    with pytest.raises(UnknownName, match="unknown precision 'int-8'"):
        job(precision=("float32", "int-8"))


def test_hyperparameter_that_the_network_lacks():
    with pytest.raises(UsageError, match="'lenet' has no hyper-parameter 'width'"):
        job(set={"width": 2})


def test_variant_without_weights_is_trained_from_scratch_or_not_at_all():
    bare = [v.name for a, v in REGISTRY.variants() if not packaged(a, v)]
    if not bare:
        pytest.skip("every variant has weights")
    with pytest.raises(UsageError, match=f"'{bare[0]}' has no pretrained weights") as caught:
        job(model=bare[0], from_scratch=None)
    assert "--from-scratch" in caught.value.fix
    assert job(model=bare[0]).checkpoint is None


def test_weights_are_refused_with_a_setting_that_they_are_tied_to():
    asked = {"model": "autoencoder_small", "data": "photographs"}
    with pytest.raises(UsageError, match=r"with error_weight=0\.01, and 0\.02 is asked") as caught:
        job(**asked, from_scratch=None, set={"error_weight": 0.02})
    assert "--from-scratch" in caught.value.fix
    assert "--set error_weight" in caught.value.fix
    assert job(**asked, from_scratch=None, set={"error_weight": 0.01}).checkpoint is not None
    assert job(**asked, set={"error_weight": 0.02}).checkpoint is None


def test_order_and_repetition_of_names():
    made = job(format=("onnx", "tflite", "onnx"), precision=("int8", "float32", "int8"))
    assert [e.name for e in made.exporters] == ["onnx", "tflite"]
    assert made.precisions == ("float32", "int8")


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
    steps = {s.name: s for s in make_plan(job(device=("pico", "host")), Path("c"), PlanScope())}
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
    scope = PlanScope(export=False, bench=False, validated=True)
    train, validation = make_plan(made, Path("c"), scope)
    _, test = make_plan(made, Path("c"), PlanScope(export=False, bench=False))
    assert (train.name, validation.name) == ("finetune", "evaluate validation")
    assert validation.id != test.id, "what reads records of tests never finds those of validation"
    assert validation.key != test.key


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
        ({"set": {"activation": "tanh"}}, EVERYTHING),
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
    made = job(device=("pi4", "host", "pi4"))
    assert [(d.name, d.kind.name) for d in made.devices] == [("pi4", "ssh"), ("host", "host")]
    assert made.devices[0].options["host"] == "pi4.local"
    with pytest.raises(UnknownName, match="did you mean 'pi4'"):
        job(device=("pi5",))


def test_a_dead_device_costs_its_own_steps_alone(tmp_path):

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

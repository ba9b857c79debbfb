"""Precisions are records: everything that depends on one asks it, and an unknown one is refused."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import pytest
from makers import comparison, contents, exporter, manifest, registry_with, target, task

from zoo.artifacts.artifact import Artifact
from zoo.artifacts.gate import placement
from zoo.artifacts.golden_choice import least_tolerance
from zoo.common.errors import UnknownName, UsageError
from zoo.contracts import FileContents, Precision, TensorInfo, Tolerances
from zoo.contracts.checks import InvalidRecord
from zoo.contracts.layers import ARITHMETICS
from zoo.contracts.precision import BASELINE, PRECISIONS, TRAINABLE, precision_named
from zoo.execution.expected_outputs import _output_tolerance
from zoo.registry import PluginSettings, load_registry

REGISTRY = load_registry(PluginSettings(installed=False))
CELLS = [
    pytest.param(REGISTRY.precision(name), task, format, id=f"{name}-{task.name}-{format.name}")
    for format in REGISTRY.exporters
    for name in format.precisions
    for task in REGISTRY.tasks
]
REAL = TensorInfo(name="probabilities", shape=(1, 3), dtype="float32")
GOOD = comparison(max_abs=0.0, mean_abs=0.0, sqnr_db=200.0, ssim=1.0, farthest=0.0, relative=0.0)
BAD = comparison(
    max_abs=1.0, mean_abs=1.0, agreement=0.5, sqnr_db=3.0, ssim=0.5, farthest=1.0, relative=1.0
)
INT4 = Precision(
    name="int4",
    weights="int4",
    activations="int8",
    order=50,
    calibrated=True,
    tolerances=Tolerances(
        output=0.02, agreement=0.9, sqnr_db=15.0, ssim=0.8, points=3.0, percent=30.0
    ),
)


def of(precision: Precision, *, right: bool) -> FileContents:
    """A file that holds what the precision promises, or nothing of it."""
    kind = precision.arithmetic if right else "float"
    counts = {"integer_operators": 0, "float_operators": 5, "hybrid_operators": 0}
    if kind != "float":
        counts[f"{kind}_operators"] = 4
    return contents(
        **counts,
        weight_types={precision.weights if right else "float32": 100},
        multiply_adds={**dict.fromkeys(ARITHMETICS, 0), kind: 1000},
    )


@pytest.mark.parametrize(("precision", "task", "format"), CELLS)
def test_every_combination_has_every_threshold(precision, task, format) -> None:
    assert task.parity(GOOD, precision).passed
    assert not task.parity(BAD, precision).passed
    assert 0 < task.allowed_loss(precision) < 100
    limit, why = least_tolerance(precision, REAL)
    assert 0 < limit < 0.01
    assert precision.name in why
    assert placement(of(precision, right=True), precision).passed
    if precision != BASELINE:
        check = placement(of(precision, right=False), precision)
        assert not check.passed
        assert check.limit != "reported"
    assert precision.arithmetic in ARITHMETICS
    for name in format.mixes:
        assert REGISTRY.precision(name).arithmetic != "float"


def test_every_precision_is_written_by_some_format() -> None:
    written = {name for exporter in REGISTRY.exporters for name in exporter.precisions}
    assert written == {precision.name for precision in PRECISIONS}


def test_names_and_orders_are_unique() -> None:
    for field in ("name", "order"):
        values = [getattr(precision, field) for precision in PRECISIONS]
        assert len({*values}) == len(values)
    assert [precision for precision in PRECISIONS if precision.trainable] == [TRAINABLE]
    assert min(PRECISIONS, key=lambda p: p.order) == BASELINE
    assert TRAINABLE.calibrated


def test_other_words_mean_one_precision_and_are_checked() -> None:
    words = [word for one in PRECISIONS for word in one.also_called]
    assert len(words) == len({*words})
    assert {*words}.isdisjoint(one.name for one in PRECISIONS)
    with pytest.raises(UnknownName, match="did you mean 'float16'"):
        precision_named("HALF")
    for wrong in ("half", ("Half",), ("",), ["half"], (16,)):
        with pytest.raises(InvalidRecord, match="also_called must be a tuple of words"):
            dataclasses.replace(BASELINE, also_called=wrong)
        with pytest.raises(InvalidRecord, match="also_called must be a tuple of words"):
            exporter(also_called=wrong)


def test_losses_grow_as_precision_falls() -> None:
    points = [precision.tolerances.points for precision in PRECISIONS]
    assert points == sorted(points)
    assert [math.isfinite(p.tolerances.max_abs) for p in PRECISIONS] == [True, *[False] * 6]


@pytest.mark.parametrize(("name", "near"), [("int9", "int8"), ("float23", "float32")])
def test_an_unknown_precision_is_an_error_with_the_nearest_name(name: str, near: str) -> None:
    for look in (precision_named, REGISTRY.precision):
        with pytest.raises(UnknownName, match=f"unknown precision '{name}'") as caught:
            look(name)
        assert f"'{near}'" in str(caught.value.fix)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"name": "Int 4"}, "is not usable"),
        ({"integer_work": 0.0}, "integer_work must be above 0"),
        ({"integer_work": 1.1}, "integer_work must be above 0, at most 1"),
        ({"integer_work": math.nan}, "integer_work"),
    ],
)
def test_wrong_precisions_are_refused(changes, problem) -> None:
    with pytest.raises(InvalidRecord, match=problem):
        dataclasses.replace(INT4, **changes)


@pytest.mark.parametrize("field", [f.name for f in dataclasses.fields(Tolerances)])
@pytest.mark.parametrize("value", [-1.0, math.nan])
def test_wrong_tolerances_are_refused(field: str, value: float) -> None:
    with pytest.raises(InvalidRecord, match=field):
        dataclasses.replace(INT4.tolerances, **{field: value})


def test_exporters_and_targets_declare_what_is_not_built_in() -> None:
    own = exporter(precisions=("float32", "int4"), declares=(INT4,))
    assert target(precisions=("int4", "int8"), declares=(INT4,)).precisions[0] == "int4"
    registry = registry_with("zoo_exporters", own)
    assert registry.precision("int4") == INT4
    assert registry.precision("int8") == precision_named("int8")
    with pytest.raises(UnknownName, match="did you mean 'int4'"):
        registry.precision("in4")
    for make in (exporter, target):
        with pytest.raises(InvalidRecord, match="unknown precisions: int4"):
            make(precisions=("float32", "int4"))
        for twice in ((INT4, INT4), (dataclasses.replace(INT4, name="int8"),)):
            with pytest.raises(InvalidRecord, match="declares a precision that is built in, or"):
                make(precisions=("float32",), declares=twice)


def test_two_exporters_may_share_a_precision_but_not_disagree() -> None:
    def formats(*records: Precision):
        return (
            exporter(name=f"f{n}", suffix=f".f{n}", precisions=("int4",), declares=(record,))
            for n, record in enumerate(records)
        )

    assert registry_with("zoo_exporters", *formats(INT4, INT4)).precision("int4") == INT4
    other = dataclasses.replace(INT4, integer_work=0.5)
    registry = registry_with("zoo_exporters", *formats(INT4, other))
    with pytest.raises(UsageError, match="'int4' is declared twice, and differently"):
        registry.precision("int4")


def test_a_declared_precision_has_every_threshold_too() -> None:
    for each in REGISTRY.tasks:
        assert each.parity(GOOD, INT4).passed
        assert not each.parity(BAD, INT4).passed
        rises = each.higher_is_better if each.quality_rises is None else each.quality_rises
        decibels = each.name in ("image-enhancement", "image-compression")
        assert each.allowed_loss(INT4) == pytest.approx(0.6 if decibels else 3.0 if rises else 30.0)
    assert least_tolerance(INT4, REAL)[0] == 0.02
    assert placement(of(INT4, right=True), INT4).passed
    assert not placement(of(INT4, right=False), INT4).passed


def test_a_task_may_ask_for_less() -> None:
    strict = task(max_drop={"int8": 0.5})
    assert strict.allowed_loss(precision_named("int8")) == 0.5
    assert strict.allowed_loss(precision_named("float32")) == 0.1


@pytest.mark.parametrize(
    ("found", "limit"),
    [
        ({"integer_operators": 2}, 1 / 255),
        ({"integer_operators": 0, "hybrid_operators": 1, "weight_types": {"int8": 9}}, 1 / 255),
        ({"integer_operators": 0, "weight_types": {"float16": 9, "float32": 1}}, 1e-3),
        ({"integer_operators": 0, "weight_types": {"float32": 9}}, 1e-4),
        ({"integer_operators": 0, "weight_types": {"int8": 9, "float32": 1}}, 1e-4),
        ({"integer_operators": 0}, 1e-4),
    ],
)
def test_files_without_a_manifest_are_judged_like_the_precision_they_hold(found, limit) -> None:
    import numpy as np

    artifact = Artifact(
        path=Path("net.tflite"),
        exporter=exporter(),
        contents=contents(**found),
        manifest=None,
    )
    assert _output_tolerance(artifact, REAL, np.zeros(3)) == limit


def test_manifests_keep_the_name_alone() -> None:
    from zoo.artifacts.artifact import manifest_text, parse_manifest
    from zoo.artifacts.seal import sealed, unsealed

    text = manifest_text(manifest(precision="int8", kept=("head",)))
    assert '"precision":"int8"' in text
    plain, _ = unsealed(text)
    old = sealed(plain.replace('"kept":["head"],', ""))
    assert old != text
    assert parse_manifest(old, Path("net.tflite")).kept == ()

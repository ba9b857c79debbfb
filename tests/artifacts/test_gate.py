"""The gate: each check passes a good file and catches a bad one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from makers import comparison, contents, fuzz, truth

from zoo.artifacts.free_shapes import static_shapes
from zoo.artifacts.gate import (
    PREPROCESSING_MAX_ABS,
    file_checks,
    finite_outputs,
    placement,
    preprocessing_parity,
    reasons,
    run_checks,
    stock_operators,
)
from zoo.contracts import Check
from zoo.contracts.precision import precision_named
from zoo.tasks.classification import zoo_tasks

TASK = next(iter(zoo_tasks()))
CLASSES = 3


def probabilities(labels: np.ndarray, wrong: int = 0) -> np.ndarray:
    """Confident outputs, of which the first `wrong` choose another class."""
    chosen = labels.copy()
    chosen[:wrong] = (chosen[:wrong] + 1) % CLASSES
    outputs = np.full((len(labels), CLASSES), 0.01, np.float32)
    outputs[np.arange(len(labels)), chosen] = 0.98
    return outputs


LABELS = np.arange(1000, dtype=np.int64) % CLASSES
GOOD = {
    "task": TASK,
    "precision": precision_named("int8"),
    "parity": comparison(),
    "preprocessing": preprocessing_parity(comparison()),
    "truth": truth(LABELS),
    "reference": probabilities(LABELS),
    "outputs": probabilities(LABELS),
    "max_drop": None,
    "baseline": None,
}
GOOD_CONTENTS = contents()
NAN = probabilities(LABELS)
NAN[5, 1] = np.nan
INFINITE = probabilities(LABELS)
INFINITE[[5, 7], 2] = np.inf
# The second class is never answered in the last tenth of the inputs.
LOST = probabilities(LABELS)
LOST[900:][LABELS[900:] == 1] = [0.98, 0.01, 0.01]


def asked(contents=GOOD_CONTENTS, **changes) -> dict[str, Any]:
    """What `run_checks` is given, with the checks of these contents."""
    given = {**GOOD, **changes}
    return {**given, "static": file_checks(contents, given["precision"])}


def failed(**changes) -> list[str]:
    """Names of the checks that fail."""
    if "precision" in changes:
        changes["precision"] = precision_named(changes["precision"])
    checks = run_checks(**asked(**changes))
    assert [check.name for check in checks] == [
        *("finite", "parity", "preprocessing", "accuracy", "classes", "confidence", "resolution"),
        *("placement", "operators", "shapes"),
    ]
    for check in checks:
        assert check.value
        assert check.limit
        assert bool(check.reason) == (not check.passed)
    return [check.name for check in checks if not check.passed]


def test_good_file_passes_every_check():
    assert failed() == []
    assert failed(precision="float32", contents=contents(integer_operators=0)) == []


@pytest.mark.parametrize(
    ("check", "changes"),
    [
        ("finite", {"outputs": NAN}),
        ("finite", {"outputs": INFINITE}),
        ("parity", {"parity": comparison(agreement=0.979)}),
        ("parity", {"parity": comparison(agreement=float("nan"))}),
        ("parity", {"precision": "float32", "parity": comparison(max_abs=2e-4)}),
        ("parity", {"precision": "float32", "parity": comparison(max_abs=float("nan"))}),
        ("parity", {"precision": "float32", "parity": comparison(agreement=0.999)}),
        ("preprocessing", {"preprocessing": preprocessing_parity(comparison(max_abs=2e-4))}),
        (
            "preprocessing",
            {"preprocessing": preprocessing_parity(comparison(max_abs=float("nan")))},
        ),
        ("accuracy", {"outputs": probabilities(LABELS, wrong=20)}),
        ("accuracy", {"outputs": probabilities(LABELS, wrong=8), "max_drop": 0.0}),
        ("accuracy", {"outputs": probabilities(LABELS, wrong=8), "precision": "float32"}),
        ("classes", {"outputs": LOST, "max_drop": 5.0}),
        ("placement", {"contents": contents(integer_operators=0, float_operators=2)}),
        (
            "placement",
            {"contents": contents(integer_operators=0, conversions=2), "precision": "int16x8"},
        ),
        ("operators", {"contents": contents(custom_operators=("FlexErf",))}),
        ("shapes", {"contents": contents(dynamic_tensors=("pixels",))}),
    ],
)
def test_bad_file_fails_that_check_alone(check, changes):
    assert failed(**changes) == [check]


def test_a_broken_file_is_told_everything():
    checks = run_checks(
        **asked(outputs=NAN, contents=contents(custom_operators=("FlexErf", "TeaLeaves")))
    )
    assert reasons(checks) == (
        "finite: 1 outputs are NaN or infinite: some value overflowed; "
        "operators: no stock runtime has FlexErf, TeaLeaves"
    )
    assert reasons(run_checks(**asked())) == ""


def test_loss_within_the_limit_passes():
    """Eight of a thousand are significant (p = 0.008), but less than the point int8 may lose."""
    assert failed(outputs=probabilities(LABELS, wrong=8)) == []
    assert failed(outputs=probabilities(LABELS, wrong=20), max_drop=2.0) == []


def test_loss_that_chance_explains_passes():
    """Five lost of a hundred are five points, yet p = 0.0625; six are caught."""
    labels = LABELS[:100]
    few = {"truth": truth(labels), "reference": probabilities(labels)}
    assert failed(**few, outputs=probabilities(labels, wrong=5)) == []
    assert failed(**few, outputs=probabilities(labels, wrong=6)) == ["accuracy"]


def test_limit_of_the_task_holds_unless_the_user_names_one():
    eight = {"outputs": probabilities(LABELS, wrong=8)}
    assert failed(**eight, task=replace(TASK, max_drop={"int8": 0.5})) == ["accuracy"]
    assert failed(**eight, task=replace(TASK, max_drop={})) == []
    assert failed(**eight, task=replace(TASK, max_drop={"int8": 0.5}), max_drop=0.9) == []


def test_file_is_compared_with_its_float_twin():
    """A converter's own loss is not counted again against the integer file."""
    weak = probabilities(LABELS, wrong=20)
    assert failed(outputs=weak, baseline=weak) == []
    assert failed(outputs=weak) == ["accuracy"]


@pytest.mark.parametrize("shape", [(4,), (4, 3), (4, 3, 2)])
def test_finite_counts_examples(shape):
    outputs = np.zeros(shape)
    assert finite_outputs(outputs).value == "0 of 4 outputs are NaN or infinite"
    outputs[1] = np.nan
    outputs.reshape(4, -1)[3, 0] = -np.inf
    assert finite_outputs(outputs).value == "2 of 4 outputs are NaN or infinite"
    assert finite_outputs(np.zeros(shape, np.uint8)).passed


@fuzz
@given(st.floats(0, 1))
def test_preprocessing_limit(difference):
    check = preprocessing_parity(comparison(max_abs=difference))
    assert check.passed == (difference <= PREPROCESSING_MAX_ABS)


def test_placement_tells_the_share_and_the_islands():
    mixed = contents(
        integer_operators=3, float_operators=2, float_islands=("SOFTMAX", "TANH", "TANH")
    )
    check = placement(mixed, precision_named("int8"))
    assert check.passed
    assert check.value == "3 of 5 operators are integer; float: SOFTMAX, TANH"
    assert placement(
        contents(integer_operators=0, float_operators=5), precision_named("float32")
    ).passed


@pytest.mark.parametrize(
    ("precision", "kept", "broken"),
    [
        ("float16", {"weight_types": {"float16": 8}}, {"weight_types": {"float32": 8}}),
        ("dynamic-int8", {"hybrid_operators": 1}, {"hybrid_operators": 0}),
    ],
)
def test_each_precision_is_read_back_from_the_file(
    precision: str, kept: dict[str, Any], broken: dict[str, Any]
) -> None:
    plain = contents(integer_operators=0, float_operators=5)
    assert placement(replace(plain, **kept), precision_named(precision)).passed
    check = placement(replace(plain, **broken), precision_named(precision))
    assert not check.passed
    assert check.reason


def test_names_in_reasons_stay_on_one_line():
    check = static_shapes(contents(dynamic_tensors=("a\nb", "c", "d", "e")))
    assert check.reason == "not static: a b, c, d"
    assert check.value == "4 tensors without a static shape"
    assert stock_operators(contents()).value == "all stock"


def test_reasons_leave_out_what_passed():
    checks = (
        Check(name="a", passed=True, value="1", limit="1", reason="ignored"),
        Check(name="b", passed=False, value="1", limit="2", reason="too small"),
    )
    assert reasons(checks) == "b: too small"

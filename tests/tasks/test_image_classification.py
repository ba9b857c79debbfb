"""The task image-classification: its metrics and comparisons against known values."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from makers import comparison, fuzz, truth

from zoo.common.errors import ZooError
from zoo.common.proportions import mcnemar_p, wilson_interval
from zoo.contracts.precision import PRECISIONS, precision_named
from zoo.tasks.classification import accuracy, compare, details, evaluate, parity
from zoo.tasks.confidence import TIE

PROBABILITIES = arrays(np.float32, (5, 3), elements=st.floats(0, 1, width=32))


@pytest.mark.parametrize(
    ("successes", "count", "low", "high"),
    [
        # All but the last: Newcombe 1998, Statistics in Medicine 17, table I, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (29, 29, 0.8830, 1.0),
        (8, 10, 0.4902, 0.9433),
    ],
)
def test_wilson_interval_of_known_cases(successes, count, low, high):
    assert wilson_interval(successes, count) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(
    ("lost", "gained", "p"),
    [
        (0, 0, 1.0),
        (6, 6, 1.0),
        (5, 0, 2 / 32),
        (6, 0, 2 / 64),
        (10, 2, 2 * (1 + 12 + 66) / 4096),
        (1, 9, 2 * (1 + 10) / 1024),
        (2, 1, 1.0),
    ],
)
def test_mcnemar_of_known_cases(lost, gained, p):
    assert mcnemar_p(lost, gained) == p
    assert mcnemar_p(gained, lost) == p


@fuzz
@given(st.integers(0, 3000), st.integers(0, 3000))
def test_statistics_agree_with_scipy(one, two):
    stats = pytest.importorskip("scipy.stats")
    if one + two:
        expected = stats.binomtest(one, one + two).pvalue
        assert mcnemar_p(one, two) == pytest.approx(expected, rel=1e-6, abs=1e-200)
        interval = stats.binomtest(one, one + two).proportion_ci(method="wilson")
        found = wilson_interval(one, one + two)
        assert found == pytest.approx((interval.low, interval.high), abs=1e-12)


@fuzz
@given(st.integers(0, 10**6), st.integers(1, 10**6), st.floats(0.5, 0.999))
def test_wilson_interval_holds_the_share(successes, count, confidence):
    assume(successes <= count)
    low, high = wilson_interval(successes, count, confidence)
    assert 0 <= low <= successes / count <= high <= 1
    assert low < high


@pytest.mark.parametrize(("successes", "count"), [(1, 0), (-1, 5), (6, 5)])
def test_what_is_no_proportion(successes, count):
    with pytest.raises(ValueError, match="is no proportion"):
        wilson_interval(successes, count)


def test_accuracy_metric():
    outputs = np.eye(2)[[0] * 8 + [1] * 2]
    (metric,) = evaluate(outputs, truth(np.zeros(10, np.int64), ("a", "b")))
    assert (metric.name, metric.value, metric.count) == ("accuracy", 0.8, 10)
    assert (metric.low, metric.high) == pytest.approx((0.4902, 0.9433), abs=5e-5)


def test_confusion_matrix():
    labels = np.array([0, 0, 0, 1, 1, 2])
    outputs = np.eye(3)[[0, 0, 1, 1, 2, 0]]
    assert details(outputs, truth(labels, ("a", "b", "c")))["confusion"] == [
        [2, 1, 0],  # a: twice right, once taken for b
        [0, 1, 1],
        [1, 0, 0],
    ]


@fuzz
@given(PROBABILITIES)
def test_comparison_with_itself(outputs):
    found = compare(outputs, outputs)
    assert (found.count, found.max_abs, found.mean_abs, found.agreement) == (5, 0.0, 0.0, 1.0)


@fuzz
@given(PROBABILITIES, PROBABILITIES)
def test_comparison_has_bounds_and_symmetric_differences(one, two):
    found, back = compare(one, two), compare(two, one)
    assert 0 <= found.mean_abs <= found.max_abs <= 1
    assert 0 <= found.agreement <= 1
    assert (found.max_abs, found.mean_abs) == (back.max_abs, back.mean_abs)
    same = float((one.argmax(-1) == two.argmax(-1)).mean())
    assert found.agreement >= same
    gap = np.sort(one, axis=-1)
    if ((gap[:, -1] - gap[:, -2]) > TIE).all():
        assert found.agreement == same


def test_comparison_by_hand():
    reference = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1]], np.float32)
    candidate = np.array([[0.6, 0.3, 0.1], [0.5, 0.4, 0.1]], np.float32)
    found = compare(reference, candidate)
    assert found.count == 2
    assert found.max_abs == pytest.approx(0.4)
    assert found.mean_abs == pytest.approx((0.1 + 0.1 + 0 + 0.4 + 0.4 + 0) / 6)
    assert found.agreement == 0.5
    assert found.margin == pytest.approx(0.7)
    assert compare(reference, reference).margin is None


def test_ties_may_fall_either_way():
    """Rounding picks one of two equal classes; a class that is merely close is another answer."""
    tied = np.array([[0.45, 0.45, 0.1]])
    apart = np.array([[0.45 + 2 * TIE, 0.45, 0.1]])
    other = np.array([[0.44, 0.46, 0.1]])
    third = np.array([[0.3, 0.3, 0.4]])
    assert compare(tied, other).agreement == 1.0
    assert compare(apart, other).agreement == 0.0
    assert compare(tied, third).agreement == 0.0


@pytest.mark.parametrize(("reference", "agreement"), [(True, 0.0), (False, 1.0)])
def test_nan_is_seen_in_the_differences(reference, agreement):
    good = np.array([[0.9, 0.1]])
    bad = np.array([[np.nan, 0.1]])
    found = compare(bad, good) if reference else compare(good, bad)
    assert math.isnan(found.max_abs)
    assert found.agreement == agreement
    assert not parity(found, precision_named("float32")).passed


@pytest.mark.parametrize("shape", [(2, 1), (1, 3), (2, 4), (3,), (2, 3, 1)])
def test_outputs_of_another_shape_are_not_compared(shape):
    with pytest.raises(ZooError, match="outputs have shape"):
        compare(np.zeros((2, 3)), np.zeros(shape))


@pytest.mark.parametrize("precision", PRECISIONS, ids=lambda p: p.name)
def test_parity_asks_for_agreement(precision):
    needed = precision.tolerances.agreement
    many = comparison(count=1_000_000, max_abs=1e-5)
    assert parity(replace(many, agreement=needed), precision).passed
    check = parity(replace(many, agreement=needed - 0.001), precision)
    assert not check.passed
    assert "chooses another class" in check.reason
    assert check.unsure == ""


def test_parity_on_few_inputs_says_how_many_would_decide():
    int8 = precision_named("int8")
    check = parity(comparison(count=64, agreement=62 / 64), int8)
    assert check.passed
    assert check.value.startswith("96.88% of 64 agree")
    assert check.unsure == (
        "89.30 to 99.14 % (95 %) on 64 inputs, and 98 % are asked: counted as passed; "
        "595 inputs alike would decide"
    )
    assert "189 inputs alike" in parity(comparison(count=64), int8).unsure
    assert parity(comparison(count=500), int8).unsure == ""
    assert not parity(comparison(count=64, agreement=60 / 64), int8).passed


def test_parity_of_floats_asks_for_close_values():
    check = parity(comparison(max_abs=2e-4), precision_named("float32"))
    assert not check.passed
    assert check.reason == "probabilities differ by up to 0.0002"
    assert parity(comparison(max_abs=0.3), precision_named("int8")).passed


@fuzz
@given(
    arrays(np.int64, 30, elements=st.integers(0, 2)),
    arrays(np.int64, 30, elements=st.integers(0, 2)),
    st.floats(0, 100),
)
def test_accuracy_check_counts_pairs(before, after, max_drop):
    labels = np.zeros(30, np.int64)
    check = accuracy(truth(labels), np.eye(3)[before], np.eye(3)[after], max_drop)
    lost = int(((before == 0) & (after != 0)).sum())
    gained = int(((before != 0) & (after == 0)).sum())
    assert f"({lost} lost, {gained} gained" in check.value
    expected = 100 * (lost - gained) / 30 > max_drop and mcnemar_p(lost, gained) < 0.05
    assert check.passed is not expected


def test_accuracy_check_in_words():
    labels = np.zeros(1000, np.int64)
    after = np.zeros(1000, np.int64)
    after[:20] = 1
    check = accuracy(truth(labels), np.eye(2)[labels], np.eye(2)[after], 1.0)
    assert not check.passed
    assert check.value == "−2.00 points (20 lost, 0 gained, McNemar p = 1.9e-06)"
    assert check.reason.startswith("loses 2.00 points, and chance does not explain it")
    better = accuracy(truth(labels), np.eye(2)[after], np.eye(2)[labels], 1.0)
    assert better.passed
    assert better.value.startswith("+2.00 points (0 lost, 20 gained")


def test_training_loss_and_activation():
    """Against the textbook's formula; label smoothing shares its part among all classes."""
    keras = pytest.importorskip("keras")
    from types import SimpleNamespace

    from zoo.tasks.classification import compile_model, softmax

    logits = np.array([[2.0, -1.0, 0.5], [0.0, 1.0, 3.0]], np.float32)
    labels = np.array([0, 1])
    inputs = keras.Input((3,))
    model = keras.Model(inputs, keras.layers.Identity()(inputs))
    options = SimpleNamespace(label_smoothing=0.1)
    assert compile_model(model, keras.optimizers.SGD(), options) == "accuracy"
    found = model.evaluate(logits, labels, verbose=0, return_dict=True)
    shares = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    targets = 0.9 * np.eye(3)[labels] + 0.1 / 3
    assert found["loss"] == pytest.approx(-(targets * np.log(shares)).sum(-1).mean(), rel=1e-5)
    assert found["accuracy"] == 0.5
    np.testing.assert_allclose(np.asarray(softmax(logits)), shares, rtol=1e-5)

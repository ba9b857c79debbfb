"""Real targets: figures against their definitions, and each check beside what it must catch."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from tests.support.makers import truth as make_truth
from zoo.artifacts import closeness
from zoo.artifacts.golden_choice import choose_golden
from zoo.common.errors import UsageError, ZooError
from zoo.contracts import Split, TensorInfo
from zoo.contracts.precision import PRECISIONS, precision_named
from zoo.contracts.training import Training
from zoo.registry import PluginSettings, load_registry
from zoo.results.records import NO_BETTER
from zoo.tasks.means import half_width, student_95
from zoo.tasks.quality import quality_of

TASK = load_registry(PluginSettings(installed=False)).tasks.get("regression")
RANDOM = np.random.default_rng(0)
#: Two targets of very different size, and a network that explains most of them.
TARGETS = (RANDOM.normal(size=(400, 2)) * [1000.0, 0.01] + [5000.0, -3.0]).astype(np.float32)
NETWORK = (TARGETS + RANDOM.normal(size=(400, 2)) * [100.0, 0.001]).astype(np.float32)
TRUTH = make_truth(TARGETS, ("price", "tilt"))
ONE = make_truth(TARGETS[:, :1], ("price",))
SPREAD = NETWORK.std(axis=0)
INT8 = precision_named("int8")


def checks(candidate: np.ndarray, name: str = "int8") -> dict[str, str]:
    """The reasons of all checks that compare outputs and answers, by check."""
    precision = precision_named(name)
    candidate = np.asarray(candidate, np.float32)
    compared = closeness.compare(TASK, NETWORK, candidate, precision.rounding)
    found = [
        closeness.parity(TASK, compared, precision),
        TASK.accuracy(TRUTH, NETWORK, candidate, TASK.allowed_loss(precision)),
        *TASK.probability_checks(TRUTH, NETWORK, candidate, precision),
    ]
    assert all(check.passed == (not check.reason) for check in found)
    return {check.name: check.reason for check in found if check.reason}


def test_one_target_is_measured_in_its_own_unit():
    error, root, explained = TASK.evaluate(NETWORK[:, :1], ONE)
    apart = (NETWORK[:, 0] - TARGETS[:, 0]).astype(np.float64)
    assert error.value == pytest.approx(np.abs(apart).mean(), rel=1e-6)
    assert root.value == pytest.approx(math.sqrt((apart**2).mean()), rel=1e-6)
    residual = (apart**2).sum() / ((TARGETS[:, 0] - TARGETS[:, 0].mean()) ** 2).sum()
    assert explained.value == pytest.approx(1 - residual, rel=1e-6)
    assert (error.name, root.name, explained.name) == ("mean absolute error", "RMSE", "R²")
    for metric in (error, root, explained):
        assert metric.low < metric.value < metric.high
    assert not error.higher_is_better
    assert explained.higher_is_better


def test_several_targets_count_the_same_whatever_their_units():
    scaled, price, tilt, _ = TASK.evaluate(NETWORK, TRUTH)
    assert (price.name, tilt.name) == ("error of price", "error of tilt")
    assert price.value > 1000 * tilt.value
    own = np.abs(NETWORK - TARGETS) / TARGETS.std(axis=0)
    assert scaled.value == pytest.approx(own.mean(), rel=1e-3)
    half = (TARGETS * [1.0, 1000.0]).astype(np.float32)
    again = TASK.evaluate(
        (NETWORK * [1.0, 1000.0]).astype(np.float32), make_truth(half, ("a", "b"))
    )
    assert again[0].value == pytest.approx(scaled.value, rel=1e-3)


@pytest.mark.parametrize("count", [12, 200])
def test_intervals_hold_what_they_should(count):
    """Of 400 samples 95 % of intervals hold the true mean error, give or take chance."""
    random = np.random.default_rng(1)
    true, held = math.sqrt(2 / math.pi), 0
    for _ in range(400):
        errors = np.abs(random.normal(size=count))
        held += abs(errors.mean() - true) <= half_width(errors)
    assert 0.90 <= held / 400 <= 0.98


def test_the_quantile_is_students():
    stats = pytest.importorskip("scipy.stats")
    for freedom in (1, 2, 3, 5, 10, 30, 1000):
        assert student_95(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=1e-2)


def test_a_constant_is_no_better_than_the_baseline():
    learnt = Split(labels=TARGETS, read=TRUTH.examples.read, content_hash="0")
    truth = replace(TRUTH, training=learnt)
    constant = np.broadcast_to(np.median(TARGETS, axis=0), TARGETS.shape).astype(np.float32)
    codes = {f.code for f in quality_of(TASK, constant, truth)["findings"]}
    assert codes == {NO_BETTER}
    good = quality_of(TASK, NETWORK, truth)
    assert not good["findings"]
    assert good["baseline"].answer.startswith("always the training median: price 4,888, tilt")
    assert good["baseline"].low > 50


def test_what_rounds_as_integers_do_passes():
    for precision in PRECISIONS:
        noise = RANDOM.normal(size=NETWORK.shape) * SPREAD * precision.tolerances.noise / 20
        small = noise if precision.name != "float32" else noise / 4
        assert checks(NETWORK + small, precision.name) == {}, precision.name


@pytest.mark.parametrize("name", [p.name for p in PRECISIONS])
@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda o: (o - o.mean(axis=0)) * 0.9 + o.mean(axis=0), "scaled by 0.9"),
        (lambda o: o + 0.2 * SPREAD, "shifted by +0.2"),
        (lambda o: o + np.array([0.0, 0.2 * SPREAD[1]]), "tilt: shifted by +0.2"),
        (lambda o: np.minimum(o, o.mean(axis=0)), "scaled by"),
    ],
)
def test_a_scale_or_a_bias_is_refused_in_every_precision(name, change, told):
    assert told in checks(change(NETWORK.astype(np.float64)), name)["scale"]


def test_times_nine_tenths_of_targets_around_zero_is_refused():
    """Its noise beside its spread is 0.1, which an integer file may have."""
    centred = (NETWORK - NETWORK.mean(axis=0)).astype(np.float32)
    found = TASK.probability_checks(
        replace(TRUTH, labels=(TARGETS - NETWORK.mean(axis=0)).astype(np.float32)),
        centred,
        centred * np.float32(0.9),
        INT8,
    )[0]
    assert not found.passed
    assert "price: scaled by 0.9; tilt: scaled by 0.9" in found.reason


def test_targets_far_from_zero_may_be_rounded_as_float32_rounds_them():
    """Years: the spread is 5, and neighbours in float32 are 1e-4 apart at 2000."""
    years = (RANDOM.normal(size=(400, 1)) * 5 + 2000).astype(np.float32)
    truth = make_truth(years, ("year",))
    float32 = precision_named("float32")

    def passes(candidate: np.ndarray) -> list[bool]:
        compared = closeness.compare(TASK, years, candidate)
        return [
            closeness.parity(TASK, compared, float32).passed,
            *(c.passed for c in TASK.probability_checks(truth, years, candidate, float32)),
        ]

    near = years + RANDOM.integers(-3, 4, years.shape) * np.float32(2.0**-12)
    assert np.abs(near - years).max() > 1e-4 * years.std()
    assert all(passes(near.astype(np.float32)))
    assert not all(passes(years + np.float32(0.01)))
    assert not all(passes(years * np.float32(1.0001)))


def test_a_float16_file_may_be_off_by_how_such_a_constant_is_rounded():
    """Around 3.57 with a spread of 0.3, as honest files of digits: half a place of it is 0.001."""
    centres = (RANDOM.normal(size=(400, 1)) * 0.3 + 3.57).astype(np.float32)
    truth = make_truth(centres, ("column",))

    def refused(moved: float, name: str) -> set[str]:
        precision, candidate = precision_named(name), centres + np.float32(moved)
        compared = closeness.compare(TASK, centres, candidate, precision.rounding)
        found = [
            closeness.parity(TASK, compared, precision),
            *TASK.probability_checks(truth, centres, candidate, precision),
        ]
        return {check.name for check in found if not check.passed}

    half = 3.57 * 2.0**-11
    assert refused(0.9 * half, "float16") == set()
    assert refused(0.9 * half, "float32") == {"parity", "scale"}
    assert refused(2.0 * half, "float16") == {"parity", "scale"}
    # Rounded weights shift all answers of a dynamic-int8 file: the worst honest one by 0.022.
    assert refused(0.022 * 0.3, "dynamic-int8") == set()
    assert refused(0.044 * 0.3, "dynamic-int8") == {"scale"}


def test_exchanged_targets_and_nan_are_refused():
    swapped = checks(NETWORK[:, ::-1])
    assert {"parity", "accuracy", "scale"} <= {*swapped}
    broken = NETWORK.copy()
    broken[7, 1] = np.nan
    assert {"parity", "accuracy", "scale"} <= {*checks(broken)}
    with pytest.raises(ZooError, match="shape"):
        TASK.compare(NETWORK, NETWORK[:, :1])


def test_more_error_is_refused_only_where_chance_does_not_explain_it():
    worse = NETWORK + (NETWORK - TARGETS) * 0.3
    assert "its error is 30.0 % above" in checks(worse)["accuracy"]
    few = slice(0, 4)
    truth = make_truth(TARGETS[few], ("price", "tilt"))
    noisy = NETWORK[few] + RANDOM.normal(size=(4, 2)) * SPREAD * 0.05
    assert TASK.accuracy(truth, NETWORK[few], noisy, 10.0).passed
    # Of a network that errs next to nothing, a thousandth of the spread is nothing either.
    assert TASK.accuracy(TRUTH, TARGETS, TARGETS + 5e-4 * SPREAD, 10.0).passed


def test_steps_as_wide_as_the_error_are_refused_by_name():
    """Both targets share one scale, as an integer output's do: tilt has one level left."""
    step = (NETWORK.max() - min(NETWORK.min(), 0)) / 255
    coarse = np.rint(NETWORK / step) * step
    assert checks(coarse)["resolution"].startswith("what it rounds is as large")
    assert "tilt: one value for all examples" in checks(coarse)["resolution"]
    own = np.rint(NETWORK / (SPREAD * 0.5)) * SPREAD * 0.5
    assert "price: steps of" in checks(own)["resolution"]
    assert "tilt: steps of" in checks(own)["resolution"]
    assert "--keep-float head" in checks(own)["resolution"]


def test_golden_outputs_may_be_off_by_a_share_of_their_size():
    tensor = TensorInfo(name="targets", shape=(1, 1), dtype="float32")
    outputs = np.array([[4000.0], [5000.0], [3000.0]], np.float32)
    for scale in (1.0, 1e-7):
        own = outputs * np.float32(scale)
        for readings, limit in (({"targets": "targets"}, 0.5 * scale), ({}, 1e-4)):
            chosen = choose_golden(
                [[0], [1], [2]], own, None, precision_named("float32"), [tensor], readings
            )
            assert chosen is not None
            assert chosen.max_abs == pytest.approx(limit, rel=1e-3)


def test_what_a_report_shows_of_an_example():
    assert TASK.describe_answer(NETWORK[0], ("price", "tilt"))[1] is None
    said = TASK.describe_label(np.array([1234.5, -0.25]), ("price", "tilt"))
    assert said == "price 1,234, tilt \N{MINUS SIGN}0.2500"
    wrong = TASK.wrong(
        np.vstack([NETWORK, TARGETS[:1] + 9 * SPREAD]), np.vstack([TARGETS, TARGETS[:1]])
    )
    assert wrong[-1]
    assert wrong.mean() < 0.2


def test_options_that_mean_something_else_for_targets_are_told():
    with pytest.raises(UsageError, match="real targets cannot be smoothed"):
        TASK.compile(None, None, Training(label_smoothing=0.1))
    (note,) = TASK.training_notes(Training(augment=("flip", "erase", "crop")))
    assert "targets stay as they are where pictures are moved (--augment shift,flip)" in note
    assert TASK.training_notes(Training(augment=("erase",))) == ()

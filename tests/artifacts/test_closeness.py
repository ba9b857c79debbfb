"""Outputs are compared as numbers, whatever the task; each limit is shown what it must catch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from makers import comparison

from zoo.artifacts import closeness
from zoo.contracts import Check, Comparison
from zoo.contracts.precision import PRECISIONS, precision_named
from zoo.registry import PluginSettings, load_registry

TASKS = load_registry(PluginSettings(installed=False)).tasks
INT8 = precision_named("int8")
CLASSIFICATION = TASKS.get("image-classification")


def probabilities(count: int = 500, classes: int = 10, sharpness: float = 3.0) -> np.ndarray:
    """Of a network that is sure of most answers, not of all; float32."""
    logits = np.random.default_rng(0).normal(size=(count, classes)) * sharpness
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    return (raised / raised.sum(axis=1, keepdims=True)).astype(np.float32)


RIGHT = probabilities()


def lowered(outputs: np.ndarray, of: int, by: float) -> np.ndarray:
    """As after a bias that is smaller by `by`."""
    raised = outputs * np.where(np.arange(outputs.shape[1]) == of, np.exp(-by), 1.0)
    return (raised / raised.sum(axis=1, keepdims=True)).astype(np.float32)


def judged(found: np.ndarray, precision=INT8, task=CLASSIFICATION, right=RIGHT) -> Check:
    return closeness.parity(task, closeness.compare(task, right, found), precision)


@pytest.mark.parametrize("precision", PRECISIONS, ids=lambda precision: precision.name)
def test_squeezed_probabilities_are_refused_in_every_precision(precision) -> None:
    squeezed = 0.2 * RIGHT + 0.8 / RIGHT.shape[1]
    assert (squeezed.argmax(-1) == RIGHT.argmax(-1)).all()
    check = judged(squeezed, precision)
    assert not check.passed
    assert "its probabilities are moved by 0.54" in check.reason
    assert judged(RIGHT, precision).passed


def test_rounding_to_eight_bits_is_within_the_limits() -> None:
    rounded = np.round(RIGHT * 256).clip(0, 255) / 256
    check = judged(rounded.astype(np.float32))
    assert check.passed
    assert "moved by 0.0042, by more than 0.25 on 0.00%, log-odds scaled by 0.004" in check.value
    assert not judged(rounded.astype(np.float32), precision_named("float16")).passed


def test_a_lowered_bias_is_refused_by_the_inputs_that_it_moves_far() -> None:
    """It moves few inputs, but these by more than rounding does."""
    found = closeness.compare(CLASSIFICATION, RIGHT, lowered(RIGHT, 3, 1.3))
    assert found.moved is not None
    assert found.far is not None
    assert found.moved < INT8.tolerances.moved
    assert found.far > 2 * INT8.tolerances.far
    check = closeness.parity(CLASSIFICATION, replace(found, agreement=1.0), INT8)
    assert not check.passed
    assert "far off on" in check.reason


SURE = probabilities(5000, sharpness=12.0)


def heated(outputs: np.ndarray, by: float) -> np.ndarray:
    """As after logits that are multiplied."""
    raised = np.maximum(outputs.astype(np.float64), 1e-30) ** by
    return (raised / raised.sum(axis=1, keepdims=True)).astype(np.float32)


def in_steps(outputs: np.ndarray) -> np.ndarray:
    """As integers of 8 bits hold them."""
    return (np.round(outputs * 256).clip(0, 255) / 256).astype(np.float32)


@pytest.mark.parametrize("of", range(10))
def test_what_hardly_moves_a_sure_network_shows_in_its_log_odds(of) -> None:
    """A bias lowered by 1.5: few inputs lie between that class and another, all of these moved."""
    wrong = in_steps(lowered(SURE, of, 1.5))
    found = closeness.compare(CLASSIFICATION, SURE, wrong)
    assert found.moved is not None
    assert found.moved < INT8.tolerances.moved / 2
    check = closeness.parity(CLASSIFICATION, replace(found, agreement=1.0, far=0.0), INT8)
    assert not check.passed
    assert f"log-odds of class {of} are shifted by −" in check.reason
    assert "scaled" not in check.reason


@pytest.mark.parametrize(("by", "how"), [(0.7, "less sure"), (3.0, "surer")])
def test_answers_that_are_all_less_sure_or_surer_are_refused(by, how) -> None:
    found = closeness.compare(CLASSIFICATION, SURE, in_steps(heated(SURE, by)))
    assert found.agreement > 0.98
    check = closeness.parity(CLASSIFICATION, replace(found, moved=0.0, far=0.0), INT8)
    assert not check.passed
    assert check.reason.endswith(f"answers are all {how}")


def test_log_odds_are_not_estimated_from_next_to_nothing() -> None:
    """Honest files: rounded answers of a sure network, of an unsure one, and one stray input."""
    assert judged(in_steps(SURE), right=SURE).passed
    constant = np.tile(np.linspace(0.09, 0.11, 10, dtype=np.float32), (300, 1))
    found = closeness.movement(constant, in_steps(constant))
    assert abs(found.scaled or 1.0) < 0.05
    assert abs(found.shifted or 1.0) < 0.05
    stray = np.eye(10, dtype=np.float32)[np.arange(300) % 10]
    other = stray.copy()
    other[5] = np.roll(other[5], 1)
    found = closeness.movement(stray, other)
    assert (found.scaled, found.shifted) == (0.0, 0.0)
    broken = other.copy()
    broken[7] = np.nan
    found = closeness.movement(stray, broken)
    assert np.isnan([found.scaled, found.shifted]).all()


def test_one_input_of_few_that_moved_far_may_be_chance() -> None:
    """One of 40 is 2.5 %, more than the limit, and its interval reaches from 0.4 %."""
    assert closeness.parity(CLASSIFICATION, comparison(moved=0.01, far=1 / 40), INT8).passed
    many = replace(comparison(moved=0.01, far=200 / 4000), count=4000)
    assert not closeness.parity(CLASSIFICATION, many, INT8).passed


@pytest.mark.parametrize("figure", ["moved", "noise", "scaled", "shifted"])
def test_what_is_no_number_is_refused(figure) -> None:
    check = closeness.parity(CLASSIFICATION, comparison(**{figure: float("nan")}), INT8)
    assert not check.passed
    assert "nan" in check.reason
    broken = RIGHT.copy()
    broken[7] = np.nan
    assert not judged(broken).passed


def test_steps_of_sequences_are_compared_one_by_one() -> None:
    tagging = TASKS.get("sequence-tagging")
    steps = RIGHT.reshape(50, 10, 10)
    found = closeness.compare(tagging, steps, 0.5 * steps + 0.05)
    assert found.count == 50
    assert found.moved == pytest.approx(0.5 * np.abs(RIGHT * 0.5 - 0.05).sum(-1).mean(), rel=1e-5)
    assert not closeness.parity(tagging, found, INT8).passed


class Measures:
    """Any task: two outputs, of which it compares decisions alone."""

    def compare(self, reference, candidate) -> Comparison:
        return Comparison.combined({name: comparison() for name in reference.dtype.names})

    def choices(self, output) -> tuple:
        return (output,)

    def comparable(self, reference, candidate) -> dict:
        return {name: (reference[name], candidate[name]) for name in reference.dtype.names}

    def parity(self, comparison, precision) -> Check:
        return Check(name="parity", passed=True, value="alike", limit="alike")

    def tolerances(self, precision):
        return precision.tolerances


def measured(shape: np.ndarray, radius: np.ndarray) -> np.ndarray:
    values = np.empty(len(shape), [("shape", "f4", shape.shape[1:]), ("radius", "f4", (1,))])
    values["shape"], values["radius"] = shape, radius
    return values


def test_each_of_several_outputs_is_held_to_its_limit() -> None:
    """A plugin's task that looks at decisions alone."""
    radius = np.random.default_rng(1).uniform(2, 7, (500, 1))
    right, task = measured(RIGHT, radius), Measures()
    same = judged(right, task=task, right=right)
    assert same.passed
    assert same.value == (
        "alike, shape moved by 0, shape by more than 0.25 on 0.00%, shape log-odds scaled by 0, "
        "shape shifted by 0, radius noise 0"
    )
    scaled = judged(measured(RIGHT, radius * 1.3), task=task, right=right)
    assert not scaled.passed
    assert scaled.reason == "the output radius differs by 0.98 of its own spread"
    squeezed = judged(measured(0.2 * RIGHT + 0.08, radius), task=task, right=right)
    assert "shape probabilities are moved by" in squeezed.reason
    assert "radius" not in squeezed.reason


def test_a_constant_output_is_compared_with_its_size() -> None:
    constant = np.full((100, 4), 5.0, np.float32)
    assert closeness.movement(constant, constant + 0.01).noise == pytest.approx(0.002, rel=1e-3)
    assert closeness.movement(0 * constant, 0 * constant).noise == 0.0


def test_targets_of_different_size_are_no_spread() -> None:
    """Air pressure beside a temperature: a file that answers their means alone has lost both."""
    random = np.random.default_rng(0)
    targets = (random.normal(size=(400, 2)) * [3.0, 2.0] + [101_325.0, 20.0]).astype(np.float32)
    means = np.broadcast_to(targets.mean(axis=0), targets.shape)
    assert closeness.movement(targets, means).noise == pytest.approx(1.0, rel=1e-2)
    near = targets + np.float32(0.03)
    assert (closeness.movement(targets, near).noise or 1.0) < 0.02
    constant = np.full((20, 3), (0.1, 7.3, 1e5), np.float32)
    assert (closeness.movement(constant, constant * np.float32(1.001)).noise or 1.0) < 0.01


def test_a_target_that_is_lost_beside_a_larger_one_is_refused() -> None:
    """Air pressure in pascals beside humidity as a share: both together hardly differ."""
    random = np.random.default_rng(0)
    right = (random.normal(size=(400, 2)) * [300.0, 0.1] + [101_325.0, 0.5]).astype(np.float32)
    lost = right.copy()
    lost[:, 1] = 0.5
    own = right - right.mean(axis=0)
    assert np.sqrt(np.square(lost - right).mean()) / own.std() < 1e-3
    for wrong in lost, right * [1, 1.5], right[:, [0]] + [0, 0.1] * random.normal(size=(400, 2)):
        found = closeness.movement(right, wrong.astype(np.float32))
        assert found.component == 1
        assert found.noise is not None
        assert found.noise > INT8.tolerances.noise
    radius = np.empty(400, [("targets", "f4", (2,))])
    radius["targets"] = right
    broken = radius.copy()
    broken["targets"] = lost
    check = judged(broken, task=Measures(), right=radius)
    assert check.reason == "component 1 of the output targets differs by 1 of its own spread"
    broken = right.copy()
    broken[3, 0] = np.nan
    assert closeness.movement(right, broken).component == 0
    assert np.isnan(closeness.movement(right, broken).noise or 0.0)
    near = right + random.normal(size=right.shape) * [3.0, 0.001]
    assert (closeness.movement(right, near.astype(np.float32)).noise or 1.0) < 0.02


def test_channels_of_images_are_components() -> None:
    """A saturated channel beside two that vary, over all pixels."""
    random = np.random.default_rng(0)
    right = (random.normal(size=(50, 4, 4, 3)) * [1.0, 1.0, 0.02]).astype(np.float32)
    wrong = right.copy()
    wrong[..., 2] = 0.0
    assert closeness.movement(right, wrong) == closeness.Movement(
        noise=pytest.approx(1.0, rel=0.01), component=2
    )


def test_rectified_features_that_are_hardly_ever_active_may_be_rounded() -> None:
    random = np.random.default_rng(0)
    features = np.maximum(random.normal(size=(500, 64)), 0).astype(np.float32)
    features[:, 3] = 0.0
    features[:, 4] *= 0.003 * (np.arange(500) % 50 == 0)
    step = features.max() / 255
    rounded = (np.round(features / step) * step).astype(np.float32)
    assert (rounded[:, 4] == 0.0).all()
    assert (closeness.movement(features, rounded).noise or 1.0) < 0.05
    lost = features.copy()
    lost[:, 5] = 0.0
    assert closeness.movement(features, lost).component == 5


def subsets(count: int, of: int = 500) -> list[np.ndarray]:
    random = np.random.default_rng(2)
    return [random.choice(of, count, replace=False) for _ in range(100)]


def test_chance_on_few_inputs_excuses_an_honest_file_and_no_wrong_one() -> None:
    """How often a file is refused on 64 of its inputs, and by 98 % as a point estimate."""
    noise = np.random.default_rng(3).normal(size=RIGHT.shape)

    def refused(found: np.ndarray) -> tuple[int, int]:
        by_share = by_gate = 0
        for rows in subsets(64):
            compared = closeness.compare(CLASSIFICATION, RIGHT[rows], found[rows])
            passed = closeness.parity(CLASSIFICATION, compared, INT8).passed
            by_gate += not passed
            by_share += not passed or compared.agreement < INT8.tolerances.agreement
        return by_share, by_gate

    def moved(by: float) -> np.ndarray:
        raised = RIGHT * np.exp(by * noise)
        return (raised / raised.sum(axis=1, keepdims=True)).astype(np.float32)

    honest, wrong = moved(0.02), moved(0.1)
    assert closeness.movement(RIGHT, honest).moved == pytest.approx(0.0046, abs=1e-4)
    assert closeness.movement(RIGHT, wrong).moved == pytest.approx(0.023, abs=1e-3)
    assert (wrong.argmax(-1) != RIGHT.argmax(-1)).mean() == pytest.approx(0.03)
    assert refused(honest) == (18, 2)
    assert refused(wrong) == (52, 52)


def test_other_decisions_are_excused_where_outputs_were_seen_to_move_little() -> None:
    few = replace(comparison(agreement=62 / 64, moved=0.01, far=0.0), count=64)
    check = closeness.parity(CLASSIFICATION, few, INT8)
    assert check.passed
    assert "595 inputs alike would decide" in check.unsure
    for changes in {"moved": 0.03}, {"moved": None, "far": None}, {"moved": float("nan")}:
        check = closeness.parity(CLASSIFICATION, replace(few, **changes), INT8)
        assert not check.passed
        assert "3.1% of its decisions are others" in check.reason
        assert check.unsure == ""
    # Biases left out of a dynamic-int8 file changed 2.5 % of 600 first choices, and moved little.
    for count, passed in (380, True), (381, False):
        check = closeness.parity(CLASSIFICATION, replace(few, agreement=0.975, count=count), INT8)
        assert check.passed == passed
    assert "2.5% of its decisions are others, and 381 inputs are too many" in check.reason
    images = TASKS.get("image-generation")
    generated = replace(few, agreement=0.5, sqnr_db=90.0, ssim=1.0)
    assert closeness.parity(images, generated, INT8).passed, "it judges no decisions"


def test_a_share_that_the_task_does_not_judge_needs_no_excuse() -> None:
    """Of two outputs, one is decided by its share, the other (images, say) by something else."""
    share = replace(comparison(agreement=1.0, moved=0.0, far=0.0), count=64)
    other = replace(comparison(agreement=0.5, noise=0.2), count=64)

    class Mixed:
        def parity(self, compared, precision) -> Check:
            sure = Check(name="parity", passed=True, value="", limit="")
            unsure = dict.fromkeys(compared.outputs, sure)
            unsure["class"] = replace(sure, unsure=share.agreed(precision).unsure("inputs"))
            return Check.combined(unsure)

        def tolerances(self, precision):
            return precision.tolerances

    both = Comparison.combined({"class": share, "image": other})
    assert closeness.parity(Mixed(), both, INT8).passed
    fewer = replace(share, agreement=0.97, moved=0.04)
    both = Comparison.combined({"class": fewer, "image": other})
    reason = closeness.parity(Mixed(), both, INT8).reason
    assert reason.startswith("3.0% of class decisions are others")
    assert "image" not in reason


def test_numbers_of_classes_and_few_inputs_have_no_distance() -> None:
    chosen = RIGHT.argmax(-1)
    assert closeness.movement(chosen, 9 - chosen) == closeness.Movement()
    assert closeness.movement(RIGHT[:3], RIGHT[3:6]) == closeness.Movement()

"""Class by class: recalls, balanced accuracy, classes never answered, classes that a file loses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from makers import fuzz

from zoo.common.proportions import wilson_interval
from zoo.contracts import Metric
from zoo.contracts.dataset import IGNORED
from zoo.tasks.classes import (
    against_commonest,
    balanced_accuracy,
    class_loss,
    recalls,
    unanswered,
)

ABC = ("a", "b", "c")
LABELS = np.repeat([0, 1, 2], [60, 30, 10])[:, None]
CLASS_NUMBERS = arrays(np.int64, (40, 1), elements=st.integers(0, 2))


def own(chosen: np.ndarray, labels: np.ndarray = LABELS) -> Metric:
    value = float((chosen == labels)[labels != IGNORED].mean())
    return Metric(name="accuracy", value=value, low=0, high=1, count=int((labels >= 0).sum()))


def with_wrong(*places: int, to: int = 0) -> np.ndarray:
    chosen = LABELS.copy()
    chosen[list(places)] = to
    return chosen


def test_recalls_by_hand() -> None:
    found = recalls(with_wrong(60, 61, 62), LABELS, (*ABC, "of which there is none"), "example")
    assert list(found) == ["a", "b", "c"]
    assert (found["b"].value, found["b"].count) == (27 / 30, 30)
    assert (found["b"].low, found["b"].high) == wilson_interval(27, 30)


def test_balanced_accuracy_counts_each_class_the_same() -> None:
    """Always the commonest class: accuracy 60 %, balanced a third."""
    metric = balanced_accuracy(recalls(np.zeros_like(LABELS), LABELS, ABC, "example"))
    assert metric is not None
    assert metric.value == pytest.approx(1 / 3)
    assert metric.low < 1 / 3 < metric.high
    assert balanced_accuracy({}) is None


@fuzz
@given(CLASS_NUMBERS, CLASS_NUMBERS)
def test_shares_of_classes_lie_in_their_intervals(chosen, labels) -> None:
    found = recalls(chosen, labels, ABC, "example")
    metrics = [*found.values(), balanced_accuracy(found)]
    assert sum(metric.count for metric in found.values()) == len(labels)
    assert all(0 <= m.low <= m.value <= m.high <= 1 and m.low < m.high for m in metrics)


@fuzz
@given(CLASS_NUMBERS, CLASS_NUMBERS)
def test_padding_changes_no_judgement(chosen, labels) -> None:
    """A padded step beside each example: nothing is counted anew."""
    padded = np.hstack([labels, np.full_like(labels, IGNORED)])
    beside = np.hstack([chosen, np.ones_like(chosen)])
    assert recalls(beside, padded, ABC, "step") == recalls(chosen, labels, ABC, "step")
    assert against_commonest(beside, padded, ABC, own(chosen, labels)) == against_commonest(
        chosen, labels, ABC, own(chosen, labels)
    )


def test_a_network_beside_the_commonest_class() -> None:
    good = against_commonest(with_wrong(60, 61), LABELS, ABC, own(with_wrong(60, 61)))
    assert (good.answer, good.metric.value, good.better) == ("always 'a'", 0.6, True)
    assert good.gain == pytest.approx(38.0)
    assert good.low is not None
    assert good.high is not None
    assert 30 < good.low < good.gain <= good.high


@pytest.mark.parametrize("lucky", [0, 1, 3])
def test_a_network_that_knows_nothing_is_no_better(lucky: int) -> None:
    """It always answers one class, but for a few lucky ones and as many unlucky ones."""
    chosen = np.zeros_like(LABELS)
    chosen[60 : 60 + lucky] = 1
    chosen[:lucky] = 1
    found = against_commonest(chosen, LABELS, ABC, own(chosen))
    assert not found.better
    assert found.tellable
    assert (found.low is None) == (lucky == 0), "equal answers leave nothing to estimate"


def test_drawn_answers_are_no_better_and_learnt_ones_are() -> None:
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, (300, 1))
    drawn = random.integers(0, 3, (300, 1))
    learnt = np.where(random.random((300, 1)) < 0.5, labels, drawn)
    assert not against_commonest(drawn, labels, ABC, own(drawn, labels)).better
    assert against_commonest(learnt, labels, ABC, own(learnt, labels)).better


def test_few_examples_can_show_nothing() -> None:
    labels = np.array([[0], [0], [1], [1]])
    found = against_commonest(labels, labels, ("a", "b"), own(labels, labels))
    assert (found.better, found.tellable, found.gain) == (False, False, 50.0)
    more = np.repeat(labels, 3, axis=0)
    assert against_commonest(more, more, ("a", "b"), own(more, more)).better


def test_steps_of_one_sequence_are_one_witness() -> None:
    """Two sequences of many right steps prove less than many sequences of few."""
    long, short = np.ones((3, 40), np.int64), np.ones((60, 2), np.int64)
    for labels, better in ((long, False), (short, True)):
        labels[:, ::2] = 0
        found = against_commonest(labels, labels, ("a", "b"), own(labels, labels))
        assert (found.better, found.tellable) == (better, better)


def test_a_class_that_is_never_answered() -> None:
    without_b = with_wrong(*range(60, 90))
    assert unanswered(without_b, LABELS, ABC) == ("b",)
    assert unanswered(LABELS, LABELS, ABC) == ()
    one_wrong = without_b.copy()
    one_wrong[0] = 1
    assert unanswered(one_wrong, LABELS, ABC) == (), "it is answered, though wrongly"
    assert unanswered(LABELS, LABELS, (*ABC, "of which there is none")) == ()


def test_a_rare_class_may_be_missed_by_chance() -> None:
    rare = np.repeat([0, 1, 2], [40, 40, 1])[:, None]
    chosen = np.where(rare == 2, 0, rare)
    assert unanswered(chosen, rare, ABC) == (), "one example of a class proves nothing"
    rare = np.repeat([0, 1, 2], [40, 40, 3])[:, None]
    assert unanswered(np.where(rare == 2, 0, rare), rare, ABC) == ("c",)
    # A poor network may miss three by chance.
    poor = np.where(np.arange(83)[:, None] % 2 == 0, rare, 1 - rare)
    assert unanswered(np.where(rare == 2, 0, poor), rare, ABC) == ()


def loss(after: np.ndarray, before: np.ndarray = LABELS):
    return class_loss(LABELS, before, after, ABC, "examples")


def test_a_file_that_loses_a_class_is_refused() -> None:
    check = loss(with_wrong(*range(80, 90)))
    assert not check.passed
    assert check.name == "classes"
    assert "'b': it answers it on 20 of 30 examples, p = 0.002" in check.reason


def test_a_class_of_wrong_answers_counts_too() -> None:
    """The file answers 'c' no more where the network did so wrongly: labels alone see no loss."""
    before = with_wrong(*range(12), to=2)
    check = loss(with_wrong(90, 91, to=2), before)
    assert "'c'" in check.reason


def test_two_classes_that_trade_places_are_lost() -> None:
    """As many answers of each as before, all of them wrong."""
    labels = np.repeat([0, 1], 30)[:, None]
    check = class_loss(labels, labels, 1 - labels, ("a", "b"), "examples")
    assert not check.passed
    assert "'a': it gets it right on 0 of 30 examples" in check.reason


def test_what_chance_explains_is_no_loss() -> None:
    assert loss(LABELS).passed
    assert loss(LABELS).value == "none of 3 classes is lost"
    assert loss(with_wrong(60, 61, 62, 63, 90, to=0)).passed
    # A loss of 12 in 300 is surely one, but not of a class.
    labels = np.repeat([0, 1], 300)[:, None]
    after = labels.copy()
    after[:12] = 1
    assert class_loss(labels, labels, after, ("a", "b"), "examples").passed


def test_a_loss_near_the_limit_is_let_pass() -> None:
    """As measured: 14 of 235 coats of the 8-bit lenet5.fashion_mnist, whose weights are honest."""
    labels = np.repeat([0, 1], [235, 1765])[:, None]
    for lost, passes in ((14, True), (25, False)):
        after = np.where(np.arange(2000)[:, None] < lost, 1, labels)
        assert class_loss(labels, labels, after, ("coat", "shirt"), "examples").passed == passes


def test_of_many_classes_one_may_seem_lost() -> None:
    """Seven of a class: enough of three classes, not of a thousand."""
    labels = np.repeat(np.arange(3), 10)[:, None]
    after = labels.copy()
    after[:7] = 1
    assert not class_loss(labels, labels, after, ABC, "examples").passed
    names = tuple(map(str, range(1000)))
    assert class_loss(labels, labels, after, names, "examples").passed


@fuzz
@given(CLASS_NUMBERS, st.floats(0, 0.03), st.integers(0, 2**31))
def test_a_few_answers_moved_at_random_are_let_pass(labels, share, seed) -> None:
    random = np.random.default_rng(seed)
    labels = np.tile(labels, (20, 1))
    moved = random.random(labels.shape) < share
    after = np.where(moved, random.integers(0, 3, labels.shape), labels)
    assert class_loss(labels, labels, after, ABC, "examples").passed


def test_a_tag_that_is_lost_in_many_sequences() -> None:
    labels = np.tile([0, 1, 0, IGNORED], (30, 1))
    after = np.where(labels == 1, 0, labels)
    check = class_loss(labels, np.maximum(labels, 0), np.maximum(after, 0), ("O", "B"), "steps")
    assert "'B': it answers it on 0 of 30 steps" in check.reason
    # All of it in one sequence: that sequence alone bears witness.
    labels = np.zeros((30, 40), np.int64)
    labels[0, :20], labels[1:, 0] = 1, 1
    after = labels.copy()
    after[0, :20] = 0
    assert class_loss(labels, labels, after, ("O", "B"), "steps").passed


def chosen_by(logits: np.ndarray) -> np.ndarray:
    return logits.argmax(axis=1)[:, None]


def test_a_lowered_bias_is_caught_and_rounding_is_not() -> None:
    """Logits of a network that is right in five of six cases, and files that compute them."""
    random = np.random.default_rng(5)
    labels = np.arange(1000) % 10
    logits = 4.0 * np.eye(10)[labels] + random.normal(0, 1.2, (1000, 10))
    before, truth_of_all = chosen_by(logits), labels[:, None]
    names = tuple("abcdefghij")
    for number, name in enumerate(names):
        lowered = logits - 1.5 * np.eye(10)[number]
        check = class_loss(truth_of_all, before, chosen_by(lowered), names, "examples")
        assert not check.passed
        assert repr(name) in check.reason
    for step in (0.01, 0.05, 0.1, 0.2):
        rounded = chosen_by(np.round(logits / step) * step)
        assert class_loss(truth_of_all, before, rounded, names, "examples").passed

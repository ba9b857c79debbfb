"""Several labels each: figures against scikit-learn's, and each check beside what it must catch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.support.makers import truth as make_truth
from zoo.artifacts import closeness
from zoo.contracts import Split
from zoo.contracts.precision import PRECISIONS, precision_named
from zoo.registry import PluginSettings, load_registry
from zoo.results.records import NO_BETTER
from zoo.tasks.quality import quality_of
from zoo.tasks.ranking import average_precisions, f1_scores
from zoo.training.batches import balanced_weights

TASK = load_registry(PluginSettings(installed=False)).tasks.get("multi-label")
RANDOM = np.random.default_rng(0)
NAMES = ("even", "round", "large")
SHARES = np.array([0.5, 0.3, 0.1])
MARKS = (RANDOM.random((600, 3)) < SHARES).astype(np.float32)
LOGITS = (3.0 * (2 * MARKS - 1) + RANDOM.normal(0, 2.0, MARKS.shape) - [0, 0, 1]).astype(np.float32)
TRUTH = make_truth(MARKS, NAMES)


def sigmoid(logits: np.ndarray) -> np.ndarray:
    return (1 / (1 + np.exp(-logits))).astype(np.float32)


NETWORK = sigmoid(LOGITS)


def checks(candidate: np.ndarray, name: str = "int8") -> dict[str, str]:
    """The reasons of all checks that compare outputs and answers, by check."""
    precision = precision_named(name)
    candidate = np.asarray(candidate, np.float32)
    lost = TASK.class_loss(TRUTH, NETWORK, candidate)
    assert lost is not None
    found = [
        closeness.parity(TASK, closeness.compare(TASK, NETWORK, candidate), precision),
        TASK.accuracy(TRUTH, NETWORK, candidate, TASK.allowed_loss(precision)),
        lost,
        *TASK.probability_checks(TRUTH, NETWORK, candidate, precision),
    ]
    assert all(check.passed == (not check.reason) for check in found)
    return {check.name: check.reason for check in found if check.reason}


def test_figures_are_those_of_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    # Steps of eight bits make ties, of which both take all or none.
    for scores in (NETWORK, np.rint(NETWORK * 15) / 15):
        precision = average_precisions(scores, MARKS, None)[0]
        f1 = f1_scores(scores >= 0.5, MARKS, None)[0]
        for place in range(3):
            own = MARKS[:, place], scores[:, place]
            assert precision[place] == pytest.approx(metrics.average_precision_score(*own))
            assert f1[place] == pytest.approx(metrics.f1_score(own[0], own[1] >= 0.5))
    macro, mean_f1, *each = TASK.evaluate(NETWORK, TRUTH)
    wanted = metrics.average_precision_score(MARKS, NETWORK, average="macro")
    assert macro.value == pytest.approx(wanted)
    assert mean_f1.value == pytest.approx(metrics.f1_score(MARKS, NETWORK >= 0.5, average="macro"))
    assert [metric.name for metric in each[:2]] == ["average precision of even", "F1 of even"]
    assert all(metric.low < metric.value < metric.high for metric in (macro, mean_f1, *each))
    assert each[4].high - each[4].low > each[0].high - each[0].low  # of a rare label wider


def test_a_label_without_examples_counts_nowhere():
    bare = MARKS * np.array([1, 0, 1], np.float32)
    found = TASK.evaluate(NETWORK, make_truth(bare, NAMES))
    assert "average precision of round" not in [metric.name for metric in found]
    two = TASK.evaluate(NETWORK[:, [0, 2]], make_truth(bare[:, [0, 2]], ("even", "large")))
    assert found[0].value == pytest.approx(two[0].value)
    assert "round" not in TASK.details(NETWORK, make_truth(bare, NAMES))["labels"]


@pytest.mark.filterwarnings("error")
def test_draws_without_any_label_are_left_out_without_a_warning():
    """Of few examples, some draws have none with a label; of no label, none has."""
    marks = np.zeros((4, 3), np.float32)
    marks[0, 0] = 1
    macro, f1, *each = TASK.evaluate(NETWORK[:4], make_truth(marks, NAMES))
    assert [metric.name for metric in each] == ["average precision of even", "F1 of even"]
    for metric in (macro, f1, *each):
        assert 0 <= metric.low <= metric.value <= metric.high <= 1
    TASK.evaluate(NETWORK[:4], make_truth(np.zeros((4, 3), np.float32), NAMES))


def test_base_rates_are_no_better_than_themselves():
    learnt = Split(labels=MARKS, read=TRUTH.examples.read, content_hash="0")
    truth = replace(TRUTH, training=learnt)
    rates = np.broadcast_to(MARKS.mean(axis=0), MARKS.shape).astype(np.float32)
    codes = {f.code for f in quality_of(TASK, rates, truth)["findings"]}
    assert NO_BETTER in codes
    good = quality_of(TASK, NETWORK, truth)
    assert not good["findings"]
    assert good["baseline"].metric.value == pytest.approx(MARKS.mean(), abs=1e-6)
    assert good["baseline"].low > 20


def test_a_label_that_is_never_answered_is_found():
    silent = NETWORK.copy()
    silent[:, 1] *= 0.4
    assert TASK.unanswered(silent, TRUTH) == ("round",)
    assert TASK.unanswered(NETWORK, TRUTH) == ()
    few = make_truth(MARKS[:2], NAMES)
    assert TASK.unanswered(np.zeros((2, 3), np.float32), few) == ()


@pytest.mark.parametrize("precision", PRECISIONS, ids=lambda p: p.name)
def test_what_rounds_as_such_files_do_passes(precision):
    spread = {"float32": 1e-5, "float16": 5e-4}.get(precision.name, 0.02)
    assert checks(sigmoid(LOGITS + RANDOM.normal(0, spread, LOGITS.shape)), precision.name) == {}
    if precision.name == "int8":
        assert checks(np.rint(NETWORK * 255) / 255) == {}


@pytest.mark.parametrize("name", [p.name for p in PRECISIONS])
@pytest.mark.parametrize("place", range(3))
def test_a_bias_of_one_label_is_refused_in_every_precision(name, place):
    lowered = LOGITS.copy()
    lowered[:, place] -= 1.5
    compared = closeness.compare(TASK, NETWORK, sigmoid(lowered))
    parity = closeness.parity(TASK, compared, precision_named(name))
    assert f"log-odds of class {place} are shifted by −" in parity.reason


@pytest.mark.parametrize("name", ["float32", "int8"])
def test_permuted_squeezed_and_broken_outputs_are_refused(name):
    permuted = checks(NETWORK[:, [1, 0, 2]], name)
    assert {"parity", "accuracy", "classes"} <= {*permuted}
    assert "'even'" in permuted["classes"]
    assert "log-odds are scaled by" in checks(sigmoid(LOGITS * 0.5), name)["parity"]
    assert {"parity", "accuracy"} <= {*checks(1 - NETWORK, name)}
    broken = NETWORK.copy()
    broken[5, 2] = np.nan
    assert "parity" in checks(broken, name)


def test_a_lost_label_is_named_where_others_hide_it():
    """One rare label is never answered again: 97 % of all answers stay."""
    lost = NETWORK.copy()
    lost[:, 2] = np.minimum(lost[:, 2], 0.49)
    assert "'large'" in checks(lost)["classes"]


def test_balanced_weights_weigh_presence_and_absence_alike():
    weights = balanced_weights(TASK, MARKS)
    assert weights.shape == MARKS.shape
    assert weights.mean() == pytest.approx(1.0)
    present = (weights * MARKS).sum(axis=0)
    absent = (weights * (1 - MARKS)).sum(axis=0)
    assert present == pytest.approx(absent, rel=1e-4)
    assert present == pytest.approx(np.full(3, 300.0), rel=1e-4)


def test_what_a_report_shows_of_an_example():
    assert TASK.describe_answer(np.array([0.9, 0.2, 0.5]), NAMES) == ("even, large", None)
    assert TASK.describe_label(np.zeros(3), NAMES) == "no label"
    wrong = TASK.wrong(np.array([[0.9, 0.1, 0.2], [0.9, 0.6, 0.2]]), np.array([[1, 0, 0]] * 2))
    assert wrong is not None
    assert wrong.tolist() == [False, True]

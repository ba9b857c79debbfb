"""The task of anomalies: scores, verdicts by the threshold, and what each check refuses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from zoo.artifacts import closeness
from zoo.artifacts.file_task import same_decoding
from zoo.contracts import ImagePreprocessing, SeriesPreprocessing, Split, Task, Truth
from zoo.contracts.precision import PRECISIONS
from zoo.registry import load_registry
from zoo.results.records import NO_BETTER_THAN_INPUT
from zoo.tasks.quality import quality_of

FLOAT32, INT8 = (next(p for p in PRECISIONS if p.name == name) for name in ("float32", "int8"))
OWN = SeriesPreprocessing(steps=8, channels=2, mean=(10.0, -3.0), std=(2.0, 0.5))


@pytest.fixture(scope="module")
def task() -> Task:
    return load_registry().tasks.get("anomaly-detection")


def split_of(values: np.ndarray, labels: np.ndarray) -> Split:
    return Split(labels=labels.astype(np.int64), read=values.__getitem__, content_hash="test")


class Case:
    """Normal series along one curve, anomalies of noise, and a network that knows the curve."""

    def __init__(self, count: int = 300, noise: float = 0.3) -> None:
        random = np.random.default_rng(0)
        curve = np.sin(np.arange(16).reshape(8, 2) / 3)
        self.labels = (np.arange(count) % 3 == 0).astype(np.int64)
        size = random.uniform(-3, 3, (count, 1, 1))
        self.known = (size * curve).astype(np.float32)
        beside = np.where(self.labels, 3.0, 1.0)[:, None, None] * noise
        normalized = self.known + beside * random.normal(size=self.known.shape)
        raw = (normalized * np.array(OWN.std) + np.array(OWN.mean)).astype(np.float32)
        normal = split_of(raw[self.labels == 0], np.zeros((self.labels == 0).sum()))
        self.truth = Truth(
            labels=self.labels,
            classes=("normal", "anomaly"),
            examples=split_of(raw, self.labels),
            held_out=normal,
            preprocessing=OWN,
            training=normal,
        )
        self.raw, self.normalized = raw, normalized


@pytest.fixture(scope="module")
def case() -> Case:
    return Case()


@pytest.fixture(scope="module")
def ready(task: Task, case: Case) -> Task:
    """The task with a threshold chosen on the case itself."""
    return task.with_decoding(task.choose_decoding(case.known, case.truth))


def test_the_score_is_the_mean_squared_error_of_normalized_values(task: Task, case: Case) -> None:
    found = task.answers(case.known, case.truth)
    wanted = ((case.known - case.normalized) ** 2).mean((1, 2))
    np.testing.assert_allclose(found, wanted, rtol=1e-4)


def test_scores_of_pictures_do_not_depend_on_the_order_of_axes(task: Task) -> None:
    own = ImagePreprocessing(
        height=4, width=6, channels=3, mean=(0.1, 0.2, 0.3), std=(0.5, 1.0, 2.0)
    )
    raw = np.random.default_rng(0).integers(0, 256, (5, 4, 6, 3)).astype(np.uint8)
    made = np.random.default_rng(1).normal(size=raw.shape).astype(np.float32)
    label = np.zeros(5, np.int64)
    plain = Truth(
        labels=label,
        classes=("normal", "anomaly"),
        examples=split_of(raw, label),
        held_out=split_of(raw, label),
        preprocessing=own,
    )
    found = task.answers(made, plain)
    given = (raw / 255.0 - np.array(own.mean)) / np.array(own.std)
    np.testing.assert_allclose(found, ((made - given) ** 2).mean((1, 2, 3)), rtol=1e-6)
    first = replace(plain, preprocessing=own.in_layout("nchw"))
    np.testing.assert_allclose(task.answers(made, first), found, rtol=1e-6)
    assert task.picture_of(given[0].astype(np.float32), own).tolist() == raw[0].tolist()


def test_the_threshold_is_chosen_by_rule_and_decides_answers(
    task: Task, ready: Task, case: Case
) -> None:
    assert "Youden" in str(ready.decoding["rule"])
    scores = ready.answers(case.known, case.truth)
    metrics = {metric.name: metric for metric in ready.evaluate(scores, case.truth)}
    assert metrics["AUC"].value > 0.99
    flagged = scores > ready.decoding["threshold"]
    assert metrics["precision at the threshold"].value == case.labels[flagged].mean()
    assert metrics["recall at the threshold"].value == flagged[case.labels == 1].mean()
    assert (ready.wrong(scores, case.labels) == (flagged != case.labels)).all()
    told = ready.decoded_beside(case.known[0], lambda: case.raw[0], OWN, case.truth.classes, 5)
    assert told.answer.startswith("anomaly, score ")
    assert told.chosen == ("anomaly",)
    assert told.scores[0].value == pytest.approx(scores[0])
    normal = case.labels == 0
    alone = replace(
        case.truth, labels=case.labels[normal], examples=case.truth.training or case.truth.examples
    )
    chosen = task.choose_decoding(case.known[normal], alone)
    assert "95 %" in str(chosen["rule"])
    assert (scores[normal] > chosen["threshold"]).mean() == pytest.approx(0.05, abs=0.01)
    assert task.evaluate(scores[normal], alone) == ()
    assert ready.verdicts(np.nan) != 0  # what is no number is no normal score


@pytest.mark.parametrize(("threshold", "what"), [(0.0, "every one"), (1e9, "none")])
def test_a_threshold_that_calls_all_alike_is_a_weakness(
    task: Task, case: Case, threshold: float, what: str
) -> None:
    blind = task.with_decoding({"threshold": threshold, "rule": "mine"})
    found = quality_of(blind, blind.answers(case.known, case.truth), case.truth)
    (finding,) = [one for one in found["findings"] if one.weak]
    assert finding.code == "one-verdict"
    assert f"calls {what} of 300 examples an anomaly" in finding.text
    assert "roc" in found["details"]


def test_a_network_no_better_than_the_distance_from_the_mean_is_no_pass(
    ready: Task, case: Case
) -> None:
    assert case.truth.training is not None
    raw = np.stack([case.truth.training.read(i) for i in range(len(case.truth.training))])
    mean = ((raw - np.array(OWN.mean)) / np.array(OWN.std)).mean(0)
    constant = np.broadcast_to(mean, case.known.shape).astype(np.float32)
    for outputs in (constant, case.normalized.astype(np.float32)):
        found = quality_of(ready, ready.answers(outputs, case.truth), case.truth)
        assert NO_BETTER_THAN_INPUT in {one.code for one in found["findings"]}
    good = quality_of(ready, ready.answers(case.known, case.truth), case.truth)
    assert good["findings"] == ()
    assert good["baseline"].low > 0


def test_the_paired_test_refuses_what_surely_loses_and_no_chance(ready: Task, case: Case) -> None:
    before = ready.answers(case.known, case.truth)
    random = np.random.default_rng(5)
    same = ready.accuracy(case.truth, before, before * 1.5, 1.0)
    assert same is not None
    assert same.passed
    blurred = before + random.normal(size=len(before)) * before.std() / 2
    lost = ready.accuracy(case.truth, before, blurred, 1.0)
    assert lost is not None
    assert not lost.passed
    assert "points below" in lost.reason
    assert ready.allowed_loss(INT8) == 1.0
    assert ready.allowed_loss(FLOAT32) == 0.1


def judged(task: Task, case: Case, outputs: np.ndarray, precision=INT8) -> set[str]:
    """Names of the checks that refuse outputs."""
    outputs = outputs.astype(np.float32)
    parity = closeness.parity(task, closeness.compare(task, case.known, outputs), precision)
    checks = (parity, *task.probability_checks(case.truth, case.known, outputs, precision))
    return {check.name for check in checks if not check.passed}


def test_files_that_answer_otherwise_are_refused(ready: Task, case: Case) -> None:
    random = np.random.default_rng(7)
    step = np.round(case.known / 0.03) * 0.03
    assert judged(ready, case, step) == set()
    assert judged(ready, case, case.known * (1 + 1e-7), FLOAT32) == set()
    assert "scale" in judged(ready, case, case.known * 0.9)
    assert "scale" in judged(ready, case, case.known + 0.1 * case.known.std())
    assert "parity" in judged(ready, case, case.known[..., ::-1])
    assert "parity" in judged(ready, case, case.known + random.normal(size=case.known.shape))
    assert judged(ready, case, step, FLOAT32) >= {"parity", "scores"}
    assert "parity" in judged(ready, case, np.full_like(case.known, np.nan))


def test_verdicts_beyond_the_tolerance_are_refused(ready: Task, case: Case) -> None:
    lenient = ready.with_decoding({**ready.decoding, "threshold": 0.09})  # amid normal scores
    (_, scores) = lenient.probability_checks(
        case.truth, case.known, case.known + np.float32(0.12), INT8
    )
    assert not scores.passed
    assert "verdicts at the threshold 0.0900 differ from the network's" in scores.reason


def test_a_manifest_with_another_threshold_is_refused(ready: Task) -> None:
    own = dict(ready.decoding)
    assert same_decoding({}, {}) == ()
    assert same_decoding(own, own)[0].passed
    (check,) = same_decoding({**own, "threshold": 2.0}, own)
    assert not check.passed
    assert "not the one that the network was judged with" in check.reason

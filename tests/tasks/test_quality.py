"""Findings on a network: each is made of a weak one, and none of a good one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import shapes_plugin
from makers import truth
from report_views import epoch, training

from zoo.contracts import Dataset, Split, TokenPreprocessing, Truth
from zoo.contracts.dataset import IGNORED
from zoo.contracts.preprocessing import Coverage
from zoo.registry import PluginSettings, load_registry
from zoo.report.quality import quality_lines
from zoo.results.records import Evaluation, as_plain
from zoo.tasks.quality import gain_of, quality_of, training_findings

TASKS = load_registry(PluginSettings(installed=False)).tasks
LABELS = np.arange(120, dtype=np.int64) % 3


def probabilities(chosen: np.ndarray) -> np.ndarray:
    return (np.eye(3)[chosen] * 0.8 + 0.0666).astype(np.float32)


def codes(task: str, chosen: np.ndarray, of: Truth) -> list[str]:
    found = quality_of(TASKS.get(task), probabilities(chosen), of)
    assert all(f.text and f.fix for f in found["findings"])
    return [finding.code for finding in found["findings"]]


@pytest.mark.parametrize("task", ["image-classification", "sequence-classification"])
def test_classifications(task: str) -> None:
    of = truth(LABELS)
    assert codes(task, LABELS, of) == []
    stuck = ["no-better-than-baseline", "never-answered"]
    assert codes(task, np.zeros_like(LABELS), of) == stuck
    assert codes(task, np.roll(LABELS, 1), of) == ["no-better-than-baseline"]
    assert codes(task, np.where(LABELS == 2, 1, LABELS), of) == ["never-answered"]
    few = truth(LABELS[:3])
    assert codes(task, LABELS[:3], few) == ["too-few-to-tell"]
    assert codes(task, 0 * LABELS[:3], few) == ["no-better-than-baseline"]


def test_rare_classes_are_found_at_the_cost_of_the_commonest() -> None:
    """A useful network, of which accuracy alone says less than of who never looks."""
    labels = np.repeat([0, 1], [950, 50])
    chosen = labels.copy()
    chosen[:60], chosen[-5:] = 1, 0
    of = truth(labels, classes=("common", "rare"))
    assert codes("image-classification", chosen, of) == ["commonest-class"]
    (finding,) = quality_of(TASKS.get("image-classification"), probabilities(chosen)[:, :2], of)[
        "findings"
    ]
    assert not finding.weak
    blind = np.random.default_rng(0).permutation(chosen)
    assert codes("image-classification", blind, of) == ["no-better-than-baseline"]


def test_one_of_many_classes_answered_throughout_is_no_gain() -> None:
    """Above chance with each class counting the same, but no class is common enough to blame."""
    labels = np.repeat(np.arange(10), 27)
    chosen = np.where((labels == 2) & (np.arange(270) % 3 == 0), 2, 1)
    of = truth(labels, classes=tuple("abcdefghij"))
    assert codes("image-classification", chosen, of)[0] == "no-better-than-baseline"


def test_classes_that_no_example_is_judged_of() -> None:
    of = truth(np.tile([0, 1], 60))
    assert codes("image-classification", of.labels, of) == ["untested-class"]
    alone = truth(np.zeros(120, np.int64))
    found = ["one-class-test", "untested-class"]
    assert codes("image-classification", alone.labels, alone) == found
    assert codes("image-classification", np.tile([0, 1], 60), alone) == found


def tagged(examples: list[list[str]], vocabulary: tuple[str, ...]) -> Truth:
    """Texts of three words with the tags O, B and O."""
    labels = np.tile([0, 1, 0, IGNORED], (len(examples), 1))
    split = Split(labels=labels, read=lambda i: np.array(examples[i]), content_hash="0")
    return Truth(
        labels=labels,
        classes=("O", "B", "never seen"),
        examples=split,
        held_out=split,
        preprocessing=TokenPreprocessing(length=4, size=9, vocabulary=vocabulary),
    )


def test_tags() -> None:
    of = tagged([["a", "dog", "barks"]] * 20, ("a", "dog", "barks"))
    right = np.maximum(of.labels, 0)
    assert codes("sequence-tagging", right, of) == ["untested-class"]
    assert codes("sequence-tagging", 0 * right, of) == [
        *("no-better-than-baseline", "untested-class", "never-answered")
    ]


def test_a_third_of_unknown_words() -> None:
    texts = [["a", "dog", "barks"]] * 20
    right = np.maximum(tagged(texts, ()).labels, 0)
    for vocabulary, found in (
        (("a", "dog", "barks"), []),
        (("a", "dog"), ["unknown-words"]),
        ((), ["unknown-words"]),
    ):
        expected = ["untested-class", *found]
        assert codes("sequence-tagging", right, tagged(texts, vocabulary)) == expected
    mixed = [["a", "dog", "barks"]] * 15 + [["a", "dog", "sleeps"]] * 5
    assert codes("sequence-tagging", right, tagged(mixed, ("a", "dog", "barks"))) == [
        "untested-class"
    ]
    _, finding = quality_of(
        TASKS.get("sequence-tagging"), probabilities(right), tagged(texts, ("a", "dog"))
    )["findings"]
    assert "20 of 60 words" in finding.text


def test_the_share_of_unread_words_is_printed() -> None:
    """Below a third as well; a text without words that could be unknown says nothing."""
    texts = [["a", "dog", "barks"]] * 19 + [["a", "dog", "barks", "at", "the", "cat"]]
    of = tagged(texts, ("a", "dog", "barks", "at"))
    found = quality_of(TASKS.get("sequence-tagging"), probabilities(np.maximum(of.labels, 0)), of)
    record = Evaluation(
        subject="s",
        dataset="d",
        split="test",
        outputs=None,
        runtime="r",
        **found,
        seconds=1.0,
    )
    assert quality_lines(record)[-2:] == [
        "unknown words 0 of 61 (0 %)",
        "cut 1 of 20 texts at 4 words",
    ]
    unknown = tagged([["a", "cow", "barks", "at", "."]] * 20, ("a", "barks", "at"))
    found = quality_of(TASKS.get("sequence-tagging"), probabilities(0 * of.labels), unknown)
    assert found["coverage"] == Coverage(unknown=20, words=80, longer=20, examples=20, length=4)
    assert "longer-texts" in {f.code for f in found["findings"] if not f.weak}
    lines = quality_lines(replace(record, coverage=found["coverage"]))
    assert lines[-2:] == ["unknown words 20 of 80 (25.0 %)", "cut 20 of 20 texts at 4 words"]
    assert as_plain(record)["coverage"]["words"] == 61
    picture = truth(LABELS)
    found = quality_of(TASKS.get("image-classification"), probabilities(LABELS), picture)
    assert found["coverage"] is None
    assert not any("words" in line for line in quality_lines(replace(record, coverage=None)))


def shapes(labels: np.ndarray) -> Truth:
    return replace(truth(np.zeros(3, np.int64)), labels=labels)


def test_a_plugin_s_task_is_held_against_constants() -> None:
    """A class and a number: the commonest, and the mean."""
    (task,) = shapes_plugin.zoo_tasks()
    labels = shapes_plugin.open_shapes(None).splits["test"].labels
    good = quality_of(task, labels, shapes(labels))
    assert good["findings"] == ()
    assert good["baseline"].better
    stuck = np.empty_like(labels)
    stuck["shape"], stuck["radius"] = 1, labels["radius"].mean() + 0.1
    poor = quality_of(task, stuck, shapes(labels))
    assert [f.code for f in poor["findings"]] == ["no-better-than-baseline"]
    only_radius = stuck.copy()
    only_radius["radius"] = labels["radius"]
    found = quality_of(task, only_radius, shapes(labels))["baseline"]
    assert (found.better, found.metric.name) == (True, "radius error")


def test_a_task_without_a_baseline_says_so() -> None:
    """Its answers have another form than its labels."""
    (task,) = shapes_plugin.zoo_tasks()
    labels = shapes_plugin.open_shapes(None).splits["test"].labels
    narrow = labels.astype([("shape", np.uint8), ("radius", np.float64)])
    assert quality_of(task, narrow, shapes(labels))["baseline"].better, "the width is no form"
    answers = labels.astype([("shape", np.float32), ("radius", np.float32)])
    (finding,) = quality_of(task, answers, shapes(labels))["findings"]
    assert (finding.code, finding.weak) == ("no-baseline", False)
    assert "'shape-and-radius' has no baseline" in finding.text


def photos(train: int = 200, validation: int = 100) -> Dataset:
    splits = {
        name: Split(labels=np.arange(n) % 2, read=lambda i: np.zeros(1), content_hash="0")
        for name, n in (("train", train), ("validation", validation), ("test", 50))
    }
    return Dataset(name="photos", classes=("a", "b"), splits=splits, content_hash="0")


def codes_of(*values: tuple[float, float], dataset: Dataset | None = None) -> list[str]:
    """Findings of a training whose epochs have these training and validation accuracies."""
    epochs = [
        epoch(n, loss=1 / n, metric=own, validation_metric=held_out)
        for n, (own, held_out) in enumerate(values, 1)
    ]
    best = max(range(len(values)), key=lambda n: values[n][1]) + 1
    made = training(*epochs, best=best)
    return [finding.code for finding in training_findings(made, dataset or photos())]


def test_training_far_above_validation() -> None:
    assert codes_of((0.6, 0.55), (0.8, 0.6), (1.0, 0.65)) == ["train-above-validation"]
    assert codes_of((0.6, 0.6), (0.9, 0.82), (1.0, 0.88)) == []
    assert codes_of((0.6, 0.7), (0.7, 0.9)) == [], "dropout makes training the harder one"
    # The same gap of a handful of examples is chance.
    assert codes_of((0.6, 0.6), (1.0, 0.75), dataset=photos(12, 4)) == []


def test_validation_that_never_moved() -> None:
    assert codes_of(*[(0.5, 0.5)] * 4) == ["validation-never-moved"]
    assert codes_of((0.5, 0.5), (0.6, 0.5), (0.6, 0.51), (0.6, 0.5)) == []
    assert codes_of((0.5, 0.5), (0.5, 0.5)) == [], "two epochs show nothing"
    assert codes_of(*[(0.98, 0.97)] * 4) == [], "it was good from the beginning"
    # Of few examples the same figure comes again by chance; a constant answer would not reach it.
    for value, count in ((1.0, 3), (5 / 6, 6)):
        assert codes_of(*[(0.8, value)] * 4, dataset=photos(12, count)) == []
    assert codes_of(*[(0.8, 2 / 3)] * 4, dataset=photos(12, 3)) == ["validation-never-moved"]
    # Nothing at all moves, whatever the figure means.
    still = [epoch(n, loss=0.5, validation_metric=7.0) for n in range(1, 4)]
    named = replace(training(*still), metric_name="distance", higher_is_better=False)
    assert [f.code for f in training_findings(named, photos())] == ["validation-never-moved"]


def test_a_network_that_was_not_trained_has_no_training_to_blame() -> None:
    assert training_findings(training(), photos()) == ()


def test_a_gain_without_an_interval_shows_none() -> None:
    task = TASKS.get("image-classification")
    found: Any = quality_of(task, probabilities(0 * LABELS), truth(LABELS))
    assert gain_of(found["baseline"], found["metrics"][0]) == "+0.0 points"
    good: Any = quality_of(task, probabilities(LABELS), truth(LABELS))
    assert gain_of(good["baseline"], good["metrics"][0]) == "+66.7 points (+60.6 to +66.7, 95 %)"

"""The test examples that a report shows: those first that the network or a file gets wrong."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.artifacts.reference_outputs import REFERENCE
from zoo.common.array_files import load_arrays
from zoo.common.memory import machine_memory
from zoo.contracts import Dataset, Preprocessing, Split
from zoo.contracts.dataset import IGNORED
from zoo.data.preprocessing.inputs import kind_of, read_input, truth_of
from zoo.networks.card import read_card
from zoo.pipeline.run import Run
from zoo.pipeline.steps.gate import OUTPUTS
from zoo.report.charts.series_chart import MOST_CHANNELS
from zoo.report.charts.series_pictures import series_picture
from zoo.report.view import SampleImage, StepSample

if TYPE_CHECKING:
    from zoo.contracts.task import Array

_EXAMPLES = 12
_SEQUENCES = 6


def samples_of(run: Run, dataset: Dataset) -> tuple[SampleImage, ...]:
    """Examples as pictures or texts; none of a task that says nothing of single ones."""
    card = read_card(run.weights.with_suffix(".toml"))
    task = run.job.registry.tasks.get(run.job.variant.task).with_decoding(card.decoding)
    expected, labels, outputs = outputs_of(run)
    decoder = task.graph_decoder() if run.job.recipe.export.end_to_end else None
    if decoder is not None:
        # Files answer what the network's outputs are decoded into.
        expected, task = task.decode(expected), decoder.task
    preprocessing = preprocessing_of(run)
    truth = truth_of(dataset, "test", preprocessing)
    reference = task.answers(expected, truth)
    answers = {file: task.answers(own, truth) for file, own in outputs.items()}
    found = [task.wrong(own, labels) for own in (reference, *answers.values())]
    known = [one for one in found if one is not None]
    if not known:
        return ()
    wrong = np.logical_or.reduce(known)
    severity = task.severity(reference, labels)
    return tuple(
        SampleImage(
            **_shown(dataset.splits["test"], index, preprocessing),
            made=task.picture_of(expected[index], preprocessing),
            beside=task.pictures_beside(
                read_input(dataset.splits["test"], index, preprocessing.in_layout("nhwc")),
                expected[index],
                {file: own[index] for file, own in outputs.items()},
                labels[index],
                dataset.classes,
            ),
            true_class=task.describe_label(labels[index], dataset.classes),
            reference=task.describe_beside(reference[index], labels[index], dataset.classes),
            predictions={
                f: task.describe_beside(o[index], labels[index], dataset.classes)
                for f, o in answers.items()
            },
            mistaken=frozenset(
                name
                for name, own in zip(("", *answers), found, strict=True)
                if own is not None and own[index]
            ),
        )
        for index in _chosen(wrong, _EXAMPLES, severity)
    )


def step_samples_of(run: Run, dataset: Dataset) -> tuple[StepSample, ...]:
    """Sequences with a class for each step; none where examples have one class each."""
    test = dataset.splits["test"]
    if not run.job.registry.tasks.get(run.job.variant.task).stepwise:
        return ()
    expected, labels, answers = outputs_of(run)
    real = labels != IGNORED
    wrong = ((expected.argmax(-1) != labels) & real).any(-1)
    for outputs in answers.values():
        wrong |= ((outputs.argmax(-1) != labels) & real).any(-1)
    kind = kind_of(preprocessing_of(run))

    def named(choices: Array, index: int) -> tuple[str, ...]:
        return tuple(dataset.classes[int(c)] for c in choices[real[index]])

    return tuple(
        StepSample(
            words=kind.step_texts(test, index, np.flatnonzero(real[index]).tolist()),
            true_classes=named(labels[index], index),
            reference=named(expected[index].argmax(-1), index),
            predictions={f: named(o[index].argmax(-1), index) for f, o in answers.items()},
        )
        for index in _chosen(wrong, _SEQUENCES)
    )


def outputs_of(run: Run) -> tuple[Array, Array, dict[str, Array]]:
    """The reference's outputs, the labels, and the outputs of each file."""
    expected, labels = _load(run.evaluation.folder / REFERENCE)
    answers = {gate.result.file: _load(gate.folder / OUTPUTS)[0] for gate in run.gates}
    return expected[: len(labels)], labels, answers


def _load(path: Path) -> tuple[Array, Array]:
    stored = load_arrays(path, str(path), machine_memory() // 2)
    return stored["outputs"], stored["labels"]


def preprocessing_of(run: Run) -> Preprocessing:
    """The card's, if it has one of its own."""
    own = read_card(run.weights.with_suffix(".toml")).preprocessing
    return own or run.job.variant.preprocessing


def _chosen(wrong: Array, count: int, severity: Array | None = None) -> list[int]:
    """Up to half of what somebody got wrong from the beginning, then from the end the others.

    With how wrong each is, the worst are at the beginning.
    """
    order = np.argsort(~wrong, kind="stable")
    if severity is not None:
        order = np.lexsort((-severity, ~wrong))
    mistaken = order[: min(count // 2, int(wrong.sum()))]
    return list(dict.fromkeys(int(i) for i in [*mistaken, *order[::-1]]))[:count]


def _shown(split: Split, index: int, preprocessing: Preprocessing) -> dict[str, Any]:
    """The picture, the series or the text of an example."""
    if preprocessing.shown_as == "text":
        return {"text": kind_of(preprocessing).text(split, index)}
    if preprocessing.shown_as == "spectrogram":
        return {"pixels": kind_of(preprocessing).picture(split.read(index))}
    raw = read_input(split, index, preprocessing)
    if preprocessing.shown_as != "curves":
        given = split.read(index)
        return {"pixels": raw, "given": given if given.shape != raw.shape else None}
    if raw.shape[1] <= MOST_CHANNELS:
        return {"series": raw, "channels": getattr(preprocessing, "names", ())}
    return {"pixels": series_picture(raw)}

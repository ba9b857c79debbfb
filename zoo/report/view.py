"""What a run looks like to its readers: the page and the terminal share these records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from zoo.pipeline.rows import ArtifactRow
from zoo.results.records import Evaluation, QualityFinding, StepRecord, TrainingResult

if TYPE_CHECKING:  # the terminal table must not wait for numpy
    import numpy as np
    from numpy.typing import NDArray

    from zoo.execution.offline_analysis import OfflineAnalysis


#: Headings, rows, and a letter for each column: ``r`` for figures.
Rows = tuple[tuple[str, ...], Sequence[tuple[str, ...]], str]

#: Counts of a confusion matrix; rows: true class, columns: predicted.
Confusion = Sequence[Sequence[int]]


@dataclass(frozen=True, kw_only=True, eq=False)
class SampleImage:
    """One test example, a picture or a text, with what everybody made of it.

    Attributes:
        pixels: uint8, shape (height, width) or (height, width, 1, 3 or 4); None for a text.
        given: The picture as the data have it, where the network sees another; uint8, shape
            (height, width, 1 or 3).
        made: What the reference network makes of it, of the shape and type of the pixels or the
            series; None of networks that answer about examples.
        beside: Pictures that stand side by side in place of `pixels`, by caption; see
            `Task.pictures_beside`.
        series: float32, shape (steps, channels); None for what is no series of few channels.
        channels: Names of the channels; empty where they have none.
        true_class: Name of the class it belongs to, or what else is true of it.
        reference: The reference network's answer and its confidence, 0 to 1, if it has one.
        predictions: File name → answer and confidence.
        mistaken: File names of those that are wrong, the reference's empty; None: whoever says
            something else than what is true.
    """

    pixels: NDArray[np.uint8] | None = None
    given: NDArray[np.uint8] | None = None
    made: NDArray[Any] | None = None
    beside: Mapping[str, NDArray[np.uint8]] = field(default_factory=dict)
    series: NDArray[np.float32] | None = None
    channels: tuple[str, ...] = ()
    text: str = ""
    true_class: str
    reference: tuple[str, float | None]
    predictions: Mapping[str, tuple[str, float | None]] = field(default_factory=dict)
    mistaken: frozenset[str] | None = None


@dataclass(frozen=True, kw_only=True)
class StepSample:
    """One test sequence with what everybody made of each of its steps; padding is left out.

    Attributes:
        reference: The reference network's choices, as many.
        predictions: File name → choices, as many.
    """

    words: tuple[str, ...]
    true_classes: tuple[str, ...]
    reference: tuple[str, ...]
    predictions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, eq=False)
class Picture:
    """What a network or a file made.

    Attributes:
        pixels: uint8, shape (height, width, 1 or 3).
    """

    label: str
    pixels: NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True, eq=False)
class RunView:
    """A whole run.

    Attributes:
        parent: The model id it was fine-tuned from; None when it was not.
        created: When, ISO 8601, UTC.
        rows: The files, in the order in which they are shown.
        training: None when the run did not train.
        quantization: The training for integers; None when there was none.
        reference: Quality of the network before export; None when it was not evaluated.
        confusions: Confusion matrices by subject: the reference's, or the model id, and files.
        curves: Details of evaluations with a ROC curve, by subject likewise.
        rates: Details of evaluations of compression, with other formats' curves, likewise.
        step_samples: Test sequences with a class for each step.
        sketches: What the network made after each epoch.
        galleries: What the network and its files make of the same inputs.
        classes: Class names in label order.
        examinations: Offline analyses, for devices that are never timed.
        environment: What the figures were taken on and with, name → value.
        again: The command that times noisy files anew; empty when none is noisy.
        steps: Every step of the run in its order.
    """

    title: str
    model_id: str
    parent: str | None = None
    dataset: str
    created: str
    command: str
    rows: tuple[ArtifactRow, ...] = ()
    training: TrainingResult | None = None
    quantization: TrainingResult | None = None
    reference: Evaluation | None = None
    findings: tuple[QualityFinding, ...] = ()
    confusions: Mapping[str, Confusion] = field(default_factory=dict)
    curves: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    rates: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    samples: tuple[SampleImage, ...] = ()
    step_samples: tuple[StepSample, ...] = ()
    sketches: tuple[Picture, ...] = ()
    galleries: tuple[Picture, ...] = ()
    classes: tuple[str, ...] = ()
    examinations: tuple[OfflineAnalysis, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    again: str = ""
    next_commands: tuple[str, ...] = ()
    steps: tuple[StepRecord, ...] = ()

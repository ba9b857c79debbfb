"""What a run looks like to its readers: the page and the terminal share these records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from zoo.contracts.task import Check, Metric
from zoo.measurement.profile import Energy, Profile
from zoo.records import Attempt, Evaluation, StepRecord, TrainingResult

if TYPE_CHECKING:  # the terminal table must not wait for numpy
    import numpy as np
    from numpy.typing import NDArray

    from zoo.verdicts.judgement import Judgement

Verdict = Literal["passed", "rejected", "failed", "skipped"]

#: Counts of a confusion matrix; rows: true class, columns: predicted.
Confusion = Sequence[Sequence[int]]


@dataclass(frozen=True, kw_only=True)
class ArtifactRow:
    """One file of a run with everything that was found out about it.

    Whatever was not measured is None; nothing is filled in.

    Attributes:
        file: File name; for an export that failed, the name it would have had.
        format: Exporter name.
        precision: As exported.
        verdict: How the file ended: passed, rejected, failed or skipped.
        reason: What happened, why, and what to do; also for a file that passed and could not be
            timed. Empty when there is nothing to say.
        bytes: Size with the manifest.
        size_ratio: Size of the float32 twin divided by the size of this file; None for float32.
        accuracy: Headline metric of the file on the whole test split.
        drop_points: Points of that metric lost against the reference, or per cent by which a
            distance rose; negative: gained.
        agreement: Share of inputs with the reference's decision, 0 to 1.
        max_abs: Largest absolute difference of any output value from the reference.
        sqnr_db: Signal to noise against the reference, decibels; None where outputs are no signal.
        ssim: Structural similarity to the reference's images.
        integer_share: Share of computing operators that work on integers, 0 to 1.
        p50_ms: Median latency of one inference in milliseconds.
        p90_ms: 90th percentile.
        p50_low: Lower end of the median's interval, milliseconds.
        p50_high: Upper end of the median's interval, milliseconds.
        runtime: What ran the file when its latency was measured.
        threads: Threads the runtime was given.
        ran_on: Delegate or execution provider that ran its operators when it was timed.
        energy: What the device's meters counted for one inference.
        profile: What each operator takes, where that was asked.
        quiet: Whether the host was quiet while it was measured; None when nobody measured.
        checks: The gate's checks in their order.
        remark: What was tried to make it lose less, in a sentence; empty when nothing was.
        attempts: Each file that was made for that: layers in float, what it loses, its bytes.
        trained: Whether the ranges of its integers were trained, not calibrated.
        budgets: Device and judgement of each budget that the recipe has for it.
    """

    file: str
    format: str
    precision: str
    verdict: Verdict
    reason: str = ""
    bytes: int | None = None
    size_ratio: float | None = None
    accuracy: Metric | None = None
    drop_points: float | None = None
    agreement: float | None = None
    max_abs: float | None = None
    sqnr_db: float | None = None
    ssim: float | None = None
    integer_share: float | None = None
    p50_ms: float | None = None
    p90_ms: float | None = None
    p50_low: float | None = None
    p50_high: float | None = None
    runtime: str | None = None
    threads: int | None = None
    ran_on: str = ""
    energy: tuple[Energy, ...] = ()
    profile: Profile | None = None
    quiet: bool | None = None
    checks: tuple[Check, ...] = ()
    remark: str = ""
    attempts: tuple[Attempt, ...] = ()
    trained: bool = False
    budgets: tuple[tuple[str, Judgement], ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class SampleImage:
    """One test example, a picture or a text, with what everybody made of it.

    Attributes:
        pixels: uint8, shape (height, width) or (height, width, 1, 3 or 4); None for a text.
        text: Shown where there are no pixels.
        true_class: Name of the class it belongs to.
        reference: The reference network's class and its confidence, 0 to 1.
        predictions: File name → class and confidence.
    """

    pixels: NDArray[np.uint8] | None = None
    text: str = ""
    true_class: str
    reference: tuple[str, float]
    predictions: Mapping[str, tuple[str, float]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class StepSample:
    """One test sequence with what everybody made of each of its steps; padding is left out.

    Attributes:
        words: What stands at each step.
        true_classes: As many.
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
        label: Who made it, or when.
        pixels: uint8, shape (height, width, 1 or 3).
    """

    label: str
    pixels: NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True, eq=False)
class RunView:
    """A whole run.

    Attributes:
        title: The page's heading.
        model_id: The model that was shipped.
        parent: The model id it was fine-tuned from; None when it was not.
        dataset: Name of the dataset.
        created: When, ISO 8601, UTC.
        command: The command that made the run.
        rows: The files, in the order in which they are shown.
        training: None when the run did not train.
        quantization: The training for integers; None when there was none.
        reference: Quality of the network before export; None when it was not evaluated.
        confusions: Confusion matrices by subject: the reference's, or the model id, and files.
        samples: Test examples with predictions.
        step_samples: Test sequences with a class for each step.
        sketches: What the network made after each epoch.
        galleries: What the network and its files make of the same inputs.
        classes: Class names in label order.
        environment: What the figures were taken on and with, name → value.
        remarks: Findings in plain language.
        next_commands: What to type next.
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
    confusions: Mapping[str, Confusion] = field(default_factory=dict)
    samples: tuple[SampleImage, ...] = ()
    step_samples: tuple[StepSample, ...] = ()
    sketches: tuple[Picture, ...] = ()
    galleries: tuple[Picture, ...] = ()
    classes: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    next_commands: tuple[str, ...] = ()
    steps: tuple[StepRecord, ...] = ()

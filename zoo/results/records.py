"""Records of step results: immutable, typed, convertible to JSON.

Each step of a run ends as one `StepRecord`; what it found out is in `result`, one of the other
classes here turned into a dictionary.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from zoo.common.brief import Brief
from zoo.common.views import Viewed
from zoo.contracts.baseline import AgainstBaseline
from zoo.contracts.comparison import Comparison
from zoo.contracts.exporter import FileContents
from zoo.contracts.preprocessing import Coverage
from zoo.contracts.task import Check, Metric
from zoo.results.confusion import Confusable

RECORDS = "records.json"
#: Code of the finding that a network is no better than what looks at no input.
NO_BETTER = "no-better-than-baseline"
#: The same, where the baseline makes something of the input.
NO_BETTER_THAN_INPUT = "no-better-than-input"


Status = Literal["passed", "rejected", "failed", "skipped"]


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """One pass over the training split.

    Attributes:
        epoch: Counted from 1.
        loss: Mean training loss.
        metric: Training metric (accuracy for classification); None where it is only measured in
            validation.
        validation_loss: Mean loss on the validation split.
        validation_metric: The same metric on the validation split.
        learning_rate: At the end of the epoch.
        examples_per_second: Training throughput, validation left out.
        seconds: Duration of the whole epoch.
    """

    epoch: int
    loss: float
    metric: float | None
    validation_loss: float
    validation_metric: float
    learning_rate: float
    examples_per_second: float
    seconds: float


@dataclass(frozen=True, kw_only=True, repr=False)
class TrainingResult(Brief):
    """The result of fine-tuning: a weights file, its card, and the course of training.

    Attributes:
        model_id: Of the weights.
        parent: Model id that training began from; None when from scratch.
        dataset: What it was trained on.
        metric_name: Of the epochs' metric.
        epochs: In order.
        best_epoch: Whose weights were kept, counted from 1.
        weights: Name of the file.
        weights_sha256: Of that file.
        options: The training options.
        seconds: Time the step took.
        processor_seconds: Of all its threads, which other work on the machine lengthens little; 0
            in old records.
        notes: What was decided on the way: how layers were grouped, whether XLA was used.
        ended: When and why training ended, and which epoch was kept; empty in old records.
        sketches: Names of PNG files beside the weights, by epoch: what the network made then.
        wrong_record: What the record of the variant says that is not so, in words.
    """

    model_id: str
    parent: str | None
    dataset: str
    metric_name: str
    epochs: tuple[Epoch, ...]
    best_epoch: int
    weights: str
    weights_sha256: str
    options: dict[str, Any]
    seconds: float
    notes: tuple[str, ...] = ()
    ended: str = ""
    higher_is_better: bool = True
    sketches: dict[int, str] = field(default_factory=dict)
    wrong_record: str = ""
    processor_seconds: float = 0.0


@dataclass(frozen=True, kw_only=True, repr=False)
class PrunedTraining(TrainingResult):
    """The result of pruning.

    Attributes:
        sparsity: Share of the prunable weights that is zero.
    """

    sparsity: float


@dataclass(frozen=True, kw_only=True)
class QualityFinding:
    """What speaks against a network, or against how it was judged.

    Attributes:
        code: ``no-better-than-baseline``, ``never-answered``, ``train-above-validation``,
            ``validation-never-moved``, ``unknown-words``, ``one-class-test``; ``too-few-to-tell``,
            ``no-baseline``, ``commonest-class``, ``untested-class``.
        text: What was found, in a sentence without a full stop.
        fix: What to do about it.
        weak: Whether files of such a network should not be shipped.
    """

    code: str
    text: str
    fix: str
    weak: bool = True


@dataclass(frozen=True, kw_only=True, repr=False)
class Evaluation(Confusable, Brief, Viewed):
    """Metrics on a whole split.

    Attributes:
        subject: Model id or file name.
        dataset: Name of the dataset.
        split: Name of the split.
        metrics: Headline metric first, with intervals.
        details: What the task adds for the report: for image classification ``confusion``
            (rows: true class, columns: predicted) and ``classes``; see `confusion`, `labels`.
        outputs: File with the raw outputs, relative to the step's folder; None when not kept.
        runtime: What computed the outputs (``keras``, ``litert``, ``onnxruntime``).
        seconds: Time the evaluation took.
        baseline: Beside what looks at no input; None where the task has no such baseline.
        recalls: Share of each class's examples that is right, by name; empty without classes.
        balanced: Their mean, each class counting the same; None without classes.
        findings: What speaks against the network.
        coverage: How much of the examples the network can tell; None where that is all.
    """

    subject: str
    dataset: str
    split: str
    metrics: tuple[Metric, ...]
    details: dict[str, Any]
    outputs: str | None
    runtime: str
    seconds: float
    baseline: AgainstBaseline | None = None
    recalls: dict[str, Metric] = field(default_factory=dict)
    balanced: Metric | None = None
    findings: tuple[QualityFinding, ...] = ()
    coverage: Coverage | None = None


@dataclass(frozen=True, kw_only=True, repr=False)
class NetworkEvaluation(Evaluation):
    """Metrics of the Keras network, and the check of its preprocessing in the graph.

    Attributes:
        preprocessing: Normalization in the graph against the same formula in float64.
        decoding: What its outputs were decoded with; see `zoo.contracts.Task`.
        processor_seconds: Of all threads; 0 in old records.
    """

    preprocessing: Comparison
    decoding: dict[str, float | str] = field(default_factory=dict)
    processor_seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """A trial of mixed precision: an integer file with its measured loss.

    Attributes:
        kept: Keras layers that stay in float in it.
        drop: Points of the headline metric lost against the Keras model on the validation split,
            or per cent by which a distance rose; None when it could not be measured.
        bytes: Of the file.
        good: Whether it is within the budget and passes parity with the Keras model.
        reason: Why it is not, beside the drop; or why it was not measured.
    """

    kept: tuple[str, ...]
    drop: float | None
    bytes: int
    good: bool
    reason: str = ""


@dataclass(frozen=True, kw_only=True, repr=False)
class Export(Brief):
    """An exported file before the gate.

    Attributes:
        file: File name.
        format: Exporter name.
        precision: As exported.
        bytes: Size with the manifest.
        sha256: Of the file.
        contents: What is in it.
        kept: Keras layers that stay in float in an integer file.
        attempts: Every file that was made to find this one, the first one first; empty when none
            was measured.
        remark: What came of them, in a sentence; empty when the first was good enough.
    """

    file: str
    format: str
    precision: str
    bytes: int
    sha256: str
    contents: FileContents
    kept: tuple[str, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    remark: str = ""


@dataclass(frozen=True, kw_only=True)
class GatedFile:
    """A file that the gate has written its manifest into.

    Attributes:
        part: Which of several files of one model; empty for the only one.
        file: File name; ends in ``.rejected`` when a check failed.
        sha256: With the manifest.
        bytes: Size with the manifest, side files included.
        model_bytes: Size without the manifest, side files included.
        side_files: Names of files that belong to it and lie beside it.
        golden: Name of the file beside it that holds the golden inputs; empty when there is none.
    """

    part: str
    file: str
    sha256: str
    bytes: int
    model_bytes: int
    side_files: tuple[str, ...] = ()
    golden: str = ""


@dataclass(frozen=True, kw_only=True, repr=False)
class GateResult(Brief):
    """The verdict of the gate on a file, or on all files of one model, with its checks.

    Of several files, names are one for all (`zoo.artifacts.file_chain.name_of_all`), sizes are
    sums, and what else is of one file is told in `parts` alone.

    Attributes:
        file: File name; ends in ``.rejected`` when a check failed.
        format: Exporter name.
        precision: As exported.
        passed: All checks passed.
        checks: One per property that was tested.
        evaluation: Quality of the file on the whole test split, in its deployment runtime.
        network: File against the Keras network on the same raw inputs.
        preprocessing: Normalization in the graph against the same formula in float64.
        drop: Points of the headline metric lost against the Keras model, or per cent by which a
            distance rose; negative: gained.
        sha256: Of the file after the gate wrote its manifest.
        bytes: Size after the gate wrote its manifest, side files included.
        model_bytes: Size without the manifest, side files included.
        side_files: Names of files that belong to it and lie beside it.
        golden: Name of the file beside it that holds the golden inputs; empty when there is none.
        left_in_float: Share of the multiply-adds, with the layers, that an integer file computes
            in float though nobody asked for it: ``3.2% (conv1)``; empty for none.
        parts: The files of a model of several, in the order in which they run.
    """

    file: str
    format: str
    precision: str
    passed: bool
    checks: tuple[Check, ...]
    evaluation: Evaluation
    network: Comparison
    preprocessing: Comparison
    drop: float | None
    sha256: str
    bytes: int
    model_bytes: int
    side_files: tuple[str, ...] = ()
    golden: str = ""
    left_in_float: str = ""
    parts: tuple[GatedFile, ...] = ()

    @property
    def files(self) -> tuple[GatedFile, ...]:
        """Every file in the order in which they run, an only one too."""
        only = GatedFile(
            part="",
            file=self.file,
            sha256=self.sha256,
            bytes=self.bytes,
            model_bytes=self.model_bytes,
            side_files=self.side_files,
            golden=self.golden,
        )
        return self.parts or (only,)

    def of_part(self, part: str) -> GatedFile:
        """The file of a part; `KeyError` when there is none."""
        return {file.part: file for file in self.files}[part]


@dataclass(frozen=True, kw_only=True, repr=False)
class StepRecord(Brief):
    """The outcome of one step of a run.

    Attributes:
        step: Unique in its run: ``export tflite int8``.
        kind: ``finetune``, ``evaluate``, ``export``, ``gate``, ``bench``.
        key: Content address of inputs, parameters, code and tool versions.
        status: passed, rejected, failed or skipped.
        reason: Empty when passed; else what happened, why, and what to do.
        seconds: Time the step took when it was done.
        created: When, ISO 8601, UTC.
        result: The step's own record as a dictionary; None when it has none.
        cached: Whether this run found the result already there.
        needless: Whether it was skipped because what came before made it superfluous; `reason`
            says what.
        replaces: Name of the step that this one stands in for when it passes; empty for none.
    """

    step: str
    kind: str
    key: str = field(repr=False)
    status: Status
    reason: str = ""
    seconds: float = 0.0
    created: str = field(default="", repr=False)
    result: dict[str, Any] | None = field(default=None, repr=False)
    cached: bool = field(default=False, compare=False)
    needless: bool = False
    replaces: str = ""


def as_plain(record: Any) -> dict[str, Any]:
    """A record as nested dictionaries and lists, ready for JSON."""
    if type(record) is StepRecord:  # whose result is plain already, and may be large
        return dict(vars(record))
    plain: dict[str, Any] = asdict(record)
    return plain

"""Tasks: the meaning of outputs, and the comparison of two outputs."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from zoo.common.named_arrays import fields_of
from zoo.contracts.checks import check, check_name
from zoo.contracts.comparison import Comparison
from zoo.contracts.dataset import Split
from zoo.contracts.output_decoding import OutputDecoding
from zoo.contracts.outputs import ModelPart, Output, check_parts, parts_of
from zoo.contracts.precision import Precision, Tolerances, check_precisions
from zoo.contracts.preprocessing import Preprocessing
from zoo.contracts.training_objective import TrainingObjective
from zoo.contracts.weakness import Weakness

if TYPE_CHECKING:  # lists and help must not wait for numpy
    from numpy.typing import NDArray
    from pydantic import BaseModel

    from zoo.contracts.baseline import AgainstBaseline

    Array = NDArray[Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class Truth:
    """Ground truth of a split.

    Attributes:
        labels: As the outputs have them, the examples first (see `Split.labels`).
        classes: Class names; a label is an index into them.
        examples: The real examples; as many as labels.
        held_out: Real examples of another split, for what real data is compared with itself.
        preprocessing: How the network reads them.
        training: What the network learnt from; None where that is not at hand.
    """

    labels: Array
    classes: tuple[str, ...]
    examples: Split
    held_out: Split
    preprocessing: Preprocessing
    training: Split | None = None


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A measured quality with its interval.

    Attributes:
        name: ``accuracy``. The name of a share of examples says so, see
            `zoo.results.formatting.is_share`.
        value: The point estimate.
        low: Lower end of the 95 % interval.
        high: Upper end of the 95 % interval.
        count: Number of examples it was measured on.
        counted: What they are, in the singular: ``step`` where each step has a prediction.
        higher_is_better: False for a distance.
        unit: What it is counted in, where that is no share of one: ``dB``.
    """

    name: str
    value: float
    low: float
    high: float
    count: int
    counted: str = "example"
    higher_is_better: bool = True
    unit: str = ""

    @property
    def loss_unit(self) -> str:
        """What `lost_by` is counted in: ``points``, ``%``, or the metric's own unit."""
        return self.unit or ("points" if self.higher_is_better else "%")

    def lost_by(self, other: Metric) -> float:
        """The loss of `other` against this, in `loss_unit`.

        Points of a share, or per cent of a distance; of a metric with a unit the difference.
        """
        if self.unit:
            return (self.value - other.value) * (1.0 if self.higher_is_better else -1.0)
        if self.higher_is_better:
            return 100.0 * (self.value - other.value)
        return 100.0 * (other.value - self.value) / max(self.value, 1e-12)


@dataclass(frozen=True, kw_only=True)
class Check:
    """The result of one check of the gate.

    Attributes:
        name: ``parity``, ``accuracy``, ``placement``, …
        passed: Whether the artifact may count.
        value: What was measured, in words and figures.
        limit: What is asked.
        reason: Why it failed and what to try; empty when it passed.
        unsure: What so few examples cannot tell though it passed, and how many could.
    """

    name: str
    passed: bool
    value: str
    limit: str
    reason: str = ""
    unsure: str = ""

    def is_unsure_of(self, output: str) -> bool:
        """Whether it is unsure of an output; empty for the only one."""
        return f"; {output}: " in f"; {self.unsure}" if output else bool(self.unsure)

    @classmethod
    def combined(cls, outputs: Mapping[str, Check]) -> Check:
        """The check over several outputs; passes where each output's check does."""
        return cls(
            name=next(iter(outputs.values())).name,
            passed=all(check.passed for check in outputs.values()),
            value="; ".join(f"{name}: {check.value}" for name, check in outputs.items()),
            limit="; ".join(f"{name}: {check.limit}" for name, check in outputs.items()),
            reason="; ".join(
                f"{n}: {check.reason}" for n, check in outputs.items() if check.reason
            ),
            unsure="; ".join(
                f"{n}: {check.unsure}" for n, check in outputs.items() if check.unsure
            ),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Task(OutputDecoding, TrainingObjective):
    """The meaning of outputs: the base class of tasks.

    Outputs, predictions and labels are arrays whose first axis is the example. One output is a
    plain array; several are the fields of a structured array, named as in `outputs`
    (see `zoo.common.named_arrays`).

    Attributes:
        summary: One line for lists.
        outputs: What the exported files return, in this order. Of several, the network returns a
            dictionary with these names as keys. Outputs that name a part make the network one of
            several files (see `parts`).
        max_drop: Largest tolerated loss per precision, points or per cent of a distance, where it
            is not that of the precision's tolerances.
        least_classes: A dataset with fewer classes is refused.
        min_parity_inputs: At least so many real inputs are compared.
        stepwise: Whether an example has a label, and a prediction, for each of its steps.
        datasets_of: Names of other tasks whose datasets serve this one, too: its examples and
            labels have the same form.
        own_names: Whether outputs are called as the network's author called them: as many as it
            has. Then `outputs` names those of networks that have no names.
        networks_of: Names of other tasks whose networks serve this one, too, with a new head: of
            one value for each name of the dataset, in the place of one for each class.
        one_choice: Whether outputs are one choice among classes, whose logits a larger network
            teaches a smaller one by.
        tiled: Whether pictures of other sizes than the network's are answered by tiles of its size,
            put together again, instead of being resized. Its `decode` makes pictures, uint8, of
            what the network answers, and `decoded` takes such a picture, too.
        pipeline_tag: What model hubs call such networks (``image-segmentation``); empty where they
            have no word for it, or one for each kind of input.
        one_class: Whether training holds examples of one class alone. Integer ranges are then
            measured on those of other classes in validation, too.
        quality_rises: Whether more of the headline that `evaluate` measures is better; None: as of
            the metric that `compile` names (`higher_is_better`).
        options: The training options that only this task has (``[training.task]`` in a recipe):
            returns a pydantic model whose fields are the options, and is called when something
            is trained, so that lists do not wait for pydantic. `compile` finds them, validated
            and as a dictionary, in ``options.task``. Unknown keys are errors.
    """

    summary: str
    outputs: tuple[Output, ...]
    max_drop: Mapping[str, float] = field(default_factory=dict)
    least_classes: int = 2
    min_parity_inputs: int = 64
    stepwise: bool = False
    datasets_of: tuple[str, ...] = ()
    own_names: bool = False
    networks_of: tuple[str, ...] = ()
    one_choice: bool = True
    tiled: bool = False
    pipeline_tag: str = ""
    one_class: bool = False
    quality_rises: bool | None = None
    options: Callable[[], type[BaseModel]] | None = None

    def __post_init__(self) -> None:
        check_name("task", self.name)
        check(len(self.outputs) >= 1, self.name, "names no output")
        names = self.output_names
        check(len({*names}) == len(names), self.name, f"outputs named twice: {', '.join(names)}")
        for name in self.own_decoding:
            check_name(f"{self.name}: own_decoding: number", name)
        check_parts(self.name, self.outputs)
        for field_name in ("datasets_of", "networks_of"):
            others = getattr(self, field_name)
            listed = isinstance(others, tuple)
            check(listed, self.name, f"{field_name} must be a tuple of names of tasks")
            for other in others:
                check_name(f"{self.name}: {field_name}: task", other)
        check(self.min_parity_inputs >= 1, self.name, "min_parity_inputs must be positive")
        check_precisions(self.name, self.max_drop, field="max_drop has ")

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of the outputs in their order."""
        return tuple(output.name for output in self.outputs)

    @property
    def parts(self) -> tuple[ModelPart, ...]:
        """The files that a network is deployed as, in the order in which they run.

        The first takes the examples, each other one the single output of the one before. A task
        whose outputs name no part has one, without a name.
        """
        return parts_of(self.outputs)

    @property
    def several_files(self) -> bool:
        """Whether a network of this task is deployed as more than one file."""
        return len(self.parts) > 1

    def part(self, name: str) -> ModelPart:
        """The part called `name`; `KeyError` when there is none."""
        return {part.name: part for part in self.parts}[name]

    @abstractmethod
    def activation(self, outputs: Any) -> Any:
        """Turns what the network returns into what is exported: a Keras tensor, or several by name.

        Args:
            outputs: What ``build`` returned: a tensor, or several by name. For a file of several,
                the outputs of its part alone, by name; what the next part takes must stay as the
                network made it.
        """

    def relevant(self, outputs: Array, labels: Array) -> Array:
        """The outputs that count in comparisons: all but those of padding."""
        return outputs

    def choices(self, output: Array) -> Sequence[Array]:
        """The distributions that one output is made of, each (examples, …, choices): itself.

        A task whose output holds several that have nothing to do with each other, such as one
        probability for each of many labels, overrides this.
        """
        return (output,)

    def comparable(self, reference: Array, candidate: Array) -> Mapping[str, tuple[Array, Array]]:
        """By name of each output, the network's values and a file's, which are to be near: all.

        A task overrides this where an output follows from one that may honestly be another.
        """
        theirs = fields_of(candidate)
        return {name: (own, theirs[name]) for name, own in fields_of(reference).items()}

    @abstractmethod
    def compare(self, reference: Array, candidate: Array) -> Comparison:
        """How two sets of outputs differ, on the same inputs."""

    @abstractmethod
    def parity(self, comparison: Comparison, precision: Precision) -> Check:
        """Parity of a file of that precision with the Keras model."""

    @abstractmethod
    def evaluate(self, answers: Array, truth: Truth) -> tuple[Metric, ...]:
        """The measured quality, the headline first; nothing where there are no labels."""

    @abstractmethod
    def accuracy(
        self, truth: Truth, reference: Array, candidate: Array, max_drop: float
    ) -> Check | None:
        """A paired test of a file's predictions against the reference's on the whole test split.

        None: there are no labels, and `evaluate` measures nothing.
        """

    def baseline(self, answers: Array, truth: Truth) -> AgainstBaseline | None:
        """The same quality of a trivial answer; None where a task has no such baseline.

        Answers of the labels' own form are held against the commonest label and the mean of
        numbers; a task with other answers overrides this.
        """
        from zoo.contracts.baseline import against_constant

        return against_constant(lambda given: self.evaluate(given, truth), answers, truth.labels)

    def recalls(self, answers: Array, truth: Truth) -> Mapping[str, Metric]:
        """The share of each class's examples that is right; nothing where there are no classes."""
        return {}

    def unanswered(self, answers: Array, truth: Truth) -> tuple[str, ...]:
        """Classes that are never answered although there are enough examples of them to say so."""
        return ()

    def weaknesses(self, answers: Array, truth: Truth) -> tuple[Weakness, ...]:
        """What else speaks against the answers, so that files of the network should not ship."""
        return ()

    def class_loss(self, truth: Truth, reference: Array, candidate: Array) -> Check | None:
        """A paired test per class of a file's answers against the reference's; None: no classes."""
        return None

    def probability_checks(
        self, truth: Truth, reference: Array, candidate: Array, precision: Precision
    ) -> tuple[Check, ...]:
        """Further checks of a file's outputs beside its network's, on the whole test split."""
        return ()

    def calibration_error(self, outputs: Array, truth: Truth) -> float | None:
        """How far confidence is from the share of right answers, 0 to 1; None without one."""
        return None

    def details(self, answers: Array, truth: Truth) -> Mapping[str, Any]:
        """Plain data for the report: a confusion matrix, …"""
        return {}

    def depends(self, preprocessing: Preprocessing) -> Mapping[str, str]:
        """Further files that evaluation depends on, with their SHA-256.

        Results are kept under them, and made anew when one changes.
        """
        return {}

    def wrong(self, answers: Array, labels: Array) -> Array | None:
        """Which predictions are wrong, boolean (examples,); None: no single examples are shown."""
        return None

    def severity(self, answers: Array, labels: Array) -> Array | None:
        """How wrong each prediction is, (examples,): the report shows the largest first.

        None: those that are wrong in their order.
        """
        return None

    def gallery(self, outputs: Array) -> Array | None:
        """The first outputs as one picture for the report, like `sample_image`, or None."""
        return None

    def tolerances(self, precision: Precision) -> Tolerances:
        """How far outputs of a file may be from its network's: as the precision says."""
        return precision.tolerances

    def beside_rounded(self, precision: Precision) -> bool:
        """Whether a file must answer as the network with its weights rounded so, too.

        Where labels are there, they tell what is lost by rounding real numbers.
        """
        return precision.rounded is not None and precision.arithmetic != "float"

    def allowed_loss(self, precision: Precision) -> float:
        """The greatest tolerated loss of a file: points of a share, or per cent of a distance."""
        tolerances = precision.tolerances
        rises = self.higher_is_better if self.quality_rises is None else self.quality_rises
        usual = tolerances.points if rises else tolerances.percent
        return self.max_drop.get(precision.name, usual)

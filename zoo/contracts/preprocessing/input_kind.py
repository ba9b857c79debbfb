"""Operations on examples of one kind of input."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from zoo.common.errors import Unsupported
from zoo.contracts.dataset import Dataset, Split
from zoo.contracts.preprocessing.base import Preprocessing

if TYPE_CHECKING:  # lists and help must not wait for numpy
    from numpy.typing import NDArray

    from zoo.contracts.front_end import FrontEnd

    Array = NDArray[Any]

Own = TypeVar("Own", bound=Preprocessing)


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """How much of a split's texts a network reads.

    Attributes:
        unknown: Words outside its vocabulary, of those that it reads.
        words: Those that it reads.
        longer: Examples that are longer than its input, which cuts them.
        examples: All of them.
        length: Words that its input takes.
    """

    unknown: int
    words: int
    longer: int
    examples: int
    length: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Sample:
    """A raw example without a label, read when it is needed.

    Attributes:
        name: As messages and results call it: ``photos/a.jpg``, ``walk.csv, rows 1 to 50``.
        read: Returns the raw example, as `Split.read` does; raises `BadData` or `OSError`. Must be
            safe to call from several threads.
    """

    name: str
    read: Callable[[], Array]


@dataclass(kw_only=True)
class SampleList:
    """The examples that a file, a folder or a text holds.

    Attributes:
        samples: In order.
        problems: Name of what cannot be used, and why.
        notes: What else a user should know of how it was read.
        places: Of each sample, which of several names it was found by; empty where that was one.
    """

    samples: list[Sample] = field(default_factory=list)
    problems: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    places: list[int] = field(default_factory=list)


class InputKind(ABC, Generic[Own]):
    """Reads examples as network inputs according to one preprocessing record.

    Args:
        own: The record.
    """

    def __init__(self, own: Own) -> None:
        self.own = own

    @abstractmethod
    def read(self, split: Split, index: int) -> Array:
        """The raw input of one example, of the record's `input_shape` and `dtype`.

        Raises:
            BadData: The example cannot be used; names it.
        """

    def fit(self, dataset: Dataset) -> Own:
        """The record with its statistics measured on the training split."""
        return self.own

    def front_end(self) -> FrontEnd | None:
        """The steps of this record that ``--end-to-end`` makes the first part of files.

        None: there are none, or they cannot be computed in a graph.
        """
        return None

    def network_inputs(self, given: Array) -> Array:
        """What the network behind a file's front end takes of raw inputs (examples, …) of the file.

        For the record of a `FrontEnd`; of others the inputs themselves.
        """
        return given

    def check_names(self, dataset: Dataset, subject: str, *, trained: bool = False) -> None:
        """Refuses data whose channels have other names than those of the training.

        Args:
            dataset: Whose examples the network is to take.
            subject: Names the network in the message.
            trained: Whether it is trained further on them: then other names are right, and only
                the same ones in another order are refused.

        Raises:
            UsageError: Other names, or another order.
        """

    def renamed(self, dataset: Dataset) -> Own:
        """The record with the names of a dataset's channels, once the network is trained on it."""
        return self.own

    def labels(self, labels: Array) -> Array:
        """Labels in the form that the network's outputs have."""
        return labels

    def range_problem(self, inputs: Array) -> str:
        """Why raw inputs have another range than the weights were trained on; empty otherwise."""
        return ""

    def coverage(self, split: Split) -> Coverage | None:
        """How much of a split's texts the network reads; None for inputs of other kinds."""
        return None

    def text(self, split: Split, index: int) -> str:
        """An example as a text, for kinds that are shown as such."""
        return str(split.read(index))

    def picture(self, example: Array) -> Array:
        """A raw example as pixels, uint8 (height, width); for kinds shown as spectrograms."""
        raise NotImplementedError(f"{type(self).__name__} has no picture()")

    def shown_part(self, size: tuple[int, int]) -> tuple[float, float, float, float] | None:
        """What inputs show of a picture of this height and width, for kinds that are pictures.

        Returns:
            Top, left, bottom and right edge in its pixels; None for other kinds.
        """
        return None

    def whole_picture(self, example: Array) -> Array:
        """A raw picture with the channels of the network, at its own size; for kinds of those."""
        raise NotImplementedError(f"{type(self).__name__} has no whole_picture()")

    def step_texts(self, split: Split, index: int, steps: list[int]) -> tuple[str, ...]:
        """A text for each of these steps, for reports; by default the steps' numbers."""
        return tuple(str(step + 1) for step in steps)

    def samples(self, given: str, data: str = "") -> SampleList:
        """The examples without labels in what a user names: a file, a folder, a text.

        Args:
            given: As typed.
            data: Name of the dataset that the network was trained on, whose options say which
                columns of a table are read; empty where it is not known.

        Raises:
            ZooError: There is nothing of that name, or nothing of this kind in it.
        """
        raise Unsupported(
            f"inputs of the kind {self.own.kind!r} are not read from files",
            why=f"{type(self).__name__} has no samples()",
            fix="write one that returns a SampleList; `zoo evaluate` takes a dataset",
        )

    def with_synthetic_statistics(self) -> Own:
        """The record with synthetic statistics, for checks without a dataset."""
        return self.own

    def synthetic_examples(
        self, labels: Array, classes: int, random: Any, seed: int
    ) -> tuple[Any, Any]:
        """Learnable inputs for labels, and the labels, `IGNORED` where there is padding.

        Args:
            labels: int64, (examples,) or (examples, steps).
            classes: How many there are.
            random: A numpy generator.
            seed: Of patterns.
        """
        return class_patterns(self.own.input_shape, labels, random, seed), labels


def class_patterns(shape: tuple[int, ...], labels: Any, random: Any, seed: int) -> Any:
    """Images with one pattern per class and noise per example.

    Returns:
        float32, shape (count, *shape), whole numbers from 0 to 255.
    """
    import numpy as np

    axes = np.stack(np.meshgrid(*(np.linspace(0, 1, n) for n in shape), indexing="ij"), -1)
    values = np.empty((len(labels), *shape), np.float32)
    for index, label in enumerate(labels.tolist()):
        pattern = np.random.default_rng((seed, label))
        waves = np.sin(axes @ pattern.uniform(4, 40, len(shape)) + pattern.uniform(0, 6))
        # Multiples of irrational numbers keep any number of classes apart.
        bright, contrast = 50 + 155 * (label * 0.618034 % 1), 15 + 45 * (label * 0.414214 % 1)
        noise = random.normal(0, 8, shape)
        values[index] = np.clip(np.round(bright + contrast * waves + noise), 0, 255)
    return values

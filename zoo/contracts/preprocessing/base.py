"""The base of preprocessing records."""

from __future__ import annotations

import math
import struct
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from zoo.contracts.checks import check

if TYPE_CHECKING:  # lists and help must not wait for numpy
    from numpy.typing import NDArray

    from zoo.contracts.preprocessing.input_kind import InputKind

#: numpy's name of a type; of several inputs, name, type and shape of each.
ElementType = str | list[tuple[str, str, tuple[int, ...]]]
#: ``(value * scale - mean) / std``: the scale, and mean and std for each channel.
Normalization = tuple[float, tuple[float, ...], tuple[float, ...]]
#: Means that are more deviations than this away from zero are subtracted first. The others are not,
#: since converters fold one multiplication and one addition into the first layer.
_LARGE = 16.0


@dataclass(frozen=True, kw_only=True)
class CarriedState:
    """An input that takes what an output gave at the step before; zeros where a sequence begins.

    Attributes:
        input: Its name.
        output: Name of the output, which has the same shape and type.
    """

    input: str
    output: str


@dataclass(frozen=True, kw_only=True)
class Preprocessing(ABC):
    """The base class of all kinds of preprocessing.

    The path has two halves. What is done *outside* the exported graph ends in an array of
    `input_shape` and `dtype`: resized pixels, a window of samples, word numbers. What is done
    *inside* is the `normalization`, so that a file takes raw values.

    Attributes:
        input_name: What the input of an exported file is called.
        kind: Tells the records apart where they are stored; each class has its own.
        shown_as: How an example is shown to people.
        resizable: Whether a network may be built for other sizes and channels of its inputs.
        augmentable: Whether examples may be changed at random while a network is trained.
        is_noise: Whether inputs follow from a seed alone, whatever the examples are.
        lacking: Values of fields that stored records of older versions lack.
    """

    #: The class of each kind whose module was imported.
    kinds: ClassVar[dict[str, type[Preprocessing]]] = {}

    input_name: ClassVar[str]
    shown_as: ClassVar[Literal["picture", "curves", "text", "spectrogram", ""]] = ""
    resizable: ClassVar[bool] = False
    augmentable: ClassVar[bool] = False
    is_noise: ClassVar[bool] = False
    lacking: ClassVar[Mapping[str, str]] = {}
    if TYPE_CHECKING:  # A field of each subclass, where its place in stored records is.
        kind: str

    def __init_subclass__(cls) -> None:
        """Makes the kind known to readers of stored records."""
        kind = vars(cls).get("kind")
        if kind is not None:
            Preprocessing.kinds[kind] = cls

    @property
    @abstractmethod
    def dtype(self) -> ElementType:
        """Type of the raw array, outside the graph, by numpy's name."""

    @property
    def graph_dtype(self) -> ElementType:
        """Type of the graph's input."""
        return "float32"

    @property
    def parts(self) -> tuple[Preprocessing, ...]:
        """A record for each input of the network, in its order; as a rule this one alone.

        Raw examples of several are structured arrays, with a field for each by its name.
        """
        return (self,)

    @property
    def states(self) -> tuple[CarriedState, ...]:
        """Inputs that are fed from outputs of the step before; as a rule none.

        Where there are any, a raw example is a sequence, each of its arrays with the steps first
        and without the states, and the network takes one step at a time (`parts`).
        """
        return ()

    @property
    def of_network(self) -> Preprocessing:
        """The record of the network's own input: another where a file begins with a front end."""
        return self

    @property
    def sample_rate(self) -> int:
        """Samples per second where an input is the samples of one sound channel; else 0."""
        return 0

    @property
    def called(self) -> str:
        """What the input of an exported file of this network is called."""
        return self.input_name

    def inputs(self) -> InputKind[Any]:
        """The reader of examples of this kind; a plugin's record returns its own.

        The built-in kinds are known to `zoo.data.preprocessing.inputs`.
        """
        raise NotImplementedError(f"{type(self).__name__} has no inputs()")

    @property
    @abstractmethod
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one network input, without the batch."""

    @property
    @abstractmethod
    def axes(self) -> tuple[str, ...]:
        """What each axis of `input_shape` is."""

    @property
    def network_shape(self) -> tuple[int, ...]:
        """Shape of the normalized input; as a rule that of the raw one."""
        return self.input_shape

    def in_layout(self, layout: str) -> Self:
        """The record for another order of axes; only images have a choice.

        Args:
            layout: A `Layout`, or empty where it is unknown.
        """
        return self

    @property
    @abstractmethod
    def value_range(self) -> tuple[float, float]:
        """Expected range of raw values."""

    @property
    def normalization(self) -> Normalization | None:
        """The normalization baked into the graph; None when there is none."""
        return None

    @property
    def whole_bytes(self) -> bool:
        """Whether raw values are whole numbers from 0 to 255, which integer files take as uint8."""
        return False

    @property
    def training(self) -> Preprocessing:
        """Preprocessing of the training examples; as a rule this record itself."""
        return self

    @abstractmethod
    def describe(self) -> dict[str, str]:
        """A description for people: ``input``, and each step applied to an example."""

    def text_files(self) -> Mapping[str, tuple[str, ...]]:
        """Fields that belong in a text file of their own, one line per entry."""
        return {}

    def taken(self, given: NDArray[Any]) -> NDArray[Any]:
        """What a file gets of raw inputs, (examples, …): as a rule those themselves."""
        return given

    def affine(self) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
        """The normalization as one multiplication and one addition per channel."""
        if self.normalization is None:
            return None
        scale, mean, std = self.normalization
        factors = tuple(scale / s for s in std)
        offsets = tuple(-m / s for m, s in zip(mean, std, strict=True))
        return factors, offsets

    def centre(self) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
        """What to subtract first, where means are large beside deviations; else None.

        A product of float32 is rounded to a share of itself: of air pressure, 101,325 ± 3, the
        multiplication before the subtraction errs by 0.002, and the subtraction first by nothing.

        Returns:
            For each channel a number of float32, and the addition after the multiplication, which
            makes up for its rounding.
        """
        if self.normalization is None:
            return None
        scale, mean, std = self.normalization
        if all(abs(m) <= _LARGE * s for m, s in zip(mean, std, strict=True)):
            return None
        centres = [_float32(m / scale) for m in mean]
        rest = ((c * scale - m) / s for c, m, s in zip(centres, mean, std, strict=True))
        return tuple(centres), tuple(rest)


def _float32(value: float) -> float:
    """The nearest number of float32."""
    return float(struct.unpack("f", struct.pack("f", value))[0])


def check_moments(mean: tuple[float, ...], std: tuple[float, ...], channels: int) -> None:
    """Refuses means and deviations that are not one finite, usable number per channel."""
    name = "preprocessing"
    for field, values in (("mean", mean), ("std", std)):
        problem = f"{field} has {len(values)} values for {channels} channels"
        check(len(values) == channels, name, problem)
    check(all(map(math.isfinite, (*mean, *std))), name, "mean and std must be finite")
    check(all(s > 0 for s in std), name, "std must be > 0")


def listed(values: tuple[float, ...]) -> str:
    """Numbers as text."""
    return ", ".join(f"{value:g}" for value in values)

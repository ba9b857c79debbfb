"""The exact path from a raw example to the network's input, as data: one record per kind."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar, Literal, Self, get_args

from zoo.contracts.checks import check

Resize = Literal["stretch", "crop", "pad"]
Interpolation = Literal["nearest", "bilinear", "bicubic", "box", "lanczos"]
#: Order of an image's axes behind the batch: channels last, or first.
Layout = Literal["nhwc", "nchw"]

#: ``(value * scale - mean) / std``: the scale, and mean and std for each channel.
Normalization = tuple[float, tuple[float, ...], tuple[float, ...]]
#: What stands for padding and for words outside the vocabulary.
PADDING, UNKNOWN = 0, 1
#: Word numbers begin behind those two.
FIRST_WORD = 2


@dataclass(frozen=True, kw_only=True)
class Preprocessing(ABC):
    """What all kinds have in common.

    The path has two halves. What is done *outside* the exported graph ends in an array of
    `input_shape` and `dtype`: resized pixels, a window of samples, word numbers. What is done
    *inside* is the `normalization`, so that a file takes raw values.

    Attributes:
        input_name: What the input of an exported file is called.
        dtype: numpy's name of the raw array's type, outside the graph.
        graph_dtype: Type of the graph's input.
    """

    input_name: ClassVar[str]
    dtype: ClassVar[str]
    graph_dtype: ClassVar[str] = "float32"

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
        """Shape of what the network takes, behind the normalization; mostly the same."""
        return self.input_shape

    def in_layout(self, layout: str) -> Self:
        """The same for a file whose input has its axes in this order; only images have a choice.

        Args:
            layout: A `Layout`, or empty where the file does not say.
        """
        return self

    @property
    @abstractmethod
    def value_range(self) -> tuple[float, float]:
        """Least and greatest raw value to expect."""

    @property
    def normalization(self) -> Normalization | None:
        """What the graph does first; None when it does nothing."""
        return None

    @property
    def whole_bytes(self) -> bool:
        """Whether raw values are whole numbers from 0 to 255, as integer files like them."""
        return False

    @property
    def training(self) -> Preprocessing:
        """How the examples that the network is trained on are read; mostly in this same way."""
        return self

    @abstractmethod
    def describe(self) -> dict[str, str]:
        """In words, for people: ``input``, and what is done with an example."""

    def affine(self) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
        """The normalization as one multiplication and one addition per channel."""
        if self.normalization is None:
            return None
        scale, mean, std = self.normalization
        factors = tuple(scale / s for s in std)
        offsets = tuple(-m / s for m, s in zip(mean, std, strict=True))
        return factors, offsets


@dataclass(frozen=True, kw_only=True)
class ImagePreprocessing(Preprocessing):
    """How an image becomes a network input.

    Outside the graph channels are converted and the image is resized to uint8 (height, width,
    channels). Inside, ``(pixel * scale - mean) / std`` per channel; the input is therefore raw
    0-255 pixels. One grey channel with three means becomes three channels there, as if the image
    were repeated: so a network for RGB takes grey images exactly as it takes them in RGB.

    Attributes:
        height: Input height in pixels.
        width: Input width in pixels.
        channels: 1 (grey, ITU-R 601-2 luma) or 3 (RGB).
        resize: ``stretch`` ignores the aspect ratio; ``crop`` scales the shorter side and cuts
            the centre; ``pad`` scales the longer side and pads with zeros.
        crop_share: Of ``crop``, the side of what is kept, as a share of the shorter side of the
            image: 0.875 for what others call "resize to 256, cut 224".
        interpolation: The resampling filter, in Pillow's terms.
        scale: Multiplies each pixel first.
        mean: Subtracted, one value per channel of the network.
        std: Divides, one value per channel of the network.
        layout: Order of the axes that a file takes; networks take channels last.
        kind: Tells the records apart where they are stored.
    """

    input_name: ClassVar[str] = "pixels"
    dtype: ClassVar[str] = "uint8"

    height: int
    width: int
    channels: int
    resize: Resize = "stretch"
    interpolation: Interpolation = "bilinear"
    scale: float = 1.0 / 255.0
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    crop_share: float = 1.0
    layout: Layout = "nhwc"
    kind: Literal["image"] = "image"

    def __post_init__(self) -> None:
        name = "preprocessing"
        check(self.height > 0 and self.width > 0, name, "height and width must be positive")
        check(self.channels in (1, 3), name, f"channels must be 1 or 3, not {self.channels}")
        check(self.resize in get_args(Resize), name, f"unknown resize rule {self.resize!r}")
        check(
            self.interpolation in get_args(Interpolation),
            name,
            f"unknown interpolation {self.interpolation!r}",
        )
        check(self.layout in get_args(Layout), name, f"unknown layout {self.layout!r}")
        repeated = self.channels == 1 and len(self.mean) == 3
        _check_moments(self.mean, self.std, 3 if repeated else self.channels)
        check(0 < self.scale < math.inf, name, "scale must be > 0 and finite")
        check(0 < self.crop_share <= 1, name, "crop_share must be above 0 and at most 1")
        check(
            self.crop_share == 1 or self.resize == "crop",
            name,
            f"crop_share belongs to the resize rule 'crop', not to {self.resize!r}",
        )

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of the raw pixels, whatever the layout."""
        return (self.height, self.width, self.channels)

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of the raw pixels, or channels first if the layout says so."""
        height, width, channels = self.image_shape
        return (channels, height, width) if self.layout == "nchw" else self.image_shape

    @property
    def axes(self) -> tuple[str, ...]:
        """As the layout says."""
        first = self.layout == "nchw"
        return ("channel", "height", "width") if first else ("height", "width", "channel")

    def in_layout(self, layout: str) -> Self:
        """The same for a file that takes its axes in this order."""
        if layout not in get_args(Layout) or layout == self.layout:
            return self
        return replace(self, layout="nchw" if layout == "nchw" else "nhwc")

    @property
    def network_shape(self) -> tuple[int, int, int]:
        """(height, width, channels) behind the normalization."""
        return (self.height, self.width, len(self.mean))

    @property
    def value_range(self) -> tuple[float, float]:
        """Pixels."""
        return (0.0, 255.0)

    @property
    def normalization(self) -> Normalization:
        """Per channel."""
        return self.scale, self.mean, self.std

    @property
    def whole_bytes(self) -> bool:
        """Pixels are bytes."""
        return True

    def describe(self) -> dict[str, str]:
        """Size, resizing, normalization."""
        share = self.crop_share
        kept = "" if share == 1 else f", keeping {share:.1%} of the shorter side"
        return {
            "input": f"{self.height}×{self.width}×{self.channels} pixels, 0-255"
            + (", channels first (NCHW)" if self.layout == "nchw" else ""),
            "resize": f"{self.resize}, {self.interpolation}{kept}",
            "normalization": f"(pixel × {self.scale:.6g} − {_list(self.mean)}) / {_list(self.std)}",
        }


@dataclass(frozen=True, kw_only=True)
class SeriesPreprocessing(Preprocessing):
    """How a window of a time series becomes a network input.

    A raw example is float32 (steps, channels). Inside the graph, ``(value - mean) / std`` per
    channel. The record of a variant leaves mean and std empty: they are measured on the training
    split, once, and then travel with the weights. So do steps and channels, which follow the
    data when a network is trained from scratch.

    Attributes:
        steps: Values in time of each channel.
        channels: Values at each step.
        mean: Subtracted, one value per channel; empty until it is measured.
        std: Divides, one value per channel; empty until it is measured.
        kind: Tells the records apart where they are stored.
    """

    input_name: ClassVar[str] = "series"
    dtype: ClassVar[str] = "float32"

    steps: int
    channels: int
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    kind: Literal["series"] = "series"

    def __post_init__(self) -> None:
        positive = self.steps > 0 and self.channels > 0
        check(positive, "preprocessing", "steps and channels must be positive")
        if self.mean or self.std:
            _check_moments(self.mean, self.std, self.channels)

    @property
    def input_shape(self) -> tuple[int, int]:
        """(steps, channels)."""
        return (self.steps, self.channels)

    @property
    def axes(self) -> tuple[str, ...]:
        """Time, and what is measured at each step."""
        return ("time", "channel")

    @property
    def value_range(self) -> tuple[float, float]:
        """Three standard deviations about the mean, over all channels."""
        moments = list(zip(self.mean, self.std, strict=True)) or [(0.0, 1.0)]
        return min(m - 3 * s for m, s in moments), max(m + 3 * s for m, s in moments)

    @property
    def normalization(self) -> Normalization | None:
        """Per channel; None before it is measured."""
        return (1.0, self.mean, self.std) if self.mean else None

    def describe(self) -> dict[str, str]:
        """Size, normalization."""
        moments = f"(value − {_list(self.mean)}) / {_list(self.std)}"
        return {
            "input": f"{self.steps} steps of {self.channels} channels, raw values",
            "normalization": moments if self.mean else "per channel, measured when trained",
        }


@dataclass(frozen=True, kw_only=True)
class TokenPreprocessing(Preprocessing):
    """How a text, or a row of tokens, becomes word numbers.

    0 pads at the end, 1 stands for every word outside the vocabulary, the words follow in order
    of how often the training split has them. The record of a variant leaves the vocabulary empty.

    Attributes:
        length: Tokens per input; longer texts are cut at the end, shorter ones padded.
        size: Rows of the network's embedding: the vocabulary, padding and unknown together.
        lowercase: Whether capitals are folded (``str.casefold``).
        vocabulary: The words from number 2 on; empty until it is measured.
        kind: Tells the records apart where they are stored.
    """

    input_name: ClassVar[str] = "tokens"
    dtype: ClassVar[str] = "int32"
    graph_dtype: ClassVar[str] = "int32"

    length: int
    size: int
    lowercase: bool = True
    vocabulary: tuple[str, ...] = ()
    kind: Literal["tokens"] = "tokens"

    def __post_init__(self) -> None:
        name = "preprocessing"
        check(self.length > 0, name, "length must be positive")
        check(self.size > FIRST_WORD, name, f"size must be more than {FIRST_WORD}")
        check(
            len(self.vocabulary) <= self.size - FIRST_WORD,
            name,
            f"{len(self.vocabulary)} words do not fit into {self.size} numbers",
        )
        check(len(set(self.vocabulary)) == len(self.vocabulary), name, "a word stands twice")

    @property
    def input_shape(self) -> tuple[int]:
        """(length,)."""
        return (self.length,)

    @property
    def axes(self) -> tuple[str, ...]:
        """One word after the other."""
        return ("time",)

    @property
    def value_range(self) -> tuple[float, float]:
        """Word numbers."""
        return (0.0, float(len(self.vocabulary) + FIRST_WORD - 1))

    def describe(self) -> dict[str, str]:
        """Length, vocabulary."""
        known = f"{len(self.vocabulary):,} words" if self.vocabulary else "built when trained"
        case = ", capitals folded" if self.lowercase else ""
        return {
            "input": f"{self.length} word numbers, padded with {PADDING}",
            "vocabulary": f"{known}, at most {self.size - FIRST_WORD:,}{case}; "
            f"{UNKNOWN} for others",
        }

    @cached_property
    def numbers(self) -> Mapping[str, int]:
        """The number of each word of the vocabulary."""
        return {word: number for number, word in enumerate(self.vocabulary, start=FIRST_WORD)}


@dataclass(frozen=True, kw_only=True)
class LatentPreprocessing(Preprocessing):
    """What a generator starts from: noise, which follows from a seed and a number.

    The n-th input belongs to the n-th example of a split, so that as much is generated as there
    is real to compare with.

    Attributes:
        size: Normally distributed values of one input.
        examples: How the real examples are read that a generator learns from.
        judge: Model id of the packaged classifier in whose features what is generated is compared
            with what is real. It travels with the weights, so that distances stay comparable.
        seed: Of the noise.
        kind: Tells the records apart where they are stored.
    """

    input_name: ClassVar[str] = "latent"
    dtype: ClassVar[str] = "float32"

    size: int
    examples: ImagePreprocessing
    judge: str
    seed: int = 0
    kind: Literal["latent"] = "latent"

    def __post_init__(self) -> None:
        check(self.size > 0, "preprocessing", "size must be positive")
        check(self.seed >= 0, "preprocessing", "seed must not be negative")

    @property
    def input_shape(self) -> tuple[int]:
        """(size,)."""
        return (self.size,)

    @property
    def axes(self) -> tuple[str, ...]:
        """Noise."""
        return ("feature",)

    @property
    def value_range(self) -> tuple[float, float]:
        """Three standard deviations."""
        return (-3.0, 3.0)

    @property
    def training(self) -> ImagePreprocessing:
        """Real images."""
        return self.examples

    def describe(self) -> dict[str, str]:
        """Size of the noise, and what it learns from."""
        real = self.examples
        return {
            "input": f"{self.size} normally distributed values",
            "learns from": f"{real.height}×{real.width}×{real.channels} images",
            "judged by": f"features of {self.judge}",
        }


#: Every kind, for readers of stored records: the ``kind`` field tells which it is.
AnyPreprocessing = (
    ImagePreprocessing | SeriesPreprocessing | TokenPreprocessing | LatentPreprocessing
)


def _check_moments(mean: tuple[float, ...], std: tuple[float, ...], channels: int) -> None:
    name = "preprocessing"
    for field, values in (("mean", mean), ("std", std)):
        problem = f"{field} has {len(values)} values for {channels} channels"
        check(len(values) == channels, name, problem)
    check(all(map(math.isfinite, (*mean, *std))), name, "mean and std must be finite")
    check(all(s > 0 for s in std), name, "std must be > 0")


def _list(values: tuple[float, ...]) -> str:
    return ", ".join(f"{value:g}" for value in values)

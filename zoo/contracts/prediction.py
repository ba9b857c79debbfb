"""What a network answers to one example, decoded by its task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from zoo.common.named_arrays import fields_of

if TYPE_CHECKING:  # lists and help must not wait for numpy
    from numpy.typing import NDArray

    Array = NDArray[Any]


#: What no class is known of, as in labels.
_NONE = -1
#: Boxes of a picture at most: what COCO's measure takes.
MOST_BOXES = 100
#: From this probability on boxes are shown where no threshold was chosen.
SHOWN_FROM = 0.3


@dataclass(frozen=True, kw_only=True)
class NamedScore:
    """A number of an output with the name of what it is about.

    Attributes:
        name: Of the class, the label or the target.
        value: A probability from 0 to 1; of targets in the units of the data.
    """

    name: str
    value: float


@dataclass(frozen=True, kw_only=True)
class DecodedStep:
    """The answer to one step of a sequence.

    Attributes:
        text: The step itself: its word, or its number from 1.
        answer: Name of its class.
        confidence: From 0 to 1.
    """

    text: str
    answer: str
    confidence: float


@dataclass(frozen=True, kw_only=True)
class DecodedBox:
    """An object in a picture.

    Attributes:
        name: Of its class.
        score: Its probability, from 0 to 1.
        edges: y_min, x_min, y_max, x_max as shares of what the network sees of the picture.
        pixels: The same in whole pixels of the picture as it was given; None where that is not
            known.
    """

    name: str
    score: float
    edges: tuple[float, float, float, float]
    pixels: tuple[int, int, int, int] | None = None

    def in_picture(
        self, height: int, width: int, part: tuple[float, float, float, float]
    ) -> DecodedBox:
        """The box in a picture of that size, of which the network sees a part."""
        top, left, bottom, right = part
        y_min, x_min, y_max, x_max = self.edges
        down = (round(min(max(top + y * (bottom - top), 0), height)) for y in (y_min, y_max))
        across = (round(min(max(left + x * (right - left), 0), width)) for x in (x_min, x_max))
        (y_low, y_high), (x_low, x_high) = down, across
        return replace(self, pixels=(y_low, x_low, y_high, x_high))


@dataclass(frozen=True, kw_only=True, repr=False)
class CodedFile:
    """A picture as few bytes.

    Attributes:
        content: Of the file.
        suffix: Of its name, with the dot.
    """

    content: bytes
    suffix: str


@dataclass(frozen=True, kw_only=True, eq=False)
class DecodedMask:
    """The class of each pixel of a picture.

    Attributes:
        chosen: Numbers of classes as the network answers them, uint8 or uint16, (height, width).
        names: Of all classes, in order.
        size: Height and width of the picture as it was given; None where that is not known.
        part: Top, left, bottom and right edge of what the network saw of it, in its pixels; beyond
            the picture where that was padded.
    """

    chosen: Array
    names: tuple[str, ...]
    size: tuple[int, int] | None = None
    part: tuple[float, float, float, float] | None = None

    def whole(self, most: int | None = None) -> Array:
        """The mask at the size of the picture: of each pixel the class at its middle.

        Args:
            most: Longest side; a larger picture's mask is made for that.

        Returns:
            int32, (height, width); -1 where the network did not see the picture.
        """
        import numpy as np

        height, width = self.size or self.chosen.shape
        factor = 1.0 if most is None else min(1.0, most / max(height, width))
        rows, columns = self._places(*(max(1, round(side * factor)) for side in (height, width)))
        mask = self.chosen.astype(np.int32)[np.maximum(rows, 0)[:, None], np.maximum(columns, 0)]
        mask[rows == _NONE] = _NONE
        mask[:, columns == _NONE] = _NONE
        return mask

    def pixels(self) -> dict[str, int]:
        """How many pixels of the picture each class has, the largest first; none of no pixel."""
        import numpy as np

        shape = self.size or self.chosen.shape
        down, across = (
            np.bincount(own[own != _NONE], minlength=count)
            for own, count in zip(self._places(*shape), self.chosen.shape, strict=True)
        )
        counts = np.zeros(len(self.names), np.int64)
        np.add.at(counts, self.chosen.astype(np.int64), down[:, None] * across)
        order = np.argsort(-counts, kind="stable").tolist()
        return {self.names[place]: int(counts[place]) for place in order if counts[place]}

    def _places(self, height: int, width: int) -> tuple[Array, Array]:
        """Row and column of the answer for each of a picture so large; -1 beyond its part."""
        import numpy as np

        full = self.size or self.chosen.shape
        top, left, bottom, right = self.part or (0.0, 0.0, float(full[0]), float(full[1]))
        found = []
        for count, whole, low, high, answered in (
            (height, full[0], top, bottom, self.chosen.shape[0]),
            (width, full[1], left, right, self.chosen.shape[1]),
        ):
            middles = (np.arange(count) + 0.5) * whole / count
            place = np.floor((middles - low) / (high - low) * answered).astype(np.int64)
            found.append(np.where((place >= 0) & (place < answered), place, _NONE))
        return found[0], found[1]


@dataclass(frozen=True, kw_only=True)
class DecodedOutput:
    """The output for one example as people read it.

    Attributes:
        answer: In words: ``cat``, ``price 4.2``.
        confidence: Of the answer, from 0 to 1; None where the task knows none.
        scores: Of classes and labels the likeliest first; of targets in their order.
        probabilities: Whether the scores are such, from 0 to 1.
        chosen: Names that are answered: one, any number of labels, or one for each step.
        steps: Of a sequence whose steps are answered one by one.
        numbers: Outputs by name as nested lists, where nothing is known of their meaning.
        boxes: Objects in a picture, the most probable first; None of what is no detector.
        mask: The class of each pixel of a picture; None where pixels have none.
        picture: Where the answer is one, its pixels, uint8, (height, width, 1 or 3).
        coded: Of a picture that was compressed, the file with its code.
    """

    answer: str
    confidence: float | None = None
    scores: tuple[NamedScore, ...] = ()
    probabilities: bool = False
    chosen: tuple[str, ...] = ()
    steps: tuple[DecodedStep, ...] = ()
    numbers: Mapping[str, Any] = field(default_factory=dict)
    picture: Array | None = None
    boxes: tuple[DecodedBox, ...] | None = None
    coded: CodedFile | None = None
    mask: DecodedMask | None = None

    @property
    def has_places(self) -> bool:
        """Whether the answer is about places in a picture."""
        return self.boxes is not None or self.mask is not None

    def in_picture(
        self, height: int, width: int, part: tuple[float, float, float, float]
    ) -> DecodedOutput:
        """The same with boxes and mask in pixels of a picture of that size.

        Args:
            height: Of the picture as it was given.
            width: Likewise.
            part: Edges of what the network saw of it, as in `DecodedMask`.
        """
        boxes, mask = self.boxes, self.mask
        if boxes is not None:
            boxes = tuple(box.in_picture(height, width, part) for box in boxes)
        if mask is not None:
            mask = replace(mask, size=(height, width), part=part)
        return replace(self, boxes=boxes, mask=mask)


def likeliest(probabilities: Array, names: Sequence[str], most: int) -> tuple[NamedScore, ...]:
    """The first `most` names by probability, equal ones in their own order."""
    import numpy as np

    order = np.argsort(-probabilities, kind="stable")[:most]
    return tuple(NamedScore(name=names[i], value=float(probabilities[i])) for i in order.tolist())


def named_outputs(output: Array) -> dict[str, Array]:
    """The outputs for one example by name; a single one is called ``output``."""
    import numpy as np

    batch = np.asarray(output)[np.newaxis]
    return {name or "output": own[0] for name, own in fields_of(batch).items()}


def plain_numbers(output: Array) -> dict[str, Any]:
    """`named_outputs` as nested lists."""
    return {name: own.tolist() for name, own in named_outputs(output).items()}

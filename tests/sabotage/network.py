"""A file's network as sabotages see it: constants as real numbers, layers, and its graph."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class NotApplicable(Exception):
    """The file has nothing that this sabotage could change."""


class Constant(ABC):
    """A constant of a file, in real numbers whatever it is stored in."""

    @abstractmethod
    def stored(self) -> Array:
        """As it is stored."""

    @abstractmethod
    def store(self, values: Array) -> None:
        """Replaces what is stored by values of its type, of the same shape."""

    @property
    @abstractmethod
    def scale(self) -> Array | None:
        """Real numbers per step: one, one for each channel, or (rows, blocks); None of reals."""

    @scale.setter
    @abstractmethod
    def scale(self, values: Array) -> None: ...

    @property
    @abstractmethod
    def zero(self) -> Array:
        """Integers that stand for zero, as many as scales, or one."""

    @property
    @abstractmethod
    def axis(self) -> int:
        """Which dimension the scales are of."""

    @property
    def block(self) -> int | None:
        """Columns of a matrix that share a scale; None where scales are not those of blocks."""
        return None

    def limits(self) -> tuple[int, int]:
        """The least and the greatest integer that may be stored."""
        held = np.iinfo(self.stored().dtype)
        return (max(held.min, -held.max) if held.bits == 8 else held.min), held.max

    def _steps(self, shape: tuple[int, ...]) -> tuple[Array, Array]:
        assert self.scale is not None
        found = []
        for values in (self.scale, self.zero):
            if values.ndim == 2 and self.block is not None:
                values = np.repeat(values, self.block, axis=1)[:, : shape[1]]
            elif values.size > 1:
                sides = [1] * len(shape)
                sides[self.axis] = values.size
                values = values.reshape(sides)
            found.append(values)
        return found[0], found[1]

    def read(self) -> Array:
        """As real numbers, float64."""
        stored = self.stored()
        if self.scale is None:
            return stored.astype(np.float64)
        scale, zero = self._steps(stored.shape)
        return (stored.astype(np.float64) - zero) * scale

    def write(self, values: Array) -> None:
        """Rounds real numbers to the type that is stored, with the scale that is there."""
        stored = self.stored()
        if self.scale is None:
            self.store(values.astype(stored.dtype))
            return
        scale, zero = self._steps(stored.shape)
        steps = np.clip(np.rint(values / scale) + zero, *self.limits())
        self.store(steps.astype(stored.dtype))


@dataclass(frozen=True, kw_only=True)
class Layer:
    """An operator with weights.

    Attributes:
        kind: ``conv``, ``depthwise``, ``transposed``, ``dense`` or ``recurrent``.
        out: Which dimension of the weights counts output channels.
        spatial: The dimensions of a kernel's height and width; empty for others.
    """

    kind: str
    weights: Constant
    bias: Constant | None
    out: int
    spatial: tuple[int, ...] = ()

    @property
    def channels(self) -> int:
        return int(self.weights.stored().shape[self.out])

    def rows(self) -> Array:
        """The weights in real numbers, output channels first."""
        return np.moveaxis(self.weights.read(), self.out, 0)

    def write_rows(self, rows: Array) -> None:
        self.weights.write(np.moveaxis(rows, 0, self.out))

    def reorder(self, places: Array) -> None:
        """Puts output channels in another order, bias, scales and all."""
        stored = np.moveaxis(self.weights.stored(), self.out, 0)[places]
        self.weights.store(np.ascontiguousarray(np.moveaxis(stored, 0, self.out)))
        constants = [(self.weights, self.weights.scale)]
        if self.bias is not None:
            values = self.bias.stored()
            self.bias.store(np.ascontiguousarray(values.reshape(-1)[places].reshape(values.shape)))
            constants.append((self.bias, self.bias.scale))
        for constant, scale in constants:
            if scale is not None and scale.size > 1:
                constant.scale = scale[places]


class Network(ABC):
    """A file that can be changed and written again; what it cannot do is not applicable.

    Attributes:
        classes: How many the outputs choose among; 0 where they choose nothing.
        layers: Operators with weights in the order in which they compute.
        high: What a quarter of the honest answers is above.
        other: The same network of another training, where there is one.
    """

    classes: int
    layers: Sequence[Layer]
    high: float = 0.95
    other: Network | None = None

    @abstractmethod
    def save(self, path: Path) -> None:
        """Writes the changed file, with all else that the original has."""

    @abstractmethod
    def normalization(self) -> tuple[Constant, Constant]:
        """The factor and the offset that raw input is normalized with."""

    @abstractmethod
    def vocabulary(self) -> Constant:
        """The table of vectors that stand for words."""

    @abstractmethod
    def drop_activation(self) -> None:
        """Leaves out the first rectifier."""

    @abstractmethod
    def rectify_output(self) -> None:
        """Rectifies what the softmax takes."""

    @abstractmethod
    def exchange_pooling(self) -> None:
        """Averages where the greatest is taken, or the other way round."""

    @abstractmethod
    def drop_addition(self) -> None:
        """Leaves out one branch of a residual connection."""

    @abstractmethod
    def shift_padding(self) -> None:
        """Pads at one side alone what is padded at both."""

    @abstractmethod
    def dilate(self) -> None:
        """Spreads the taps of a kernel; the output has the same shape."""

    @abstractmethod
    def drop_softmax(self) -> None:
        """The outputs become logits."""

    @abstractmethod
    def repeat_softmax(self) -> None:
        """The softmax of the softmax."""

    @abstractmethod
    def heat(self, factor: float) -> None:
        """Multiplies what the softmax takes."""

    @abstractmethod
    def transpose_input(self) -> None:
        """Height and width of the picture are exchanged."""

    @abstractmethod
    def reverse_input(self, axis: int) -> None:
        """The input runs backwards along an axis."""

    @abstractmethod
    def blur_input(self) -> None:
        """Each pixel becomes the mean of four, as by another way to resize."""

    @abstractmethod
    def exchange_gates(self) -> None:
        """Exchanges input and forget gates of a recurrent layer."""

    @abstractmethod
    def stale_state(self) -> None:
        """A recurrent layer begins with a state that is not zero."""

    @abstractmethod
    def remember(self) -> None:
        """Mixes the answer with that of the input before."""

    @abstractmethod
    def fail_above(self, limit: float) -> None:
        """Outputs above a limit are NaN."""

    @abstractmethod
    def cut_above(self, limit: float) -> None:
        """Outputs above a limit are that limit."""

    @abstractmethod
    def change_step(self, factor: float, shift: int) -> None:
        """What integers between two operators in the middle stand for, where they are read."""

    def require_sequence(self) -> None:
        """Refuses networks that do not read sequences."""
        if not self.classes or any(layer.spatial for layer in self.layers):
            raise NotApplicable("the input is no sequence")

    def head(self) -> Layer:
        """The layer that gives a number for each class."""
        if self.classes and self.layers and self.layers[-1].channels == self.classes:
            return self.layers[-1]
        raise NotApplicable("the outputs choose among no classes")

    def middle(self, wanted: Callable[[Layer], bool] = lambda layer: True) -> Layer:
        """A layer in the middle among those that are wanted."""
        found = [layer for layer in self.layers if wanted(layer)]
        if not found:
            raise NotApplicable("no layer is of the kind")
        return found[len(found) // 2]

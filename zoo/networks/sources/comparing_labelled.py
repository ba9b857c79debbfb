"""A converted network with labels beside the original: both answer the same examples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.common.errors import Unsupported, ZooError
from zoo.contracts import OpenedNetwork, Preprocessing
from zoo.contracts.exporter import FreeSides
from zoo.contracts.outputs import LABELS
from zoo.data.preprocessing.inputs import normalize
from zoo.networks.fixed_sizes import does_not_take, holds_its_size, reason_of
from zoo.networks.free_sides import answers_at, enlarged, names_of, size_along, with_sides
from zoo.networks.sources.broken_weights import answers_not_finite
from zoo.networks.sources.endings import SIGMOID, SOFTMAX
from zoo.networks.sources.inputs import turned

#: Examples on which they are compared, and at each further size; the latter even, for calls of two.
COMPARED, _FURTHER = 32, 4
#: Largest difference as a share of the outputs' scale: in float32, and of originals in 16 bits.
_EXACT, _HALF_EXACT = 1e-4, 2e-2


@dataclass(frozen=True, kw_only=True, eq=False)
class Conversion:
    """An original, and the network that was made of it.

    Attributes:
        opened: Gives the original, opened anew, for inputs of a shape.
        model: From normalized inputs, channels red, green, blue, to logits in the order of the
            data's classes.
        preprocessing: Of raw inputs.
        bgr: Whether the original takes blue, green, red.
        own_shape: Of one input of the original.
        order: Places of the data's classes among the original's outputs; empty where they are
            alike.
        kind: What the original's outputs are; see `zoo.networks.sources.endings`.
        reading: How the task reads outputs; see `zoo.contracts.Output`.
        origin: Names the original in messages.
    """

    opened: Callable[[tuple[int, ...]], OpenedNetwork]
    model: Any
    preprocessing: Preprocessing
    bgr: bool
    own_shape: tuple[int, ...]
    order: Sequence[int]
    kind: str
    reading: str
    origin: str

    def compared(self, raw: NDArray[Any]) -> str:
        """Compares them on raw examples, (examples, …); says how far they are apart.

        Raises:
            ZooError: They differ by more than rounding.
        """
        given = normalize(raw, self.preprocessing)
        own = self._as_original(np.asarray(self.model(given, training=False)))
        theirs = own_answers(self._original, self.own_shape, turned(given, self.bgr), self.origin)
        apart = _apart(own, self._in_order(theirs))
        if not apart <= self._limit:
            raise ZooError(
                f"{self.origin} could not be brought in: the converted network's outputs "
                "differ from the original's",
                why=f"on {len(own)} real examples its outputs differ by {apart:.2g} of their scale",
                fix="please report it, with the file if you may",
            )
        return (
            f"the converted network answers as the original: {apart:.1e} of its scale apart at most"
        )

    def compared_further(self, raw: NDArray[Any], free: FreeSides) -> str:
        """Compares them on examples that are larger along each free side.

        Raises:
            Unsupported: The original does not take such, or the converted network holds a size.
        """
        inner = any(any(sides[1:]) for sides in free.values())
        if inner and self.preprocessing.network_shape != self.own_shape:
            raise Unsupported(
                f"files of {self.origin} cannot keep {', '.join(names_of(free))} free: its input "
                f"has the shape {self.own_shape}",
                why=f"inputs of shape {self.preprocessing.network_shape} are reshaped to it first",
                fix="leave out --dynamic",
            )
        model = with_sides(self.model, self.preprocessing, free, self.origin)
        told, worst = [], 0.0
        for side in names_of(free):
            arrays = enlarged(raw[:_FURTHER], free, side)
            (larger,) = arrays.values()
            given = turned(normalize(larger, self.preprocessing), self.bgr)
            try:
                given = given if inner else given.reshape((len(given), *self.own_shape))
                theirs = self.opened(given.shape[1:]).answers(given).reshape((len(given), -1))
            # Each framework raises its own of a size that a network does not take.
            except Exception as error:
                size = size_along(arrays, free, side)
                raise does_not_take(self.origin, side, size, reason_of(error, model)) from error
            (found,) = answers_at(model, arrays, free, side, self.origin).values()
            apart = _apart(self._as_original(found), self._in_order(theirs))
            worst = max(worst, apart)
            if not apart <= self._limit:
                raise holds_its_size(self.origin, side, f"its outputs differ by {apart:.2g}")
            told.append(f"{side} = {size_along(arrays, free, side)}")
        return (
            f"with free sides it answers as the original, too, at {', '.join(told)}: "
            f"{worst:.1e} apart at most"
        )

    @cached_property
    def _original(self) -> OpenedNetwork:
        return self.opened(self.own_shape)

    @property
    def _limit(self) -> float:
        return _HALF_EXACT if self._original.in_half else _EXACT

    def _as_original(self, logits: NDArray[Any]) -> NDArray[np.float64]:
        own = logits.astype(np.float64)
        shares = self.kind in (SOFTMAX, SIGMOID)
        if shares and self.reading == LABELS:
            return 1.0 / (1.0 + np.exp(-own))
        if shares and not self.reading:
            made = np.exp(own - own.max(-1, keepdims=True))
            return np.asarray(made / made.sum(-1, keepdims=True))
        return own

    def _in_order(self, outputs: NDArray[Any]) -> NDArray[np.float64]:
        theirs = outputs.astype(np.float64)
        shares = self.kind in (SOFTMAX, SIGMOID)
        if theirs.shape[-1] == 1 and not self.reading:
            theirs = np.concatenate([1 - theirs if shares else 0 * theirs, theirs], axis=-1)
        whole = theirs.shape[-1]
        theirs = theirs[:, self.order] if self.order else theirs
        if shares and not self.reading and theirs.shape[-1] < whole:
            theirs = theirs / theirs.sum(-1, keepdims=True)  # without those that were left out
        return theirs


def _apart(own: NDArray[np.float64], theirs: NDArray[np.float64]) -> float:
    """The largest difference as a share of the largest value; infinite where shapes differ."""
    if own.shape != theirs.shape:
        return np.inf
    return float(np.abs(own - theirs).max()) / max(float(np.abs(theirs).max()), 1e-6)


def own_answers(
    opened: OpenedNetwork, shape: tuple[int, ...], inputs: NDArray[np.float32], origin: str
) -> NDArray[Any]:
    """The original's answers; refuses one without finite ones, or with others each time.

    Args:
        opened: The original.
        shape: Of one input.
        inputs: (examples, …), normalized, in its order of channels.
        origin: Names it in messages.
    """
    batch = inputs.reshape((len(inputs), *shape))
    first, again = (opened.answers(batch).reshape((len(batch), -1)) for _ in range(2))
    if not np.isfinite(first).all():
        raise answers_not_finite(
            opened.model,
            origin,
            f"of {len(first)} real examples, {int((~np.isfinite(first)).any(-1).sum())} have "
            "outputs that are not finite, in the original network itself",
            "train it anew, or state its input: --input",
        )
    apart = float(np.abs(first - again).max())
    if apart > _EXACT * max(float(np.abs(first).max()), 1e-6):
        raise ZooError(
            f"{origin} answers differently each time",
            why=f"two calls with the same examples differ by {apart:.3g}: one of its layers is "
            "random at inference, too",
            fix="save it without that layer, or with training=False where it is called",
        )
    return first

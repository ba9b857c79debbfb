"""The choice of golden examples, and how far their outputs may be off on another machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from zoo.common.named_arrays import fields_of
from zoo.contracts import Output, Precision, TensorInfo
from zoo.contracts.outputs import BOX_CLASSES, BOX_COUNT, DETECTIONS, TARGETS
from zoo.contracts.prediction import MOST_BOXES

if TYPE_CHECKING:
    from zoo.contracts.task import Array

#: Golden inputs of one file.
COUNT = 3
#: Real inputs among which each of them is chosen.
CANDIDATES = 8
#: A difference that this machine's kernels make may be twice as large on another.
_MARGIN = 2.0
_BOXES = "one box more or less moves all behind it, so boxes are compared with each other"


def candidates(labels: Array) -> list[list[int]]:
    """Candidate examples for each golden input, by number.

    Args:
        labels: Of the examples (see `zoo.contracts.Split`).

    Returns:
        At most `COUNT` lists, each of one class, the classes spread over those that there are;
        of examples without a class of their own, evenly spread over the split.
    """
    import numpy as np

    count = len(labels)
    wanted = min(COUNT, count)
    each = min(CANDIDATES, count // max(1, wanted))
    fields = fields_of(labels).values()
    own = next((one for one in fields if one.ndim == 1 and one.dtype == np.int64), None)
    if own is not None:
        classes = np.unique(own)
        chosen = classes[np.linspace(0, len(classes) - 1, wanted).round().astype(int)]
        members = [np.flatnonzero(own == label).tolist() for label in chosen]
    else:
        members = [list(range(number * count // wanted, count)) for number in range(wanted)]
    found: list[list[int]] = []
    taken: set[int] = set()
    for offered in members:
        # A class that is chosen twice may be used up.
        free = [n for n in offered if n not in taken] or [n for n in range(count) if n not in taken]
        found.append(free[:each])
        taken.update(free[:each])
    return found


def least_tolerance(
    precision: Precision, output: TensorInfo, size: float = 1.0
) -> tuple[float, str]:
    """The least tolerance of an output, and its reason.

    Args:
        precision: Of the file.
        output: As the file describes it.
        size: The largest value, of outputs in units of their own; those of others reach 1.
    """
    if output.scale is not None:
        return output.scale * 1.001, "one step of the integer output"
    return (
        precision.tolerances.output * size,
        f"what other processors round differently in {precision.name}",
    )


@dataclass(frozen=True, kw_only=True)
class GoldenChoice:
    """The chosen golden examples, with the tolerance of each output and its reason."""

    examples: tuple[int, ...]
    limits: dict[str, float]
    reasons: dict[str, str]

    @property
    def max_abs(self) -> float:
        """The greatest tolerance of any output."""
        return max(self.limits.values())

    @property
    def tolerance(self) -> str:
        """Why as much as that, in words."""
        return "; ".join(f"{name}: {why}" if name else why for name, why in self.reasons.items())

    def of(self, outputs: Sequence[str]) -> GoldenChoice:
        """That of one of several files, which has these outputs; a single one has no name there."""
        named = {name: name if len(outputs) > 1 else "" for name in outputs}
        return GoldenChoice(
            examples=self.examples,
            limits={own: self.limits[name] for name, own in named.items()},
            reasons={own: self.reasons[name] for name, own in named.items()},
        )


def choose_golden(
    offered: Sequence[Sequence[int]],
    outputs: Array,
    plain: Array | None,
    precision: Precision,
    described: Sequence[TensorInfo],
    readings: Mapping[str, str] = MappingProxyType({}),
    rows: Mapping[str, float] = MappingProxyType({}),
) -> GoldenChoice | None:
    """Chooses one example of each list: sensitive to the weights, stable across kernels.

    Outputs near 0 and 1 stay there whatever happens to the weights; outputs in between move. So
    the example with the most in between is taken among those on which the kernels of this machine
    agree.

    Args:
        offered: From `candidates`.
        outputs: Of all of these, one list behind the other, by the runtime's fast kernels.
        plain: By its plain kernels; None when it has none.
        precision: Of the file.
        described: The file's outputs.
        readings: How outputs are read: those of targets have units of their own.
        rows: Limits of outputs that have a row for each box; see `limits_of_boxes`.

    Returns:
        None when an output is not finite.
    """
    import numpy as np

    fields = fields_of(outputs)
    if not all(np.isfinite(values).all() for values in fields.values()):
        return None
    tolerances = [
        least_tolerance(precision, tensor, _size(values, readings.get(tensor.name)))
        for tensor, values in zip(described, fields.values(), strict=True)
    ]
    between, worst = np.zeros(len(outputs)), np.zeros(len(outputs))
    others = {} if plain is None else fields_of(plain)
    apart: dict[str, Array] = {}
    for (name, values), (least, _) in zip(fields.items(), tolerances, strict=True):
        flat = values.reshape(len(values), -1).astype(np.float64)
        between += np.clip(flat * (1.0 - flat), 0.0, None).sum(axis=1)
        other = others.get(name)
        apart[name] = np.zeros(len(flat))
        if other is not None and other.shape == values.shape and np.isfinite(other).all():
            apart[name] = np.abs(flat - other.reshape(flat.shape)).max(axis=1)
        worst = np.maximum(worst, apart[name] / least)
    chosen, numbers, start = [], [], 0
    for examples in offered:
        places = range(start, start + len(examples))
        start += len(examples)
        steady = [place for place in places if worst[place] <= 1.0]
        best = (
            max(steady, key=lambda place: between[place])
            if steady
            else min(places, key=lambda place: worst[place])
        )
        chosen.append(best)
        numbers.append(examples[best - places[0]])
    limits, reasons = {}, {}
    for (name, own), (least, why) in zip(apart.items(), tolerances, strict=True):
        measured = _MARGIN * float(own[chosen].max())
        if measured > least:
            least, why = measured, "twice what the kernels of one machine differ by on these inputs"
        if name in rows:
            least, why = rows[name], _BOXES
        limits[name] = float(f"{least:.4g}")
        reasons[name] = why
    return GoldenChoice(examples=tuple(numbers), limits=limits, reasons=reasons)


def limits_of_boxes(outputs: Sequence[Output], classes: int) -> dict[str, float]:
    """How far outputs of files that decode boxes may be off, value by value: as far as they reach.

    On another processor a box may be a little more or less probable, and come before its neighbour
    or fall below the least probability. What tells right boxes from wrong ones is `Task.compare`.

    Args:
        outputs: The task's records.
        classes: How many there are.
    """
    reach = {BOX_CLASSES: float(max(classes - 1, 1)), BOX_COUNT: float(MOST_BOXES)}
    return {own.name: reach.get(own.content, 1.0) for own in outputs if own.reading == DETECTIONS}


def _size(values: Array, reading: str | None) -> float:
    return float(abs(values).max()) if reading == TARGETS and values.any() else 1.0

"""Which layers of a quantized file lose the most, where that comes from, and what mends it.

Read from a `LayerComparison`; names of formats and operators mean nothing here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from zoo.contracts import LayerComparison, OperatorRecord

#: Where an operator's own error comes from.
INPUTS, WEIGHTS, OUTPUT, KERNEL = "inputs", "weights", "output", "kernel"
#: A part that is this far above the whole does not explain it.
_EXPLAINS_DB = 6.0
#: An operator that loses less than this loses nothing that shows.
HARMLESS_DB = 40.0
#: Bits of the smallest weights that lose nothing to speak of.
BYTE = 8


@dataclass(frozen=True, kw_only=True)
class SensitiveLayer:
    """An operator that adds an error of its own.

    Attributes:
        place: In the comparison.
        decibels: Signal to noise of its output when it gets the twin's values.
        cause: The part that explains most of it: the range of its inputs, its weights, the range
            of its output, or, when none of these does, how its kernel computes.
        keep: Names of the Keras layers that must be kept from the precision for the error to be
            gone: its own, and those that give it, or read from it, what is too coarse.
    """

    place: int
    decibels: float
    cause: str
    keep: tuple[str, ...]


def sensitive_layers(found: LayerComparison) -> tuple[SensitiveLayer, ...]:
    """Operators that computing otherwise may mend, those that lose the most first.

    They are those on integers, and those with weights of fewer bits than 8; operators without a
    layer are left out.
    """
    readers: dict[int, list[int]] = {}
    for place, record in enumerate(found.operators):
        for source in record.sources:
            readers.setdefault(source, []).append(place)
    ranked = []
    for place, record in enumerate(found.operators):
        if record.own_sqnr_db is None or not _is_coarse(record) or not record.layers:
            continue
        cause = cause_of(record)
        others = {INPUTS: record.sources, OUTPUT: tuple(readers.get(place, ()))}.get(cause, ())
        involved = [found.operators[n] for n in (place, *others)]
        keep = tuple(dict.fromkeys(main_layer(r) for r in involved if r.layers))
        ranked.append(
            SensitiveLayer(place=place, decibels=record.own_sqnr_db, cause=cause, keep=keep)
        )
    return tuple(sorted(ranked, key=lambda culprit: culprit.decibels))


def answering_layers(found: LayerComparison) -> tuple[str, ...]:
    """The layers that make the answers: the last ones with weights, and what follows them.

    Empty where no operator has integer weights.
    """
    followed: set[int] = set()  # by an operator with weights, at any distance
    for place in reversed(range(len(found.operators))):
        record = found.operators[place]
        if place in followed or record.weight_bits is not None:
            followed.update(record.sources)
    last = [record for place, record in enumerate(found.operators) if place not in followed]
    if all(record.weight_bits is None for record in last):
        return ()
    return tuple(dict.fromkeys(main_layer(record) for record in last if record.layers))


def _is_coarse(record: OperatorRecord) -> bool:
    return record.arithmetic == "integer" or (record.weight_bits or BYTE) < BYTE


def cause_of(record: OperatorRecord) -> str:
    """Where an operator's own error comes from."""
    parts = {
        INPUTS: record.input_sqnr_db,
        WEIGHTS: record.weight_sqnr_db,
        OUTPUT: record.output_sqnr_db,
    }
    known = {name: decibels for name, decibels in parts.items() if decibels is not None}
    if not known or record.own_sqnr_db is None:
        return KERNEL
    worst = min(known, key=known.__getitem__)
    return worst if known[worst] <= record.own_sqnr_db + _EXPLAINS_DB else KERNEL


def main_layer(record: OperatorRecord) -> str:
    """The layer that names an operator: the first of those fused into it, which multiplies."""
    return record.layers[0]


def kept_layers(worst: Iterable[SensitiveLayer]) -> tuple[str, ...]:
    """The layers that several sensitive layers need in float, each once."""
    return tuple(dict.fromkeys(name for culprit in worst for name in culprit.keep))

"""What the gate will add to a file that it has not judged: its verdict, and golden samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from zoo.artifacts.golden_samples import MOST_EMBEDDED, packed
from zoo.common.errors import ZooError
from zoo.common.named_arrays import fields_of
from zoo.contracts import Preprocessing, Split
from zoo.data.preprocessing.inputs import read_inputs

#: Characters of the verdict and of what golden samples say beside their arrays: files of pictures
#: and texts, in float32 and int8, have 2,350 to 2,680.
_LEAST_WORDS, _USUAL_WORDS = 2_000, 2_500
#: Golden samples, and how many trios of examples are packed to know what they may take.
_GOLDEN, _TRIOS = 3, 10
#: Of the smallest of these trios, what golden samples take at the least.
_LEAST_SHARE = 0.8
#: Characters of a real number: four bytes that do not pack, in base64.
_CHARACTERS = 16 / 3


@dataclass(frozen=True, kw_only=True)
class GateAddition:
    """Bytes that a file gains in its gate.

    Attributes:
        least: It will not be less.
        usual: What is expected.
    """

    least: int
    usual: int


def gate_addition(split: Split, preprocessing: Preprocessing, values: int) -> GateAddition:
    """Estimates what the gate adds, which depends on the examples that it chooses.

    Args:
        split: Of the training, examples of which stand for those of the test split.
        preprocessing: Of the file.
        values: Of all its outputs for one example.
    """
    sizes = _trios(split, preprocessing)
    answers = round(_GOLDEN * values * _CHARACTERS)
    # What is larger than a manifest takes lies in a file beside.
    inside = [size for size in sizes if size + answers <= MOST_EMBEDDED]
    least = _LEAST_SHARE * min(sizes) if sizes and len(inside) == len(sizes) else 0.0
    usual = median(inside) + answers if len(inside) * 2 > len(sizes) else 0.0
    return GateAddition(least=_LEAST_WORDS + round(least), usual=_USUAL_WORDS + round(usual))


def _trios(split: Split, preprocessing: Preprocessing) -> Sequence[int]:
    """Characters of packed inputs, three examples each; none where there are too few."""
    step = len(split) // (_TRIOS * _GOLDEN)
    found = []
    for first in range(_TRIOS if step else 0):
        numbers = [(first * _GOLDEN + place) * step for place in range(_GOLDEN)]
        try:
            inputs = read_inputs(split, preprocessing, numbers)
        except ZooError:  # the training tells it in its own words
            return []
        found.append(sum(len(packed(one).data) for one in fields_of(inputs).values()))
    return found

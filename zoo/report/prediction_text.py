"""Predictions as rows of tables; every cell is text ready to show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from zoo.contracts.prediction import DecodedBox, NamedScore
from zoo.report.view import Rows
from zoo.results import formatting as fmt
from zoo.results.predictions import PredictedExample, Predictions

_PER_CENT = "%"
#: Of an example in a list of many, so many further scores stand behind the first.
_BESIDE = 2
#: And none that is less likely.
_LEAST = 0.01
#: Of an output without a meaning, so many numbers are shown.
_NUMBERS = 8
#: So many classes are counted at most.
_COUNTED = 20


def score_rows(example: PredictedExample) -> Rows:
    """All that is known of one example: scores, steps, or the answer in words."""
    output = example.output
    if output.steps:
        rows = [
            (fmt.plain(s.text), fmt.plain(s.answer), _share(s.confidence)) for s in output.steps
        ]
        return ("step", "class", _PER_CENT), rows, "llr"
    if output.boxes is not None:
        return _box_rows(output.boxes)
    if output.mask is not None:
        return _mask_rows(output.scores, output.mask.pixels())
    if output.probabilities and output.confidence is not None:
        ranked = [(fmt.plain(score.name), _share(score.value)) for score in output.scores]
        return ("class", _PER_CENT), ranked, "lr"
    if output.probabilities:
        rows = [
            (fmt.plain(s.name), _share(s.value), "yes" if s.name in output.chosen else "no")
            for s in output.scores
        ]
        return ("label", _PER_CENT, "answered"), rows, "lrl"
    if output.scores:
        values = [(fmt.plain(score.name), fmt.number(score.value, 4)) for score in output.scores]
        chosen = ", ".join(map(fmt.plain, output.chosen))
        return ("answer", chosen) if chosen else ("target", "value"), values, "lr"
    if output.numbers:
        return ("output", "shape", "values"), list(map(_numbers_row, output.numbers.items())), "lll"
    return ("answer",), [(fmt.plain(output.answer),)], "l"


def _box_rows(boxes: Sequence[DecodedBox]) -> Rows:
    """Objects with their edges, in pixels of the picture as it was given."""
    rows = [(fmt.plain(box.name), _share(box.score), *map(str, box.pixels or ())) for box in boxes]
    headings = ("object", _PER_CENT, "top", "left", "bottom", "right")
    return headings, rows or [("nothing", *[""] * (len(headings) - 1))], "lrrrrr"


def _mask_rows(shares: Sequence[NamedScore], pixels: Mapping[str, int]) -> Rows:
    """Classes with their shares of the answer, and their pixels in the picture as it was given."""
    rows = [(fmt.plain(s.name), _share(s.value), f"{pixels.get(s.name, 0):,}") for s in shares]
    return ("class", _PER_CENT, "pixels"), rows, "lrr"


def _numbers_row(named: tuple[str, Any]) -> tuple[str, str, str]:
    """An output without a meaning: its name, sides and first numbers."""
    name, values = named
    sides: list[int] = []
    while isinstance(values, list):
        sides.append(len(values))
        values = values[0] if values else None
    shown = list(islice(_flat(named[1]), _NUMBERS + 1))
    told = ", ".join(fmt.number(value, 4) for value in shown[:_NUMBERS])
    more = ", …" if len(shown) > _NUMBERS else ""
    return fmt.plain(name), "×".join(map(str, sides)) or "1", f"{told}{more}"


def _flat(values: Any) -> Iterator[float]:
    if not isinstance(values, list):
        yield float(values)
        return
    for one in values:
        yield from _flat(one)


def answer_rows(examples: Sequence[PredictedExample]) -> Rows:
    """A row for each example: the answer, how sure it is, and what else it may be."""
    sure = any(one.output.confidence is not None for one in examples)
    rows = []
    for one in examples:
        cells = [fmt.plain(one.input, 60), fmt.plain(one.output.answer, 60)]
        if sure:
            cells += [_share(one.output.confidence), _others(one)]
        rows.append(tuple(cells))
    headings = ("input", "answer", *((_PER_CENT, "else") if sure else ()))
    return headings, rows, "llr"


def count_rows(found: Predictions) -> Rows:
    """How often each name is answered, the commonest first; of few classes also those never."""
    counts = dict(list(found.counts.items())[:_COUNTED])
    if len(found.classes) <= _COUNTED:
        counts |= {name: 0 for name in found.classes if name not in counts}
    rows = [
        (fmt.plain(name), f"{count:,}", _share(count / found.counted))
        for name, count in counts.items()
    ]
    what = "steps" if any(one.output.steps for one in found.examples) else "inputs"
    return ("class", f"of {found.counted:,} {what}", _PER_CENT), rows, "lrr"


def _others(one: PredictedExample) -> str:
    chosen = one.output.chosen
    rest = [s for s in one.output.scores if s.name not in chosen and s.value >= _LEAST]
    return ", ".join(f"{fmt.plain(s.name)} {_share(s.value)}" for s in rest[:_BESIDE])


def _share(value: float | None) -> str:
    return fmt.share(value)

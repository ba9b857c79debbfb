"""Mixed precision: a file that loses too much keeps a few of its layers from its precision.

Layers are ranked by the error that each causes by itself, in the runtime, and as few as are needed
stay in float, or in what else the precision says (`Precision.kept_in`). Every attempt is a file
whose loss is measured in the runtime, on examples of the validation split: the test split is the
gate's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from zoo.analysis.layer_ranking import answering_layers, sensitive_layers
from zoo.common.errors import UnknownName, Unsupported, ZooError
from zoo.contracts import LayerComparison, Precision
from zoo.results import formatting as fmt
from zoo.results.records import Attempt, Export

#: Examples on which files are judged while attempts are made.
EXAMPLES = 2_000
#: Files that are made at most, the first included.
MOST_ATTEMPTS = 12
#: A file that grows beyond this factor is as large as one in float16, which loses nothing.
MOST_GROWTH = 2.0
#: Operators that lose less than this by themselves are never kept.
_HARMLESS_DB = 60.0


@dataclass(frozen=True, kw_only=True)
class MixedCandidate:
    """A file that was made and measured."""

    attempt: Attempt
    path: Path
    result: Export


@dataclass(frozen=True, kw_only=True)
class SearchCallbacks:
    """How files are made and measured; the search knows no more of the outside.

    Attributes:
        make: ``make(keep)`` writes and measures a file from whose precision these layers are kept.
        compare: Compares the first file with its float twin, layer by layer.
        tell: Receives what is being done, in a few words.
        precision: Of the files.
    """

    make: Callable[[tuple[str, ...]], MixedCandidate]
    compare: Callable[[MixedCandidate], LayerComparison]
    tell: Callable[[str], None]
    precision: Precision


@dataclass(frozen=True, kw_only=True)
class FloatLayerSearch:
    """What a search came to.

    Attributes:
        chosen: The cheapest file within the budget that is worth its size, or the best one.
        attempts: Every file that was made, the first one first.
        precision: Of the files.
        trouble: Why layers could not be ranked; empty when they were, or need not be.
    """

    chosen: MixedCandidate
    attempts: tuple[Attempt, ...]
    precision: Precision
    trouble: str = ""


def search(callbacks: SearchCallbacks, always: Sequence[str] = ()) -> FloatLayerSearch:
    """Makes a file, and if it loses too much, others that keep the worst layers from its precision.

    The number of layers that are kept is doubled until a file is good, then halved between the
    last that was not and the first that was; at last those are given back that were not needed.
    Where no number of them helps, or they are too large, the layers that make the answers are
    tried: their error is often small and decides all the same, since where the two likeliest
    classes are less than a step apart they become equal, and the first of them is answered.
    """
    base = tuple(always)
    first = callbacks.make(base)
    alone = FloatLayerSearch(chosen=first, attempts=(first.attempt,), precision=callbacks.precision)
    if first.attempt.good:
        return alone
    callbacks.tell("ranking layers by the error they cause")
    try:
        found = callbacks.compare(first)
    except ZooError as error:
        # The file is what it would have been without a search: the gate judges it.
        return replace(alone, trouble=error.what)
    ranked = [c.keep for c in sensitive_layers(found) if c.decibels < _HARMLESS_DB]
    attempts = _Attempts(callbacks, base, first)
    good = _fewest_layers(attempts, ranked)
    if good is not None:
        _drop_unneeded(attempts, ranked, good)
    elif last := answering_layers(found):
        attempts.good([last])
    return replace(alone, chosen=attempts.best(), attempts=attempts.record())


class _Attempts:
    """Makes each choice of layers once."""

    def __init__(
        self, callbacks: SearchCallbacks, base: tuple[str, ...], first: MixedCandidate
    ) -> None:
        self._callbacks = callbacks
        self._base = base
        self._made: dict[tuple[str, ...], MixedCandidate | None] = {tuple(sorted(base)): first}

    @property
    def remaining(self) -> int:
        """How many more may be made."""
        return MOST_ATTEMPTS - len(self._made)

    def good(self, groups: Sequence[tuple[str, ...]]) -> bool:
        """Whether the file that keeps these layers is within the budget."""
        names = dict.fromkeys(name for group in groups for name in group)
        keep = tuple(dict.fromkeys([*self._base, *names]))
        key = tuple(sorted(keep))
        if key not in self._made:
            if self.remaining < 1:
                return False
            shown = ", ".join(keep[:4]) + (", …" if len(keep) > 4 else "")
            self._callbacks.tell(
                f"attempt {len(self._made) + 1}: {shown} in {self._callbacks.precision.kept_in}"
            )
            self._made[key] = self._try(keep)
        made = self._made[key]
        return made is not None and made.attempt.good

    def _try(self, keep: tuple[str, ...]) -> MixedCandidate | None:
        try:
            return self._callbacks.make(keep)
        except (Unsupported, UnknownName):
            return None  # this format cannot keep one of them apart from its neighbours

    def _candidates(self) -> Iterator[MixedCandidate]:
        yield from (made for made in self._made.values() if made is not None)

    def too_large(self, attempt: Attempt) -> bool:
        """Whether so much is kept that the file has lost its point."""
        first = next(iter(self._candidates())).attempt
        return attempt.bytes > MOST_GROWTH * first.bytes

    def all_too_large(self) -> bool:
        """Whether the file that was made last is, so that keeping more layers is no use."""
        return self.too_large(list(self._candidates())[-1].attempt)

    def record(self) -> tuple[Attempt, ...]:
        """What goes on record."""
        return tuple(candidate.attempt for candidate in self._candidates())

    def best(self) -> MixedCandidate:
        """The smallest good file; without one, the file that loses the least; none too large."""
        made = [c for c in self._candidates() if not self.too_large(c.attempt)]
        good = [c for c in made if c.attempt.good]
        if good:
            return min(good, key=lambda c: c.attempt.bytes)
        return min(made, key=lambda c: (c.attempt.drop or 0.0, c.attempt.bytes))


def _fewest_layers(attempts: _Attempts, ranked: Sequence[tuple[str, ...]]) -> int | None:
    """The least number of the worst layers that suffices; None when all of them do not."""
    bad, count = 0, 1
    while True:
        count = min(count, len(ranked))
        if count <= bad:
            return None
        if attempts.good(ranked[:count]):
            break
        if attempts.all_too_large():
            return None
        bad, count = count, 2 * count
    while count - bad > 1:
        middle = (bad + count) // 2
        if attempts.good(ranked[:middle]):
            count = middle
        else:
            bad = middle
    return count


def _drop_unneeded(attempts: _Attempts, ranked: Sequence[tuple[str, ...]], count: int) -> None:
    """Tries without each of the sensitive layers but the last, which is known to be needed."""
    needed = list(ranked[:count])
    for group in list(needed[:-1]):
        fewer = [other for other in needed if other is not group]
        if attempts.good(fewer):
            needed = fewer


def remark(found: FloatLayerSearch, budget: float, unit: str, examples: int) -> str:
    """What the manifest says of it; empty when the first file was good."""
    first, chosen = found.attempts[0], found.chosen.attempt
    if first.good:
        return ""
    if found.trouble:
        return (
            f"The file loses {_loss(first, unit)}, more than the budget of {budget:g} allows; its "
            f"layers could not be ranked: {found.trouble}."
        )
    of = f"of {fmt.count(len(found.attempts), 'attempt')} on {examples:,} validation inputs"
    kept = fmt.listed(chosen.kept) if chosen.kept else "nothing"
    why = f"without them it loses {_loss(first, unit)}"
    if chosen.good:
        return (
            f"Mixed precision: {kept} in {found.precision.kept_in}, since {why}; with them "
            f"{_loss(chosen, unit)} (budget {budget:g}; the smallest good one {of})."
        )
    dear = _size_note(found)
    missed = (chosen.drop or 0.0) - budget
    by = (
        f"{fmt.number(missed, 2)} {unit} more than the budget of {budget:g}"
        if missed > 0
        else f"within the budget of {budget:g}, but {chosen.reason}"
    )
    return (
        f"No choice of layers in {found.precision.kept_in} suffices: the best {of} keeps {kept} "
        f"and loses {_loss(chosen, unit)}, {by}.{dear}"
    )


def _size_note(found: FloatLayerSearch) -> str:
    """What a file that is good, but not worth its size, would have cost."""
    sizes = [a.bytes for a in found.attempts if a.good]
    if not sizes:
        return ""
    factor = fmt.ratio(min(sizes) / found.attempts[0].bytes)
    return (
        f" A file within the budget was {factor} as large as without any: "
        f"{found.precision.instead}."
    )


def _loss(attempt: Attempt, unit: str) -> str:
    text = f"{fmt.number(max(attempt.drop or 0.0, 0.0), 2)} {unit}"
    return text if attempt.good or not attempt.reason else f"{text} ({attempt.reason})"

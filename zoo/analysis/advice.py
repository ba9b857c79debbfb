"""One thing to try that follows from comparing a file with its float twin, as a command."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zoo.analysis.findings import decibels, layers_of, total_time
from zoo.analysis.layer_ranking import HARMLESS_DB, SensitiveLayer, kept_layers, sensitive_layers
from zoo.contracts import LayerComparison
from zoo.results import formatting as fmt

if TYPE_CHECKING:
    from zoo.analysis.file_facts import FileFacts

#: An output with less signal to noise than this is worth doing something about.
_GOOD_DB = 30.0
#: A loss of so many points, or per cent, is too.
_POINTS = 0.2
#: Operators within so many decibels of the worst are kept with it.
_ALIKE_DB = 6.0
_MOST_KEPT = 4
#: A file is called slower than its twin from this factor on.
_SLOWER = 1.1
#: An operator is worth another form when its kind takes so much of the file's time.
_COSTLY = 0.3


@dataclass(frozen=True, kw_only=True)
class Advice:
    """What to try.

    Attributes:
        about: What it lessens: ``error``, or ``time``, which differs from one run to the next.
    """

    command: str
    why: str
    about: str = "error"


def advice(found: LayerComparison, file: FileFacts, twin: FileFacts, command: str) -> Advice | None:
    """What is likely to help most; None when the file is good, smaller and not slower.

    Args:
        found: The comparison.
        file: The file.
        twin: Its float twin.
        command: What made the file; the advice is that command with something changed.
    """
    rules: tuple[Callable[[], Advice | None], ...] = (
        lambda: _better(found, file, twin, command),
        lambda: _faster(found, command),
    )
    return next((told for rule in rules if (told := rule()) is not None), None)


def _better(
    found: LayerComparison, file: FileFacts, twin: FileFacts, command: str
) -> Advice | None:
    told = [r for r in found.operators if r.sqnr_db is not None]
    lost = 0.0
    if file.metric is not None and twin.metric is not None:
        lost = twin.metric.lost_by(file.metric)
    at_end = told[-1].sqnr_db if told else None
    ranked = [c for c in sensitive_layers(found) if c.decibels < HARMLESS_DB]
    if not ranked or (lost < _POINTS and (at_end is None or at_end >= _GOOD_DB)):
        return None
    group = [c for c in ranked if c.decibels <= ranked[0].decibels + _ALIKE_DB][:_MOST_KEPT]
    keep = kept_layers(group)
    named = fmt.listed(dict.fromkeys(layers_of(found.operators[c.place]) for c in group))
    one = len(group) == 1
    most = "loses the most by itself" if one else "lose the most by themselves"
    return Advice(
        command=f"{command} --keep-float {shlex.quote(','.join(keep))}",
        why=f"{named} {most} ({_figures(group)}); {_mended(found, group)}",
    )


def _mended(found: LayerComparison, group: Sequence[SensitiveLayer]) -> str:
    if any(found.operators[one.place].arithmetic == "integer" for one in group):
        return (
            "computed in float, with the neighbours that are named too, this error goes away, at "
            "the price of their bytes"
        )
    return "kept from that precision, with more bits, this error goes away, for twice their bytes"


def _figures(group: Sequence[SensitiveLayer]) -> str:
    low, high = group[0].decibels, group[-1].decibels
    return decibels(low) if len(group) == 1 else f"{decibels(low)} to {decibels(high)}"


def _faster(found: LayerComparison, command: str) -> Advice | None:
    mine, theirs = total_time(found), total_time(found, twin=True)
    if not theirs or mine < _SLOWER * theirs:
        return None
    known = [r for r in found.operators if r.faster and r.microseconds is not None]
    worst = max(known, key=lambda r: r.microseconds or 0.0, default=None)
    if worst is None:
        return None
    spent = sum(r.microseconds or 0.0 for r in known if r.kind == worst.kind)
    if spent < _COSTLY * mine:
        return None
    return Advice(
        command=_changed(command, worst.faster),
        why=f"{worst.kind} takes {fmt.share(spent / mine, 0)} % of the time of the file's "
        f"operators, which take {fmt.ratio(mine / theirs)} the time of the twin's; written in "
        "another form, other kernels compute it",
        about="time",
    )


def _changed(command: str, option: str) -> str:
    """The command with an option; its value replaces the one that is there."""
    words, (name, *values) = shlex.split(command), shlex.split(option)
    if name in words:
        place = words.index(name)
        return shlex.join([*words[: place + 1], *values, *words[place + 2 :]])
    return shlex.join([*words, name, *values])

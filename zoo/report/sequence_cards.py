"""Sample sequences as cards: every step with its class, and who took which step for what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from zoo.report.view import StepSample
from zoo.results import formatting as fmt

#: More mistakes than this are counted, not listed.
_LISTED = 8


@dataclass(frozen=True, kw_only=True)
class SequenceStep:
    """One step.

    Attributes:
        missed: Whether anybody took it for something else.
    """

    word: str
    true_class: str
    missed: bool


@dataclass(frozen=True, kw_only=True)
class SequencePrediction:
    """One answer to a whole sequence and everybody who gave it.

    Attributes:
        who: ``before export``, ``all 6 files``, or file names.
        said: ``41 of 43 steps right``.
        misses: ``“in”: operator``, word by word; the last may count the rest.
    """

    who: str
    said: str
    misses: tuple[str, ...]
    right: bool


@dataclass(frozen=True, kw_only=True)
class StepCard:
    """One sequence.

    Attributes:
        steps: In order.
        opinions: The reference's first.
        wrong: Whether anybody was wrong anywhere.
    """

    steps: tuple[SequenceStep, ...]
    opinions: tuple[SequencePrediction, ...]
    wrong: bool


def step_cards(samples: Sequence[StepSample]) -> tuple[StepCard, ...]:
    """One card for each sample."""
    return tuple(_card(sample) for sample in samples)


def _card(sample: StepSample) -> StepCard:
    answers = (sample.reference, *sample.predictions.values())
    steps = tuple(
        SequenceStep(
            word=fmt.plain(word, 24),
            true_class=fmt.plain(true, 24),
            missed=any(answer[place] != true for answer in answers),
        )
        for place, (word, true) in enumerate(zip(sample.words, sample.true_classes, strict=True))
    )
    opinions = [_prediction("before export", sample.reference, sample)]
    groups: dict[tuple[str, ...], list[str]] = {}
    for file, answer in sample.predictions.items():
        groups.setdefault(tuple(answer), []).append(file)
    for answer, files in groups.items():
        who = ", ".join(fmt.plain(file) for file in files)
        if len(groups) == 1 and len(files) > 1:
            who = f"all {len(files)} files"
        opinions.append(_prediction(who, answer, sample))
    return StepCard(steps=steps, opinions=tuple(opinions), wrong=any(step.missed for step in steps))


def _prediction(who: str, answer: Sequence[str], sample: StepSample) -> SequencePrediction:
    misses = [
        f"“{fmt.plain(word, 24)}”: {fmt.plain(said, 24)}"
        for word, said, true in zip(sample.words, answer, sample.true_classes, strict=True)
        if said != true
    ]
    total = len(sample.true_classes)
    listed = misses[:_LISTED]
    if len(misses) > _LISTED:
        listed.append(f"and {len(misses) - _LISTED} more")
    return SequencePrediction(
        who=who,
        said=f"{total - len(misses)} of {fmt.count(total, 'step')} right",
        misses=tuple(listed),
        right=not misses,
    )

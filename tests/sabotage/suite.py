"""All sabotages in all files."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from zoo.registry import Registry

from .families import Honest
from .judge import Judge
from .network import NotApplicable
from .record import (
    APPLIED,
    BROKEN,
    NO_ANSWERS,
    NOT_APPLICABLE,
    Outcome,
    honest_distances,
    with_distances,
)
from .sabotages import SABOTAGES, Sabotage
from .surroundings import AROUND, AroundSabotage

AnySabotage = Sabotage | AroundSabotage


def everything() -> tuple[AnySabotage, ...]:
    return (*SABOTAGES, *AROUND)


def descriptions() -> dict[str, str]:
    return {one.name: one.does for one in everything()}


def worst_distances(judges: Sequence[Judge]) -> dict[tuple[str, str], float]:
    """By precision and what answers are: how far the worst honest file is off.

    Those that were measured for the gate count, too: a run of one family must not be stricter.
    """
    found = honest_distances()
    for judge in judges:
        key = judge.honest.precision, judge.kind.name
        found[key] = max(found.get(key, 0.0), judge.distance)
    return found


def outcome_of(registry: Registry, judge: Judge, one: AnySabotage) -> Outcome:
    """Applies one sabotage to one file, and asks the gate and `zoo verify`."""
    honest = judge.honest
    about = {
        "sabotage": one.name,
        "family": honest.family,
        "format": honest.format,
        "precision": honest.precision,
    }
    try:
        if isinstance(one, AroundSabotage):
            answer = judge.verified(lambda path: one.apply(registry, path))
            # What applications take for the truth is another: there is no tolerance.
            return Outcome(
                **about,
                status=APPLIED,
                beyond=one.does,
                verify=answer.by,
                asked=("verify",),
            )
        refusal, effect = judge.before_gate(one.apply)
        answer = judge.before_verify(one.apply)
    except NotApplicable as error:
        return Outcome(**about, status=NOT_APPLICABLE, why=str(error))
    except Exception:  # a fault of a sabotage must not cost the others
        return Outcome(**about, status=BROKEN, why=traceback.format_exc(limit=-4))
    if effect is None:
        return Outcome(
            **about,
            status=APPLIED,
            why=refusal.reason,
            changed=True,
            beyond=NO_ANSWERS,
            gate=refusal.by,
            verify=answer.by,
        )
    return Outcome(
        **about,
        status=APPLIED,
        why=refusal.reason,
        changed=effect.changed,
        agreement=effect.agreement,
        most=effect.most,
        distance=effect.distance,
        beyond=effect.beyond,
        honest=judge.distance,
        answers=judge.kind.name,
        gate=refusal.by,
        verify=answer.by,
    )


def run_suite(
    registry: Registry,
    honest: Sequence[Honest],
    sabotages: Sequence[AnySabotage],
    workers: int,
) -> Iterator[Outcome]:
    """Every sabotage in every honest file that the gate passed."""
    judges = [Judge(registry, one) for one in honest if one.passed]
    worst = worst_distances(judges)
    with ThreadPoolExecutor(workers) as pool:
        pending = [
            pool.submit(outcome_of, registry, judge, one) for judge in judges for one in sabotages
        ]
        try:
            for future in pending:
                yield from with_distances([future.result()], worst)
        finally:
            pool.shutdown(cancel_futures=True)

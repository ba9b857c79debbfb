"""``python -m tests.sabotage``: sabotages real files, and records whether they are refused.

Exit code 1 where a change beyond tolerance is not refused, 2 where a sabotage itself is broken
or nothing was sabotaged.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from zoo.registry import Registry

from .agents import warm_agents
from .families import ALL, FAMILIES, FORMATS, cells_of, honest_files, registry_of_families
from .page import by_file, by_sabotage, page, shares, survivors
from .record import BROKEN, Outcome, honest_distances, read_records, with_distances, write_records
from .suite import descriptions, everything, run_suite


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.sabotage", description=__doc__)
    families = [one.name for one in FAMILIES]
    parser.add_argument("--family", action="append", choices=families)
    parser.add_argument("--format", action="append", choices=FORMATS)
    parser.add_argument("--precision", action="append", choices=ALL)
    parser.add_argument("--sabotage", action="append", choices=[one.name for one in everything()])
    parser.add_argument("--records", type=Path, help="where to write what was found, as JSON")
    parser.add_argument(
        "--keep", action="store_true", help="keep what the records say of files not judged now"
    )
    parser.add_argument(
        "--add",
        type=Path,
        action="append",
        metavar="RECORDS",
        help="judge nothing: put together what other runs, of parts of the suite, have found",
    )
    parser.add_argument("--page", type=Path, help="where to write the tables, as Markdown")
    parser.add_argument("--workers", type=int, default=2)
    return report(parser.parse_args())


def report(given: argparse.Namespace) -> int:
    """Judges files, or reads what was found in them, and tells it."""
    started = time.monotonic()
    registry = registry_of_families()
    outcomes: list[Outcome] = []
    try:
        if given.add:
            outcomes += [one for path in given.add for one in read_records(path)]
        else:
            for outcome in judged(given, registry):
                _tell_outcome(outcome)
                outcomes.append(outcome)
    finally:  # An interrupted run leaves what it found, too.
        outcomes = _keep(given, outcomes, cells_of(registry))
    tables = [*by_sabotage(outcomes, descriptions()), "", *by_file(outcomes)]
    print("\n".join([*tables, "", *shares(outcomes)]))
    passed = survivors(outcomes)
    print("\n".join(["", *(passed or ["nothing beyond tolerance passes"])]))
    broken = [one for one in outcomes if one.status == BROKEN]
    for one in broken:
        print(f"\nbroken: {one.sabotage} in {one.cell}\n{one.why}")
    print(f"\n{time.monotonic() - started:.0f} s")
    return 2 if broken or not outcomes else int(bool(passed))


def judged(given: argparse.Namespace, registry: Registry) -> Iterator[Outcome]:
    """Makes the files, and sabotages them."""
    started = time.monotonic()
    wanted = [one for one in FAMILIES if not given.family or one.name in given.family]
    sabotages = [one for one in everything() if not given.sabotage or one.name in given.sabotage]
    with warm_agents():
        with tempfile.TemporaryDirectory() as output:
            honest = [
                file
                for family in wanted
                for file in honest_files(
                    registry,
                    family,
                    given.format or FORMATS,
                    given.precision or family.precisions,
                    Path(output),
                    _tell,
                )
            ]
        for file in honest:
            if not file.passed:
                print(f"the gate refuses the honest {file.family} {file.format} {file.precision}")
        _say(f"{len(honest)} honest files after {time.monotonic() - started:.0f} s")
        yield from run_suite(registry, honest, sabotages, given.workers)


def _keep(
    given: argparse.Namespace, outcomes: list[Outcome], cells: Sequence[str]
) -> list[Outcome]:
    """Writes records and page; returns all that is known, with what earlier runs found."""
    if given.keep and given.records and given.records.exists():
        outcomes = [*read_records(given.records), *outcomes]
    # What was found last counts.
    found = {(one.cell, one.sabotage): one for one in outcomes}
    outcomes = with_distances([*found.values()], honest_distances())
    names = [one.name for one in everything()]
    outcomes.sort(key=lambda one: (cells.index(one.cell), names.index(one.sabotage)))
    if given.records:
        write_records(given.records, outcomes)
    if given.page:
        # The page has no digit that the records lack.
        shown = read_records(given.records) if given.records else outcomes
        given.page.write_text(page(shown, descriptions(), cells), encoding="utf-8")
    return outcomes


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _tell(step: str, event: dict[str, Any]) -> None:
    if event.get("event") == "end" and not event["cached"]:
        _say(f"{step}: {event['status']} {event['reason']}")


def _tell_outcome(outcome: Outcome) -> None:
    effect = "" if outcome.agreement is None else f"{outcome.agreement:.1%} {outcome.most:.2g}"
    _say(
        f"{outcome.cell:28} {outcome.sabotage:24} {outcome.status:8} {effect:16} "
        f"gate {', '.join(outcome.gate) or '–'}; verify {', '.join(outcome.verify) or '–'}"
        + (f"  SURVIVES {outcome.survives}: {outcome.reason}" if outcome.survives else "")
    )


if __name__ == "__main__":
    sys.exit(main())

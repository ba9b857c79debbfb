"""The tables of what was caught, for the terminal and for docs/sabotage.md."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from . import answer_kinds as kinds
from . import tolerance
from .record import APPLIED, BROKEN, NOT_APPLICABLE, Outcome

INTRODUCTION = f"""# Sabotage

What the [gate](gate.md) and [`zoo verify`](bundle.md#zoo-verify) find of what a fault or an
attacker may do to a file. `make sabotage` exports honest files of a convolutional network for
colour, a residual network, an LSTM that classifies, one that tags words, a generator, and two
convolutional networks that answer three real targets and five labels, changes their bytes in each
of the ways below, and asks both. Nothing on this page was typed by hand: the
command writes it from its records in `docs/sabotage.json`.

**The gate** gets the changed file as if the exporter had written it. **`zoo verify`** gets the
hard form: the file as it ships, changed, with every hash in its manifest made right again, the
manifest's own included, and what the gate reads from the bytes. Its weights and their card lie
beside it; where all claims hold, it is asked again with the dataset. Whoever also makes the golden
outputs anew is found by a signature alone.

**Beyond tolerance** is judged apart from the gate's checks, on the same test split. A file is,
when its first choice is not the network's (of files of four bits: of the network with its weights
rounded to the same numbers) on more than {kinds.CHOICES:.0%} of the examples;
when it loses more than {kinds.POINTS:g} point of accuracy against the honest file (one-sided,
p < {kinds.SIGNIFICANCE:g}); loses {kinds.CLASS_SHARE:.0%} of a class's right answers, of
{kinds.CLASS_COUNT} or more; or when it lies farther from the network than {tolerance.TIMES:g}
times the worst honest file of that precision, here or in `docs/honest-files.json` (mean total
variation distance of probabilities, mean difference of pixels, root mean square of a real target
beside its spread), and more than {tolerance.UNNOTICED:g}. Of several labels each is a choice and a
class of its own; of real targets it is beyond tolerance when the mean error of one is surely more
than {kinds.ERROR:g} % larger (p < {kinds.SIGNIFICANCE:g}), or when one is the same
for all examples. A file that does not run, answers that are no numbers, outputs of another
shape, and every change of what a file says of its answers (labels, classes, golden samples) are
beyond tolerance, too. All that is must be refused; the command ends with exit code 1 where
something is not. *Agreement* is with the honest file: the share of the same first choices, or of
the same answers of all labels; of a generator's pictures and of targets that of those in which no
pixel moves by more than a tenth of the range, no target by more than a tenth of its spread.
"""


def page(outcomes: Sequence[Outcome], does: Mapping[str, str], cells: Sequence[str]) -> str:
    """The whole page.

    Args:
        outcomes: In the order of the page.
        does: Name of a sabotage → what it does, in the order of the page.
        cells: All that the suite has; the page names those that have no outcomes.
    """
    passed = [f"* {line}" for line in survivors(outcomes)] or ["Nothing beyond tolerance passes."]
    return "\n".join(
        [
            INTRODUCTION,
            *(f"* {line}" for line in shares(outcomes)),
            f"* {_judged(outcomes, cells)}",
            "",
            *passed,
            "",
            "## By file",
            "",
            *by_file(outcomes),
            "",
            "## By sabotage",
            "",
            "Over all files that a sabotage applies to.",
            "",
            *by_sabotage(outcomes, does),
            "",
            "## Within tolerance",
            "",
            "What the gate passes because it changes answers no more than this page tolerates. The "
            "distance from the network is the greatest of these files, with what is tolerated in "
            "that file's precision.",
            "",
            *within_tolerance(outcomes, does),
            "",
        ]
    )


def _judged(outcomes: Sequence[Outcome], cells: Sequence[str]) -> str:
    """Which of the suite's files are in the record."""
    known = {one.cell for one in outcomes}
    missing = [cell for cell in cells if cell not in known]
    if not missing:
        return f"all {len(cells)} honest files of the suite are in the record"
    return (
        f"{len(cells) - len(missing)} of the suite's {len(cells)} honest files are in the record; "
        f"not judged: {', '.join(missing)}"
    )


def shares(outcomes: Sequence[Outcome]) -> list[str]:
    """What was caught, in numbers."""
    applied = _applied(outcomes)
    beyond = [one for one in applied if one.must_be_caught]
    status = Counter(one.status for one in outcomes)
    names, cells = {one.sabotage for one in applied}, {one.cell for one in applied}
    found = [
        f"{len(names)} sabotages in {len(cells)} honest files: {len(applied):,} sabotaged files",
        f"beyond tolerance: {len(beyond):,}; the gate refuses {_share(beyond, 'gate')} of those "
        f"that it is asked about, `zoo verify` {_share(beyond, 'verify')}",
        f"of all sabotaged files the gate refuses {_share(applied, 'gate')}, `zoo verify` "
        f"{_share(applied, 'verify')}",
    ]
    if status[NOT_APPLICABLE] or status[BROKEN]:
        found.append(
            f"not applicable: {status[NOT_APPLICABLE]:,} pairs of a sabotage and a file; "
            f"broken: {status[BROKEN]}"
        )
    return found


def by_file(outcomes: Sequence[Outcome]) -> list[str]:
    """A row for each honest file."""
    lines = [
        "| family | format | precision | sabotaged | beyond tolerance | the gate refuses "
        "| `zoo verify` refuses |",
        "|---|---|---|---|---|---|---|",
    ]
    for cell in dict.fromkeys((one.family, one.format, one.precision) for one in outcomes):
        own = [o for o in _applied(outcomes) if (o.family, o.format, o.precision) == cell]
        beyond = [one for one in own if one.must_be_caught]
        lines.append(
            f"| {' | '.join(cell)} | {len(own)} | {len(beyond)} | {_share(beyond, 'gate')} "
            f"| {_share(beyond, 'verify')} |"
        )
    return lines


def by_sabotage(outcomes: Sequence[Outcome], does: Mapping[str, str]) -> list[str]:
    """A row for each sabotage."""
    lines = [
        "| sabotage | files | answers change | least agreement | max \\|Δ\\| | beyond tolerance "
        "| the gate refuses | by | `zoo verify` refuses | of all files |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, what in does.items():
        own = [one for one in _applied(outcomes) if one.sabotage == name]
        if not own:
            continue
        beyond = [one for one in own if one.must_be_caught]
        agreed = [one.agreement for one in own if one.agreement is not None]
        most = [one.most for one in own if one.most is not None and one.most == one.most]
        lines.append(
            f"| {what} | {len(own)} | {sum(one.changed for one in own)} "
            f"| {f'{min(agreed):.1%}' if agreed else '–'} | {f'{max(most):.2g}' if most else '–'} "
            f"| {len(beyond)} | {_share(beyond, 'gate')} | {_checks(beyond)} "
            f"| {_share(beyond, 'verify')} | {_share(own, 'verify')} |"
        )
    return lines


def within_tolerance(outcomes: Sequence[Outcome], does: Mapping[str, str]) -> list[str]:
    """A row for each sabotage that the gate passes in some file, as it need not be caught there."""
    lines = [
        "| sabotage | files | answers change | least agreement | distance from the network "
        "| tolerated |",
        "|---|---|---|---|---|---|",
    ]
    for name, what in does.items():
        passed = [
            one
            for one in _applied(outcomes)
            if one.sabotage == name and one.distance is not None and one.tolerated is not None
            if not one.gate and not one.must_be_caught
        ]
        if not passed:
            continue
        farthest = max(passed, key=lambda one: (one.distance or 0.0) / (one.tolerated or 1.0))
        agreed = min(one.agreement for one in passed if one.agreement is not None)
        lines.append(
            f"| {what} | {len(passed)} | {sum(one.changed for one in passed)} | {agreed:.1%} "
            f"| {farthest.distance:.2g} | {farthest.tolerated:.2g} |"
        )
    return lines


def survivors(outcomes: Sequence[Outcome]) -> list[str]:
    """A line for each that must be caught and was not."""
    return [
        f"**{one.sabotage}** in {one.cell} passes {' and '.join(one.survives)}: {one.reason}"
        for one in outcomes
        if one.survives
    ]


def _applied(outcomes: Iterable[Outcome]) -> list[Outcome]:
    return [one for one in outcomes if one.status == APPLIED]


def _share(outcomes: Iterable[Outcome], who: str) -> str:
    asked = [one.caught[who] for one in outcomes if who in one.caught]
    return f"{sum(asked):,} of {len(asked):,}" if asked else "–"


def _checks(outcomes: Sequence[Outcome]) -> str:
    """The checks that refused most, or where the gate is not asked, the claims."""
    counts: Counter[str] = Counter()
    for one in outcomes:
        refused = one.gate if "gate" in one.asked else one.verify
        counts.update({name.partition(" in ")[0] for name in refused})
    ranked = sorted(counts, key=lambda name: (-counts[name], name))
    return ", ".join(f"{name} {counts[name]}" for name in ranked[:4]) or "–"

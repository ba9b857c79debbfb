"""What became of each sabotage in each file, and its records."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from .tolerance import tolerated, too_far

#: How far honest files of all families are off, as docs/honest_files.py measured.
HONEST = Path(__file__).parents[2] / "docs" / "honest-files.json"
APPLIED, NOT_APPLICABLE, BROKEN = "applied", "not applicable", "broken"
#: What is beyond tolerance of a file that does not run.
NO_ANSWERS = "gives no answers"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one sabotage in one file.

    Attributes:
        status: ``applied``; ``not applicable``, and `why`; ``broken`` where the sabotage itself
            failed, which is a fault of this program.
        why: Also the gate's reason.
        changed: Whether any of its answers is another than the honest file's.
        agreement: See `tolerance.Effect`, as for the next three; None where nothing was compared.
        honest: Distance of the honest file from its network, as `distance` is measured.
        answers: What they are (`answer_kinds.KINDS`).
        tolerated: How far it may be, by the worst honest file of the precision; this and `far` are
            of `with_distances`.
        far: Why the distance is beyond tolerance.
        gate: Names of the checks by which the gate refused the file.
        verify: Names of the claims by which `zoo verify` refused it, all hashes being right.
        asked: Who is asked: what the gate itself writes is for `zoo verify` alone.
    """

    sabotage: str
    family: str
    format: str
    precision: str
    status: str
    why: str = ""
    changed: bool = False
    agreement: float | None = None
    most: float | None = None
    distance: float | None = None
    beyond: str = ""
    honest: float | None = None
    answers: str = "classes"
    tolerated: float | None = None
    far: str = ""
    gate: tuple[str, ...] = ()
    verify: tuple[str, ...] = ()
    asked: tuple[str, ...] = ("gate", "verify")

    @property
    def cell(self) -> str:
        return f"{self.family} {self.format} {self.precision}"

    @property
    def must_be_caught(self) -> bool:
        """Whether it changes answers beyond tolerance, or what a file says of them."""
        return self.status == APPLIED and bool(self.reason)

    @property
    def reason(self) -> str:
        """Why it must be caught; empty when it need not."""
        return "; ".join(filter(None, (self.beyond, self.far)))

    @property
    def caught(self) -> dict[str, bool]:
        """Who was asked, and whether it refused the file."""
        found = {"gate": bool(self.gate), "verify": bool(self.verify)}
        return {name: found[name] for name in self.asked}

    @property
    def survives(self) -> tuple[str, ...]:
        """Who let it through though it must be caught."""
        return tuple(n for n, caught in self.caught.items() if self.must_be_caught and not caught)


def honest_distances(path: Path = HONEST) -> dict[tuple[str, str], float]:
    """By precision and what answers are: how far the worst honest file for docs/gate.md is off.

    Pictures are measured there otherwise.
    """
    found: dict[tuple[str, str], float] = {}
    for network in json.loads(path.read_text(encoding="utf-8")):
        for cell in network["cells"]:
            answers = cell.get("answers", "classes")
            beside = cell.get("rounded", cell)
            moved = beside.get("noise" if answers == "targets" else "moved")
            key = cell["precision"], answers
            if cell["verdict"] == "passed" and moved is not None:
                found[key] = max(found.get(key, 0.0), moved)
    return found


def with_distances(
    outcomes: Sequence[Outcome], honest: Mapping[tuple[str, str], float]
) -> list[Outcome]:
    """Says of each whether its distance is beyond tolerance.

    Args:
        outcomes: Of all files.
        honest: By precision and what answers are: how far other honest files are off.
    """
    worst = dict(honest)
    for one in outcomes:
        if one.honest is not None:
            key = one.precision, one.answers
            worst[key] = max(worst.get(key, 0.0), one.honest)
    found = []
    for one in outcomes:
        if one.distance is not None:
            most = worst[one.precision, one.answers]
            far = too_far(one.distance, most)
            one = replace(one, tolerated=tolerated(most), far=far)
        found.append(one)
    return found


def write_records(path: Path, outcomes: Sequence[Outcome]) -> None:
    """A line for each; what is as by default is left out, figures have four digits."""
    lines = []
    for one in outcomes:
        plain: dict[str, Any] = {}
        for field in fields(one):
            value = getattr(one, field.name)
            if value != field.default and field.name != "why":
                plain[field.name] = float(f"{value:.4g}") if isinstance(value, float) else value
        lines.append(json.dumps(plain, ensure_ascii=False))
    path.write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")


def read_records(path: Path) -> list[Outcome]:
    found = []
    for plain in json.loads(path.read_text(encoding="utf-8")):
        lists = {k: tuple(plain[k]) for k in ("gate", "verify", "asked") if k in plain}
        found.append(Outcome(**{**plain, **lists}))
    return found

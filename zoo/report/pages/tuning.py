"""The page of ``zoo tune``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from zoo.common.files import write_text
from zoo.report.environment import versions_here
from zoo.report.headline import Headline
from zoo.report.tuning_text import answer, course, file_rows, seed_rows, trial_rows

if TYPE_CHECKING:
    from zoo.pipeline.search.tune import TuneResult

_KINDS = {"better": "passed", "worse": "rejected"}


def write_tuning(path: Path, found: TuneResult, command: str) -> None:
    """Writes the page of a search for hyper-parameters; needs the ``report`` extra."""
    write_text(path, render(found, command))


def render(found: TuneResult, command: str) -> str:
    """The whole page; every name in it is escaped."""
    from zoo.report.charts.tuning_charts import tuning_charts
    from zoo.report.pages.rendering import render_page

    verdict = "" if found.confirmation is None else found.confirmation.verdict
    text = answer(found)
    return render_page(
        "tuning.html",
        found=found,
        again=command,
        headline=Headline(_KINDS.get(verdict, "open"), text[:1].upper() + text[1:]),
        course=course(found),
        charts=tuning_charts(found),
        seeds=seed_rows(found),
        trials=trial_rows(found),
        files=file_rows(found),
        space=_space(found),
        environment=versions_here(),
    )


def _space(found: TuneResult) -> dict[str, str]:
    from zoo.contracts.search_space import choice_text

    return {p.name: f"{p.range} (default {choice_text(p.default)})" for p in found.space}

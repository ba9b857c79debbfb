"""The page of ``zoo compare``: one file that needs no network, no script and no other file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.benchmark.compare.wording import TABLE, basis, first_line, row, sentence
from zoo.report.charts.ratio_chart import ratio_chart
from zoo.report.pages.html import environment

if TYPE_CHECKING:
    from zoo.benchmark.compare.comparing import Comparisons


def render(found: Comparisons) -> str:
    """The whole page; every name in it is escaped."""
    page = environment().get_template("comparison.html")
    headings, right = TABLE
    missing = [
        f"Only in the {label}: {', '.join(files)}."
        for label, files in (("first", found.only_first), ("second", found.only_second))
        if files
    ]
    bases = [f"{words}." for words in dict.fromkeys(map(basis, found.pairs)) if words]
    return page.render(
        title=_title(found),
        warning=first_line(found),
        chart=ratio_chart(found.pairs),
        headings=list(zip(headings, right, strict=True)),
        rows=[row(pair) for pair in found.pairs],
        sentences=[_about(found, number) for number in range(len(found.pairs))],
        notes=[*bases, *missing],
    )


def _title(found: Comparisons) -> str:
    if len(found.pairs) != 1:
        return f"{len(found.pairs)} files, before and after"
    first, second = (s.measurement.file for s in (found.pairs[0].first, found.pairs[0].second))
    return f"{second} against {first}" if first != second else f"{second}, before and after"


def _about(found: Comparisons, number: int) -> str:
    pair = found.pairs[number]
    words = sentence(pair)
    # The sentence of a verdict names the file; that of none does not.
    return f"{pair.second.measurement.file}: {words}" if pair.reason else words

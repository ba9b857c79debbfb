"""The page of ``zoo compare``."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from zoo.benchmark.compare.wording import TABLE, basis, first_line, row, sentence
from zoo.common.versions import versions_of
from zoo.report.charts.ratio_chart import ratio_chart
from zoo.report.environment import environment_rows
from zoo.report.headline import Headline
from zoo.report.pages.rendering import render_page
from zoo.results import formatting as fmt

if TYPE_CHECKING:
    from zoo.benchmark.compare.comparing import Comparisons

_KINDS = {"slower": "rejected", "can't tell": "open", "faster": "passed", "same": "passed"}


def render(found: Comparisons, command: str = "") -> str:
    """The whole page; every name in it is escaped. `command` is what compares again."""
    return render_page("comparison.html", **comparison_values(found, command))


def comparison_values(found: Comparisons, command: str = "") -> dict[str, Any]:
    """What the template of the page shows."""
    headings, right = TABLE
    missing = [
        f"Only in the {label}: {', '.join(files)}."
        for label, files in (("first", found.only_first), ("second", found.only_second))
        if files
    ]
    bases = [f"{words}." for words in dict.fromkeys(map(basis, found.pairs)) if words]
    return {
        "title": _title(found),
        "headline": comparison_headline(found),
        "warning": first_line(found),
        "again": command,
        "noisy": not found.settled,
        "chart": ratio_chart(found.pairs),
        "rows": (headings, [row(pair) for pair in found.pairs], right),
        "sentences": [_about(found, n) for n in range(len(found.pairs)) if len(found.pairs) > 1],
        "notes": [*bases, *missing],
        "environments": _environments(found),
    }


def comparison_headline(found: Comparisons) -> Headline:
    """The verdict on the only pair, or how many pairs have which."""
    if not found.pairs:
        return Headline("open", "The two have no file in common.")
    if len(found.pairs) == 1:
        return Headline(_KINDS[found.pairs[0].verdict], f"{_about(found, 0)}.")
    counts: Counter[str] = Counter(pair.verdict for pair in found.pairs)
    # The worst word decides the colour; what cannot be told is no good news either.
    worst = next(word for word in _KINDS if counts[word])
    told = fmt.listed(f"{counts[word]} {word}" for word in _KINDS if counts[word])
    return Headline(_KINDS[worst], f"Of {fmt.count(len(found.pairs), 'file')}: {told}.")


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


def _environments(found: Comparisons) -> list[tuple[str, dict[str, str]]]:
    """What each device was and ran, once; its name only where there are several."""
    seen: dict[tuple[str, ...], dict[str, str]] = {}
    for side in (side for pair in found.pairs for side in (pair.first, pair.second)):
        one = side.measurement
        key = (one.device, one.device_fingerprint, one.runtime, one.runtime_version or "")
        rows = environment_rows(one.environment)
        rows.pop("disturbances", None)  # those of each pair stand in its verdict
        seen.setdefault(key, rows)
    heads = [f"{key[0]}, {key[2]} {key[3]}".strip() for key in seen]
    tables = [{**rows, **versions_of(())} for rows in seen.values()]
    return list(zip(heads if len(heads) > 1 else [""], tables, strict=True))

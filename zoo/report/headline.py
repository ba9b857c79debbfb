"""The verdict at the top of a page, and the four figures below that of a run."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from zoo.pipeline.rows import ArtifactRow
from zoo.report.view import RunView
from zoo.results import formatting as fmt
from zoo.results.records import NO_BETTER, NO_BETTER_THAN_INPUT, QualityFinding


@dataclass(frozen=True)
class Tile:
    """One figure with its name, what it rests on, and the file it is of."""

    label: str
    value: str
    detail: str
    file: str = ""


@dataclass(frozen=True)
class Headline:
    """What a page has to say, in a sentence, before everything else.

    Attributes:
        kind: ``passed``, ``weak``, ``rejected``, or ``open`` for what cannot be told.
    """

    kind: str
    text: str


def run_headline(rows: Sequence[ArtifactRow], findings: Sequence[QualityFinding] = ()) -> Headline:
    """How the files ended; what is faithful to a weak network says so."""
    if not rows:
        return Headline("open", "This run exported no file.")
    ended = Counter(row.verdict for row in rows)
    weak = weakness(findings)
    if ended["passed"] == len(rows):
        one = len(rows) == 1
        if weak:
            every = "The file is" if one else f"All {len(rows)} files are"
            return Headline(weak_kind(findings), f"{every} faithful to a network that {weak}.")
        every = "The file passed" if one else f"All {len(rows)} files passed"
        return Headline("passed", f"{every} every check.")
    rest = [
        f"{ended[verdict]} {'was' if ended[verdict] == 1 else 'were'} {verdict}"
        if verdict != "failed"
        else f"{ended[verdict]} failed"
        for verdict in ("rejected", "failed", "skipped")
        if ended[verdict]
    ]
    text = f"{ended['passed']} of {fmt.count(len(rows), 'file')} passed; {fmt.listed(rest)}."
    if weak and ended["passed"]:
        text += f" What passed is faithful to a network that {weak}."
    bad = not ended["passed"] or weak_kind(findings) == "rejected"
    return Headline("rejected" if bad else "weak", text)


def summary(rows: Sequence[ArtifactRow], findings: Sequence[QualityFinding] = ()) -> str:
    """How the files ended, in one sentence or two."""
    return run_headline(rows, findings).text


def weakness(findings: Sequence[QualityFinding]) -> str:
    """What follows on “a network that”; empty of a network that nothing weak is known of."""
    weak = [finding for finding in findings if finding.weak]
    if any(finding.code == NO_BETTER for finding in weak):
        return "is no better than chance"
    if any(finding.code == NO_BETTER_THAN_INPUT for finding in weak):
        return "is no better than what needs no network"
    return f"is weak: {'; '.join(fmt.plain(f.text) for f in weak)}" if weak else ""


def weak_kind(findings: Sequence[QualityFinding]) -> str:
    """The kind of a headline about a network that something speaks against."""
    codes = {finding.code for finding in findings if finding.weak}
    return "rejected" if codes & {NO_BETTER, NO_BETTER_THAN_INPUT} else "weak"


def tiles(run: RunView) -> tuple[Tile, ...]:
    """Quality before export, files that passed, the smallest and the fastest of them."""
    passed = [row for row in run.rows if row.verdict == "passed"]
    weak = any(finding.weak for finding in run.findings)
    return (_quality(run), _passed(run.rows, passed, weak), _smallest(passed), _fastest(passed))


def _quality(run: RunView) -> Tile:
    metrics = run.reference.metrics if run.reference else ()
    if not metrics:
        why = "no labels" if run.reference else "not evaluated in this run"
        return Tile("Quality before export", fmt.MISSING, why)
    metric = metrics[0]
    sign = fmt.metric_sign(metric)
    span = fmt.metric_span(metric)
    estimated = f"95 % interval {span}{sign}, " if span != fmt.MISSING else ""
    return Tile(
        f"{fmt.heading(metric.name)} before export",
        fmt.metric_value(metric),
        f"{estimated}{fmt.count(metric.count, f'test {metric.counted}')}",
    )


def _passed(rows: Sequence[ArtifactRow], passed: Sequence[ArtifactRow], weak: bool) -> Tile:
    checks = sum(len(row.checks) for row in passed)
    detail = f"{fmt.count(checks, 'check')} behind them" if checks else "no check was recorded"
    label = "Faithful files of a weak network" if weak else "Files that may ship"
    return Tile(label, f"{len(passed)} of {len(rows)}", detail)


def _smallest(passed: Sequence[ArtifactRow]) -> Tile:
    known = [(row.bytes, row) for row in passed if row.bytes is not None]
    if not known:
        return Tile("Smallest file", fmt.MISSING, "no file passed")
    label = "Smallest model" if any(row.parts for row in passed) else "Smallest file"
    size, row = min(known, key=lambda pair: pair[0])
    smaller = row.size_ratio is not None and row.size_ratio > 1.05
    factor = f"{fmt.ratio(row.size_ratio)} smaller than float32" if smaller else ""
    return Tile(label, fmt.size_unit([size]).with_symbol(size), factor, row.file)


def _fastest(passed: Sequence[ArtifactRow]) -> Tile:
    label = "Lowest median latency"
    unreal = [row.clock for row in passed if row.clock != "real"]
    measured = [(row.p50_ms, row) for row in passed if row.p50_ms is not None and row.timed]
    known = [(ms, row) for ms, row in measured if math.isfinite(ms) and row.quiet is not False]
    if not known and any(row.parts for row in passed):
        return Tile(label, fmt.MISSING, "a model is several files, each timed by itself")
    if not known:
        why = "every measurement was noisy" if measured else "not measured in this run"
        why = f"its times are {unreal[0]}" if unreal and not measured else why
        return Tile(label, fmt.MISSING, why)
    ms, row = min(known, key=lambda pair: pair[0])
    return Tile(label, fmt.time_unit([ms]).with_symbol(ms), "", row.file)

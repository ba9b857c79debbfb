"""What notebooks show of runs, searches and evaluations: the figures of the terminal's tables."""

from __future__ import annotations

from zoo.common.views import html_of, html_table
from zoo.pipeline.files import RunFiles
from zoo.pipeline.rows import rows_of
from zoo.pipeline.run import Run
from zoo.pipeline.search.optimize import SearchResult
from zoo.results import formatting as fmt
from zoo.results.predictions import Predictions
from zoo.results.records import Evaluation

#: Examples of predictions that a notebook lists.
_LISTED = 20


@html_of.register
def _run(run: Run) -> str:
    from zoo.report.headline import summary
    from zoo.report.quality import finding_lines
    from zoo.report.summary import remarks_of
    from zoo.report.table import plain_notes, plain_table

    rows = rows_of(run)
    quality = [f"{m.name} {fmt.format_metric(m)}" for m in run.metrics.values()]
    verdict = summary(rows, run.findings) if rows else "passed" if run.passed else "not passed"
    headings, cells = plain_table(rows)
    return html_table(
        f"{run.name}: {verdict}",
        headings,
        cells,
        [
            *quality[:1],
            *finding_lines(run.findings),
            *plain_notes(rows, remarks_of(run, rows)),
            f"files: {run.folder}",
        ],
    )


@html_of.register
def _files(files: RunFiles) -> str:
    rows = []
    for file in files:
        size = None if file.size is None else fmt.size_unit([file.size]).with_symbol(file.size)
        p50 = None if file.latency is None else file.latency.p50_ms
        metric = next(iter(file.metrics.values()), None)
        rows.append(
            [
                file.name,
                file.precision,
                file.verdict,
                size or fmt.MISSING,
                fmt.metric_value(metric),
                fmt.time_unit([p50]).with_symbol(p50),
            ]
        )
    return html_table(
        fmt.count(len(files), "file"),
        ["file", "precision", "verdict", "size", "quality", "p50"],
        rows,
    )


@html_of.register
def _search(found: SearchResult) -> str:
    from zoo.report.quality import finding_lines
    from zoo.report.search_text import answer, format_limits, search_columns

    columns = search_columns(found)
    size, moment = columns.size_unit.symbol, columns.time_unit.symbol
    return html_table(
        answer(found),
        ["file", size, f"gzip {size}", f"p50 {moment}", columns.metric, "change", "standing"],
        [
            [c.name, c.size, c.download, c.latency, c.quality, c.change, c.standing]
            for c in columns.cells
        ],
        [*finding_lines(found.findings), f"limits: {format_limits(found)}", *found.notes],
    )


@html_of.register
def _evaluation(found: Evaluation) -> str:
    from zoo.report.quality import finding_lines, quality_lines

    return html_table(
        f"{found.subject} on {found.dataset}, {found.split}",
        ["metric", "value", "95 % interval", "measured on"],
        [
            [
                m.name,
                fmt.metric_value(m),
                fmt.metric_interval(m),
                fmt.count(m.count, m.counted),
            ]
            for m in found.metrics
        ],
        [*quality_lines(found), *finding_lines(found.findings)],
    )


@html_of.register
def _predictions(found: Predictions) -> str:
    from zoo.report.prediction_text import answer_rows
    from zoo.report.quality import finding_lines

    headings, rows, _ = answer_rows(found.examples[:_LISTED])
    more = len(found.examples) - _LISTED
    counts = ", ".join(f"{name} {count:,}" for name, count in list(found.counts.items())[:_LISTED])
    return html_table(
        f"{found.subject}, by {found.runtime}",
        headings,
        rows,
        [
            *([f"and {more:,} more"] if more > 0 else []),
            *([f"of {found.counted:,}: {counts}"] if len(found.examples) > 1 and counts else []),
            *finding_lines(found.findings),
            *found.notes,
            *(f"not read: {one.input}: {one.why}" for one in found.failed[:_LISTED]),
        ],
    )

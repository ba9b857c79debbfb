"""The page of a run: one file that needs no network, no script and no other file."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from typing import Any

from zoo.report.charts.confusion_chart import (
    confusion_chart,
    difference_chart,
    matrix,
    mistakes,
    moved_examples,
)
from zoo.report.charts.latency_chart import latency_chart
from zoo.report.charts.rate_chart import rate_chart
from zoo.report.charts.roc_chart import roc_chart
from zoo.report.charts.svg import Chart
from zoo.report.charts.training_chart import training_charts
from zoo.report.columns import file_columns
from zoo.report.example_cards import MOST, sample_cards
from zoo.report.headline import run_headline, tiles
from zoo.report.image_strip import embed_images, epoch_images
from zoo.report.offline_analysis import analysed_kinds
from zoo.report.pages.rendering import render_page
from zoo.report.quality import quality_lines, worst_recalls
from zoo.report.sequence_cards import step_cards
from zoo.report.table import budget_lines
from zoo.report.view import RunView
from zoo.results import formatting as fmt
from zoo.results.records import TrainingResult


def render(run: RunView) -> str:
    """The whole page; needs the ``report`` extra.

    Every name, reason and value is escaped: a file, a class or a dataset can be called anything.
    """
    metrics = run.reference.metrics if run.reference else ()
    return render_page(
        "report.html",
        run=run,
        headline=run_headline(run.rows, run.findings),
        recalls=worst_recalls(run.reference),
        quality_lines=quality_lines(run.reference, fmt.metric_with_range) if run.reference else [],
        tiles=tiles(run),
        columns=file_columns(run.rows),
        analysed=analysed_kinds(run.examinations),
        budgets=budget_lines(run.rows),
        latency=latency_chart(run.rows, metrics[0] if metrics else None),
        training=_training(run.training, "training") if run.training else None,
        quantization=_training(run.quantization, "quantization") if run.quantization else None,
        quality=_quality(run),
        cards=sample_cards(run.samples),
        most_cards=MOST,
        step_cards=step_cards(run.step_samples),
        strip=epoch_images(run.sketches),
        galleries=embed_images(run.galleries),
        seconds=sum(step.seconds for step in run.steps if not step.cached),
    )


def _training(training: TrainingResult, name: str) -> dict[str, Any]:
    rates = [e.examples_per_second for e in training.epochs if math.isfinite(e.examples_per_second)]
    return {
        "result": training,
        "charts": training_charts(training, name),
        "rate": statistics.median(rates) if rates else None,
        "options": _flat(training.options),
    }


def _flat(options: Mapping[str, Any]) -> dict[str, str]:
    """Options by name; those of a table of their own behind its name and a dot."""
    found = {}
    for key, value in options.items():
        inner = value if isinstance(value, Mapping) else None
        found.update({str(key): str(value)} if inner is None else {})
        found.update({f"{key}.{k}": v for k, v in _flat(inner or {}).items()})
    return found


def _quality(run: RunView) -> dict[str, Any]:
    """A ROC or rate-distortion curve, or the confusion matrix and the file that changes it most."""
    named = (run.reference.subject, run.model_id) if run.reference else (run.model_id,)
    subject = next((name for name in named if name in run.confusions), run.model_id)
    if run.model_id in run.curves:
        return {"charts": (roc_chart(run.curves, run.model_id),), "mistakes": ()}
    if run.model_id in run.rates:
        return {"charts": (rate_chart(run.rates, run.model_id),), "mistakes": ()}
    reference = run.confusions.get(subject)
    if reference is None:
        # An evaluation without one is of a task that has none, such as detection.
        why = "No confusion matrix was recorded."
        return {"charts": () if run.reference else (Chart("", why),), "mistakes": ()}
    counts = matrix(reference, run.classes)
    if counts is None:
        why = "The confusion matrix is empty or does not fit the classes, so it is not drawn."
        return {"charts": (Chart("", why),), "mistakes": ()}
    found = mistakes(counts, run.classes)
    charts = [confusion_chart(counts, run.classes, fmt.plain(subject))]
    others = {
        fmt.plain(name): other
        for name, confusion in run.confusions.items()
        if name != subject and (other := matrix(confusion, run.classes)) is not None
    }
    if others:
        most = max(others, key=lambda name: moved_examples(others[name], counts))
        if moved_examples(others[most], counts) == 0:
            each = "The file" if len(others) == 1 else f"Each of the {len(others)} files"
            charts.append(Chart("", f"{each} has exactly this confusion matrix."))
        else:
            charts.append(difference_chart(others[most], counts, run.classes, most))
    return {"charts": tuple(charts), "mistakes": found}

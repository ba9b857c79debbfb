"""One page of each kind, made by hand from records."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import choices
import numpy as np
from layer_records import comparison, facts, record
from measured import side
from report_views import accuracy, row, run, sample

from zoo.analysis.advice import Advice
from zoo.analysis.explain import Explanation
from zoo.benchmark.compare.comparing import Comparisons
from zoo.benchmark.compare.comparison import Side, compare_sides
from zoo.contracts import ImagePreprocessing, SeriesPreprocessing
from zoo.contracts.prediction import DecodedOutput, NamedScore
from zoo.contracts.preprocessing import Sample
from zoo.pipeline.search.optimize import SearchResult
from zoo.pipeline.search.points import SearchLimits, SearchPoint
from zoo.report.pages import choice, html, predictions, search
from zoo.report.pages import comparison as comparison_page
from zoo.report.pages import explanation as explanation_page
from zoo.report.view import RunView
from zoo.results.predictions import PredictedExample, Predictions
from zoo.results.records import NO_BETTER, QualityFinding

CHANCE = QualityFinding(code=NO_BETTER, text="the network is no better than its baseline", fix="x")
LONG = "mobilenet_v2.a-dataset-with-a-long-name"
MEDIANS = [100.0, 100.2, 99.9, 100.1, 100.3, 99.8, 100.4, 99.7, 100.5, 99.6, 100.0, 100.1]


def named(medians: list[float], precision: str) -> Side:
    return side(medians, file=f"{LONG}.{precision}.tflite")


def compared(*factors: float) -> Comparisons:
    """One pair for each factor by which the second takes longer."""
    pairs = [
        compare_sides(
            named(MEDIANS, "float32"),
            named([factor * m for m in MEDIANS], f"int{place}"),
            together=True,
        )
        for place, factor in enumerate(factors)
    ]
    return Comparisons(pairs=tuple(pairs))


def explained(*network: QualityFinding, advised: bool = True) -> Explanation:
    names = ("conv_stem", "expanded_conv_13_depthwise_batch_normalization", "head")
    return Explanation(
        model_id=LONG,
        format="tflite",
        file=facts("int8", 11_000, 0.94),
        twin=facts("float32", 40_000, 0.95),
        data="digits",
        split="validation",
        comparison=comparison(*map(record, names), noise=("it waited 40% of the time",)),
        findings=("The model is smaller.",),
        advice=Advice(command=f"zoo export {LONG} --keep-float head", why="it")
        if advised
        else None,
        network=network,
    )


def searched(*findings: QualityFinding, chosen: bool = True) -> SearchResult:
    points = tuple(
        SearchPoint(
            name=f"tflite {precision}", stage="precisions", network=LONG, format="tflite",
            precision=precision, verdict="passed", bytes=size, download_bytes=size - 100,
            drop=0.5, metric=accuracy(350 - place), p50_ms=0.05 + place / 100, quiet=False,
        )
        for place, (precision, size) in enumerate(
            {"int8": 70_000, "float16": 130_000, "dynamic-int8": 75_000, "int16x8": 81_000}.items()
        )
    )  # fmt: skip
    return SearchResult(
        model_id=LONG, data="digits", folder=Path(), reference=accuracy(351), findings=findings,
        limits=SearchLimits(max_bytes=100_000, max_drop=2.0), points=points, front=points[:2],
        best=points[0] if chosen else None, nearest=points[0], files=(), notes=("nothing",),
        stopped=False, seconds=1.0, created="2026-11-22T12:04:11+00:00",
    )  # fmt: skip


def predicted(
    *findings: QualityFinding, pictures: bool = True, count: int = 3, side: int = 40
) -> Predictions:
    rng = np.random.default_rng(0)
    scores = tuple(NamedScore(name=n, value=v) for n, v in (("cat", 0.3125), ("dog", 0.6875)))
    output = DecodedOutput(
        answer="dog", confidence=0.6875, scores=scores, probabilities=True, chosen=("dog",)
    )
    raw = [
        rng.integers(0, 255, (side, side + 20, 3), np.uint8)
        if pictures
        else rng.normal(size=(64, 3)).astype(np.float32)
        for _ in range(count)
    ]
    seen = ImagePreprocessing(height=28, width=28, channels=1)
    return Predictions(
        subject=f"{LONG}.int8.tflite",
        task="image-classification",
        classes=("cat", "dog"),
        runtime="litert",
        preprocessing=seen if pictures else SeriesPreprocessing(steps=64, channels=3),
        examples=tuple(
            PredictedExample(
                sample=Sample(name=f"photos/{n}.png", read=lambda one=one: one), output=output
            )
            for n, one in enumerate(raw)
        ),
        findings=findings,
    )


def told() -> RunView:
    """A run with ten classes, a photograph and a series among the samples."""
    photograph = np.zeros((60, 80, 3), np.uint8)
    series = np.linspace(0, 1, 90, dtype=np.float32).reshape(30, 3)
    counts = np.eye(10, dtype=int) * 20 + 1
    return run(
        title=LONG,
        findings=(CHANCE,),
        rows=(row(), row("int8", 0.0291, file=f"{LONG}.int8.tflite", quiet=False)),
        samples=(
            replace(sample(), given=photograph),
            replace(sample(), pixels=None, series=series, channels=("x", "y", "z")),
        ),
        classes=tuple(f"class {n}" for n in range(10)),
        confusions={
            "lenet5.digits": counts.tolist(),
            "b": (counts + np.eye(10, dtype=int)).tolist(),
        },
        again="zoo bench " + " ".join(f"runs/{LONG}-0123abcd/{n}.tflite" for n in range(4)),
    )


def all_pages() -> dict[str, str]:
    """The source of a page of each kind."""
    return {
        "run": html.render(told()),
        "choose": choice.render(choices.compared(), f"zoo choose {LONG} --data digits"),
        "compare": comparison_page.render(compared(1.06, 1.0), "zoo compare a b"),
        "explain": explanation_page.render(explained()),
        "optimize": search.render(searched(), f"zoo optimize {LONG} --max-size 100kB"),
        "predict": predictions.render(predicted()),
        "predict-series": predictions.render(predicted(pictures=False)),
    }

from __future__ import annotations

import math
import re
import warnings
from typing import Any

import numpy as np
import pytest
from report_views import accuracy, epoch, rejected, row, training

from zoo.contracts.task import Metric
from zoo.report.charts.confusion_chart import confusion_chart, difference_chart, matrix, mistakes
from zoo.report.charts.latency_chart import latency_chart
from zoo.report.charts.rate_chart import rate_chart
from zoo.report.charts.svg import INK, Chart, draw
from zoo.report.charts.training_chart import training_charts


def texts(svg: str) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg)


def test_colours_are_the_page_s() -> None:
    def paint(figure: Any) -> None:
        figure.add_subplot().plot([1, 2], [3, 4], color=INK)

    svg, narrow = draw("x", 'a "name" <b>', (300, 200), paint)
    assert narrow == ""
    assert "var(--chart-ink)" in svg
    assert "#" not in re.sub(r"#x-|&#|url\(#x-", "", svg), "no colour is fixed"
    assert 'aria-label="a &quot;name&quot; &lt;b&gt;"' in svg
    assert svg.startswith('<svg class="chart" role="img"')
    assert "xmlns" not in svg
    assert "DejaVu" not in svg
    assert "<title>a &quot;name&quot; &lt;b&gt;</title>" in svg
    assert svg == draw("x", 'a "name" <b>', (300, 200), paint)[0]


def test_letters_that_the_measuring_font_lacks_are_no_problem() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        counts = matrix([[3, 1], [0, 4]], ("猫", "🐕"))
        assert counts is not None
        chart = confusion_chart(counts, ("猫", "🐕"), "reference")
    assert "猫" in texts(chart.svg)


def test_training_curves_name_the_best_epoch() -> None:
    loss, metric = training_charts(training(epoch(1, 0.9), epoch(2, 0.4), epoch(3, 0.6), best=2))
    assert "best epoch: 2" in texts(loss.svg)
    assert {"training", "validation", "epoch"} <= set(texts(loss.svg))
    assert "0.4000 on the training split, 0.4400 on the validation split" in loss.caption
    assert metric.caption.startswith("Accuracy by epoch. At the best epoch, 2 of 3: 90.00 % on")


def test_loss_that_is_not_a_number_leaves_a_gap_and_a_sentence() -> None:
    epochs = [epoch(i, math.nan if i in (3, 4) else 1 / i) for i in range(1, 11)]
    loss, metric = training_charts(training(*epochs, best=9))
    assert loss.caption.endswith("It was not a finite number in epochs 3 and 4.")
    assert "nan" not in loss.svg
    assert "finite" not in metric.caption
    (only, _) = training_charts(training(epoch(1), epoch(2, math.inf)))
    assert only.caption.endswith("in epoch 2.")
    many = [epoch(i, math.nan if i > 1 else 1.0) for i in range(1, 31)]
    assert "8, 9 and 21 more." in training_charts(training(*many))[0].caption


def test_training_that_never_had_a_loss_has_no_curve() -> None:
    loss, _ = training_charts(training(epoch(1, math.nan), epoch(2, math.nan)))
    assert loss == Chart("", "Loss was not a finite number in any epoch, so there is no curve.")
    loss, _ = training_charts(training())
    assert loss == Chart("", "Loss was recorded for no epoch, so there is no curve.")


@pytest.mark.parametrize("count", [1, 2, 200])
def test_any_number_of_epochs(count: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        charts = training_charts(training(*(epoch(i, 5 / i) for i in range(1, count + 1))))
    assert all(chart.svg for chart in charts)
    assert all(len(chart.svg) < 60_000 for chart in charts)
    labels = [t for t in texts(charts[0].svg) if t.isdigit()]
    assert labels, "whole epochs are on the axis"


def test_a_best_epoch_that_is_not_there_is_not_marked() -> None:
    loss, _ = training_charts(training(epoch(1), best=7))
    assert "best" not in loss.svg
    assert loss.caption == "Loss by epoch, 1 epoch."


def test_loss_over_many_orders_is_logarithmic() -> None:
    loss, _ = training_charts(training(*(epoch(i, 10.0 ** (1 - i)) for i in range(1, 5))))
    assert {"0.01", "0.1", "1"} <= set(texts(loss.svg))


def chart_of(*rows: Any, reference: Metric | None = None) -> Chart:
    found = latency_chart(rows, reference)
    assert found.svg
    assert found.narrow
    return found


def test_every_file_with_both_figures_is_labelled() -> None:
    shown = (row(), row("int8", 0.0291), row("int16x8", 0.4, quiet=False))
    chart = chart_of(*shown, rejected(), reference=accuracy(351))
    assert {"float32 · 250 kB", "int8 · 71 kB", "int16x8 · 71 kB"} <= set(texts(chart.svg))
    assert {"float32", "int8", "int16x8"} <= set(texts(chart.narrow))
    for svg in (chart.svg, chart.narrow):
        labels = texts(svg)
        assert {"tflite", "before export", "median latency, µs", "accuracy, %"} <= set(labels)
        assert not any("dynamic" in label for label in labels)
        assert "The latency axis is logarithmic." in chart.caption
        assert "Dotted rims" in chart.caption
        assert "Red crosses" not in chart.caption
    assert 'viewBox="0 0 328 430"' in chart.narrow
    assert "lenet5.digits.int8.tflite: 97.5 %, 29.1 µs" in chart.svg


def test_labels_do_not_cover_each_other() -> None:
    same = [row(p, 0.02 + i / 1000) for i, p in enumerate(("float32", "float16", "int8", "a", "b"))]
    chart = chart_of(*same)
    for svg in (chart.svg, chart.narrow):
        pattern = r'<g class="rim">\s*<text[^>]*x="([-\d.]+)" y="([-\d.]+)"[^>]*>([^<]*)'
        places = re.findall(pattern, svg)
        assert len(places) == 5
        points = [(float(x), float(y), 7 * len(text)) for x, y, text in places]
        for i, (x, y, width) in enumerate(points):
            for u, v, other in points[:i]:
                assert abs(y - v) > 8 or abs(x - u) > (width + other) / 2


def test_a_file_that_was_rejected_after_it_was_timed_is_crossed_out() -> None:
    wide = chart_of(row(), row("int8", 0.03, verdict="rejected", reason="x"))
    assert "Red crosses: files that may not be shipped." in wide.caption
    assert "var(--chart-bad)" in wide.svg


def test_no_percentage_above_100_is_on_the_axis() -> None:
    wide = chart_of(row(accuracy=accuracy(360)), row("int8", 0.02, accuracy=accuracy(359)))
    ticks = [float(t) for t in texts(wide.svg) if re.fullmatch(r"[\d.]+", t)]
    assert 100 in ticks
    assert not any(t > 100 for t in ticks)


@pytest.mark.parametrize(
    "rows",
    [
        (),
        (row(p50=None),),
        (row(accuracy=None),),
        (row(p50=math.nan),),
        (row(p50=0.0),),
        (row(accuracy=Metric(name="accuracy", value=math.nan, low=0, high=1, count=1)),),
    ],
)
def test_without_points_there_is_a_sentence(rows: tuple[Any, ...]) -> None:
    chart = latency_chart(rows, None)
    assert chart.svg == ""
    assert "cannot be compared" in chart.caption


def test_many_formats_sizes_unknown_and_long_names() -> None:
    formats = [f"format-{i}-with-a-very-long-name" for i in range(6)]
    rows = [row("p" * 60, 1.0 + i, format=f, bytes=None) for i, f in enumerate(formats)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        chart = chart_of(*rows)
    assert "…" in chart.svg
    assert "…" in chart.narrow


def test_another_metric_keeps_its_unit() -> None:
    metric = Metric(name="psnr", value=37.0, low=36.0, high=38.0, count=64)
    wide = chart_of(row(accuracy=metric))
    assert "psnr" in texts(wide.svg)
    assert "psnr, %" not in texts(wide.svg)


def confusion(classes: int) -> tuple[Any, tuple[str, ...]]:
    counts = np.eye(classes, dtype=np.int64) * 20
    counts[0, 1], counts[1, 0] = 3, 1
    return counts, tuple(f"class {i}" for i in range(classes))


def test_small_matrices_carry_counts_and_names() -> None:
    counts, classes = confusion(10)
    chart = confusion_chart(counts, classes, "reference")
    shown = texts(chart.svg)
    assert shown.count("20") == 10
    assert shown.count("3") == 1
    assert shown.count("class 4") == 2
    assert "200 of 204 examples are right" in chart.svg


@pytest.mark.parametrize("classes", [17, 30, 41, 100, 1000])
def test_large_matrices_stay_small_drawings(classes: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        chart = confusion_chart(*confusion(classes), "reference")
    assert len(chart.svg) < 60_000
    assert ("index of the class" in chart.svg) == (classes > 40)


def test_differences_are_signed() -> None:
    counts, classes = confusion(3)
    other = counts.copy()
    other[2, 2] -= 2
    other[2, 0] += 2
    chart = difference_chart(other, counts, classes, "a-b.tflite")
    assert {"−2", "+2"} <= set(texts(chart.svg))
    assert chart.caption.startswith(
        "a-b.tflite minus the reference: 2 examples moved to another cell, −2 right answers"
    )
    assert difference_chart(counts, counts, classes, "x").svg == ""


def test_the_most_frequent_mistakes_come_first() -> None:
    counts, classes = confusion(3)
    found = mistakes(counts, classes)
    assert [(m.true_class, m.predicted, m.count, m.of) for m in found] == [
        ("class 0", "class 1", 3, 23),
        ("class 1", "class 0", 1, 21),
    ]
    assert mistakes(np.eye(3, dtype=np.int64), classes) == ()


def test_the_rate_distortion_chart_has_curves_and_points() -> None:
    curves = {"JPEG": [[1.0, 33.0], [0.25, 27.0]], "WebP": [[0.5, 32.5], [0.2, 28.0]]}
    own = {"curves": curves, "counted": "whole files", "point": [0.4, 31.25]}
    details = {"net": own, "net.int8.onnx": {**own, "point": [0.41, 31.0]}}
    chart = rate_chart(details, "net")
    told = set(texts(chart.svg))
    assert {"JPEG", "WebP", "the network", "its files", "bits per pixel", "PSNR, dB"} <= told
    assert "its files" not in texts(rate_chart({"net": own}, "net").svg)
    assert chart.narrow != ""
    assert chart.caption.endswith("Counted: whole files.")
    assert chart.table is not None
    assert chart.table[1] == [
        ("net", "0.4000", "31.25"),
        ("net.int8.onnx", "0.4100", "31.00"),
        ("JPEG", "0.2500", "27.00"),
        ("JPEG", "1.0000", "33.00"),
        ("WebP", "0.2000", "28.00"),
        ("WebP", "0.5000", "32.50"),
    ]


def test_of_many_files_those_are_named_that_no_other_beats() -> None:
    best, worst = accuracy(355), accuracy(300)
    rows = [row("int8", 0.1 + n / 100, file=f"{n}.tflite", accuracy=worst) for n in range(40)]
    fast = row("float16", 0.05, accuracy=accuracy(330))
    wrong = row("int16x8", 0.04, accuracy=best, verdict="rejected")
    chart = chart_of(*rows, fast, row("float32", 0.2, accuracy=best), wrong)
    named = [text.partition(" · ")[0] for text in texts(chart.svg) if " · " in text]
    assert sorted(named) == ["float16", "float32"]
    assert "names stand at the files that no other beats in both" in chart.caption
    assert chart.table is not None
    assert len(chart.table[1]) == 43

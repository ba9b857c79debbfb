"""Samples that are no images: series as pictures, texts, sequences with a class per step."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from report_pages import page_script
from report_views import Page, run

from zoo.report.charts.series_chart import series_chart
from zoo.report.charts.series_pictures import series_picture
from zoo.report.pages.html import render
from zoo.report.sequence_cards import step_cards
from zoo.report.view import SampleImage, StepSample
from zoo.results import formatting as fmt

TAGGED = StepSample(
    words=("def", "f", "(", ")", ":"),
    true_classes=("keyword", "name", "operator", "operator", "operator"),
    reference=("keyword", "name", "operator", "operator", "operator"),
    predictions={
        "a.tflite": ("keyword", "name", "operator", "operator", "operator"),
        "a.int8.tflite": ("name", "name", "operator", "operator", "string"),
    },
)


def test_many_channels_are_a_strip_in_which_time_runs_to_the_right() -> None:
    window = np.zeros((30, 7), np.float32)
    window[20:, 2] = 5.0
    picture = series_picture(window)
    assert (picture.shape, picture.dtype) == ((7, 30), np.uint8)
    assert picture[2, 20:].tolist() == [255] * 10
    assert picture.sum() == 2550


@pytest.mark.parametrize(("steps", "channels"), [(50, 1), (50, 4), (1, 2), (5000, 6)])
def test_few_channels_are_lines_each_with_its_name_and_scale(steps: int, channels: int) -> None:
    window = np.random.default_rng(1).normal(0, 1, (steps, channels)).astype(np.float32)
    svg = series_chart(window, [f"<{n}>" for n in range(channels)])
    assert svg.count("<polyline") == channels
    assert all(f">&lt;{n}&gt;</text>" in svg for n in range(channels))
    assert f">{steps - 1}</text>" in svg
    assert fmt.number(float(window[:, 0].min()), 2) in svg
    assert len(svg) < 4000 * channels + 1000
    assert "channel 0" in series_chart(window)


def down_of(svg: str) -> list[float]:
    """How far below the top each point of the first line is."""
    points = re.findall(r'points="([^"]*)"', svg)[0].split()
    return [float(point.split(",")[1]) for point in points]


def test_a_rising_line_rises() -> None:
    down = down_of(series_chart(np.linspace(0, 1, 40, dtype=np.float32)[:, None]))
    assert down == sorted(down, reverse=True)
    assert down[0] - down[-1] > 30


def test_a_constant_series_is_a_level_line() -> None:
    assert len(set(down_of(series_chart(np.full((9, 1), 1e30, np.float32))))) == 1


def test_texts_stand_where_pictures_would() -> None:
    sample = SampleImage(
        text="<b>a & b</b> " + "word " * 200,
        true_class="email",
        reference=("asyncio", 0.9),
        predictions={"a.tflite": ("email", 0.6)},
    )
    page = Page(render(run(samples=(sample,))))
    assert "<b>a & b</b> word word" in page.text
    assert "…" in page.text
    assert "Not a picture" not in page.text
    assert "✗ asyncio, wrong 90 %before export" in page.text
    assert page.with_tag("b") == []


def test_who_took_which_step_for_what() -> None:
    (card,) = step_cards((TAGGED,))
    assert card.wrong
    assert [step.missed for step in card.steps] == [True, False, False, False, True]
    before, first, second = card.opinions
    assert (before.who, before.said, before.right) == ("before export", "5 of 5 steps right", True)
    assert (first.who, first.misses) == ("a.tflite", ())
    assert second.said == "3 of 5 steps right"
    assert second.misses == ("“def”: name", "“:”: string")


def test_files_that_agree_are_named_once_and_long_lists_are_cut() -> None:
    wrong = tuple("name" for _ in range(20))
    sample = StepSample(
        words=tuple("x" * 20),
        true_classes=tuple("string" for _ in range(20)),
        reference=wrong,
        predictions={"a": wrong, "b": wrong},
    )
    (card,) = step_cards((sample,))
    assert [opinion.who for opinion in card.opinions] == ["before export", "all 2 files"]
    assert card.opinions[0].misses[-1] == "and 12 more"


def test_sequences_on_the_page() -> None:
    evil = replace(TAGGED, words=("<script>alert(1)</script>", "f", "(", ")", ":"))
    page = Page(render(run(samples=(), step_samples=(TAGGED, evil))))
    assert "3 of 5 steps right" in page.text
    assert "“def”: name, “:”: string" in page.text
    assert page.script == page_script()
    assert "No samples were kept" not in page.text
    assert sum("missed" in span.get("class", "") for span in page.with_tag("span")) == 4

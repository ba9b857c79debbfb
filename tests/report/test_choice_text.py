"""What is said of networks beside the chosen one."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from choices import LIMITS, accuracy, compared, point, screened

from zoo.pipeline.search.choice import as_json
from zoo.pipeline.search.chosen_files import ChosenFiles
from zoo.pipeline.search.rivals import Difference
from zoo.report.choice_text import (
    answer,
    candidate_rows,
    cost_words,
    curve_text,
    difference_text,
    format_limits,
    out_rows,
    rung_rows,
    untrained_rows,
)


def difference(gain: float, low: float | None, high: float | None, seeds: int = 3) -> Difference:
    return Difference(
        gain=gain, low=low, high=high, unit="points", examples=274, seeds=seeds, by_example=True
    )


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (
            difference(0.4, -0.5, 1.3),
            "0.4 points better (−0.5 to +1.3): cannot tell at n = 274",
        ),
        (difference(-2.3, -3.5, -1.1), "2.3 points worse (−3.5 to −1.1)"),
        (difference(1.5, 0.2, 2.8), "1.5 points better (+0.2 to +2.8)"),
        (difference(0.0, -0.5, 0.5), "equally good (−0.5 to +0.5): cannot tell at n = 274"),
        (difference(-3.0, None, None, 1), "3.0 points worse: cannot tell at n = 274"),
    ],
)
def test_a_difference_says_whether_chance_explains_it(one: Difference, words: str) -> None:
    assert difference_text(one) == words


def test_costs_are_factors_beside_the_chosen_file() -> None:
    best = point("a", 0.9, 0.1, 100_000)
    assert cost_words(point("b", 0.9, 0.21, 50_000), best) == ["2.1 × slower", "2.0 × smaller"]
    assert cost_words(point("b", 0.9, 0.05, 300_000), best) == ["2.0 × quicker", "3.0 × larger"]
    assert cost_words(point("b", 0.9, 0.102, 100_900), best) == []
    assert cost_words(point("b", 0.9, 0.2, 100_000, p50_ms=None), best) == []


def test_rows_hold_every_candidate_and_the_baseline() -> None:
    heads, rows, _ = candidate_rows(compared())
    assert heads[2] == "file's accuracy, %"
    told = {row[0]: row for row in rows}
    assert [row[1] for row in rows] == [
        *("chosen", "rival", "behind", "failed", "baseline", "baseline"),
    ]
    assert told["lenet5"][-1] == (
        "0.4 points better (−0.5 to +1.3): cannot tell at n = 274; 2.1 × quicker; 1.3 × smaller"
    )
    assert told["convnet28"][-1] == "84.0 % in validation with 33 % of the data"
    heads, ((name, *figures, why),), _ = out_rows(compared())
    assert (name, heads[:3], figures) == (
        "alexnet_small",
        ("over limit", "p50 µs", "kB"),
        ["600", "400"],
    )
    assert why == "int8: latency 600 µs, limit 200 µs; arena 70.0 kB, limit 64.0 kB"
    assert told["vgg8_small"][-1] == "the converter crashed"
    assert told["always '1'"][2] == "13.1 (10.1–16.1)"
    assert told["nearest mean"][2] == "87.2 (84.2–90.2)"
    assert told["resnet8"][-1] == "began with resnet8.fashion_mnist"


def test_the_answer_names_what_cannot_be_told_apart() -> None:
    text = answer(compared())
    assert text.startswith(
        "resnet8: 97.1 % accuracy, 122 µs on host, 90.0 kB (tflite int8), arena 30.0 kB"
    )
    assert "cannot be told from lenet5" in text
    better = {"lenet5": difference(1.5, 0.2, 2.8)}
    assert "cannot be told" not in answer(compared(differences=better))
    assert format_limits(compared()) == "median ≤ 200 µs, file ≤ 1.00 MB, arena ≤ 64.0 kB"


def test_a_limit_that_nothing_meets_names_the_nearest() -> None:
    out = (screened("lenet5", 0.3, 68_000), screened("resnet8", 0.9, 90_000))
    gone = {"whole": {}, "scores": {}, "tested": {}, "curve": None, "nearest_mean": None}
    found = compared(screened=out, files=ChosenFiles(), **gone)
    assert answer(found) == (
        "No network keeps every limit, so none was trained. The nearest, lenet5 (int8): its "
        "median of 300 µs is 100 µs (50 %) over the limit. 2 networks tried."
    )
    assert found.nearest is not None
    assert as_json(found)["nearest"] == "lenet5"
    assert [row[0] for row in out_rows(found)[1]] == ["lenet5", "resnet8"]
    assert candidate_rows(found)[1] == []


def test_a_file_that_its_gate_rejected_is_told() -> None:
    bad = point("lenet5", 0.6, 0.05, 68_000, verdict="rejected", reason="it loses 30 points")
    files = ChosenFiles(points=(bad,), owners={bad.name: "lenet5"}, reference=accuracy(0.9))
    found = compared(files=files, differences={})
    assert "its gate ended as rejected: it loses 30 points" in answer(found)
    assert found.chosen is None


def test_the_curve_says_whether_more_data_would_help() -> None:
    found = compared()
    assert curve_text(found).startswith(
        "more data would help: from 628 to 1,257 examples gained +3.0 points (95 %: +1.9 to +4.0)"
    )
    assert found.curve is not None
    unsure = replace(found.curve, low=-0.4)
    assert curve_text(compared(curve=unsure)).startswith("whether more data would help cannot be")
    alone = replace(found.curve, low=None, high=None)
    assert "(of one seed)" in curve_text(compared(curve=alone))
    assert curve_text(compared(curve=None)) == ""


def test_the_course_has_a_column_for_each_rung() -> None:
    heads, rows, _ = rung_rows(compared())
    assert heads == ("network", "33 %, 9 epochs", "all data, seed by seed", "time")
    assert rows[0][:3] == ("resnet8", "91.0 %", "97.2 %, 96.8 %, 97.0 %")
    assert rows[-1][:3] == ("convnet28", "84.0 %", "–")


def test_untrained_files_say_which_limit_they_exceed() -> None:
    heads, rows, _ = untrained_rows(compared())
    assert "arena kB" in heads
    told = {row[0]: row[-1] for row in rows}
    assert told["lenet5"] == "fits"
    assert told["alexnet_small"] == "latency 3.0 × the limit, arena 1.1 × the limit"
    assert told["vgg8_small"] == "the converter crashed"


def test_json_is_plain() -> None:
    told = json.loads(json.dumps(as_json(compared())))
    assert told["chosen"] == "resnet8"
    assert told["limits"]["max_arena"] == LIMITS.max_arena
    by_name = {one["name"]: one for one in told["candidates"]}
    assert by_name["lenet5"]["difference"]["verdict"] == "cannot tell"
    assert by_name["alexnet_small"]["standing"] == "over limit"
    assert by_name["resnet101"]["standing"] == "unfit"
    assert told["learning_curve"]["verdict"] == "helps"

"""What is said of networks beside the chosen one."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from choices import LIMITS, accuracy, compared, point, screened

from zoo.contracts import Metric
from zoo.pipeline.search.choice import as_json
from zoo.pipeline.search.chosen_files import ChosenFiles
from zoo.pipeline.search.learning_curve import CurvePoint, curve_of
from zoo.pipeline.search.rivals import Difference
from zoo.pipeline.search.screening import ChoiceLimits
from zoo.report.choice_text import (
    candidate_rows,
    cost_words,
    course,
    curve_text,
    difference_text,
    format_limits,
    out_rows,
    rung_rows,
    untrained_rows,
)
from zoo.report.choice_verdict import answer


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
    assert answer(found) == (
        "No file of the networks that were trained passed its gate. "
        "lenet5: its int8 file was rejected: it loses 30 points."
    )
    assert found.chosen is None
    assert as_json(found)["nearest"] == "lenet5"


def test_trained_files_over_a_limit_are_told_the_nearest_first() -> None:
    far, near = point("resnet8", 0.9, 0.5, 90_000), point("lenet5", 0.8, 0.2004, 68_000)
    files = ChosenFiles(points=(far, near), owners={far.name: "resnet8", near.name: "lenet5"})
    found = compared(files=files, differences={})
    assert answer(found) == (
        "No file of the networks that were trained passes its gate and keeps every limit. "
        "lenet5: its median of 200 µs is 0.400 µs (0.2 %) over the limit; "
        "resnet8: its median of 500 µs is 300 µs (150 %) over the limit."
    )
    assert as_json(found)["nearest"] == "lenet5"
    untimed = point("lenet5", 0.8, 0.1, 68_000, p50_ms=None, reason="the device is gone")
    files = ChosenFiles(points=(untimed,), owners={untimed.name: "lenet5"})
    found = compared(files=files, differences={}, limits=ChoiceLimits())
    assert answer(found) == (
        "No file of the networks that were trained could be timed. "
        "lenet5: its int8 file could not be timed: the device is gone."
    )


def test_the_answer_says_what_speaks_against_the_chosen_one() -> None:
    better = compared(differences={"lenet5": difference(1.5, 0.2, 2.8)})
    assert "On the test split lenet5 is better, and chance does not explain it." in answer(better)
    assert "needs no network" not in answer(better)
    mean = compared(nearest_mean=accuracy(0.971))
    assert answer(mean).endswith(
        "It is no better than the class whose mean input is nearest, which needs no network: "
        "97.1 %."
    )


def test_better_networks_without_a_file_to_ship_are_named() -> None:
    found = compared()
    first, rest = found.files.points
    bad = replace(first, verdict="rejected", reason="it loses 30 points", p50_ms=None)
    files = replace(
        found.files,
        points=(bad, rest),
        chosen="lenet5",
        best=rest,
        findings={"resnet8": (), "lenet5": ()},
    )
    moved = {"resnet8": difference(1.0, -0.4, 2.4)}
    found = compared(files=files, differences=moved)
    assert "resnet8 was better in validation and has no file to ship." in answer(found)
    told = {row[0]: row[-1] for row in candidate_rows(found)[1]}
    assert "its int8 file was rejected: it loses 30 points" in told["resnet8"]
    slow = replace(files, points=(replace(first, p50_ms=0.4), rest))
    told = {row[0]: row[-1] for row in candidate_rows(compared(files=slow, differences=moved))[1]}
    assert "its median of 400 µs is 200 µs (100 %) over the limit" in told["resnet8"]


def test_files_are_judged_by_another_metric_than_validation() -> None:
    areas = Metric(name="AUC", value=0.97, low=0.95, high=0.99, count=60)
    file = point("resnet8", 0.97, 0.122, 90_000, metric=areas)
    files = ChosenFiles(points=(file,), owners={file.name: "resnet8"}, chosen="resnet8", best=file)
    names = {"metric": "reconstruction error", "maximize": False, "nearest_mean": None}
    curve = curve_of(
        [
            CurvePoint(share=share, examples=examples, values=values)
            for share, examples, values in (
                (0.5, 64, (0.0210, 0.0214)),
                (1.0, 127, (0.0200, 0.0203)),
            )
        ],
        "reconstruction error",
        maximize=False,
        judged=20,
    )
    found = compared(files=files, tested={}, differences={}, curve=curve, **names)
    assert "resnet8: 0.9700 AUC, " in answer(found)
    assert "It is the best by reconstruction error in validation." in answer(found)
    assert candidate_rows(found)[0][2] == "file's AUC"
    assert "gained +0.00105 (95 %: +0.000415 to +0.00169)" in curve_text(found)


def test_networks_that_were_not_trained_are_not_called_compared() -> None:
    assert "3 of 5 networks were trained." in answer(compared())
    assert "No other network was compared." in answer(
        compared(screened=(screened("resnet8", 0.1, 90_000),))
    )


def test_the_curve_says_whether_more_data_would_help() -> None:
    found = compared()
    assert curve_text(found).startswith(
        "more data would help: from 628 to 1,257 examples gained +3.0 points (95 %: +0.8 to +5.1)"
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


def test_without_limits_none_are_spoken_of() -> None:
    assert course(compared()).startswith("5 networks, 3 within the limits; 2 trained whole")
    free = course(compared(limits=ChoiceLimits()))
    assert free.startswith("5 networks, 3 built and exported; 2 trained whole")

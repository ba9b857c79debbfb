from __future__ import annotations

import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from makers import check
from report_views import accuracy, failed, rejected, row

from zoo.common.proportions import LeastShare
from zoo.pipeline.rows import ArtifactRow
from zoo.report.remarks import remarks, twin


def speed(*rows: ArtifactRow) -> list[str]:
    """Remarks on speed alone."""
    words = ("twin", "noisy", "Latency")
    return [remark for remark in remarks(rows) if any(word in remark for word in words)]


def test_a_slower_small_network() -> None:
    assert speed(row(p50=0.019), row("int8", 0.029)) == [
        "lenet5.digits.int8.tflite is 1.5 × slower than its float32 twin (29 µs against 19 µs): "
        "on this host small networks gain nothing from int8; ship the float file here, or int8 "
        "where size counts (3.5 × smaller)."
    ]


def test_a_slower_large_network_is_not_called_small() -> None:
    (remark,) = speed(row(p50=127.0), row("int16x8", 3888.0))
    assert "31 × slower" in remark
    assert "(3,888 ms against 127 ms)" in remark
    assert "small" not in remark.replace("smaller", "")
    assert "on this host int16x8 costs time" in remark


def test_a_slower_file_that_is_no_smaller_is_not_recommended_for_its_size() -> None:
    (remark,) = speed(row(), row("int8", 0.05, size_ratio=0.9))
    assert remark.endswith("ship the float file here.")


def test_a_faster_file() -> None:
    assert speed(row(p50=127.0), row("int8", 45.0)) == [
        "lenet5.digits.int8.tflite is 2.8 × faster than its float32 twin (45 ms against 127 ms), "
        "and 3.5 × smaller."
    ]


def test_intervals_that_touch_decide_nothing() -> None:
    (remark,) = speed(row(p50=0.0193), row("float16", 0.0195))
    assert remark.startswith("Cannot tell which is faster")
    assert "the intervals of the medians overlap, 18.9 to 20.1 µs and 18.7 to 19.9 µs" in remark
    touching = row("int8", 0.03, p50_low=0.02, p50_high=0.04)
    (remark,) = speed(row(p50=0.019, p50_low=0.018, p50_high=0.02), touching)
    assert remark.startswith("Cannot tell")


def test_a_missing_interval_decides_nothing() -> None:
    (remark,) = speed(row(), row("int8", 0.1, p50_low=None))
    assert "Cannot tell" in remark
    assert "an interval of the medians is missing" in remark
    (remark,) = speed(row(), row("int8", 0.1, p50_low=0.2, p50_high=0.1))
    assert "Cannot tell" in remark


def test_all_unclear_files_share_one_remark() -> None:
    (remark,) = speed(row(), row("float16", 0.0195), row("int8", 0.019))
    assert remark.count("Cannot tell") == 1
    assert "float16.tflite" in remark
    assert "int8.tflite" in remark


def test_a_noisy_measurement_is_named_and_never_called_faster() -> None:
    (remark,) = speed(row(), row("int8", 0.005, quiet=False))
    assert remark.startswith("1 measurement was noisy")
    assert "lenet5.digits.int8.tflite" in remark
    assert "not published as good" in remark
    both = speed(row(quiet=False), row("int8", 0.005))
    assert len(both) == 1, "a noisy twin is not compared with either"
    assert "2 measurements were noisy" in speed(row(quiet=False), row("int8", quiet=False))[0]


def test_a_plain_slowdown_is_told_even_when_the_host_was_not_quiet() -> None:
    slower, noisy = speed(row(), row("int8", 0.5, quiet=False))
    assert "looks 26 × slower than its float32 twin" in slower
    assert slower.endswith("but that is noisy.")
    assert noisy.startswith("1 measurement was noisy")
    told = remarks((row(), row("int8", 0.5, quiet=False)), "my runs/a")
    command = "zoo bench 'my runs/a/lenet5.digits.int8.tflite'"
    assert sum(command in remark for remark in told) == 1


def test_a_difference_too_small_for_a_factor_is_slight() -> None:
    near: dict[str, Any] = {"p50_low": 0.01951, "p50_high": 0.01953}
    slow = row("int8", 0.01952, **near)
    fast = row(p50=0.0193, p50_low=0.01929, p50_high=0.01931)
    (remark,) = speed(fast, slow)
    assert "slightly slower" in remark
    assert "(20 µs against 19 µs)" in remark


def test_different_medians_never_read_the_same() -> None:
    slow = row("int8", 0.1902, p50_low=0.1901, p50_high=0.1903)
    fast = row(p50=0.1900, p50_low=0.1899, p50_high=0.19005)
    (remark,) = speed(fast, slow)
    assert "(190.2 µs against 190.0 µs)" in remark


def test_twins_share_format_runtime_and_threads() -> None:
    small = row("int8", 0.05)
    assert twin(small, [row(), small]) == row()
    for other in (row(format="onnx"), row(runtime="tflite-runtime"), row(threads=2)):
        assert twin(small, [other, small]) is None
        assert speed(other, small) == []
    assert twin(row(), [row(), small]) is None


def test_files_that_did_not_pass_are_not_compared() -> None:
    assert speed(row(), row("int8", 0.5, verdict="rejected", reason="x")) == []


def test_the_largest_loss_of_accuracy() -> None:
    worst = row("int8", accuracy=accuracy(350), drop_points=0.2778)
    found = remarks((row(), worst))
    assert found[0] == (
        "lenet5.digits.int8.tflite lost the most accuracy of the files that passed: 0.28 points, "
        "which leaves 97.2 %, measured on 360 test examples."
    )
    assert "one of its 360 examples weighs 0.28 points" in found[1]
    assert "95.0 to 98.5" in found[1]


def test_no_loss_of_accuracy() -> None:
    big = accuracy(9751, 10_000)
    found = remarks((row(accuracy=big), row("int8", None, accuracy=big, drop_points=-0.1)))
    assert found[0] == (
        "No file that passed lost accuracy against the network it was exported from, measured on "
        "10,000 test examples."
    )
    assert not any("split is small" in remark for remark in found)


def test_a_rejected_file_is_not_the_one_that_lost_most() -> None:
    assert "rejected" not in remarks((row(), rejected()))[0]


def test_what_few_examples_cannot_tell_is_said_once_for_all_files() -> None:
    unsure = LeastShare(share=1.0, count=64, least=0.98).unsure("inputs")
    checks = (check(unsure=unsure), check(name="accuracy"))
    told = remarks((row(checks=checks), row("int8", checks=checks), row("float16")))
    assert [remark for remark in told if "Too few" in remark] == [
        "Too few examples to be sure of lenet5.digits.float32.tflite and "
        f"lenet5.digits.int8.tflite: parity {unsure}."
    ]


def test_nothing_passed() -> None:
    assert remarks((rejected(), failed())) == ("No file of this run may be shipped: none passed.",)
    assert remarks(()) == ()


def test_files_without_a_latency_are_named_when_others_have_one() -> None:
    assert speed(row(), row("int8", None)) == [
        "Latency was not measured for lenet5.digits.int8.tflite."
    ]
    assert speed(row(p50=None), row("int8", None)) == []


def test_figures_that_are_not_numbers_say_nothing() -> None:
    assert speed(row(), row("int8", math.nan)) == []
    assert speed(row(p50=0.0), row("int8", 0.1)) == []
    assert remarks((row(p50=None, drop_points=math.nan),)) == ()


@given(st.floats(1e-3, 1e3), st.floats(1e-3, 1e3))
def test_a_file_is_slower_faster_or_it_cannot_be_told(float_ms: float, int_ms: float) -> None:
    (remark,) = speed(row(p50=float_ms), row("int8", int_ms))
    slower = int_ms * 0.97 > float_ms * 1.03
    faster = int_ms * 1.03 < float_ms * 0.97
    assert (" slower than" in remark) == slower
    assert (" faster than" in remark) == faster
    assert ("Cannot tell" in remark) == (not slower and not faster)


def test_what_stayed_in_float_unasked_is_told_of_its_file() -> None:
    told = remarks((row("int8", 0.03, left_in_float="3.2% (conv1)"), row()))
    (line,) = [line for line in told if "nobody asked for" in line]
    assert line.startswith(f"{row('int8', 0.03).file}: 3.2% (conv1) of the multiply-adds")
    assert not [line for line in remarks((row("int8", 0.03), row())) if "nobody" in line]

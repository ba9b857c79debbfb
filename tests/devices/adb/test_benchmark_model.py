"""What LiteRT's benchmark_model says: of several versions, and whatever else may come."""

from __future__ import annotations

import math
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.common.errors import Unsupported, ZooError
from zoo.contracts import ToolOrder
from zoo.devices.adb.benchmark_model_output import arguments, failure, figures
from zoo.execution.failures import AgentDied, AgentGarbled

#: As printed on a Chromebook in 2022, with the flag for memory.
OLD = """
INFO: Created TensorFlow Lite XNNPACK delegate for CPU.
VERBOSE: Replacing 58 out of 58 node(s) with delegate (TfLiteXNNPackDelegate) node, yielding 1 \
partitions for the whole graph.
INFO: Initialized session in 3.337ms.
INFO: Running benchmark for at least 1 iterations and at least 0.5 seconds but terminate if \
exceeding 150 seconds.
INFO: count=9 first=81913 curr=55502 min=55502 max=81913 avg=58984.7 std=8115

INFO: Running benchmark for at least 50 iterations and at least 60 seconds but terminate if \
exceeding 150 seconds.
INFO: count=1061 first=56576 curr=56299 min=54669 max=60236 avg=56265.8 std=982

INFO: Inference timings in us: Init: 3337, First inference: 81913, Warmup (avg): 58984.7, \
Inference (avg): 56265.8
INFO: Overall peak memory footprint (MB) via periodic monitoring: 93.2383
"""
NEW = OLD.replace("std=8115", "std=8115 p5=55502 median=56100 p95=81913").replace(
    "std=982", "std=982 p5=55102 median=56210 p95=57990"
)


def test_an_old_one() -> None:
    found = figures(OLD)
    assert found.runs == 1061
    assert found.mean_ms == pytest.approx(56.2658)
    assert (found.min_ms, found.max_ms) == pytest.approx((54.669, 60.236))
    assert (found.first_ms, found.init_ms) == pytest.approx((81.913, 3.337))
    assert (found.warmup_runs, found.warmup_mean_ms) == (9, pytest.approx(58.9847))
    assert found.peak_memory_mb == pytest.approx(97.767, abs=0.01)
    assert (found.delegate, found.delegated, found.operations, found.partitions) == (
        *("XNNPACK", 58, 58),
        1,
    )
    assert (found.median_ms, found.p5_ms, found.p95_ms) == (None, None, None), "it does not tell"


def test_a_new_one_tells_percentiles() -> None:
    found = figures(NEW)
    assert (found.p5_ms, found.median_ms, found.p95_ms) == pytest.approx((55.102, 56.21, 57.99))


def test_means_that_its_whole_microseconds_cannot_tell() -> None:
    """On a fast processor most inferences of a small network take "0 µs"."""
    said = NEW.replace("median=56210 p95=57990", "median=0 p95=1").replace("p5=55102", "p5=0")
    said = said.replace("first=56576 curr=56299 min=54669 max=60236 avg=56265.8", "@")
    said = said.replace("Inference (avg): 56265.8", "Inference (avg): @mean")
    for mean in ("0.0368421", "0.9", "4.99"):
        with pytest.raises(ZooError, match="too fast for benchmark_model") as caught:
            figures(said.replace("@mean", mean).replace("@", f"curr=0 min=0 max=63 avg={mean}"))
        assert f"reports a mean of {mean}" in str(caught.value)
    five = said.replace("@mean", "5.01").replace("@", "curr=0 min=0 max=63 avg=5.01")
    assert figures(five).mean_ms == pytest.approx(0.00501)


def test_a_log_of_a_phone_with_a_profile() -> None:
    """Each line has a prefix, and the profiler sums up operations with the same words."""
    profile = "Timings (microseconds): count=50 first=9 curr=9 min=1 max=99 avg=12 std=3\n"
    prefixed = "\n".join(f"11-22 21:03:11.101 I tflite: {line}" for line in NEW.splitlines())
    assert figures(prefixed + "\n" + profile) == figures(NEW)


@pytest.mark.parametrize("line", ["count=3 curr=15(all same)", "count=1 curr=15"])
def test_times_that_are_all_the_same(line: str) -> None:
    said = f"INFO: {line}\nInference timings in us: Init: 9, First inference: 20, Warmup (avg): "
    found = figures(said + "18.5, Inference (avg): 15")
    assert (found.min_ms, found.median_ms, found.max_ms) == (0.015, 0.015, 0.015)
    assert (found.mean_ms, found.warmup_runs) == (0.015, None)


def test_numbers_as_streams_write_them() -> None:
    said = OLD.replace("avg=56265.8", "avg=1.23457e+06").replace(
        "Inference (avg): 56265.8", "Inference (avg): 1.23457e+06"
    )
    slow = said.replace("min=54669 max=60236", "min=1200000 max=1300000").replace(
        "first=56576 curr=56299", "first=1250000 curr=1234000"
    )
    assert figures(slow).mean_ms == pytest.approx(1234.57)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("", "reports no figures"),
        ("Segmentation fault", "reports no figures"),
        (OLD[: OLD.index("INFO: Inference timings")], "reports no figures"),
        (OLD.replace("count=", "number="), "reports no figures"),
        (OLD.replace("count=1061", "count=0").replace("count=9", "count=0"), "reports no figures"),
        (OLD.replace("min=54669", "min=64669"), "contradict"),
        (OLD.replace("Inference (avg): 56265.8", "Inference (avg): 1.5"), "contradict"),
        (OLD.replace("Init: 3337", "Init: -3337"), "contradict"),
    ],
)
def test_figures_that_are_none(said: str, message: str) -> None:
    with pytest.raises(AgentGarbled, match=message):
        figures(said)


TIMES = st.lists(st.integers(5, 10**7), min_size=1, max_size=40)


@given(times=TIMES, init=st.integers(0, 10**7), noise=st.text(max_size=60))
def test_what_is_said_is_what_is_found(times: list[int], init: int, noise: str) -> None:
    mean = sum(times) / len(times)
    line = f"count={len(times)} first={times[0]} curr={times[-1]} min={min(times)} "
    line += f"max={max(times)} avg={mean:g} std=1"
    end = f"Inference timings in us: Init: {init}, First inference: 1, Warmup (avg): 1, "
    said = f"{noise.replace('=', '')}\nINFO: count=1 curr=1\nINFO: {line}\nINFO: {end}"
    found = figures(said + f"Inference (avg): {mean:g}")
    assert found.runs == len(times)
    assert found.mean_ms == pytest.approx(mean / 1000, rel=1e-5)
    assert (found.min_ms, found.max_ms) == (min(times) / 1000, max(times) / 1000)


WORDS = st.sampled_from(
    [
        *NEW.splitlines(),
        *("count=", "count=9", "curr=1e999", "count=1e14 curr=-1", "median=nan", "(all same)"),
        *("Inference timings in us: Init: 1e400, First inference: 0", "Replacing 9 out of 9"),
        f"Replacing {'9' * 400} out of 1 node(s) with delegate (X) node, yielding 1 partitions",
        f"count={'9' * 5000} curr=1",
    ]
)


@given(said=st.lists(WORDS | st.text(max_size=30), max_size=12).map("\n".join))
def test_whatever_is_said(said: str) -> None:
    """Finite figures come out, or one error that a person understands."""
    try:
        found = figures(said)
    except ZooError as error:
        assert isinstance(error, AgentGarbled) or "too fast" in error.what  # noqa: PT017
        return
    numbers = [v for v in asdict(found).values() if isinstance(v, int | float)]
    assert all(math.isfinite(v) and v >= 0 for v in numbers)
    assert found.runs >= 1


@pytest.mark.parametrize(
    ("code", "said", "kind", "message"),
    [
        (
            1,
            "ERROR: Didn't find op for builtin opcode 'FULLY_CONNECTED' version '12'. An older "
            "version of this builtin might be supported.\nERROR: Registration failed.\n",
            Unsupported,
            "too old for a.tflite: it has no FULLY_CONNECTED version 12",
        ),
        (1, "ERROR: Encountered unresolved custom op: FlexErf.\n", Unsupported, "no FlexErf"),
        (1, "ERROR: The model is not a valid Flatbuffer\n", ZooError, "could not time a.tflite"),
        (126, "sh: ./b: not executable: 64-bit ELF file", ZooError, "cannot execute"),
        (127, "sh: ./b: not found", ZooError, "cannot execute"),
        (132, "", AgentDied, "SIGILL"),
        (137, "", AgentDied, "SIGKILL"),
        (None, "", AgentDied, "line to the device broke"),
    ],
)
def test_why_it_failed(code: int | None, said: str, kind: type[ZooError], message: str) -> None:
    error = failure(code, said, "a.tflite")
    assert type(error) is kind
    assert message in str(error)


def test_what_it_is_asked() -> None:
    order = ToolOrder(
        threads=2, min_runs=22, min_seconds=2.0, max_seconds=120.0, warmup_seconds=1.0
    )
    asked = arguments("/data/a.tflite", order)
    assert asked[:6] == [
        *("--graph=/data/a.tflite", "--num_threads=2", "--num_runs=22"),
        *("--min_secs=2", "--max_secs=120", "--warmup_min_secs=1"),
    ]
    assert "--use_xnnpack=true" in asked

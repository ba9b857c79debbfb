"""Faster, slower, same, can't tell; and never unlike with unlike unsaid."""

from __future__ import annotations

from dataclasses import replace

import pytest
from measured import PLAIN, process, side

from zoo.benchmark.compare.comparability import differences, drift
from zoo.benchmark.compare.comparing import Comparisons
from zoo.benchmark.compare.comparison import Side, compare_sides, main_disturbances
from zoo.benchmark.compare.wording import basis, first_line, plain, sentence
from zoo.common.errors import UsageError

BASE = [100.0, 100.2, 99.9, 100.1, 100.3, 99.8, 100.4, 99.7, 100.5, 99.6, 100.0, 100.1]
SLOW = [1.05 * m for m in BASE]


@pytest.mark.parametrize(
    ("medians", "word"),
    [(SLOW, "slower"), ([m / 1.05 for m in BASE], "faster"), ([1.01 * m for m in BASE], "same")],
)
@pytest.mark.parametrize("together", [True, False])
def test_verdicts(medians: list[float], word: str, together: bool) -> None:
    pair = compare_sides(side(BASE), side(medians), together=together)
    assert (pair.verdict, pair.reason, pair.differences) == (word, "", ())
    assert pair.ratio is not None
    assert pair.ratio.low <= medians[0] / BASE[0] <= pair.ratio.high


def test_no_evidence_is_not_evidence_of_none() -> None:
    wide = [m * (1.0 + 0.08 * (n % 3 - 1)) for n, m in enumerate(BASE)]
    pair = compare_sides(side(BASE), side(wide), together=True)
    assert pair.verdict == "can't tell"
    assert "neither a difference" in pair.reason
    wider = compare_sides(side(BASE), side(wide), together=True, margin=0.2)
    assert wider.verdict == "same", "with a margin that holds the interval it is evidence"


def test_three_recorded_processes_cannot_rule_chance_out() -> None:
    """However far apart they are: a tenth of all mixtures of three and three are separate."""
    pair = compare_sides(side(BASE[:3]), side([5 * m for m in BASE[:3]]), together=False)
    assert (pair.verdict, pair.ratio) == ("can't tell", None)
    assert "3 quiet processes against 3" in pair.reason
    assert "9 would do" in pair.reason
    now = compare_sides(side(BASE[:3]), side(SLOW), together=False)
    assert now.verdict == "slower", "twelve now, three then"


def test_disturbed_turns_do_not_count() -> None:
    ruined = [m * (9.0 if n in (1, 4, 7) else 1.0) for n, m in enumerate(BASE)]
    pair = compare_sides(side(BASE), side(ruined, noisy=(1, 4, 7)), together=True)
    assert pair.verdict == "same"
    assert pair.ratio is not None
    assert pair.ratio.processes == (9, 9)
    lost = compare_sides(side(BASE, noisy=(0, 2)), side(SLOW, noisy=(2, 5, 6)), together=True)
    assert lost.verdict == "can't tell"
    assert lost.reason.startswith("4 of 12 turns were disturbed, 9 must not be: the hypervisor")


def test_a_noisy_recording_tells_nothing() -> None:
    pair = compare_sides(side(BASE), side(SLOW, noisy=range(12)), together=False)
    assert pair.verdict == "can't tell"
    assert pair.reason.startswith(
        "every process of one side was disturbed: the hypervisor took 50%"
    )
    # Records of older versions do not say which process was disturbed.
    old = side(SLOW, quiet=False, noise=("steal",), environment={"python": "3.11.9"})
    assert compare_sides(side(BASE), old, together=False).verdict == "can't tell"


def test_samples_that_are_gone() -> None:
    gone = Side(measurement=PLAIN, samples=None, origin="bench")
    pair = compare_sides(gone, side(BASE), together=False)
    assert pair.reason == "the results store has no samples of net.tflite"


def test_a_clock_that_does_not_move_is_no_zero() -> None:
    pair = compare_sides(side([0.0] * 12), side(BASE), together=True)
    assert pair.verdict == "can't tell"


def test_a_machine_that_changed_between_recordings() -> None:
    later = side(SLOW, spin=1100)
    pair = compare_sides(side(BASE), later, together=False)
    assert pair.verdict == "can't tell"
    assert pair.reason == (
        "the machine itself was 10% slower the second time, by a fixed piece of work"
    )
    assert compare_sides(side(BASE), later, together=True).verdict == "slower", (
        "in turn it is alike"
    )
    assert drift(side(BASE).measurement, side(BASE, spin=1040).measurement) == ""
    other = side(BASE, spin=2000, device_fingerprint="a" * 16).measurement
    assert drift(side(BASE).measurement, other) == "", "another machine has another speed"


@pytest.mark.parametrize("clock", ["emulated", "estimated"])
@pytest.mark.parametrize("both", [True, False])
def test_times_that_are_not_real_are_not_ranked(clock: str, both: bool) -> None:
    unreal = side(SLOW, clock=clock, device="emulated-pi4")
    first = unreal if both else side(BASE)
    with pytest.raises(UsageError, match=f"'emulated-pi4' are {clock}: they cannot be compared"):
        compare_sides(first, unreal, together=False)
    with pytest.raises(UsageError, match=clock):
        compare_sides(unreal, first, together=True)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"threads": 2}, "threads 1 against 2"),
        ({"device": "pi4"}, "device host against pi4"),
        ({"device_fingerprint": "a" * 16}, f"machine {'f' * 16} against {'a' * 16}"),
        ({"runtime": "onnxruntime", "api": "run"}, "runtime litert against onnxruntime"),
        ({"runtime_version": "2.4.0"}, "version of the runtime 2.3.0 against 2.4.0"),
        ({"delegate": "none"}, "ran on XNNPACK against none"),
        ({"batch": 8}, "examples in one inference 1 against 8"),
        ({"tier": "quick"}, "tier full against quick"),
        ({"environment": {"governor": "powersave"}}, "governor unknown against powersave"),
        ({"environment": {"affinity": [0]}}, "affinity unknown against [0]"),
    ],
)
def test_what_differs_is_said_in_the_first_line(changes: dict, told: str) -> None:
    pair = compare_sides(side(BASE), side(SLOW, **changes), together=False)
    line = first_line(Comparisons(pairs=(pair,)))
    assert line.startswith("NOT LIKE WITH LIKE: ")
    assert told in line
    assert "\n" not in line


def test_like_with_like_needs_no_warning() -> None:
    found = Comparisons(pairs=(compare_sides(side(BASE), side(SLOW), together=True),))
    assert first_line(found) == ""
    assert plain(found)["like_with_like"]


def test_power_states_are_compared_and_what_flickers_is_not() -> None:
    def charged(**condition) -> dict:
        return {"python": "3.11.9", "processes": [process(**condition)]}

    full = replace(PLAIN, environment=charged(charging=True, temperature_c=40.0, boot="a"))
    empty = replace(PLAIN, environment=charged(charging=False, temperature_c=61.0, boot="b"))
    assert differences(full, empty) == ("power state: charging True against False",)
    assert differences(full, full) == ()


def test_a_warning_that_concerns_one_of_two_names_it() -> None:
    same = compare_sides(side(BASE), side(SLOW), together=True)
    other = compare_sides(side(BASE), side(SLOW, threads=4, file="b.tflite"), together=True)
    line = first_line(Comparisons(pairs=(same, other)))
    assert line == "NOT LIKE WITH LIKE: threads 1 against 4 (b.tflite)"


def test_words() -> None:
    pair = compare_sides(side(BASE), side(SLOW, file="new.tflite"), together=True)
    assert sentence(pair).startswith("slower: new.tflite takes 1.050 (1.0")
    assert sentence(pair).endswith(" times as long as net.tflite")
    assert basis(pair) == "99.5 % interval of 12 turns of fresh processes, the two in turn"
    apart = compare_sides(side(BASE), side(SLOW), together=False)
    assert sentence(apart).endswith("times as long as on 2026-11-22 20:00 UTC")
    assert basis(apart).endswith("interval of 12 and 12 processes, recorded apart")
    unclear = compare_sides(side(BASE[:2]), side(SLOW[:2]), together=True)
    assert sentence(unclear).startswith("can't tell: 2 turns cannot rule chance out; it takes 9")
    assert basis(unclear) == ""


def test_disturbances_are_summed_up() -> None:
    noise = [f"the agent waited for a processor {n}% of the time" for n in (7, 61, 30)]
    told = main_disturbances([*noise, "hot", "a", "b"])
    assert told == "the agent waited for a processor 61% of the time; hot; a"

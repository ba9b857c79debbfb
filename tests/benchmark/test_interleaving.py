"""Fresh processes, turns, second tries: with scripted agents, so that noise comes on cue."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from device_kinds import kind_of
from measured import measure

from zoo.benchmark.candidate import Candidate
from zoo.benchmark.measure import NotTimed, measure_interleaved
from zoo.common.errors import BadFile, UnknownName, ZooError
from zoo.common.worker import Children
from zoo.contracts import Condition
from zoo.execution.device import Device
from zoo.execution.failures import AgentDied, AgentMismatch
from zoo.execution.session import AgentSession
from zoo.results.measurements import OutputCheck

Scripted = Callable[..., Any]
#: What the agents' samples say: 1, 2 and 3 µs.
NOISY_WHEN = """
whole = bench
def bench(request):
    noisy = {"steal_seconds": 0.5} if STARTED in %s else {}
    return whole(request, samples={"count": 3, "data": packed(*[
        1000 * (STARTED + 1), 3000 * (STARTED + 1), 2000 * (STARTED + 1)])}, **noisy)
"""


@pytest.fixture
def net(tmp_path: Path) -> Path:
    path = tmp_path / "a.net"
    path.write_bytes(b"weights")
    return path


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where devices are locked."""
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))


def device_of(transport: Any) -> Device:
    kind = kind_of("scripted", methods={"connect": lambda driver: transport})
    return Device(name="scripted", kind=kind)


def starts(tmp_path: Path) -> int:
    return len((tmp_path / "starts").read_text())


def test_each_process_is_fresh(scripted: Scripted, net: Path, tmp_path: Path) -> None:
    transport, told = scripted(NOISY_WHEN % "()"), []
    measurement, samples = measure(
        device_of(transport),
        net,
        runtime="fake",
        threads=2,
        tier="smoke",
        progress=lambda done, total: told.append((done, total)),
    )
    assert starts(tmp_path) == measurement.processes == 3
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert [s.tolist()[0] for s in samples.processes] == [1000, 2000, 3000]
    # Medians of the processes: 2, 4 and 6 µs.
    assert measurement.p50_ms == pytest.approx(0.004)
    assert measurement.p50_low_ms == pytest.approx(0.002)
    assert measurement.p50_high_ms == pytest.approx(0.006)
    assert measurement.p90_ms == pytest.approx(0.006)
    assert measurement.p99_ms is None, "nine samples have no 99th percentile"
    assert measurement.interval == "bootstrap over processes"
    assert (measurement.load_ms, measurement.first_ms) == (5.0, 0.009)
    assert (measurement.runs, measurement.seconds) == (9, 3.0)
    assert (measurement.peak_memory_mb, measurement.memory_before_mb) == (20.0, 10.0)
    assert (measurement.quiet, measurement.noise) == (True, ())
    assert (measurement.device, measurement.threads, measurement.delegate) == (
        "scripted",
        2,
        "fake",
    )
    assert transport.put_files == [net], "copied once, not once per process"
    assert transport.closed


def test_a_disturbed_process_is_measured_again(
    scripted: Scripted, net: Path, tmp_path: Path
) -> None:
    measurement, samples = measure(
        device_of(scripted(NOISY_WHEN % "(0,)")), net, runtime="fake", threads=1, tier="brief"
    )
    assert starts(tmp_path) == 2
    assert measurement.quiet
    assert measurement.environment["processes"][0]["attempts"] == 2
    assert samples.processes[0].tolist() == [2000, 6000, 4000], "the second try counts"
    assert measurement.interval == "order statistics"


def test_once_and_no_more(scripted: Scripted, net: Path, tmp_path: Path) -> None:
    measurement, _ = measure(
        device_of(scripted(NOISY_WHEN % "(0, 1, 2)")),
        net,
        runtime="fake",
        threads=1,
        tier="brief",
    )
    assert starts(tmp_path) == 2
    assert not measurement.quiet
    assert measurement.noise == ("the hypervisor took 50% of a core for others",)


def test_a_slow_first_process_is_seen_in_later_ones(scripted: Scripted, net: Path) -> None:
    changes = """
    whole = bench
    def bench(request):
        spin = [100, 101] if STARTED == 0 else [150, 151]
        return whole(request, spin_before_ns=spin, spin_after_ns=spin)
    """
    measurement, _ = measure(
        device_of(scripted(changes)), net, runtime="fake", threads=1, tier="smoke"
    )
    assert measurement.noise == ("a fixed piece of work took 50% longer than it can",)


def test_limit_below_the_floors_is_said(scripted: Scripted, net: Path) -> None:
    changes = "whole = bench\ndef bench(request): return whole(request, floors_met=False)"
    measurement, _ = measure(
        device_of(scripted(changes)), net, runtime="fake", threads=1, tier="brief"
    )
    assert not measurement.floors_met
    assert measurement.quiet


def test_placement_that_the_timed_call_cannot_tell(scripted: Scripted, net: Path) -> None:
    changes = """
    plain = load
    def load(request):
        return {**plain(request), "delegate": {"name": "X"}, "locate": True}
    def locate(request):
        return {"delegate": {"name": "X", "partitions": 2, "remaining": ["TANH"]}}
    """
    measurement, _ = measure(
        device_of(scripted(changes)), net, runtime="fake", threads=1, tier="brief"
    )
    assert measurement.placement == {"name": "X", "partitions": 2, "remaining": ["TANH"]}


def test_candidates_take_turns(scripted: Scripted, tmp_path: Path) -> None:
    changes = """
    plain = load
    def load(request):
        with open(sys.argv[1] + ".order", "a") as order:
            order.write(request["path"][-5])
        return plain(request)
    """
    paths = [tmp_path / f"{name}.net" for name in "abc"]
    for path in paths:
        path.write_bytes(path.name.encode())
    results = measure_interleaved(
        device_of(scripted(changes)),
        [Candidate(path=path, runtime="fake") for path in paths],
        tier="smoke",
    )
    assert (tmp_path / "starts.order").read_text() == "abcbcacab"
    assert [result[0].file for result in results] == ["a.net", "b.net", "c.net"]  # type: ignore[index]


def test_a_death_costs_one_candidate(scripted: Scripted, tmp_path: Path) -> None:
    changes = """
    plain = load
    def load(request):
        if request["path"].endswith("bad.net"):
            os.kill(os.getpid(), signal.SIGSEGV)
        return plain(request)
    """
    paths = [tmp_path / "bad.net", tmp_path / "good.net"]
    for path in paths:
        path.write_bytes(b"weights")
    transport = scripted(changes)
    candidates = [Candidate(path=path, runtime="fake") for path in paths]
    bad, good = measure_interleaved(device_of(transport), candidates, tier="smoke")
    assert isinstance(bad, AgentDied)
    assert "SIGSEGV" in str(bad)
    assert not isinstance(good, Exception)
    assert starts(tmp_path) == 4, "a candidate that died is not tried again"
    assert transport.closed
    with pytest.raises(AgentDied):
        measure(device_of(scripted(changes)), paths[0], runtime="fake", threads=1, tier="brief")


@pytest.mark.parametrize("begun", [False, True])
def test_of_two_that_are_compared_none_is_timed_further_once_one_failed(
    scripted: Scripted, tmp_path: Path, begun: bool
) -> None:
    changes = """
    plain = load
    def load(request):
        if request["path"].endswith("bad.net") and STARTED >= %d:
            os.kill(os.getpid(), signal.SIGSEGV)
        return plain(request)
    """
    paths = [tmp_path / "good.net", tmp_path / "bad.net"]
    for path in paths:
        path.write_bytes(b"weights")
    # Answers are checked before anything is timed; without a check both are begun.
    check = None if begun else lambda session: OutputCheck()
    told: list[tuple[int, int]] = []
    good, bad = measure_interleaved(
        device_of(scripted(changes % (2 if begun else 0))),
        [Candidate(path=path, runtime="fake", check=check) for path in paths],
        tier="smoke",
        progress=lambda done, total: told.append((done, total)),
        all_or_none=True,
    )
    assert isinstance(bad, AgentDied)
    assert isinstance(good, NotTimed)
    assert (good.what, good.why) == (
        "good.net was not timed",
        "bad.net cannot be, and both are compared",
    )
    assert starts(tmp_path) == (3 if begun else 2), "each once, and the second that died"
    assert told[-1] == (6, 6)


def test_interruption_ends_the_agent(scripted: Scripted, net: Path) -> None:
    children = Children()
    changes = "def bench(request): time.sleep(600)"
    transport = scripted(changes)
    # As when the user interrupts while the agent works: everything registered is ended.
    progress_of_load = transport.put

    def put(local: Path) -> str:
        children.stop_all()
        return progress_of_load(local)

    transport.put = put
    with pytest.raises(AgentDied, match="SIGKILL"):
        measure(
            device_of(transport),
            net,
            runtime="fake",
            threads=1,
            tier="brief",
            children=children,
        )


def test_wrong_input_of_the_user(scripted: Scripted, net: Path, tmp_path: Path) -> None:
    transport = scripted()
    with pytest.raises(UnknownName, match="tier"):
        measure(device_of(transport), net, runtime="fake", threads=1, tier="slow")
    with pytest.raises(BadFile, match="there is no file"):
        measure(device_of(transport), tmp_path / "no.net", runtime="fake", threads=1, tier="brief")
    assert transport.closed


def test_a_throttled_device_is_measured_again_and_then_marked(
    scripted: Scripted, net: Path, tmp_path: Path
) -> None:
    transport = scripted()
    hot = Condition(readings={"temperature_c": 85.0}, faults=("the board reports: throttled",))
    transport.conditions = [Condition(), hot, Condition(), hot]
    measurement, _ = measure(device_of(transport), net, runtime="fake", threads=1, tier="brief")
    assert starts(tmp_path) == 2
    assert (measurement.quiet, measurement.noise) == (False, hot.faults)
    (process,) = measurement.environment["processes"]
    assert process["condition"] == [{}, {"temperature_c": 85.0}]


def test_a_device_that_cooled_down_counts(scripted: Scripted, net: Path, tmp_path: Path) -> None:
    transport = scripted()
    transport.conditions = [Condition(faults=("hot",))]
    measurement, _ = measure(device_of(transport), net, runtime="fake", threads=1, tier="brief")
    assert starts(tmp_path) == 2
    assert (measurement.quiet, measurement.noise) == (True, ())


def test_a_file_that_the_device_does_not_take_costs_itself_alone(
    scripted: Scripted, net: Path
) -> None:
    transport, full = scripted(), ZooError("the disk is full")
    other = net.with_name("big.net")
    other.write_bytes(b"more weights")
    put = transport.put

    def narrow(local: Path) -> str:
        if local == other:
            raise full
        return str(put(local))

    transport.put = narrow
    found = measure_interleaved(
        device_of(transport),
        [Candidate(path=other, runtime="fake"), Candidate(path=net, runtime="fake")],
        tier="smoke",
    )
    assert found[0] is full
    assert found[1][0].file == "a.net"


def test_another_machine_at_the_same_address(scripted: Scripted, net: Path) -> None:
    """Its times would stand beside those of the first one."""
    changes = """
    def describe(request):
        return {"fingerprint": "ab"[STARTED > 0] * 16, "python": "3.9.2", "runtime": "fake"}
    """
    with pytest.raises(AgentMismatch, match="another device answered than before") as caught:
        measure(device_of(scripted(changes)), net, runtime="fake", threads=1, tier="smoke")
    assert caught.value.why == f"its fingerprint was {'a' * 16} and is {'b' * 16}"


def test_answers_are_checked_again_in_the_process_that_was_timed(
    scripted: Scripted, net: Path
) -> None:
    timed: list[bool] = []

    def check(session: AgentSession) -> OutputCheck:
        timed.append(session.timed)
        if session.timed:
            raise ZooError("other answers")
        return OutputCheck()

    with pytest.raises(ZooError, match="other answers"):
        measure(device_of(scripted()), net, runtime="fake", threads=1, tier="smoke", check=check)
    assert timed == [False, True]

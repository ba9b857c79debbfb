"""A phone by ADB: a server that speaks the protocol and runs the commands on this machine."""

from __future__ import annotations

import os
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest
from adb_server import SERIAL, AdbServer
from hypothesis import given
from hypothesis import strategies as st
from measured import measure

from zoo.benchmark.cells import cells_of, check_compared, check_tools, time_cells, with_tools
from zoo.benchmark.compare.judgement import judge_budgets
from zoo.benchmark.compare.operands import recorded_measurements
from zoo.benchmark.journal import Journal
from zoo.benchmark.tiers import tier_named
from zoo.benchmark.timing import record_result
from zoo.common.errors import MissingExtra, ProcessFailed, UnknownName, UsageError, ZooError
from zoo.common.files import sha256_of
from zoo.common.worker import Children
from zoo.contracts.options import declared_options
from zoo.devices.adb import android_state as android
from zoo.devices.adb import driver as adb
from zoo.devices.adb.options import AdbOptions
from zoo.devices.adb.shell_protocol import Shell
from zoo.devices.local.host import HostTransport
from zoo.devices.shared.remote import DeviceUnreachable
from zoo.execution.device import Device
from zoo.execution.failures import AgentDied, AgentGarbled, AgentHung, AgentRefused
from zoo.execution.lock import DeviceBusy
from zoo.execution.session import AgentSession
from zoo.registry import load_registry
from zoo.results.measurements import Measurement
from zoo.results.store import Store
from zoo.testing.devices import DEVICE_CHECKS, DeviceConformance

REGISTRY = load_registry()
KIND = REGISTRY.devices.get("adb")
ONE = np.ones((1, 4), np.float32)
Connect = Callable[..., adb.AdbTransport]


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    # No test may start a real ADB server.
    monkeypatch.setenv("ADBUTILS_ADB_PATH", "/bin/false")


def driver_of(adb_server: AdbServer, **changes: object) -> adb.AdbDriver:
    """A driver that has not asked the agent yet."""
    return adb.AdbDriver(AdbOptions.model_validate({**given_by(adb_server), **changes}))


def given_by(adb_server: AdbServer) -> dict[str, object]:
    """What an entry of the server's phone says; ADB's own shell runs the agent."""
    return {"server": adb_server.address, "app": "", "python": sys.executable}


def options(adb_server: AdbServer, **changes: object) -> dict[str, object]:
    return declared_options(lambda: AdbOptions, {**given_by(adb_server), **changes}, "phone")


@pytest.fixture
def connect(server: AdbServer) -> Iterator[Connect]:
    """Connects; the one before is let go of."""
    made: list[adb.AdbTransport] = []

    def connected(**changes: object) -> adb.AdbTransport:
        for transport in made:
            transport.close()
        made.append(driver_of(server, **changes).connect())
        return made[-1]

    yield connected
    for transport in made:
        transport.close()


def test_the_same_answers_as_here(connect: Connect, files: dict[str, Path]) -> None:
    with AgentSession(HostTransport(), "litert") as here:
        here.load(files["dense_int8"])
        expected = here.run(ONE)
    with AgentSession(connect(), "litert") as there:
        there.load(files["dense_int8"])
        np.testing.assert_array_equal(there.run(ONE), expected)


def test_a_measurement(server: AdbServer, files: dict[str, Path]) -> None:
    device = Device(name="phone", kind=KIND, options=options(server, cpus="1"))
    assert device.fingerprint().startswith(SERIAL)
    assert "litert" in device.runtimes()
    measurement, _ = measure(device, files["dense"], runtime="litert", threads=1, tier="brief")
    assert measurement.device == "phone"
    assert measurement.environment["affinity"] == [0]
    for told in measurement.environment["processes"][0]["condition"]:
        assert told == {
            "thermal": "none",
            "temperature_c": 43.2,
            "battery_percent": 87,
            "battery_c": 29.4,
            "battery_uah": 2846000,
            "battery_mv": 3901,
            "charged_by": ["USB"],
            "airplane_mode": True,
            "android": "15",
            "model": "Pixel 9",
            "soc": "Tensor G4",
            "fixed_performance": True,
            "cpus": "1",
        }
    # Held while it was measured, and given back.
    asked = server.log.read_text().splitlines()
    assert asked == [f"power set-fixed-performance-mode-enabled {w}" for w in ("true", "false")]


@pytest.mark.parametrize("check", DEVICE_CHECKS)
def test_the_kit_for_devices(server: AdbServer, check: str) -> None:
    device = Device(name="phone", kind=KIND, options=options(server))
    verdict = DeviceConformance(load_registry(), device).check(check)
    assert verdict.status == "passed", verdict.measured


def test_a_phone_that_cannot_hold_its_clocks(server: AdbServer, connect: Connect) -> None:
    server.environment["CMD"] = "255"
    transport = connect()
    assert transport.condition().readings["fixed_performance"] is False
    transport.close()
    assert len(server.log.read_text().splitlines()) == 1
    connect(performance=False)
    assert len(server.log.read_text().splitlines()) == 1


@pytest.mark.parametrize(
    ("variable", "value", "fault"),
    [("THERMAL", "3", "Android throttles the phone for heat: severe"), ("SAVER", "1", "battery")],
)
def test_a_throttled_phone_is_noisy(
    server: AdbServer, files: dict[str, Path], variable: str, value: str, fault: str
) -> None:
    server.environment[variable] = value
    device = Device(name="phone", kind=KIND, options=options(server))
    measurement, _ = measure(device, files["dense"], runtime="litert", threads=1, tier="brief")
    assert not measurement.quiet
    assert any(fault in reason for reason in measurement.noise)


def test_an_app_is_entered(server: AdbServer, connect: Connect, files: dict[str, Path]) -> None:
    with AgentSession(connect(app="com.termux"), "litert") as session:
        session.load(files["dense"])
    assert "run-as com.termux" in server.log.read_text()
    with pytest.raises(ZooError, match=r"unknown package: org\.other"):
        connect(app="org.other").put(files["dense"])


class TestBenchmarkModel:
    """LiteRT's own program, which a user supplies, in place of the agent."""

    @pytest.fixture
    def program(self, tmp_path: Path) -> Path:
        made = tmp_path / "android_aarch64_benchmark_model"
        here = Path(__file__).parents[2] / "support" / "real_benchmark_model.py"
        made.write_text(f"#!{sys.executable}\n{here.read_text()}")
        return made

    def device(self, server: AdbServer, program: Path, **changes: object) -> Device:
        given = {"benchmark_model": str(program), "benchmark_folder": str(server.folder / "tmp")}
        # No Python is there: the agent could not run.
        values = options(server, app="com.other", python="python9", **given, **changes)
        return Device(name="phone", kind=KIND, options=values)

    def measured(self, device: Device, file: Path, tier: str = "brief") -> Measurement | ZooError:
        children = Children()
        cells = with_tools(REGISTRY, device, cells_of(REGISTRY, [file], [], [1], children))
        (timed,) = time_cells(REGISTRY, device, cells, tier_named(tier), children=children)
        return timed.result if isinstance(timed.result, ZooError) else timed.result[0]

    def test_its_figures(self, server: AdbServer, program: Path, files: dict[str, Path]) -> None:
        found = self.measured(self.device(server, program, cpus="1"), files["dense"])
        assert isinstance(found, Measurement), found
        assert (found.runtime, found.threads, found.device) == ("benchmark_model", 1, "phone")
        assert found.runtime_version == sha256_of(program)[:12]
        (process,) = found.summaries
        assert process.runs == found.runs >= 64
        assert process.min_ms is not None
        assert process.max_ms is not None
        assert process.min_ms <= process.mean_ms <= process.max_ms
        assert found.p50_ms == process.median_ms
        assert (found.p50_low_ms, found.p90_ms, found.p99_ms) == (None, None, None)
        assert found.peak_memory_mb is not None
        assert found.quiet
        (counted,) = found.environment["processes"]
        assert [c["thermal"] for c in counted["condition"]] == ["none", "none"]
        asked = server.log.read_text().splitlines()
        assert asked == [f"power set-fixed-performance-mode-enabled {w}" for w in ("true", "false")]
        assert not list((server.folder / "tmp/run").iterdir())

    def test_a_throttled_phone(
        self, server: AdbServer, program: Path, files: dict[str, Path]
    ) -> None:
        server.environment["THERMAL"] = "2"
        found = self.measured(self.device(server, program), files["dense"])
        assert isinstance(found, Measurement), found
        assert found.noise == ("Android throttles the phone for heat: moderate",)

    @pytest.mark.parametrize(
        ("script", "message"),
        [
            ("echo Aborted; kill -6 $$", "SIGABRT"),
            ("kill -4 $$", "SIGILL"),
            ("echo hello", "says no figures"),
            ("head -c 100000 /dev/urandom", "says no figures"),
            ("echo 'ERROR: Failed to load'; exit 1", "Failed to load"),
        ],
    )
    def test_how_it_may_fail(
        self,
        server: AdbServer,
        tmp_path: Path,
        files: dict[str, Path],
        script: str,
        message: str,
    ) -> None:
        program = tmp_path / "failing"
        program.write_text(f"#!/bin/sh\n{script}\n")
        found = self.measured(self.device(server, program), files["dense"])
        assert isinstance(found, ZooError)
        assert message in str(found)
        # Whatever happened, the clocks were given back.
        assert server.log.read_text().splitlines()[-1].endswith("false")

    def test_built_for_another_processor(
        self, server: AdbServer, tmp_path: Path, files: dict[str, Path]
    ) -> None:
        program = tmp_path / "foreign"
        header = bytearray(Path("/bin/true").read_bytes()[:4096])
        header[18] = 0xF3 if header[18] != 0xF3 else 0x3E  # the machine that an ELF file is for
        program.write_bytes(header)
        found = self.measured(self.device(server, program), files["dense"])
        assert isinstance(found, ZooError)
        assert "cannot execute benchmark_model" in str(found)

    def test_one_that_hangs_is_ended_there(
        self,
        server: AdbServer,
        tmp_path: Path,
        files: dict[str, Path],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr("zoo.devices.adb.benchmark_model._PATIENCE", -119.5)
        program = tmp_path / "stuck"
        program.write_text(f"#!/bin/sh\necho $$ >{tmp_path}/pid\nexec sleep 600\n")
        found = self.measured(self.device(server, program), files["dense"])
        assert isinstance(found, AgentHung)
        pid = int((tmp_path / "pid").read_text())
        wait_for(lambda: gone(pid))

    def test_unplugged(self, server: AdbServer, tmp_path: Path, files: dict[str, Path]) -> None:
        program = tmp_path / "unplugged"
        program.write_text(f"#!/bin/sh\ntouch {tmp_path}/running\nexec sleep 600\n")

        def pull() -> None:
            wait_for((tmp_path / "running").exists)
            server.unplug()

        pulling = threading.Thread(target=pull)
        pulling.start()
        found = self.measured(self.device(server, program), files["dense"])
        pulling.join()
        assert isinstance(found, AgentDied)
        assert "line to the device broke" in str(found)

    def test_it_is_the_one_way_of_timing(
        self, server: AdbServer, program: Path, files: dict[str, Path], tmp_path: Path
    ) -> None:
        """Several processes, the journal and the store; the record is compared with no other."""
        device = self.device(server, program)
        assert device.runtimes() == ["benchmark_model"], "the agent cannot run there"
        store, journal, children = Store(f"sqlite:///{tmp_path}/s.db"), Journal(), Children()
        cells = cells_of(REGISTRY, [files["dense"]], ["benchmark_model"], [1, 2], children)
        tier = replace(tier_named("brief"), processes=2)
        how = {"children": children, "journal": journal}
        first = time_cells(REGISTRY, device, cells, tier, **how)  # type: ignore[arg-type]
        again = time_cells(REGISTRY, device, cells, tier, **how)  # type: ignore[arg-type]
        assert [timed.kept for timed in (*first, *again)] == [False, False, True, True]
        timings = [record_result(store, device, timed) for timed in again]
        assert [len(t.measurement.summaries) for t in timings if t.measurement] == [2, 2]
        assert [r.record.kind for r in store.records()] == ["bench", "bench"]
        assert list(recorded_measurements(store)) == []
        judged = judge_budgets(timings, ["p50<=10s", "load<=10s", "size<=1MB"], registry=REGISTRY)
        assert [j.verdict for j in judged[0]] == ["can't tell", "can't tell", "within"]
        store.close()

    def test_what_it_cannot_do(
        self, server: AdbServer, program: Path, files: dict[str, Path]
    ) -> None:
        paths = [files["dense"], files["onnx"]]
        cells = cells_of(REGISTRY, paths, [], [1], Children())
        cells = with_tools(REGISTRY, self.device(server, program), cells)
        assert [cell.runtime for cell in cells] == ["benchmark_model", None]
        with pytest.raises(UsageError, match="cannot be timed side by side"):
            check_tools(REGISTRY, cells, {})
        with pytest.raises(UsageError, match="benchmark_model does not know --profile"):
            check_tools(REGISTRY, cells[:1], {"--batch": False, "--profile": True})
        with pytest.raises(UsageError, match="no verdict compares its figures"):
            check_compared(REGISTRY, cells)

    def test_none_is_supplied(self, server: AdbServer, tmp_path: Path) -> None:
        assert Device(name="phone", kind=KIND, options=options(server)).tool() is None
        missing = self.device(server, tmp_path / "nowhere")
        with pytest.raises(UsageError, match="there is no file"):
            missing.tool()


class TestHeld:
    """One measurement at a time."""

    def test_by_whatever_name(self, server: AdbServer) -> None:
        """One entry names the serial, and the other takes the only phone that is there."""
        first = driver_of(server).connect()
        with pytest.raises(DeviceBusy, match=f"the phone {SERIAL} is in use") as error:
            driver_of(server, serial=SERIAL).connect()
        assert f"process {os.getpid()} of this machine" in str(error.value)
        # The clocks are still held for the first.
        assert "false" not in server.log.read_text()
        first.close()
        driver_of(server, serial=SERIAL).connect().close()

    def test_looking_is_free(self, server: AdbServer) -> None:
        first = driver_of(server).connect()
        assert "litert" in driver_of(server, cpus="1").runtimes()
        first.close()


class TestWhatBecameOfIt:
    """Once the line is lost, the error says what the phone is doing now."""

    @pytest.mark.parametrize(
        ("again", "boot", "words"),
        [
            (False, "one", "cannot be reached: it is off, restarting"),
            (True, "one", "was not restarted: the network failed"),
            (True, "two", "was restarted meanwhile"),
        ],
    )
    def test_it_is_told(
        self,
        server: AdbServer,
        connect: Connect,
        files: dict[str, Path],
        again: bool,
        boot: str,
        words: str,
    ) -> None:
        id_file = server.folder / "boot"
        id_file.write_text("one")
        server.program(
            "cat",
            f'case "$1" in */boot_id) exec /bin/cat {id_file};; *) exec /bin/cat "$@";; esac',
        )
        with AgentSession(connect(performance=False), "litert") as session:
            session.load(files["dense"])
            phones = dict(server.phones)
            server.unplug()
            id_file.write_text(boot)
            if again:
                server.phones.update(phones)
            with pytest.raises(AgentDied, match="line to the device broke") as error:
                session.run(ONE)
        assert words in str(error.value)


class TestChoice:
    """Which phone is meant."""

    def test_one_of_several(self, server: AdbServer, connect: Connect) -> None:
        server.phones["R5CT"] = "device"
        with pytest.raises(UsageError, match=f"2 phones are connected: R5CT, {SERIAL}"):
            connect()
        assert connect(serial="R5CT").serial == "R5CT"
        with pytest.raises(UnknownName, match=f"did you mean '{SERIAL}'"):
            connect(serial="emulator-5545")

    def test_none(self, server: AdbServer, connect: Connect) -> None:
        server.phones.clear()
        with pytest.raises(DeviceUnreachable, match="no phone is connected"):
            connect()

    @pytest.mark.parametrize(("state", "fix"), [("unauthorized", "allow"), ("offline", "again")])
    def test_not_ready(self, server: AdbServer, connect: Connect, state: str, fix: str) -> None:
        server.phones[SERIAL] = state
        with pytest.raises(DeviceUnreachable, match=f"is {state}") as error:
            connect()
        assert fix in str(error.value)

    def test_no_server(self, server: AdbServer, connect: Connect) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            nobody = f"127.0.0.1:{probe.getsockname()[1]}"
        with pytest.raises(DeviceUnreachable, match="there is no ADB server"):
            connect(server=nobody)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"serial": "a b"}, "serial: string should match"),
        ({"serial": "$(id)"}, "serial: string should match"),
        ({"app": "com.termux; id"}, "app: string should match"),
        ({"app": "termux"}, "app: string should match"),
        ({"python": "python3 -c"}, "python: string should match"),
        ({"folder": "-rf"}, "folder: string should match"),
        ({"cpus": "all"}, "cpus: string should match"),
        ({"server": "here"}, "server: string should match"),
        ({"serail": "x"}, "did you mean 'serial'"),
    ],
)
def test_options_that_a_shell_would_misread(changes: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        declared_options(lambda: AdbOptions, changes, "phone")


def test_without_adbutils(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "adbutils", None)
    with pytest.raises(MissingExtra, match=r"edgezoo\[adb\]"):
        adb.AdbTransport(AdbOptions())


def test_a_missing_python(connect: Connect) -> None:
    with (
        AgentSession(connect(python="python9"), "litert") as session,
        pytest.raises(AgentRefused, match="there is no python9 on the device"),
    ):
        session.describe()


def test_a_disk_that_takes_nothing(connect: Connect, files: dict[str, Path]) -> None:
    with pytest.raises(ZooError, match="cannot write to /proc/zoo"):
        connect(folder="/proc/zoo").put(files["dense"])


def test_a_full_disk(server: AdbServer, connect: Connect, tmp_path: Path) -> None:
    """`cat` writes to a device that is always full, as a full disk makes it."""
    big = tmp_path / "big.tflite"
    big.write_bytes(os.urandom(3_000_000))
    server.program(
        "cat", 'case "$*" in "") exec /bin/cat >/dev/full;; *) exec /bin/cat "$@";; esac'
    )
    with pytest.raises(ZooError, match=r"the disk of .* is full"):
        connect().put(big)


def test_unplugged_in_mid_run(server: AdbServer, connect: Connect, files: dict[str, Path]) -> None:
    with AgentSession(connect(), "litert") as session:
        session.load(files["dense"])
        server.unplug()
        with pytest.raises(AgentDied, match="line to the device broke"):
            session.run(ONE)
    with pytest.raises(DeviceUnreachable):
        connect()


@pytest.mark.parametrize(("number", "name"), [(4, "SIGILL"), (9, "SIGKILL")])
def test_the_signal_that_ended_the_agent_is_told(
    server: AdbServer, connect: Connect, number: int, name: str
) -> None:
    server.program("dying-python", f"kill -{number} $$")
    with (
        AgentSession(connect(python="dying-python"), "litert") as session,
        pytest.raises(AgentDied, match=name),
    ):
        session.describe()


def test_a_hung_agent_is_ended_there(server: AdbServer, connect: Connect) -> None:
    code = "import time; time.sleep(600)"
    server.program("stuck-python", f'exec {sys.executable} -c "{code}" "$@"')
    with AgentSession(connect(python="stuck-python"), "litert", timeout=1.0) as session:
        (pid_file,) = wait_for(
            lambda: list((server.folder / ".cache/edgezoo-agent/run").glob("*.pid"))
        )
        pid = int(wait_for(pid_file.read_text))
        with pytest.raises(AgentHung):
            session.describe()
    wait_for(lambda: gone(pid))


@given(
    text=st.text(max_size=300)
    | st.sampled_from(
        [
            "[thermal]\nThermal Status: 99",
            "[battery]\n level: \n temperature: --5",
            "[build]\n\n\n",
            "[thermal]\nTemperature{mValue=1.2.3, mType=0, mName=a}" * 9,
            "[thermal]\n" + "mValue=1 mType=0 " * 100_000,
            "[battery]\n" + " " * 1_000_000,
            "[battery]\nlevel: " + "9" * 5000,
        ]
    )
)
def test_whatever_a_phone_says(text: str) -> None:
    found = android.condition_of(text)
    assert set(found.readings) <= {
        *("thermal", "temperature_c", "battery_percent", "battery_c", "charged_by"),
        *("battery_uah", "battery_mv", "airplane_mode", "android", "model", "soc"),
    }


FRAMES = st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(max_size=40)), max_size=8)


@given(frames=FRAMES, cuts=st.integers(1, 17), code=st.integers(0, 255) | st.none())
def test_frames_however_they_are_cut(
    frames: list[tuple[int, bytes]], cuts: int, code: int | None
) -> None:
    here, there = socket.socketpair()
    shell = Shell(here, here.close)
    raw = b"".join(struct.pack("<BI", n, len(data)) + data for n, data in frames)
    if code is not None:
        raw += struct.pack("<BIB", 3, 1, code)
    for start in range(0, len(raw), cuts):
        there.sendall(raw[start : start + cuts])
        shell.wait(0)
    there.close()
    assert shell.finish(10)
    assert shell.out == b"".join(data for n, data in frames if n == 1)
    assert shell.err == b"".join(data for n, data in frames if n == 2)
    assert shell.code == code
    with pytest.raises(BrokenPipeError):
        shell.write(b"more", 1)
    shell.close()


def test_a_phone_that_takes_no_input() -> None:
    here, there = socket.socketpair()
    shell = Shell(here, here.close)
    with pytest.raises(TimeoutError, match="no input taken"):
        shell.write(bytes(50_000_000), 0.1)
    shell.close()
    there.close()


def test_what_a_phone_prints_is_read_within_limits(
    server: AdbServer, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command without an end, one that never ends, and an agent's line without an end."""
    server.program("dumpsys", "exec cat /dev/zero")
    server.program("endless-python", "exec cat /dev/zero")
    transport = connect(python="endless-python")
    with pytest.raises(ProcessFailed, match=f"{SERIAL} printed more than 16 MiB"):
        transport.condition()
    monkeypatch.setattr("zoo.devices.adb.connection.LINE_BYTES", 1 << 20)
    with AgentSession(transport, "litert") as session, pytest.raises(AgentGarbled, match="not end"):
        session.describe()
    with pytest.raises(DeviceUnreachable, match=r"no answer within 0\.3 s"):
        transport._line.run("exec sleep 600", timeout=0.3)


def test_a_frame_that_lies_about_its_length() -> None:
    here, there = socket.socketpair()
    shell = Shell(here, here.close, most=100_000)
    there.sendall(struct.pack("<BI", 1, 0xFFFFFFFF) + b"a" * 90_000)
    assert not shell.finish(0.2)
    assert (len(shell.out), shell.flooded) == (90_000, False)
    there.sendall(b"a" * 50_000)
    assert shell.finish(10)
    assert shell.flooded
    there.close()
    shell.close()


@pytest.mark.parametrize("said", [b"", b"OKAYzzzz", b"FAILffff", b"OKAY0003a\n"])
def test_an_adb_server_that_says_nothing_sensible(
    monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    monkeypatch.setattr("zoo.devices.adb.phones.SHORT", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            held, _ = listener.accept()
            held.sendall(said)
            time.sleep(1.0)
            held.close()

        serving = threading.Thread(target=serve)
        serving.start()
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(DeviceUnreachable):
            adb.AdbTransport(AdbOptions(server=address))
        serving.join()


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def wait_for(find: Callable[[], object]) -> object:
    """Waits as long as it takes on a busy machine, and not for ever."""
    for _ in range(600):
        if found := find():
            return found
        time.sleep(0.1)
    raise AssertionError("it never came about")

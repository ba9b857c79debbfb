"""A board by SSH: a real OpenSSH server on this machine, and all that goes wrong on the way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from measured import measure
from short_timing import short_timing as short_timing
from ssh_board import KIND, Connect, driver_of, wait_for
from ssh_board import connect as connect
from ssh_board import far as far
from ssh_board import own_home as own_home
from ssh_board import server as server
from ssh_server import SshServer, why_not

from zoo.common.errors import UsageError
from zoo.common.files import sha256_of
from zoo.contracts.options import declared_options
from zoo.devices.local.host import HostTransport
from zoo.devices.shared import linux
from zoo.devices.shared.agent_files import agent_archive
from zoo.devices.shared.remote import shell_command
from zoo.devices.ssh.options import SshOptions
from zoo.execution.device import Device
from zoo.execution.lock import DeviceBusy
from zoo.execution.session import AgentSession
from zoo.registry import load_registry
from zoo.testing.devices import DEVICE_CHECKS, DeviceConformance

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not() or "can be tested")

ONE = np.ones((1, 4), np.float32)


def test_the_same_answers_as_here(
    connect: Connect, files: dict[str, Path], far: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    with AgentSession(HostTransport(), "litert") as here:
        here.load(files["dense_int8"])
        expected = here.run(ONE)
    (long := tmp_path / ("t" * 100)).mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(long))  # a path too long for a socket in it
    transport = connect()
    with AgentSession(transport, "litert") as there:
        loaded = there.load(files["dense_int8"])
        np.testing.assert_array_equal(there.run(ONE), expected)
    assert loaded.runtime == "litert"
    (copy,) = (far / "files").iterdir()
    assert copy.read_bytes() == files["dense_int8"].read_bytes()
    assert not list((far / "run").iterdir())


def test_a_measurement(server: SshServer, files: dict[str, Path], far: Path) -> None:
    options = server.options(far)
    device = Device(name="loopback", kind=KIND, options=options)
    told = device.fingerprint()
    assert "litert" in device.runtimes()
    measurement, samples = measure(
        device, files["dense"], runtime="litert", threads=1, tier="brief"
    )
    assert (measurement.device, measurement.delegate) == ("loopback", "XNNPACK")
    assert told.startswith(measurement.device_fingerprint)
    assert f"litert {measurement.runtime_version}" in told
    assert measurement.runs == sum(len(s) for s in samples.processes) >= 64
    where = measurement.environment["device"]
    assert where == {"kind": "ssh", "address": f"{options['user']}@127.0.0.1:{server.port}"}
    assert "boot" in measurement.environment["processes"][0]["condition"][0]


@pytest.mark.slow
@pytest.mark.parametrize("check", DEVICE_CHECKS)
def test_the_kit_for_devices(server: SshServer, far: Path, check: str) -> None:
    device = Device(name="loopback", kind=KIND, options=server.options(far))
    verdict = DeviceConformance(load_registry(), device).check(check)
    assert verdict.status == "passed", verdict.measured


def test_files_and_agent_are_copied_once(
    connect: Connect, files: dict[str, Path], far: Path
) -> None:
    transport = connect()
    there = Path(transport.put(files["dense"]))
    before = there.stat().st_ino
    assert Path(transport.put(files["dense"])).stat().st_ino == before
    with AgentSession(transport, "litert") as session:
        session.describe()
    (agent,) = (far / "agent").iterdir()
    assert agent.name == agent_archive().name == f"agent-{sha256_of(agent)}.pyz"
    agent.write_text("print('an old one')")
    there.write_bytes(b"altered")
    transport.close()
    again = connect()
    assert Path(again.put(files["dense"])).read_bytes() == files["dense"].read_bytes()
    with AgentSession(again, "litert") as session:
        assert session.describe()["agent"]["sha256"] in agent.name


def test_hostile_names_stay_here(
    connect: Connect, files: dict[str, Path], tmp_path: Path, far: Path
) -> None:
    names = ("$(touch owned).tflite", "a b'\";&|.tflite", "-oProxyCommand=x.tflite")
    with AgentSession(connect(), "litert") as session:
        for number, name in enumerate((*names, "new\nline.tflite", "é.t`id`")):
            hostile = tmp_path / name
            hostile.write_bytes(files["dense"].read_bytes() + bytes(number))
            session.load(hostile)
            assert session.run(ONE).shape == (1, 3)
    copies = list((far / "files").iterdir())
    assert len(copies) == len(names) + 2
    for copy in copies:
        assert set(copy.name) <= set("0123456789abcdefghijklmnopqrstuvwxyz.")
    assert not list(tmp_path.rglob("owned"))


@pytest.mark.parametrize(
    "words", ["a b", "$(touch owned)", "'", '"', "`id`", "\\", "*", "!x", ";x"]
)
def test_arguments_arrive_as_they_are(words: str, tmp_path: Path) -> None:
    command = shell_command('printf %s "$1"', [words])
    for shell in ("sh", "bash"):
        done = subprocess.run([shell, "-c", command], capture_output=True, text=True, check=True)
        assert done.stdout == words
    with pytest.raises(ValueError, match="one line"):
        shell_command("true\nfalse", [])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"host": "-oProxyCommand=touch owned"}, "host: must be a host name"),
        ({"host": "a b"}, "host: must be"),
        ({"host": ""}, "host: must be"),
        ({"user": "-l"}, "user: must be"),
        ({"user": "a;b"}, "user: must be"),
        ({"port": "0"}, "port: must be 1 or more"),
        ({"python": "python3; id"}, "python: must be a path"),
        ({"python": "-c"}, "python: must be a path"),
        ({"folder": "a/../.."}, "folder: must not contain"),
        ({"folder": "$HOME"}, "folder: must be a path"),
        ({"cpus": "all"}, "cpus: string should match"),
        ({"identity": "a b"}, "identity: must be a path"),
        ({"identity": "%d/key"}, "identity: must be a path"),
        ({"hots": "x"}, "did you mean 'host'"),
    ],
)
def test_options_that_ssh_or_a_shell_would_misread(changes: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        declared_options(lambda: SshOptions, {"host": "pi4.local", **changes}, "pi4")


@pytest.mark.parametrize("host", ["pi4.local", "10.0.0.7", "fe80::1%eth0", "my_alias"])
def test_usual_hosts(host: str) -> None:
    assert declared_options(lambda: SshOptions, {"host": host}, "pi4")["host"] == host


def test_the_agent_keeps_to_its_processors(connect: Connect) -> None:
    with AgentSession(connect(cpus="1"), "litert") as session:
        assert session.describe()["affinity"] == [0]


class TestHeld:
    """One measurement at a time, wherever the others come from."""

    def test_the_second_is_told(self, connect: Connect) -> None:
        first = connect()
        with pytest.raises(DeviceBusy, match=f"held by process {os.getpid()} on "):
            connect()
        first.close()
        connect()

    def test_looking_is_free(self, connect: Connect, server: SshServer, far: Path) -> None:
        connect()
        assert "litert" in driver_of(server.options(far)).runtimes()

    def test_who_dies_lets_go(self, server: SshServer, far: Path, connect: Connect) -> None:
        code = (
            "import json, sys; from zoo.devices.ssh import driver as ssh; "
            "from zoo.devices.ssh.options import SshOptions; "
            "driver = ssh.SshDriver(SshOptions(**json.loads(sys.argv[1]))); "
            "held = driver.connect(); print('held', flush=True); sys.stdin.read()"
        )
        command = [sys.executable, "-c", code, json.dumps(server.options(far))]
        pipe = subprocess.PIPE
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as other:
            assert other.stdout is not None
            assert other.stdout.readline() == "held\n"
            with pytest.raises(DeviceBusy, match=f"process {other.pid} on "):
                connect()
            other.kill()

        def free() -> bool:
            try:
                connect()
            except DeviceBusy:
                return False
            return True

        wait_for(free)


class TestThrottling:
    """What a Raspberry Pi tells marks the measurement."""

    @pytest.fixture(autouse=True)
    def no_pi_again(self, server: SshServer) -> Iterator[None]:
        yield
        (server.bin / "vcgencmd").unlink(missing_ok=True)

    def test_bits_are_read_there(self, server: SshServer, connect: Connect) -> None:
        transport = connect()
        assert transport.condition().faults == ()
        server.program("vcgencmd", '[ "$1" = get_throttled ] && echo throttled=0x50005')
        found = transport.condition()
        assert found.readings["throttled"] == "0x50005"
        assert found.faults == ("the board reports: under-voltage, throttled",)

    def test_a_throttled_measurement_is_noisy(
        self, server: SshServer, far: Path, files: dict[str, Path]
    ) -> None:
        server.program("vcgencmd", "echo throttled=0x20000")
        device = Device(name="hot", kind=KIND, options=server.options(far))
        measurement, _ = measure(device, files["dense"], runtime="litert", threads=1, tier="brief")
        assert not measurement.quiet
        assert any("the clock is capped" in reason for reason in measurement.noise)


@pytest.mark.parametrize(
    ("text", "readings", "faults"),
    [
        ("", {}, 0),
        ("millidegrees=45200\nmillidegrees=51000\n", {"temperature_c": 51.0}, 0),
        ("governor=ondemand\ncur_freq=1500000", {"governor": "ondemand", "mhz": 1500.0}, 0),
        ("throttled=0x0", {"throttled": "0x0"}, 0),
        ("throttled=0x1", {"throttled": "0x1"}, 1),
        ("throttled=0x80008", {"throttled": "0x80008"}, 1),
        ("throttled=0xd0005", {"throttled": "0xd0005"}, 2),
        ("throttled=error", {"throttled": None}, 1),
        ("millidegrees=\ncur_freq=fast\ngovernor=\nnoise", {}, 0),
        ("millidegrees=--5\nthrottled=" + "f" * 9999, {"throttled": None}, 1),
        ("cur_freq=" + "9" * 9999 + "\ngovernor=" + "x" * 999, {"governor": "x" * 100}, 0),
    ],
)
def test_readings(text: str, readings: dict[str, object], faults: int) -> None:
    found = linux.condition_of(text)
    assert dict(found.readings) == readings
    assert len(found.faults) == faults

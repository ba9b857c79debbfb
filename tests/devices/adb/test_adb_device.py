"""A phone by ADB: a server that speaks the protocol and runs the commands on this machine."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import numpy as np
import pytest
from adb_phone import KIND, ONE, Connect, driver_of, options
from adb_phone import connect as connect
from adb_phone import own_home as own_home
from adb_server import SERIAL, AdbServer
from measured import measure
from short_timing import short_timing as short_timing

from zoo.common.errors import MissingExtra, UnknownName, UsageError, ZooError
from zoo.contracts.options import declared_options
from zoo.devices.adb import driver as adb
from zoo.devices.adb.options import AdbOptions
from zoo.devices.local.host import HostTransport
from zoo.devices.shared.remote import DeviceUnreachable
from zoo.execution.device import Device
from zoo.execution.failures import AgentRefused
from zoo.execution.lock import DeviceBusy
from zoo.execution.session import AgentSession
from zoo.registry import load_registry
from zoo.testing.devices import DEVICE_CHECKS, DeviceConformance


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


@pytest.mark.slow
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

"""What tests of phones share: options and transports in front of a scripted ADB server."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from adb_server import AdbServer

from zoo.contracts.options import declared_options
from zoo.devices.adb import driver as adb
from zoo.devices.adb.options import AdbOptions
from zoo.registry import load_registry

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

"""What tests of boards by SSH share: a real OpenSSH server on this machine, and transports."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ssh_server import SshServer

from zoo.devices.ssh import driver as ssh
from zoo.devices.ssh.options import SshOptions
from zoo.registry import load_registry

KIND = load_registry().devices.get("ssh")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    made = SshServer(tmp_path_factory.mktemp("sshd"))
    made.start()
    yield made
    made.stop()


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))


@pytest.fixture
def far(tmp_path: Path) -> Path:
    """Where the other side keeps the agent and files."""
    return tmp_path / "far"


Connect = Callable[..., ssh.SshTransport]


def driver_of(options: dict[str, Any]) -> ssh.SshDriver:
    """A driver that has not asked the agent yet."""
    return ssh.SshDriver(SshOptions.model_validate(options))


@pytest.fixture
def connect(server: SshServer, far: Path) -> Iterator[Connect]:
    """Connects; whatever is left open is closed."""
    made: list[ssh.SshTransport] = []

    def connected(**changes: object) -> ssh.SshTransport:
        made.append(driver_of(server.options(far, **changes)).connect())
        return made[-1]

    yield connected
    for transport in made:
        transport.close()


def wait_for(condition: Callable[[], bool]) -> None:
    """Waits as long as it takes on a busy machine, and not for ever."""
    for _ in range(600):
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError("it never came about")

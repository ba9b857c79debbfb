"""This machine with other processors, kernels and Pythons, as ``devices.toml`` may say."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from zoo.common.errors import UsageError, ZooError
from zoo.devices.local import environments
from zoo.devices.local.environments import ON_PROCESSOR
from zoo.devices.local.host import HostTransport
from zoo.devices.local.transport import python_of
from zoo.execution.device import Device
from zoo.execution.devices import device_named
from zoo.execution.devices_file import allow_project
from zoo.execution.failures import AgentRefused
from zoo.execution.session import AgentSession
from zoo.registry import load_registry


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home and a project of its own for each test."""
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def device(text: str, name: str = "mine") -> Device:
    """The device of a project's file."""
    Path("devices.toml").write_text(text, encoding="utf-8")
    allow_project()
    return device_named(load_registry(), name)


def host_device(python: str | None = None) -> Device:
    """The host, or another Python of it."""
    return Device(name="host", kind=load_registry().devices.get("host"), options={"python": python})


def described(given: Device, runtime: str = "litert") -> dict[str, Any]:
    with AgentSession(given.connect(), runtime) as session:
        return session.describe()


class TestProcessors:
    """``cpus`` is a mask, as it is for boards and phones."""

    @pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="Linux pins processes")
    def test_the_agent_keeps_to_them(self) -> None:
        least = min(os.sched_getaffinity(0))
        mine = device(f'[mine]\nkind = "host"\ncpus = "{1 << least:x}"\n')
        assert described(mine)["affinity"] == [least]
        assert described(device_named(load_registry(), "host"))["affinity"] == sorted(
            os.sched_getaffinity(0)
        )

    def test_those_that_are_not_here(self, files: dict[str, Path]) -> None:
        mine = device('[mine]\nkind = "host"\ncpus = "f00000000000000000000000"\n')
        with (
            AgentSession(mine.connect(), "litert") as session,
            pytest.raises(AgentRefused, match="names processors that are not here") as caught,
        ):
            session.load(files["dense"])
        assert caught.value.kind == "BadOption"

    @pytest.mark.parametrize("mask", ["0", "00", "0-3", "two", "-1"])
    def test_what_is_no_mask(self, mask: str) -> None:
        with pytest.raises(UsageError, match="cpus"):
            device(f'[mine]\nkind = "host"\ncpus = "{mask}"\n')


class TestXnnpack:
    """Without the delegate, TFLite's own kernels run; the record says so."""

    def test_off(self, files: dict[str, Path]) -> None:
        mine = device('[mine]\nkind = "host"\nxnnpack = false\n')
        for purpose in ("timing", "outputs"):
            with AgentSession(mine.connect(), "litert") as session:
                session.load(files["dense"], purpose=purpose)
                assert session.locate() == {
                    "name": "none",
                    "partitions": 0,
                    "delegated": 0,
                    "remaining": ["FULLY_CONNECTED"],
                }

    def test_on(self, files: dict[str, Path]) -> None:
        with AgentSession(HostTransport(), "litert") as session:
            session.load(files["dense"], purpose="timing")
            assert session.locate()["delegated"] == 1

    def test_it_is_another_device_to_the_records(self) -> None:
        plain = device('[mine]\nkind = "host"\nxnnpack = false\n')
        assert plain.fingerprint() != device_named(load_registry(), "host").fingerprint()
        assert plain.address == "this machine, no XNNPACK"


class TestPython:
    """Another Python runs the agent, from a folder without its neighbours."""

    def test_its_environment_decides(self, home: Path) -> None:
        (home / "bin").mkdir()
        (home / "bin" / "python").symlink_to(sys.executable)
        mine = device(f'[mine]\nkind = "host"\npython = "{sys.executable}"\n')
        about = described(mine)
        assert about["runtime"] == "litert"
        assert set(mine.runtimes()) == set(about["runtimes"])
        assert "python" in mine.fingerprint()

    def test_a_folder_is_an_environment(self, home: Path) -> None:
        (home / "venv" / "bin").mkdir(parents=True)
        (home / "venv" / "bin" / "python").symlink_to(sys.executable)
        assert python_of(str(home / "venv")) == home / "venv" / "bin" / "python"

    def test_none_there(self) -> None:
        mine = device('[mine]\nkind = "host"\npython = "no/such/venv"\n')
        with pytest.raises(UsageError, match="there is no Python at 'no/such/venv'"):
            mine.connect()

    def test_nothing_is_installed_there(self) -> None:
        with pytest.raises(UsageError, match="where nothing is installed"):
            host_device("/usr/bin/python3").setup(lambda words: None)


class TestEnvironments:
    """tflite-runtime needs numpy 1, and so an environment of its own."""

    def test_without_one_it_is_not_offered(self) -> None:
        assert "tflite-runtime" not in host_device().runtimes()

    def test_half_an_environment_is_none(self) -> None:
        folder = ON_PROCESSOR[0].folder
        (folder / "bin").mkdir(parents=True)
        (folder / "bin" / "python").symlink_to(sys.executable)
        assert environments.environments(ON_PROCESSOR) == {}
        (folder / "ready").touch()
        assert set(environments.environments(ON_PROCESSOR)) == {"tflite-runtime"}
        assert "tflite-runtime" in host_device().runtimes()

    @pytest.mark.slow
    def test_for_real(self, files: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("ZOO_OFFLINE", raising=False)
        told: list[str] = []
        try:
            ready = host_device().setup(told.append)
        except ZooError as error:
            pytest.skip(f"{error.what}: {error.why}")
        assert "tflite-runtime" in ready
        assert told[1] == f"installing {', '.join(ON_PROCESSOR[0].packages)}"
        with AgentSession(HostTransport(), "tflite-runtime") as session:
            session.load(files["dense"], purpose="timing")
            about = session.describe()
            assert about["runtime_version"] == "2.14.0"
            assert about["numpy"].startswith("1.")
            assert session.profile(0.1).operators[0].operator == "FULLY_CONNECTED"

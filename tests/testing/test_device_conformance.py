"""The kit for devices passes a driver that keeps its word, and catches each way to break it."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from device_kinds import kind_of

from zoo.common.errors import UnknownName, ZooError
from zoo.contracts import Condition
from zoo.devices.local.host import HostTransport
from zoo.devices.shared.agent_files import AGENT
from zoo.execution.agent_process import PipeProcess
from zoo.execution.device import Device
from zoo.execution.devices_file import allow_project
from zoo.registry import PluginSettings, load_registry
from zoo.testing import devices as kit
from zoo.testing.devices import DEVICE_CHECKS, DeviceConformance, check_device
from zoo.testing.selection import select
from zoo.testing.verdict import Nonconformance, Verdict

REGISTRY = load_registry(PluginSettings(installed=False))
pytest.importorskip("onnxruntime")


def verdict(check: str, transport: Callable[[], Any] = HostTransport, **changes: Any) -> Verdict:
    """Of a driver that is this machine's but for `transport` and `changes`."""
    methods = {
        "connect": lambda driver: transport(),
        "runtimes": lambda driver: ["onnxruntime"],
        **changes,
    }
    kind = kind_of(methods=methods)
    return DeviceConformance(REGISTRY, Device(name="desk", kind=kind)).check(check)


def test_a_setup_that_brings_what_nobody_knows() -> None:
    methods = {"setup": lambda driver, tell: "ready", "setup_runtimes": lambda driver: ["litrt"]}
    found = verdict("describe", **methods)
    assert (found.status, found.measured) == (
        "failed",
        "its setup brings litrt, of which no record of a runtime tells",
    )


@pytest.mark.parametrize("check", DEVICE_CHECKS)
def test_this_machine_keeps_its_word(check: str) -> None:
    check_device("host", check, registry=REGISTRY)


class Elsewhere(HostTransport):
    """Puts files at another place each time."""

    def put(self, local: Path) -> str:
        copy = Path(self.folder) / f"{secrets.token_hex(4)}{local.suffix}"
        copy.write_bytes(local.read_bytes())
        return str(copy)

    folder = ""


class Altering(HostTransport):
    """Brings a file that is not the one that was sent."""

    def put(self, local: Path) -> str:
        copy = Path(self.folder) / f"copy{local.suffix}"
        copy.write_bytes(local.read_bytes().replace(b"\x00\x00\x80\x3f", b"\x00\x00\x00\x40"))
        return str(copy)

    folder = ""


class OtherAgent(HostTransport):
    """Starts a process of another class."""

    process: type[PipeProcess] = PipeProcess

    def start_agent(self, runtime: str) -> PipeProcess:
        return self.process([sys.executable, str(AGENT), "--runtime", runtime])


class Immortal(PipeProcess):
    """Does not end when it is killed from another thread."""

    def kill(self) -> None:
        return


class Impatient(PipeProcess):
    """Takes no time-out, and says something instead."""

    def receive(self, timeout: float | None) -> str | None:
        try:
            return super().receive(timeout)
        except TimeoutError:
            return "still working"


class Endless(PipeProcess):
    """Never tells that the stream has ended."""

    def receive(self, timeout: float | None) -> str | None:
        return super().receive(timeout) or "…"


class Wordless(PipeProcess):
    """Keeps the exit code to itself."""

    def stop(self) -> int | None:
        super().stop()
        return None


def with_process(kind: type[PipeProcess]) -> Callable[[], OtherAgent]:
    return type("Other", (OtherAgent,), {"process": kind})


class Talkative(HostTransport):
    """Tells its condition in other ways than the contract's."""

    def __init__(self, told: object) -> None:
        self.told = told

    def condition(self) -> Any:
        return self.told


def test_a_fingerprint_that_changes() -> None:
    found = verdict("describe", fingerprint=lambda driver: secrets.token_hex(4))
    assert found.status == "failed"
    assert "depends on the machine alone" in found.fix


def test_no_runtime() -> None:
    assert verdict("describe", runtimes=lambda driver: []).measured == "no runtime is there"
    found = verdict("run", runtimes=lambda driver: ["quantum"])
    assert (found.status, found.measured[:9]) == ("skipped", "not tried")


@pytest.mark.parametrize(
    ("transport", "check", "message"),
    [(Elsewhere, "load", "one file went to"), (Altering, "run", "err by")],
)
def test_files_that_do_not_arrive(
    transport: Any, check: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "folder", str(tmp_path))
    found = verdict(check, transport)
    assert found.status == "failed"
    assert message in found.measured


@pytest.mark.parametrize(
    ("process", "check", "message"),
    [
        (Impatient, "slow", "'still working' came at once"),
        (Endless, "close", "then '…'"),
        (Wordless, "close", "exit codes [None, None]"),
    ],
)
def test_processes_that_mislead(process: Any, check: str, message: str) -> None:
    found = verdict(check, with_process(process))
    assert found.status == "failed"
    assert message in found.measured


def test_an_agent_that_cannot_be_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kit, "_LONG", 1.0)
    found = verdict("dead", with_process(Immortal))
    assert (found.status, found.measured) == ("failed", "it went on")


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"temperature": 40}, "a dict came"),
        (
            Condition(readings={"temperature_c": float("nan")}),
            "{'temperature_c': nan}, and must be",
        ),
        (Condition(readings={"since": object()}), "an object of plain values"),
    ],
)
def test_conditions_that_cannot_be_kept(told: object, message: str) -> None:
    found = verdict("condition", lambda: Talkative(told))
    assert found.status == "failed"
    assert message in found.measured


def test_a_driver_may_raise_anything() -> None:
    def connect(driver: object) -> None:
        raise KeyError("wire")

    for check in DEVICE_CHECKS:
        found = verdict(check, connect=connect)
        assert found.status == "failed"
        assert "wire" in found.measured


def test_for_test_runners() -> None:
    with pytest.raises(UnknownName, match="did you mean 'host'"):
        check_device("hots", "run", registry=REGISTRY)
    assert issubclass(Nonconformance, AssertionError)


def test_what_a_name_means(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ZOO_HOME", str(tmp_path))
    assert [d.name for d in select(REGISTRY, "host").devices] == ["host"]
    with pytest.raises(ZooError, match="there is no device of kind ssh to check"):
        select(REGISTRY, "ssh")
    (tmp_path / "devices.toml").write_text('[pi4]\nkind = "ssh"\nhost = "pi4.local"\n')
    allow_project()
    for name in ("pi4", "ssh"):
        chosen = select(REGISTRY, name, ["d*"])
        assert [d.name for d in chosen.devices] == ["pi4"]
        assert chosen.device_checks == tuple(c for c in DEVICE_CHECKS if not c.startswith("d"))
    with pytest.raises(UnknownName, match="unknown check 'dance'"):
        select(REGISTRY, "pi4", ["dance"])

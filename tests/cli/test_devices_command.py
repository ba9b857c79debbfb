"""zoo devices, typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from short_timing import short_timing as short_timing


@pytest.fixture
def board() -> str:
    """A plugin with a kind of device that is this machine, and one that is always dead."""
    code = """
from pydantic import BaseModel, ConfigDict

import zoo
from zoo.contracts import DeviceKind
from zoo.registry import load_registry


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid")

    wire: str
    broken: bool = False


class Driver(zoo.AgentDriver[Options]):
    asked = ("litert",)

    def connect(self):
        from zoo.devices.local.host import HostTransport

        if self.options.broken:
            raise zoo.ZooError("the wire is cut", why="a mouse", fix="mend it")
        return HostTransport()

    def setup(self, tell):
        tell("pulling the wire")
        return f"{self.options.wire} is ready"


@zoo.hookimpl
def zoo_devices():
    yield DeviceKind(name="wired", summary="by wire", driver=lambda: Driver)
"""
    Path("wired.py").write_text(code)
    return "wired.py"


def test_from_a_name_to_a_number(zoo, board, plain_file):
    added = zoo("--plugin", board, "devices", "add", "desk", "wired", "wire=blue", "--project")
    assert (added.code, added.err) == (0, "")
    assert f"added desk (wired, broken=False, wire=blue) to {Path('devices.toml').resolve()}" in (
        added.out
    )
    assert Path("devices.toml").read_text() == '[desk]\nkind = "wired"\nwire = "blue"\n'
    listed = zoo("--plugin", board, "devices", "list")
    rows = [line.split()[:3] for line in listed.out.splitlines()]
    assert ["desk", "wired", "broken=False,"] in rows
    assert ["host", "host", "this"] in rows
    looked = zoo("--plugin", board, "devices", "doctor", "desk", "--json").json
    assert (looked[0]["ok"], looked[0]["kind"]) == (True, "wired")
    assert looked[0]["about"]["fingerprint"]
    bench = ("--plugin", board, "bench", plain_file, "--tier", "brief", "--json")
    found = zoo(*bench, "--device", "desk").json
    assert found[0]["measurement"]["device"] == "desk"
    wrong = zoo(*bench, "--device", "deks")
    assert wrong.code == 2
    assert "did you mean 'desk'" in wrong.json["error"]["fix"]


def test_a_dead_device_is_told(zoo, board, plain_file):
    zoo("--plugin", board, "devices", "add", "dead", "wired", "wire=red", "broken=true")
    looked = zoo("--plugin", board, "devices", "doctor")
    assert looked.code == 1
    assert "dead: the wire is cut (a mouse)\n  fix: mend it" in looked.out
    assert "ok  host" in looked.out
    timed = zoo("--plugin", board, "bench", plain_file, "--device", "dead", "--tier", "brief")
    assert timed.code == 1
    assert "the wire is cut" in timed.err
    # Without the plugin the kind is unknown, and the name still listed.
    listed = zoo("devices", "list")
    assert listed.code == 0
    assert "unknown kind of device 'wired'" in listed.out


def test_setup(zoo, board):
    zoo("--plugin", board, "devices", "add", "desk", "wired", "wire=blue")
    done = zoo("--plugin", board, "devices", "setup", "desk")
    assert (done.code, done.out) == (0, "pulling the wire\nblue is ready\n")
    refused = zoo("--plugin", board, "devices", "setup", "nano33ble")
    assert refused.code == 2
    assert "kinds that can: browser, emulated, gpu, host, ssh, wired" in refused.err


def test_remove(zoo, board, own_folders):
    zoo("--plugin", board, "devices", "add", "desk", "wired", "wire=blue")
    file = own_folders / "config" / "devices.toml"
    assert "desk" in file.read_text()
    done = zoo("devices", "remove", "desk")
    assert (done.code, done.out) == (0, f"removed desk from {file}\n")
    assert file.read_text() == ""
    assert zoo("devices", "remove", "desk").code == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["add", "desk", "wired"], "wire: is required"),
        (["add", "desk", "wierd", "wire=a"], "did you mean 'wired'"),
        (["add", "desk", "wired", "wire"], "'wire' is no option"),
        (["add", "desk", "wired", "=a"], "'=a' is no option"),
        (["add", "desk", "wired", "wire=a", "password=b"], "looks like a secret"),
        (["add", "host", "wired", "wire=a"], "is the name of a kind"),
        (["doctor", "nobody"], "unknown device 'nobody'"),
        (["setup", "wired"], "is a kind of device, not a device"),
    ],
)
def test_mistakes(zoo, board, own_folders, arguments, message):
    done = zoo("--plugin", board, "devices", *arguments)
    assert done.code == 2
    assert message in done.err
    assert not (own_folders / "config" / "devices.toml").exists()


def test_a_file_that_is_not_toml(zoo):
    Path("devices.toml").write_text("[desk")
    done = zoo("devices", "list", "--json")
    assert done.code == 2
    assert "devices.toml is not TOML" in json.loads(done.out)["error"]["what"]

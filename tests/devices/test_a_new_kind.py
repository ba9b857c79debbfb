"""A new kind of device is one file: the plugin of the guide, from its name to a number."""

from __future__ import annotations

import io
import re
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from commands import typed_in
from device_kinds import kind_of
from pydantic import BaseModel
from short_timing import short_timing as short_timing

from zoo.common.errors import UsageError, ZooError
from zoo.contracts import DeviceDriver, DeviceKind
from zoo.contracts.checks import InvalidRecord
from zoo.contracts.plugin import Plugin
from zoo.execution.agent_driver import AgentDriver
from zoo.execution.device import Device
from zoo.execution.devices import device_named, devices_without_entry, known_devices
from zoo.execution.devices_file import allow_project
from zoo.execution.driver_guard import DriverFailed
from zoo.registry import PluginSettings, Registry, load_registry
from zoo.testing.devices import DEVICE_CHECKS, DeviceConformance

GUIDE = Path(__file__).parents[2] / "docs" / "plugins.md"
#: A driver as it was written before drivers were classes.
OLD = """
import zoo
@zoo.hookimpl
def zoo_devices():
    yield zoo.DeviceKind(name="old", summary="x", connect=len, fingerprint=len, runtimes=len)
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    return tmp_path


@pytest.fixture
def box(project: Path) -> Registry:
    """The guide's plugin, and a device that it reaches."""
    found = re.findall(r"```python\n(# zoo_box\.py\n.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)
    (project / "zoo_box.py").write_text(found[0], encoding="utf-8")
    (project / "devices.toml").write_text(f'[desk]\nkind = "box"\npython = "{sys.executable}"\n')
    allow_project()
    return load_registry(PluginSettings(paths=("zoo_box.py",), installed=False))


@pytest.mark.parametrize("check", DEVICE_CHECKS)
def test_it_passes_the_kit(box: Registry, check: str) -> None:
    verdict = DeviceConformance(box, device_named(box, "desk")).check(check)
    assert verdict.status == "passed", verdict.measured


def test_commands_know_it(box: Registry, project: Path, files: dict[str, Path]) -> None:
    def typed(*words: str | Path) -> str:
        done = typed_in(project, "--plugin", "zoo_box.py", *words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "another Python" in typed("devices", "list")
    assert "ok  desk" in typed("devices", "doctor", "desk")
    assert '"device": "desk"' in typed(
        *("bench", files["dense"], "--device", "desk", "--tier", "brief", "--json")
    )


def test_the_agent_is_asked_once(box: Registry) -> None:
    one, other = device_named(box, "desk"), device_named(box, "desk")
    assert one.driver is other.driver
    assert one.fingerprint() == other.fingerprint()
    about = one.driver.about
    assert other.driver.about is about
    one.driver.forget()
    assert one.driver.about is not about


def test_a_driver_of_functions_is_told_what_to_write(project: Path) -> None:
    (project / "old.py").write_text(OLD)
    registry = load_registry(PluginSettings(paths=("old.py",), installed=False))
    (row,) = [plugin for plugin in registry.plugins if plugin.name == "old"]
    assert row.problem is not None
    assert (
        "connect, fingerprint, runtimes of a DeviceKind are methods of a class now" in row.problem
    )
    assert "class Driver(zoo.DeviceDriver)" in row.problem
    assert "docs/plugins.md" in row.problem


def registry_of(kind: DeviceKind) -> Registry:
    registry = Registry(PluginSettings())
    plugin = Plugin(name="stranger", origin="installed", distribution="zoo-far", version="2.0")
    registry.devices.add(kind.name, kind, plugin)
    return registry


def raising(*_: Any) -> Any:
    raise KeyError("wire")


@pytest.mark.parametrize(
    ("method", "ask"),
    [
        ("fingerprint", Device.fingerprint),
        ("runtimes", Device.runtimes),
        ("connect", Device.connect),
        ("tool", Device.tool),
        ("setup", lambda device: device.setup(print)),
        ("address", lambda device: device.address),
        ("__init__", lambda device: device.driver),
    ],
)
def test_whatever_a_driver_raises_names_its_plugin(
    method: str, ask: Callable[[Device], object]
) -> None:
    registry = registry_of(kind_of("far", methods={method: raising}))
    with pytest.raises(DriverFailed) as caught:
        ask(device_named(registry, "far"))
    assert "of kind 'far' (zoo-far 2.0 (stranger)) failed to" in caught.value.what
    assert caught.value.why == "KeyError: 'wire'"
    assert "a fault in the driver's code" in (caught.value.fix or "")


@pytest.mark.parametrize(
    ("error", "of_the_device"),
    [
        (OSError(5, "Input/output"), True),
        (ConnectionResetError("gone"), True),
        (TimeoutError("slow"), True),
        (EOFError("cut"), True),
        (subprocess.CalledProcessError(1, "adb"), True),
        (io.UnsupportedOperation("not readable"), True),
        (RuntimeError("no such port"), True),
        (AttributeError("no attribute 'sned'"), False),
        (TypeError("takes 1"), False),
        (NameError("oops"), False),
        (ImportError("no module named wire"), False),
        (UnicodeDecodeError("utf-8", b"x", 0, 1, "bad"), False),
        (NotImplementedError(), False),
        (AssertionError(), False),
        (ZeroDivisionError(), False),
    ],
)
def test_advice_is_about_the_device_only_where_it_may_be_its_fault(
    error: Exception, of_the_device: bool
) -> None:
    def fails(*_: Any) -> Any:
        raise error

    registry = registry_of(kind_of("far", methods={"fingerprint": fails}))
    with pytest.raises(DriverFailed) as caught:
        device_named(registry, "far").fingerprint()
    fix = caught.value.fix or ""
    assert ("check that the device is on" in fix) is of_the_device
    assert ("a fault in the driver's code" in fix) is not of_the_device


class Wired(BaseModel):
    wire: str = "usb"


Inner = TypeVar("Inner", bound=Wired)


class Between(AgentDriver[Inner]):
    """A class between, whose model is still open."""


class Last(Between[Wired]):
    """A driver with options."""

    connect = raising


class Plain(DeviceDriver[None]):
    """A driver that says that it has none."""


class Silent(AgentDriver):  # type: ignore[type-arg]
    """A driver that says nothing."""


def test_the_type_parameter_is_the_model() -> None:
    models = [made.model for made in (Between, Last, Plain, Silent, type("Heir", (Last,), {}))]
    assert models == [None, Wired, None, None, Wired]
    kind = DeviceKind(name="wired", summary="x", driver=lambda: Last)
    assert kind.driver_of({"wire": "serial"}).options == Wired(wire="serial")


@pytest.mark.parametrize("given", ["Wired", dict, Wired | None])
def test_a_type_parameter_that_is_no_model_is_refused(given: Any) -> None:
    with pytest.raises(InvalidRecord, match="is a pydantic model, defined above"):
        types.new_class("Wrong", (AgentDriver[given],))


def test_options_of_the_record_are_told_where_they_belong() -> None:
    with pytest.raises(InvalidRecord, match=r"class Driver\(zoo.DeviceDriver\[YourOptions\]\)"):
        DeviceKind(name="wired", summary="x", driver=lambda: Last, options=lambda: Wired)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("method", "ask"),
    [
        ("fingerprint", Device.fingerprint),
        ("setup", lambda device: device.setup(print)),
        ("address", lambda device: device.address),
    ],
)
def test_what_is_no_text_names_the_plugin(method: str, ask: Callable[[Device], object]) -> None:
    registry = registry_of(kind_of("far", methods={method: lambda *_: 3}))
    with pytest.raises(DriverFailed, match=r"zoo-far 2\.0"):
        ask(device_named(registry, "far"))


def test_a_kind_that_cannot_tell_its_options_costs_itself_alone() -> None:
    registry = registry_of(DeviceKind(name="far", summary="x", driver=raising, known=raising))
    registry.devices.add("near", kind_of("near"), registry.devices.provider("far"))
    found = known_devices(registry)
    assert isinstance(found["far"], ZooError)
    assert "zoo-far 2.0" in found["far"].what
    assert isinstance(found["near"], Device)
    assert devices_without_entry(registry) == {}
    with pytest.raises(UsageError, match="unknown device 'nearest'"):
        device_named(registry, "nearest")


def test_drivers_of_one_device_are_one_object_and_keep_defaults_unchecked() -> None:
    """What a model has by default need not keep the rules for what users write."""
    from zoo.devices.adb import zoo_devices

    (kind,) = zoo_devices()
    assert kind.model is not None
    whole = kind.model().model_dump(mode="json")
    assert kind.driver_of(whole) is kind.driver_of({})
    assert kind.driver_of({"serial": "x"}) is not kind.driver_of({})
    assert issubclass(type(kind.driver_of({})), AgentDriver)

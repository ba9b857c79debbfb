"""Devices on the backends that a command asks for; what kinds declare, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
from device_kinds import kind_of
from pydantic import BaseModel, ConfigDict

from zoo.common.errors import UnknownName, UsageError
from zoo.contracts.checks import InvalidRecord
from zoo.contracts.executor import AnnouncedDevice
from zoo.contracts.plugin import Plugin
from zoo.execution.backends import declared_backends, device_on, devices_on
from zoo.execution.devices import device_named
from zoo.execution.devices_file import add_entry, user_file
from zoo.registry import PluginSettings, Registry


class GlassOptions(BaseModel):
    model_config = ConfigDict(extra="forbid")

    page: str | None = None
    backend: Literal["steam", "water-wheel"] = "steam"


class FreeOptions(BaseModel):
    backend: str = "steam"


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    made = Registry(PluginSettings())
    for each in (
        kind_of("here", local=True),
        kind_of("glass", options=GlassOptions, known=lambda: {"ana": {"page": "ana"}}),
    ):
        plugin = Plugin(name=each.name, origin="local", distribution="d", version="1")
        made.devices.add(each.name, each, plugin)
    return made


def test_each_device_with_each_backend(registry: Registry) -> None:
    found = devices_on(registry, ["ana", "glass"], ["steam", "water-wheel"])
    assert [device.name for device in found] == [
        *("ana", "ana-water-wheel", "glass", "glass-water-wheel")
    ]
    assert found[1].options == {"page": "ana", "backend": "water-wheel"}
    assert [device.options.get("backend") for device in found[2:]] == ["steam", "water-wheel"]
    assert [device.name for device in devices_on(registry, ["ana", "here"])] == ["ana", "here"]


def test_a_name_with_a_backend_is_that_device(registry: Registry) -> None:
    named = device_named(registry, "ana-water-wheel")
    assert named == device_on(registry, "ana", "water-wheel")
    with pytest.raises(UnknownName, match="ana-wind"):
        device_named(registry, "ana-wind")
    with pytest.raises(UnknownName, match="here-steam"):
        device_named(registry, "here-steam")


def test_what_is_the_same_is_timed_once(registry: Registry) -> None:
    found = devices_on(registry, ["glass", "glass-water-wheel"], ["water-wheel"])
    assert [device.name for device in found] == ["glass-water-wheel"]


def test_a_name_with_a_backend_can_be_put_on_another(registry: Registry) -> None:
    found = devices_on(registry, ["ana-water-wheel"], ["water-wheel", "steam"])
    assert [device.name for device in found] == ["ana-water-wheel", "ana"]
    assert found[1] == device_named(registry, "ana")


def test_an_entry_that_only_ends_as_a_backend_keeps_its_name(registry: Registry) -> None:
    user_file().parent.mkdir(parents=True, exist_ok=True)
    add_entry(user_file(), "ana-steam", {"kind": "glass", "page": "bob"})
    found = devices_on(registry, ["ana-steam"], ["water-wheel"])
    assert [device.name for device in found] == ["ana-steam-water-wheel"]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("ana-water-weel", "ana-water-wheel"),
        ("anna-water-wheel", "ana-water-wheel"),
        ("GLASS-water_wheel", "glass-water-wheel"),
    ],
)
def test_a_mistyped_name_with_a_backend_is_offered_that(
    registry: Registry, typed: str, meant: str
) -> None:
    with pytest.raises(UnknownName) as caught:
        device_named(registry, typed)
    assert caught.value.suggestions[0] == meant


def test_a_name_like_none_is_offered_devices_without_their_backends(registry: Registry) -> None:
    with pytest.raises(UnknownName) as caught:
        device_named(registry, "zzz")
    assert caught.value.fix == "choose one of: ana, glass, here"


def test_a_backend_that_nothing_declares_names_the_nearest_and_who_declares_it(
    registry: Registry,
) -> None:
    with pytest.raises(UnknownName, match="unknown backend 'stem'") as caught:
        devices_on(registry, ["ana"], ["stem"])
    assert caught.value.fix == "did you mean 'steam'?"
    assert "glass (steam, water-wheel)" in str(caught.value.why)


def test_a_device_without_backends_is_refused(registry: Registry) -> None:
    with pytest.raises(UsageError, match="'here' has no backends") as caught:
        devices_on(registry, ["ana", None], ["steam"])
    assert "glass (steam, water-wheel)" in str(caught.value.why)


def test_a_name_that_another_device_has_is_not_taken(registry: Registry) -> None:
    user_file().parent.mkdir(parents=True, exist_ok=True)
    add_entry(user_file(), "ana-water-wheel", {"kind": "glass", "page": "bob"})
    with pytest.raises(UsageError, match="the name of another device"):
        devices_on(registry, ["ana"], ["water-wheel"])


def test_a_device_of_a_worker_is_announced_with_each_backend(registry: Registry) -> None:
    there = AnnouncedDevice(
        name="eva", kind="glass", options={"page": "eva", "backend": "steam"}, machine="m"
    )
    registry.announced["eva"] = there
    with pytest.raises(UsageError, match="not announced with the backend") as caught:
        devices_on(registry, ["eva"], ["water-wheel"])
    assert caught.value.fix == "start the worker with --device eva,eva-water-wheel"
    registry.announced["eva-water-wheel"] = AnnouncedDevice(
        name="eva-water-wheel",
        kind="glass",
        options={"page": "eva", "backend": "water-wheel"},
        machine="m",
    )
    assert device_on(registry, "eva", "water-wheel").machine == "m"


def test_an_option_of_that_name_says_which_there_are(registry: Registry) -> None:
    assert declared_backends(registry) == {"glass": ("steam", "water-wheel")}
    with pytest.raises(InvalidRecord, match="Literal of some names"):
        _ = kind_of("free", options=FreeOptions).backends

"""Setting emulated boards up: packages, wheels, half-built roots, and all that may be missing."""

from __future__ import annotations

import fcntl
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from emulated_roots import ignore, with_apt
from emulated_roots import own_home as own_home

from zoo.common.errors import UnknownName, UsageError, ZooError
from zoo.devices.agent.zoo_agent.runtimes import litert
from zoo.devices.emulated import root_filesystem as emulated_root
from zoo.devices.emulated.boards import AARCH64, ARMV7, BOARDS, board_folder, cpu_info
from zoo.devices.emulated.qemu import find_emulator
from zoo.devices.emulated.root_filesystem import LAYOUT, RECORD, FetchedFile, Root, RootRecord
from zoo.execution.device import Device
from zoo.execution.devices import add_device, device_named
from zoo.registry import PluginSettings, load_registry

REGISTRY = load_registry(PluginSettings(installed=False))


def test_a_processor_is_told_as_linux_tells_it() -> None:
    text = cpu_info(BOARDS["pi4"], "QEMU 9.9")
    assert text.count("processor\t: ") == 4
    assert "CPU part\t: 0xd08\n" in text
    assert "model name\t: Cortex-A72, emulated by QEMU 9.9\n" in text
    assert "asimddp" not in text
    assert "asimddp" in cpu_info(BOARDS["pi5"], "QEMU 9.9")
    assert "CPU architecture: 7\n" in cpu_info(BOARDS["pi2"], "QEMU 9.9")


def test_a_board_sees_the_root_and_its_own_processor(tmp_path: Path) -> None:
    root = tmp_path / "a" / "root"
    (root / "usr").mkdir(parents=True)
    (root / "usr" / "file").write_text("x")
    (root / "proc").mkdir()
    for emulator in ("QEMU 1", "QEMU 2", "QEMU 2"):
        made = board_folder(BOARDS["pi4"], root, tmp_path / "a" / "boards" / "pi4", emulator)
        assert f"by {emulator}\n" in (made / "proc" / "cpuinfo").read_text()
    assert not (made / "proc").is_symlink()
    (tmp_path / "a").rename(tmp_path / "b")  # as a root is, once it is whole
    assert (tmp_path / "b" / "boards" / "pi4" / "usr" / "file").read_text() == "x"


def test_boards_have_names_without_an_entry() -> None:
    device = device_named(REGISTRY, "emulated-pi4")
    assert (device.kind.name, device.options, device.clock) == (
        "emulated",
        {"board": "pi4"},
        "emulated",
    )
    assert "Cortex-A72" in device.address
    with pytest.raises(UnknownName, match="emulated-pi44") as caught:
        device_named(REGISTRY, "emulated-pi44")
    assert "emulated-pi4" in (caught.value.fix or "")


def test_a_board_that_nobody_knows() -> None:
    with pytest.raises(UsageError) as caught:
        add_device(REGISTRY, "mine", "emulated", {"board": "pi9"})
    assert "pi2, pi3, pi4, pi5" in str(caught.value)
    assert add_device(REGISTRY, "mine", "emulated", {"board": "pi3"}).options["board"] == "pi3"


def ready(**changes: Any) -> RootRecord:
    values: dict[str, Any] = {
        "layout": LAYOUT,
        "python": "3.11",
        "asked": ("x",),
        "runtimes": {"litert": "2.3.0"},
        "refused": {},
        "packages": (FetchedFile(file="a.deb", sha256="0" * 64),),
        "wheels": (FetchedFile(file="a.whl", sha256="1" * 64),),
        "created": "2026-01-01T00:00:00+00:00",
    }
    return RootRecord(**{**values, **changes})


def made_root(record: str | None, *, python: bool = True) -> Root:
    root = emulated_root.root_of(AARCH64)
    root.python.parent.mkdir(parents=True)
    if python:
        root.python.write_text("")
    if record is not None:
        (root.folder / RECORD).write_text(record)
    return root


def test_a_whole_root_is_used() -> None:
    root = made_root(json.dumps(asdict(ready())))
    assert root.ready() == ready()


@pytest.mark.parametrize(
    "record",
    [
        None,
        "",
        "[]",
        '{"layout": 1}',
        json.dumps(asdict(ready()))[:-20],
        json.dumps(asdict(ready(layout=LAYOUT + 1))),
    ],
    ids=["none", "empty", "list", "part", "torn", "other layout"],
)
def test_a_root_without_a_whole_record_is_not(record: str | None) -> None:
    assert made_root(record).ready() is None


def test_a_root_without_its_python_is_not() -> None:
    assert made_root(json.dumps(asdict(ready())), python=False).ready() is None


def test_a_board_that_is_not_set_up_says_how() -> None:
    device = device_named(REGISTRY, "emulated-pi4")
    for ask in (device.connect, device.runtimes, device.fingerprint):
        with pytest.raises(ZooError, match="not set up: its Python and runtimes") as caught:
            ask()
        assert caught.value.fix == "type: zoo devices setup emulated-pi4"


def test_a_board_without_the_emulator_says_how(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_root(json.dumps(asdict(ready())))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ZooError, match="not set up: the emulator is not there") as caught:
        device_named(REGISTRY, "emulated-pi4").connect()
    assert caught.value.fix == "type: zoo devices setup emulated-pi4"


def test_what_is_made_of_other_files_is_another_root() -> None:
    other = ready(wheels=(FetchedFile(file="a.whl", sha256="2" * 64),))
    assert emulated_root.digest(ready()) == emulated_root.digest(ready(created="later"))
    assert emulated_root.digest(ready()) != emulated_root.digest(other)


def setup(device: Device) -> str:
    assert device.kind.prepares
    return device.setup(ignore)


def test_offline_names_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ZooError) as caught:
        setup(device_named(REGISTRY, "emulated-pi2"))
    for name in ("QEMU's user mode for armv7", "python3-numpy", "armhf", "ai-edge-litert"):
        assert name in caught.value.what
    assert "unset ZOO_OFFLINE" in (caught.value.fix or "")
    assert not emulated_root.emulation_folder().exists()


def test_without_debians_tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ZooError, match="apt-get, apt-cache, dpkg-deb is missing") as caught:
        setup(device_named(REGISTRY, "emulated-pi4"))
    assert "zoo devices add NAME ssh" in (caught.value.fix or "")


@with_apt
def test_one_setup_at_a_time() -> None:
    emulated_root.emulation_folder().mkdir(parents=True)
    with (emulated_root.emulation_folder() / "aarch64.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(ZooError, match="another process sets up aarch64"):
            setup(device_named(REGISTRY, "emulated-pi4"))


def program(folder: Path, name: str, says: str, code: int = 0) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\necho '{says}'\nexit {code}\n")
    (folder / name).chmod(0o755)


def test_the_systems_emulator_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "bin", "qemu-arm", "qemu-arm version 9.1.2 (Debian)")
    program(tmp_path / "ours", "qemu-arm-static", "qemu-arm version 7.2.0 (Debian)")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setattr("shutil.which", _only(tmp_path / "bin"))
    (tmp_path / "ours" / "qemu-arm-static").unlink()
    found = find_emulator(ARMV7, tmp_path / "ours")
    assert found is not None
    assert (found.version, found.program) == ("QEMU 9.1.2", tmp_path / "bin" / "qemu-arm")
    assert find_emulator(AARCH64, tmp_path / "ours") is None


@pytest.mark.parametrize(("says", "code"), [("hello", 0), ("version", 0), ("version 7", 1)])
def test_a_program_that_is_no_emulator(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str, code: int
) -> None:
    program(tmp_path / "ours", "qemu-arm-static", says, code)
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert find_emulator(ARMV7, tmp_path / "ours") is None


def _only(folder: Path) -> Any:
    return lambda name: str(folder / name) if (folder / name).exists() else None


@pytest.mark.parametrize(
    ("machine", "features", "refused"),
    [
        ("aarch64", "fp asimd evtstrm crc32 cpuid", True),
        ("aarch64", "fp asimd atomics", False),
        ("aarch64", None, False),
        ("x86_64", "fp", False),
    ],
)
def test_litert_is_timed_otherwise_where_its_libraries_end_the_process(
    monkeypatch: pytest.MonkeyPatch, machine: str, features: str | None, refused: bool
) -> None:
    told = "" if features is None else f"processor\t: 0\nFeatures\t: {features}\nCPU part\t: 1\n"
    monkeypatch.setattr("platform.machine", lambda: machine)
    monkeypatch.setattr(litert, "read_text", lambda path: told)
    if refused:
        with pytest.raises(RuntimeError, match="lacks"):
            litert.require_atomics()
    else:
        litert.require_atomics()

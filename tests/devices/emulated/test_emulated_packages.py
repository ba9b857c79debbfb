"""Packages and wheels of an emulated board's root: fetched, checked, and told when missing."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from apt_repository import Repository
from emulated_roots import ignore, with_apt
from emulated_roots import own_home as own_home

from zoo.common.errors import ZooError
from zoo.devices.emulated import debian_packages as emulated_packages
from zoo.devices.emulated import wheels as emulated_wheels
from zoo.devices.emulated.debian_packages import Packages, extract_programs, unpack
from zoo.devices.emulated.tools import ToolResult
from zoo.devices.emulated.wheels import NoWheel, RuntimeWheels, TargetPython

PYTHON = TargetPython(version="3.11", wheel="aarch64", libc=36)


LITERT = RuntimeWheels(name="litert", distribution="ai-edge-litert", needs=("flatbuffers",))


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    made = Repository(tmp_path / "repository")
    made.add("base", "usr/lib/base.txt", b"base" * 1000)
    made.add("top", "usr/bin/qemu-arm", b"#!/bin/sh\n", needs="base")
    monkeypatch.setenv("APT_CONFIG", str(made.settings))
    return made


@with_apt
def test_packages_come_with_what_they_need(repository: Repository, tmp_path: Path) -> None:
    told: list[str] = []
    found = Packages(tmp_path / "with blank", "arm64").fetch(["top"], told.append)
    assert sorted(p.file.name.partition("_")[0] for p in found) == ["base", "top"]
    assert all(len(package.sha256) == 64 for package in found)
    assert told == ["fetching 2 packages for arm64: top, and theirs"]
    for package in found:
        unpack(package, tmp_path / "root")
    assert (tmp_path / "root" / "usr" / "lib" / "base.txt").read_bytes() == b"base" * 1000
    (tmp_path / "programs").mkdir()
    taken = [extract_programs(p, ["qemu-arm", "other"], tmp_path / "programs") for p in found]
    assert sorted(taken) == [[], ["qemu-arm"]]
    assert (tmp_path / "programs" / "qemu-arm").stat().st_mode & 0o111


@with_apt
def test_a_damaged_package_is_fetched_again(repository: Repository, tmp_path: Path) -> None:
    packages = Packages(tmp_path / "work", "arm64")
    found = packages.fetch(["top"], ignore)
    whole = found[0].file.read_bytes()
    found[0].file.write_bytes(whole[:-9] + b"X" + whole[-8:])  # apt looks at its size alone
    assert packages.fetch(["top"], ignore) == found
    assert found[0].file.read_bytes() == whole
    found[1].file.unlink()
    again = packages.fetch(["top"], ignore)
    assert again[0].file.read_bytes() == whole
    assert again == found


@with_apt
def test_a_package_that_is_not_the_signed_one(repository: Repository, tmp_path: Path) -> None:
    for file in repository.packages.glob("base_*.deb"):
        file.write_bytes(file.read_bytes()[:-9] + b"X" + file.read_bytes()[-8:])
    with pytest.raises(ZooError, match=r"could not be fetched|damaged") as caught:
        Packages(tmp_path / "work", "arm64").fetch(["top"], ignore)
    assert "type the same command again" in (caught.value.fix or "")


@with_apt
def test_an_architecture_that_no_source_has(repository: Repository, tmp_path: Path) -> None:
    with pytest.raises(ZooError, match="apt finds no top for armhf") as caught:
        Packages(tmp_path / "work", "armhf").fetch(["top"], ignore)
    assert "a source of apt on this machine has armhf" in (caught.value.fix or "")


@with_apt
def test_a_package_that_cannot_be_unpacked(tmp_path: Path) -> None:
    (tmp_path / "a.deb").write_bytes(b"!<arch>\nno package")
    with pytest.raises(ZooError, match=r"a\.deb cannot be unpacked"):
        unpack(
            emulated_packages.Package(file=tmp_path / "a.deb", sha256="0" * 64), tmp_path / "root"
        )


def wheel(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/__init__.py", "x = 1\n" * 100)


def test_platforms_reach_from_the_roots_library_to_the_oldest() -> None:
    words = PYTHON.choice()
    tags = [words[n + 1] for n, word in enumerate(words) if word == "--platform"]
    assert tags[0] == "manylinux_2_36_aarch64"
    assert tags[-2:] == ["manylinux_2_17_aarch64", "manylinux2014_aarch64"]
    assert words[words.index("--only-binary") + 1] == ":all:"  # nothing foreign is built


class Pip:
    """Answers as pip does, one answer after the other; the last one stays."""

    def __init__(self, *answers: ToolResult | str) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, ...]] = []

    def __call__(self, *arguments: str) -> ToolResult:
        self.asked.append(arguments)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, ToolResult):
            return answer
        folder = Path(arguments[arguments.index("--dest") + 1])
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "a.whl").exists():  # as pip: what lies there is taken
            wheel(folder / "a.whl")
            if answer == "damaged":
                (folder / "a.whl").write_bytes((folder / "a.whl").read_bytes()[:-30])
        return ToolResult(code=0, out="", err="")


NONE = ToolResult(code=1, out="", err="ERROR: No matching distribution found for ai-edge-litert")


AWAY = ToolResult(
    code=1,
    out="WARNING: Retrying (Retry(total=4)) after connection broken by 'NewConnectionError'",
    err="ERROR: No matching distribution found for ai-edge-litert",
)


def fetch(monkeypatch: pytest.MonkeyPatch, folder: Path, pip: Pip) -> list[Path]:
    monkeypatch.setattr(emulated_wheels, "_pip", pip)
    return [each.file for each in emulated_wheels.fetch(LITERT, PYTHON, folder)]


def test_a_wheel_that_a_killed_setup_left_is_fetched_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pip = Pip("damaged", "whole")
    (found,) = fetch(monkeypatch, tmp_path, pip)
    assert zipfile.ZipFile(found).testzip() is None
    assert len(pip.asked) == 2
    with pytest.raises(ZooError, match="wheels are damaged"):
        fetch(monkeypatch, tmp_path / "other", Pip("damaged"))


def test_a_runtime_without_a_wheel_is_told_from_a_network_that_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(NoWheel, match=r"no wheel of ai-edge-litert for aarch64 and Python 3\.11"):
        fetch(monkeypatch, tmp_path, Pip(NONE))
    with pytest.raises(ZooError, match="could not be fetched") as caught:
        fetch(monkeypatch, tmp_path, Pip(AWAY))
    assert not isinstance(caught.value, NoWheel)


def test_the_version_that_is_here_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.metadata.version", lambda name: "2.3.0")
    pip = Pip(NONE, "whole")
    fetch(monkeypatch, tmp_path, pip)
    assert [asked[-2:] for asked in pip.asked] == [
        ("ai-edge-litert==2.3.0", "flatbuffers"),
        ("ai-edge-litert", "flatbuffers"),
    ]


def test_without_pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ZooError, match="fetched by pip") as caught:
        emulated_wheels.fetch(LITERT, PYTHON, tmp_path)
    assert "-m ensurepip" in (caught.value.fix or "")

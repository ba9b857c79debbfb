"""Two processes want one device: the second is told who holds it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import device_kinds
import pytest
from device_kinds import kind_of

from zoo.execution.device import Device
from zoo.execution.lock import DeviceBusy, device_lock

#: Holds the device until its standard input ends.
OTHER = """
import sys
sys.path[:0] = {path!r}
from test_device_lock import device
from zoo.execution.lock import device_lock
with device_lock(device(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def device(name: str, where: str = "desk", local: bool = False) -> Device:
    kind = kind_of("board", methods={"address": lambda driver: where}, local=local)
    return Device(name=name, kind=kind)


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_HOME", str(tmp_path))


@pytest.fixture
def other() -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the device, which it knows by another name."""
    code = OTHER.format(
        path=[str(p) for p in (Path(__file__).parent, Path(device_kinds.__file__).parent)]
    )
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", code, "b"], stdin=pipe, stdout=pipe, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_the_second_is_told_who_is_first(other: subprocess.Popen[str]) -> None:
    with pytest.raises(DeviceBusy, match="'a' is in use") as refusal, device_lock(device("a")):
        pass
    assert f"process {other.pid} of this machine holds it since 20" in str(refusal.value)
    with device_lock(device("c", where="another desk")), device_lock(device("a", local=True)):
        pass


def test_a_killed_process_holds_nothing(other: subprocess.Popen[str]) -> None:
    other.kill()
    other.wait()
    with device_lock(device("a")):
        pass


def test_one_after_another() -> None:
    for _ in range(2):
        with device_lock(device("a")):
            pass


@pytest.mark.parametrize("words", ["", "{", "[]", '{"pid": 1}', "\x00\x01"])
def test_whatever_the_file_says(words: str, tmp_path: Path) -> None:
    with device_lock(device("a")):
        (file,) = (tmp_path / "cache" / "locks").iterdir()
        file.write_text(words)
        with pytest.raises(DeviceBusy, match="another process"), device_lock(device("a")):
            pass

"""A devices.toml that came with a folder starts nothing before somebody has allowed it."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from commands import Typed, Zoo
from linear_network import linear_onnx

Type = Callable[[str], Typed]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A cloned folder whose device's Python leaves a mark when it is started."""
    folder = tmp_path / "clone"
    folder.mkdir()
    program = folder / "python"
    program.write_text(f'#!/bin/sh\ntouch "{tmp_path}/started"\nexec "{sys.executable}" "$@"\n')
    program.chmod(0o755)
    (folder / "devices.toml").write_text(f'[desk]\nkind = "host"\npython = "{program}"\n')
    linear_onnx(folder / "linear.onnx")
    (folder / "recipe.toml").write_text(
        'model = "lenet5"\ndata = "digits"\ndevices = ["desk"]\n', encoding="utf-8"
    )
    return folder


@pytest.fixture
def typed(zoo: Zoo, clone: Path, monkeypatch: pytest.MonkeyPatch) -> Type:
    """Types a command in the cloned folder."""
    monkeypatch.setenv("ZOO_HOME", str(clone.parent / "home"))
    monkeypatch.chdir(clone)
    return lambda words: zoo(*words.split())


def started(folder: Path) -> bool:
    mark = folder.parent / "started"
    found = mark.exists()
    mark.unlink(missing_ok=True)
    return found


COMMANDS = (
    *("devices doctor", "devices doctor desk", "devices setup desk"),
    *("bench linear.onnx --tier brief --device desk", "verify linear.onnx --device desk"),
    *("ship --recipe recipe.toml", "optimize lenet5 --data digits --device desk"),
    "compare linear.onnx linear.onnx --device desk",
)


@pytest.mark.parametrize("words", COMMANDS)
def test_nothing_is_started_before_it_is_allowed(words: str, clone: Path, typed: Type) -> None:
    done = typed(words)
    assert not started(clone)
    assert done.code in (1, 2)
    assert "zoo devices allow" in done.out + done.err
    assert "Traceback" not in done.err


def test_what_only_looks_at_names_needs_no_leave(clone: Path, typed: Type) -> None:
    done = typed("devices list")
    assert (done.code, started(clone)) == (0, False)
    assert "desk" in done.out


def test_an_allowed_file_is_used_until_others_change_it(clone: Path, typed: Type) -> None:
    allowed = typed("devices allow")
    assert (allowed.code, started(clone)) == (0, False)
    assert f"allowed {clone / 'devices.toml'}: desk" in allowed.out
    assert typed("devices doctor desk").code == 0
    assert started(clone)
    # Our own changes keep it allowed; another's, or another place, do not.
    assert typed("devices add more host --project").code == 0
    assert typed("devices remove more").code == 0
    assert typed("devices doctor desk").code == 0
    assert started(clone)
    with (clone / "devices.toml").open("a") as file:
        file.write("# one byte more\n")
    assert typed("devices doctor desk").code == 1
    assert not started(clone)
    assert typed("devices add more host --project").code == 0
    assert typed("devices doctor desk").code == 1
    assert not started(clone)


def test_the_users_own_file_and_a_new_one_need_no_leave(clone: Path, typed: Type) -> None:
    moved = clone.parent / "home" / "config" / "devices.toml"
    moved.parent.mkdir(parents=True)
    (clone / "devices.toml").rename(moved)
    assert typed("devices doctor desk").code == 0
    assert started(clone)
    assert typed("devices add mine host --project").code == 0
    assert typed("devices doctor mine").code == 0


def test_json_is_told_what_to_type(typed: Type) -> None:
    done = typed("bench linear.onnx --device desk --json")
    error = json.loads(done.out)["error"]
    assert (error["type"], done.code) == ("Untrusted", 2)


def test_a_list_of_allowed_files_that_is_damaged_allows_nothing(clone: Path, typed: Type) -> None:
    typed("devices allow")
    for damage in ("[", "[1]", '{"a": 3}'):
        (clone.parent / "home" / "config" / "allowed.json").write_text(damage)
        assert typed("devices doctor desk").code == 1
        assert not started(clone)


@pytest.mark.parametrize(("answer", "used"), [("y", True), ("n", False), ("", False)])
def test_somebody_who_can_answer_is_asked(answer: str, used: bool, clone: Path) -> None:
    """On a terminal, with the file's devices shown, and what would steer it as escapes."""
    with (clone / "devices.toml").open("a") as file:
        file.write('[other]\nkind = "ssh"\nhost = "a\\u001b[2J"\n')
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "zoo", "devices", "doctor", "desk"]
    environment = {**os.environ, "ZOO_HOME": str(clone.parent / "home")}
    process = subprocess.Popen(
        command, cwd=clone, env=environment, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    said = b""
    while b"[y/N]" not in said:
        said += os.read(ours, 4096)
    os.write(ours, answer.encode() + b"\n")
    while select.select([ours], [], [], 60)[0]:
        try:
            said += os.read(ours, 4096)
        except OSError:  # the other end is closed
            break
    os.close(ours)
    assert process.wait() == (0 if used else 1)
    assert started(clone) is used
    assert b"\x1b[2J" not in said
    assert b"\\x1b[2J" in said

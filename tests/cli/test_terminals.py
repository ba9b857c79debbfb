"""Pipes, closed streams, full disks, encodings, terminals and folders of all kinds."""

from __future__ import annotations

import errno
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

FULL = Path("/dev/full")
TABLES = [["list"], ["list", "--json"], ["ship", "--help"]]


@pytest.mark.parametrize("arguments", TABLES, ids=" ".join)
def test_reader_that_goes_away_is_no_error(arguments, zoo_process):
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as gone:
        typed = zoo_process(*arguments, capture_output=False, stdout=gone, stderr=subprocess.PIPE)
    assert typed.err == ""
    # What a shell reports for `git log | head -1` too.
    assert typed.code == 128 + signal.SIGPIPE


def test_closed_standard_output_is_no_error():
    """Some programs start others without one."""
    command = [sys.executable, "-m", "zoo", "list"]
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "sh", *command], stderr=subprocess.PIPE, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
@pytest.mark.parametrize("arguments", TABLES[:2], ids=" ".join)
def test_full_disk_is_a_sentence(arguments, zoo_process):
    with FULL.open("wb") as full:
        typed = zoo_process(*arguments, capture_output=False, stdout=full, stderr=subprocess.PIPE)
    assert typed.code == 1
    assert os.strerror(errno.ENOSPC) in typed.err
    assert "Traceback" not in typed.err


ASCII = [
    {"PYTHONIOENCODING": "ascii"},
    {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
]


@pytest.mark.parametrize(
    ("arguments", "code", "environment"),
    [
        (["info", "lenet5"], 0, ASCII[0]),
        (["list", "nöpe"], 2, ASCII[1]),
        (["inspect", "ü"], 2, ASCII[0]),
    ],
)
def test_ascii_is_enough(arguments, code, environment, zoo_process):
    typed = zoo_process(*arguments, environment=environment)
    assert typed.code == code
    assert "Traceback" not in typed.err


PROGRESS = """
from zoo.report.progress import StepProgress
with StepProgress(quiet=False) as progress:
    for step, status, cached in [
        ("train", "passed", False), ("export", "failed", False), ("gate", "skipped", False),
        ("bench", "passed", True), ("judge", "rejected", False),
    ]:
        progress(step, {"event": "start", "kind": step})
        progress(step, {"event": "progress", "done": 1, "total": 2})
        progress(step, {"event": "end", "status": status, "seconds": 0.04, "cached": cached})
"""


@pytest.mark.parametrize(
    ("environment", "marks"),
    [({"PYTHONIOENCODING": "utf-8"}, "✓✗✗"), *((e, ["ok", "--", "--"]) for e in ASCII)],
)
def test_progress_in_a_log(environment, marks):
    """One line for each step that was done; none for what was skipped or known already."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRESS],
        env={**os.environ, **environment},
        capture_output=True,
        check=True,
    )
    assert done.stdout == b""
    lines = done.stderr.decode("utf-8").splitlines()
    assert [line.split() for line in lines] == [
        [marks[0], "train", "0.0", "s"],
        [marks[1], "export", "0.0", "s", "failed"],
        [marks[2], "judge", "0.0", "s", "rejected"],
    ]


@pytest.mark.parametrize(
    "environment",
    [
        {"HOME": None, "ZOO_HOME": None, "XDG_CACHE_HOME": None, "PATH": ""},
        {"TERM": "dumb", "COLUMNS": "20", "NO_COLOR": "1"},
    ],
    ids=lambda environment: ",".join(environment),
)
def test_bare_environments(environment, zoo_process):
    typed = zoo_process("list", environment=environment)
    assert typed.code == 0
    assert "lenet5" in typed.out
    assert "\x1b" not in typed.out
    assert typed.err == ""


def test_folder_that_is_gone(tmp_path, zoo_process, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    command = ["sh", "-c", 'cd "$1" && rmdir "$1" && exec "$2" -m zoo list', "sh", gone]
    done = subprocess.run([*command, sys.executable], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_odd_names_of_folders(judged_file, zoo):
    folder = Path("mit Raum/ünïcode ☃")
    folder.mkdir(parents=True)
    moved = Path(shutil.move(judged_file, folder / judged_file.name))
    typed = zoo("inspect", moved)
    assert typed.code == 0
    assert str(moved) in typed.out
    assert zoo("inspect", moved, "--json").json["file"] == str(moved)


def in_a_terminal(*arguments: str, columns: int, term: str) -> tuple[str, int]:
    """What a terminal of that width would get, and the exit code."""
    child, screen = pty.fork()
    if child == 0:
        os.environ.update(TERM=term, COLUMNS=str(columns))
        os.execv(sys.executable, [sys.executable, "-m", "zoo", *arguments])
    received = bytearray()
    # Reading fails, rather than ends, when the other side is gone.
    while select.select([screen], [], [], 60)[0]:
        try:
            part = os.read(screen, 4096)
        except OSError:
            break
        if not part:
            break
        received += part
    _, status = os.waitpid(child, 0)
    os.close(screen)
    return received.decode("utf-8", "replace"), os.waitstatus_to_exitcode(status)


@pytest.mark.parametrize(
    ("columns", "term"), [(20, "xterm-256color"), (200, "xterm"), (80, "dumb")]
)
def test_terminals(columns, term, judged_file):
    """Tables are not cut, live lines go away, and a dumb terminal gets no codes."""
    shown, code = in_a_terminal("list", columns=columns, term=term)
    assert code == 0
    lines = re.sub(r"\x1b\[[\d;]*m", "", shown).splitlines()
    (lenet,) = [n for n, line in enumerate(lines) if f"{line} ".startswith("lenet5 ")]
    assert any("fashion_mnist" in line for line in lines[lenet : lenet + 12])
    # Its weights are random, which costs the exit code otherwise.
    arguments = ("evaluate", str(judged_file), "--allow-weak")
    shown, code = in_a_terminal(*arguments, columns=columns, term=term)
    assert code == 0
    assert "tiny.digits.float32.onnx on digits (test), by onnxruntime" in shown
    assert ("\x1b[2K" in shown) == (term != "dumb")


def test_error_in_a_terminal():
    shown, code = in_a_terminal("info", "lenet6", columns=80, term="xterm")
    assert code == 2
    assert "\x1b[31m" in shown
    assert "unknown model 'lenet6'" in shown

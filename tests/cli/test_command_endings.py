"""How a command ends: where it cannot write, is interrupted, or meets what nobody foresaw."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
from makers import run_python
from wrong_files import files as files


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        (["ship", "lenet5", "--data", "digits", "--output", "note.txt/x"], {}, "--output"),
        (["ship", "lenet5", "--data", "digits", "--output", "note.txt"], {}, "--output"),
        (["finetune", "lenet5", "--data", "digits", "--output", "note.txt"], {}, "--output"),
        (
            ["finetune", "lenet5", "--data", "digits", "--output", "note.txt" + "a" * 300],
            {},
            "--output",
        ),
        (["export", "lenet5", "--output", "note.txt"], {}, "--output"),
        (["ship", "lenet5", "--data", "digits"], {"ZOO_HOME": "note.txt/home"}, "set ZOO_HOME"),
        (["ship", "lenet5", "--data", "digits", "--store", "sqlite:///note.txt"], {}, "--store"),
        (["ship", "lenet5", "--data", "digits", "--store", "sqlite:///note.txt/x"], {}, "--store"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_folder_that_cannot_be_written(arguments, environment, said, zoo, monkeypatch):
    """Told before hours of work, not after."""
    monkeypatch.setenv("ZOO_FASHION_MNIST", ".")
    for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        Path(f"{name}-ubyte.gz").touch()
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    typed = zoo(*arguments)
    assert typed.code == 1
    assert "note.txt" in typed.err
    assert said in typed.err
    assert "Traceback" not in typed.err
    as_json = zoo(*arguments, "--json")
    assert as_json.code == 1
    assert "note.txt" in as_json.json["error"]["what"]


@pytest.mark.parametrize(
    ("command", "option", "kind", "old"),
    [
        ("compare", "--html", "a page", "<!DOCTYPE html>"),
        ("explain", "--html", "a page", "  <!doctype HTML>"),
        ("compare", "--junit", "a file in JUnit XML", "<?xml"),
        ("bench", "--junit", "a file in JUnit XML", ""),
    ],
)
def test_a_file_of_another_kind_is_not_replaced(command, option, kind, old, zoo):
    """Told before anything is timed; one of the same kind is no obstacle."""
    Path("net.tflite").write_bytes(b"TFL3")
    typed = zoo(command, "missing.tflite", option, "net.tflite")
    assert typed.code == 2
    assert f"net.tflite is there already, and is not {kind}" in typed.err
    assert Path("net.tflite").read_bytes() == b"TFL3"
    Path("old").write_text(old)
    for name in ("old", "new"):
        assert "missing.tflite\n" in zoo(command, "missing.tflite", option, name).err


def test_debug_shows_where_wherever_it_stands(zoo):
    plain = zoo("info", "lenet6")
    for line in (["--debug", "info", "lenet6"], ["info", "lenet6", "--debug"]):
        typed = zoo(*line)
        assert typed.code == 2
        assert typed.err.startswith(plain.err)
        assert "Traceback (most recent call last)" in typed.err
        assert "zoo/networks/catalogue.py" in typed.err


def test_unknown_error_is_a_sentence(zoo, monkeypatch):
    def broken(*arguments: object) -> None:
        raise RuntimeError("a bolt is loose")

    monkeypatch.setattr("zoo.networks.catalogue.models", broken)
    typed = zoo("list")
    assert typed.code == 1
    assert "RuntimeError: a bolt is loose" in typed.err
    assert "--debug" in typed.err
    assert "Traceback" not in typed.err
    assert zoo("list", "--json").json["error"]["what"].endswith("a bolt is loose")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_more_signals_do_not_disturb_the_end_of_a_command(number, code, zoo, monkeypatch):
    """Whoever presses Ctrl-C twice would interrupt what removes temporary files."""
    removed = []

    def stopped(*arguments: object) -> None:
        try:
            os.kill(os.getpid(), number)
        finally:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGTERM)
            removed.append(True)

    monkeypatch.setattr("zoo.networks.catalogue.models", stopped)
    for _ in range(2):
        typed = zoo("list")
        how = "interrupted" if number == signal.SIGINT else "stopped"
        assert (typed.code, typed.out, typed.err) == (code, "", f"{how}\n")
    assert removed == [True, True]


def test_a_command_that_does_not_end_can_be_killed(zoo, monkeypatch):
    """Some seconds after the first signal the next one ends it, whatever it waits for."""
    now, ended = [0.0], []
    monkeypatch.setattr("time.monotonic", lambda: now[0])

    def exits(status: int) -> None:
        ended.append(status)

    def stopped(*arguments: object) -> None:
        try:
            os.kill(os.getpid(), signal.SIGINT)
        finally:
            now[0] = 6.0
            with monkeypatch.context() as patched:
                patched.setattr("os._exit", exits)
                os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr("zoo.networks.catalogue.models", stopped)
    assert zoo("list").code == 130
    assert ended == [143]


def test_interrupt_is_a_sentence(zoo, monkeypatch):
    def interrupted(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("zoo.networks.catalogue.models", interrupted)
    typed = zoo("list")
    assert typed.code == 130
    assert typed.err.split() == ["interrupted"]
    typed = zoo("list", "--json")
    assert typed.code == 130
    assert json.loads(typed.out)["error"]["what"] == "interrupted"


def test_windows_is_told_to_use_wsl(tmp_path):
    """Windows has neither that signal nor those modules; the sentence comes before they matter."""
    code = (
        "import signal, sys; del signal.SIGHUP\n"
        "sys.modules |= dict.fromkeys(('fcntl', 'resource', 'pwd', 'grp', 'termios'))\n"
        "from zoo.cli.main import main; sys.platform = 'win32'; main()"
    )
    done = run_python("-c", code, "list", folder=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "not on Windows itself" in done.stderr
    assert "wsl --install" in done.stderr
    assert "Traceback" not in done.stderr

"""Output to a terminal: control and invisible characters are written as their escapes."""

from __future__ import annotations

import io
import json
import os
import pty
import sys
import traceback
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.live import Live
from rich.table import Table
from rich.text import Text

from zoo.cli.options import as_json_text
from zoo.cli.tables import print_table
from zoo.common import terminal
from zoo.common.errors import ZooError
from zoo.common.shown_text import columns, printable, printable_lines

#: By kind: what a name of a class, file, layer, device or an answer may hold.
STEERING = {
    "escape": "\x1b[2J",
    "title": "\x1b]0;owned\x07",
    "link": "\x1b]8;;http://evil\x1b\\here\x1b]8;;\x1b\\",
    "C1 control sequence": "\x9b2J",
    "C1 operating system command": "\x9d0;owned\x9c",
    "carriage return": "passed\rfailed",
    "backspace": "failed\b\b\b\b\b\bpassed",
    "bell": "\a",
    "delete": "\x7f",
    "form feed": "\f",
    "override": "\u202egnp.exe",
    "isolate": "\u2066a\u2069",
    "mark of direction": "a\u200fb\u061c",
    "zero width": "a\u200bb\ufeffc\u2060d",
    "soft hyphen": "a\u00adb",
    "line separator": "a\u2028b\u2029c\x85d",
    "hidden letters": "a\U000e0041\U000e0042",
    "hidden marks": "a\ufe05\U000e0105b\u034fc",
    "fillers": "a\u3164b\u115fc\uffa0d",
    "undecodable bytes": "a\udcffb",
}
READABLE = [
    "Übergrößenträger",
    "e\u0301te\u0301",
    "名前 テスト\u3000犬",
    "خانه",
    "می\u200cخواهم",  # noqa: RUF001
    "क्\u200dष",
    "🐈 👍🏽 👩\u200d🔬 ❤\ufe0f",
    "ไทย",
    "Ёлка",
]


def steers(text: str) -> set[str]:
    kinds = {c for c in text if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp", "Cf")}
    marks = {c for c in text if "\ufe00" <= c <= "\ufe0f" or "\U000e0000" <= c < "\U000e1000"}
    hidden = marks | {c for c in text if c in "\u3164\u115f\uffa0"}
    return (kinds | hidden) - {"\n"}


@pytest.mark.parametrize("text", STEERING.values(), ids=STEERING)
def test_what_steers_is_escaped(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """By our own lines, tables and consoles, and by whatever else writes to the streams."""
    assert steers(text)
    ways = {
        "echo": lambda: terminal.echo(text),
        "echo_lines": lambda: terminal.echo_lines(f"a\n{text}", err=True),
        "table": lambda: print_table(("name", text), [(text, "next")]),
        "print": lambda: print(text),
        "bytes": lambda: sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape")),
        "traceback": lambda: traceback.print_exception(ValueError(text)),
        "console": lambda: terminal.console().print(text, Text(text)),
        "rich table": lambda: terminal.console(err=True).print(rich_table(text)),
        "json": lambda: terminal.echo_lines(as_json_text({text: text})),
    }
    for name, way in ways.items():
        capsys.readouterr()
        with terminal.guarded():
            way()
        shown = "".join(capsys.readouterr())
        assert shown, name
        assert not steers(shown), name
        if name == "json":
            assert json.loads(shown) == {text: text}


def rich_table(text: str) -> Table:
    table = Table(box=None)
    table.add_column(text)
    table.add_row(text)
    return table


def test_a_name_forges_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    forged = "cat\nall files passed"
    terminal.echo(f"\nclass {forged}")
    print_table(("name",), [(forged,)])
    terminal.echo_lines(str(ZooError(f"no class {forged}", why="a\n  fix: run curl")), err=True)
    written = capsys.readouterr()
    assert written.out == f"\nclass cat\\nall files passed\nname\n{printable(forged)}\n"
    assert "\n       all files passed\n  why: a\n         fix: run curl\n" in written.err


@pytest.mark.parametrize("text", READABLE)
def test_names_of_all_scripts_stay(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert printable(text) == text
    with terminal.guarded():
        print_table(("name", "next"), [(text, "|"), ("a", "|")])
    from rich.cells import cell_len

    lines = capsys.readouterr().out.splitlines()[1:]
    assert lines[0].startswith(text)
    if "\u200d" not in text and "\ufe0f" not in text:  # which terminals draw in different ways
        assert len({cell_len(line) for line in lines}) == 1


@given(st.text())
def test_whatever_a_text_holds(text: str) -> None:
    shown = printable(text)
    assert printable(shown) == shown
    assert steers(shown) <= {"\u200c", "\u200d", "\ufe0e", "\ufe0f"}
    assert columns(shown) >= 0
    assert printable_lines(f"{text}\n{text}".replace("\t", "")).count("\t") == 0


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp437"])
def test_letters_that_an_encoding_lacks(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    below = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(below, encoding, errors="strict"))
    with terminal.guarded():
        print("名 5 µs ± 1 … ✓")
        print_table(("name", "next"), [("名", "|"), ("a", "|")])
        terminal.console().print("名 −3 ×")
        sys.stdout.flush()
    lines = below.getvalue().decode(encoding).splitlines()
    assert lines[0].startswith("\\u540d 5 ")
    assert [line.index("|") for line in lines[2:4]] == [8, 8]
    assert lines[4].startswith("\\u540d -3")


def test_our_own_styles_and_live_lines_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal; the text between is clean."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    screen, side = pty.openpty()
    table = rich_table(terminal.cell("[red]a\x1b[2J"))
    with os.fdopen(side, "w", encoding="utf-8") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        with terminal.guarded():
            assert not sys.stdout.isatty()
            terminal.echo(("name\x1b[2J", "heading"))
            with Live(table, console=terminal.console(), transient=True):
                pass
            print("end")
        stream.flush()
        shown = ""
        while "end" not in shown:
            shown += os.read(screen, 1 << 16).decode()
    os.close(screen)
    assert "\x1b[1mname\\x1b[2J\x1b[0m" in shown
    assert "[red]a\\x1b[2J" in shown
    assert "\x1b[2K" in shown
    assert "\x1b[2J" not in shown


def test_the_streams_come_back() -> None:
    streams = sys.stdout, sys.stderr
    with terminal.guarded(), terminal.guarded():
        assert sys.stdout.stream is streams[0]
    assert (sys.stdout, sys.stderr) == streams

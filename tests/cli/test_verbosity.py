"""``-v`` and ``-q``: what they show and hide, and that a program's own logging is left alone."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import click
import pytest

import zoo as package
from zoo.cli.verbosity import LOGGER, with_verbosity
from zoo.common import terminal

LOGGED = re.compile(r"^\d\d:\d\d:\d\d zoo\.registry: plugin lenet of edgezoo: ok$", re.MULTILINE)


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["targets", "-vv"], True),
        (["-v", "targets", "--verbose"], True),
        (["plugins", "-vv", "list"], True),
        (["targets", "-v"], False),
        (["targets"], False),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_more_is_logged_where_it_is_asked_for(arguments, shown, zoo):
    typed = zoo(*arguments)
    assert typed.code == 0
    assert bool(LOGGED.search(typed.err)) is shown
    assert not LOGGED.search(typed.out)
    # As it was before: what is imported configures nothing.
    assert (LOGGER.handlers, LOGGER.level, LOGGER.propagate) == ([], logging.NOTSET, True)


@pytest.mark.parametrize("arguments", [["-q", "list", "-v"], ["list", "-qv"]], ids=" ".join)
def test_both_at_once_are_refused(arguments, zoo):
    typed = zoo(*arguments)
    assert typed.code == 2
    assert "--verbose and --quiet exclude each other" in typed.err


def test_nothing_but_the_commands_configures_logging():
    rooms = Path(package.__file__).parent
    for path in rooms.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if path.name == "verbosity.py":
            assert "addHandler" in text
        else:
            assert not re.search(r"addHandler|basicConfig|dictConfig", text), path
        if "getLogger(" in text and path.name not in ("verbosity.py", "plugin_import.py"):
            assert "_log = logging.getLogger(__name__)" in text, path


def test_quiet_leaves_out_progress_and_notes(capsys):
    with terminal.guarded():
        terminal.note("a note")
        assert not terminal.console(err=True).quiet
        terminal.set_progress("none")
        terminal.note("another")
        assert terminal.console(err=True).quiet
        assert not terminal.console().quiet, "results"
        terminal.echo("error: x", err=True)
        terminal.set_progress("lines")
        assert not terminal.console(err=True).is_terminal
    assert capsys.readouterr().err == "note: a note\nerror: x\n"
    assert not terminal.console(err=True).quiet, "the next command begins anew"


def test_a_command_keeps_options_of_its_own():
    """A plugin's command may have a ``-v`` of its own, which stays what it was."""

    @click.command()
    @click.option("-v", "--volume", type=int)
    def own(volume: int) -> None: ...

    names = [p.opts for p in with_verbosity(with_verbosity(own)).params]
    assert names == [["-v", "--volume"], ["-q", "--quiet"]]


def test_passwords_are_not_logged(zoo, monkeypatch):
    stated = "postgresql+psycopg://me:tell-nobody@127.0.0.1:1/records"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("zoo.cli.targets_command.print_table", lambda *_, **__: leak())

        def leak() -> None:
            logging.getLogger("zoo.results.store").info("results go to %s", stated)

        typed = zoo("targets", "-v")
    assert "results go to postgresql+psycopg://" in typed.err
    assert "tell-nobody" not in typed.err

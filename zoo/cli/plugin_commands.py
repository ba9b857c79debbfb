"""Commands that installed distributions bring, by the entry point ``zoo.commands``."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint, entry_points

import click

from zoo.common.errors import ZooError
from zoo.common.modules import source_of
from zoo.common.plugin_errors import note_source
from zoo.common.versions import said_by
from zoo.contracts.checks import describe_failure

GROUP = "zoo.commands"


def plugin_commands(ctx: click.Context) -> dict[str, list[EntryPoint]]:
    """Entry points by the name of their command; none with ``--no-plugins``, nor ``--without``."""
    if ctx.params.get("no_plugins"):
        return {}
    found: dict[str, list[EntryPoint]] = {}
    for entry in entry_points(group=GROUP):
        if entry.name not in (ctx.params.get("without") or ()):
            found.setdefault(entry.name, []).append(entry)
    return found


def load_command(name: str, entries: list[EntryPoint]) -> click.Command:
    """The click command behind a name.

    Raises:
        ZooError: It cannot be imported, is no command, or two distributions bring one of the name.
    """
    if len(entries) > 1:
        raise ZooError(
            f"the command {name!r} is brought by {' and '.join(map(provider, entries))}",
            fix=f"uninstall one of them, or switch both off: zoo --without {name} …",
        )
    try:
        command = entries[0].load()
    except (Exception, SystemExit) as error:
        raise _unusable(name, entries[0], describe_failure(error, __file__)) from error
    if not isinstance(command, click.Command):
        raise _unusable(name, entries[0], f"a click command was expected, not {command!r}")
    if source := source_of(sys.modules[entries[0].module]):
        note_source(source, provider(entries[0]))
    # Its styles would reach the guard of the streams, which shows escape sequences as text.
    command.context_settings.setdefault("color", False)
    return command


def provider(entry: EntryPoint) -> str:
    """``zoo-dense 1.0``."""
    name, version = said_by(entry.dist, "name"), said_by(entry.dist, "version")
    return f"{name} {version or '?'}" if name else "unknown"


def _unusable(name: str, entry: EntryPoint, why: str) -> ZooError:
    return ZooError(
        f"the command {name!r} of {provider(entry)} cannot be used",
        why=why,
        fix="report it to the author of the plugin",
    )

"""The question whether a project's devices may be used, where somebody is there to answer."""

from __future__ import annotations

import click

from zoo.common import terminal
from zoo.execution.trust import Untrusted, trust


def allowed_by_user(error: Untrusted) -> bool:
    """Shows the file's devices and asks; a yes allows the file as it is now."""
    from zoo.execution.devices_file import read_file

    entries = read_file(error.file)
    terminal.echo(f"{error.file} names", err=True)
    for name, entry in entries.items():
        told = ", ".join(f"{key} = {value!r}" for key, value in entry.values.items())
        terminal.echo(f"  {name}: {told}", err=True)
    terminal.echo("Devices start programs here and connect to machines.", err=True)
    if not click.confirm("Allow this file as it is now?", default=False, err=True):
        return False
    for entry in entries.values():  # of the content that was shown, whatever is there by now
        trust(error.file, entry.digest)
    return True

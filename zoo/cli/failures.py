"""How errors are shown: sentences on standard error, or JSON; tracebacks with ``--debug``."""

from __future__ import annotations

import traceback

import click

from zoo.cli.options import as_json_text
from zoo.common import terminal
from zoo.common.errors import UsageError, ZooError
from zoo.common.plugin_errors import plugin_failure
from zoo.common.shown_text import without_passwords
from zoo.common.system_errors import system_error


def usage_error(error: click.ClickException) -> UsageError:
    """An error that click found, in the form of all others."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    how = f"`{context.command_path if context else 'zoo'} --help` describes the options"
    if isinstance(error, click.NoSuchOption):
        close = " or ".join(map(repr, error.possibilities or ()))
        return UsageError(
            f"there is no option {error.option_name!r}",
            fix=f"did you mean {close}? {how}" if close else how,
        )
    message = error.format_message().rstrip(".")
    return UsageError(message[:1].lower() + message[1:], fix=how)


def unexpected(error: BaseException) -> ZooError:
    """The error to show for one that no code raised on purpose."""
    if isinstance(error, OSError) and (known := system_error(error)) is not None:
        return known
    if isinstance(error, OSError) and error.strerror and error.filename is None:
        return ZooError(f"the output could not be written: {error.strerror}")
    return plugin_failure(error) or ZooError(
        f"unexpected error, probably a bug in edgezoo: {type(error).__name__}: {error}",
        fix="run the same command with --debug and report what it prints",
    )


def show(error: ZooError, debug: bool, as_json: bool) -> None:
    """Writes an error, with its traceback if `debug`."""
    if as_json:
        print_json_error(error.as_dict())
    else:
        terminal.echo_lines(("error: ", "error"), without_passwords(str(error)), err=True)
    if debug:
        trace = "".join(traceback.format_exception(error))
        terminal.echo_lines(without_passwords(trace), err=True)


def print_json_error(error: dict[str, str | None]) -> None:
    """Writes an error as JSON to standard output, or to standard error if that cannot be."""
    told = {k: v and without_passwords(v) for k, v in error.items()}
    text = as_json_text({"error": told})
    try:
        terminal.echo_lines(text)
    except OSError:  # a full disk, perhaps the error itself
        terminal.echo_lines(text, err=True)

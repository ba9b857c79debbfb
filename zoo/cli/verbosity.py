"""``-v`` and ``-q`` of every command: log messages on standard error, or no progress there."""

from __future__ import annotations

import logging
from collections import Counter

import click

from zoo.common import terminal

#: Parent of all loggers of the package; a program that imports it configures its own handlers.
LOGGER = logging.getLogger("zoo")
_VERBOSE, _QUIET = "verbose", "quiet"


class _TerminalHandler(logging.Handler):
    """Writes messages past the guard of the streams, which leaves out control characters."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            terminal.echo_lines(self.format(record), err=True)
        except Exception:
            self.handleError(record)


def _apply(ctx: click.Context, param: click.Parameter, value: int) -> None:
    """Adds up what stands before and after the command; each option is one of two."""
    if not value:
        return
    given: Counter[str | None] = ctx.meta.setdefault(__name__, Counter())
    given[param.name] += value
    if given[_VERBOSE] and given[_QUIET]:
        raise click.UsageError("--verbose and --quiet exclude each other", ctx)
    if given[_QUIET]:
        terminal.set_progress("none")
        return
    terminal.set_progress("lines")
    if LOGGER.handlers == []:
        handler = _TerminalHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(name)s: %(message)s", "%H:%M:%S"))
        LOGGER.addHandler(handler)
        ctx.find_root().call_on_close(lambda: _stop(handler))
    LOGGER.setLevel(logging.INFO if given[_VERBOSE] == 1 else logging.DEBUG)


def _stop(handler: logging.Handler) -> None:
    LOGGER.removeHandler(handler)
    LOGGER.setLevel(logging.NOTSET)


def _options() -> list[click.Option]:
    verbose = click.Option(
        ["-v", "--verbose", _VERBOSE],
        count=True,
        expose_value=False,
        callback=_apply,
        help="Log what is done, on standard error; -vv in more detail.",
    )
    quiet = click.Option(
        ["-q", "--quiet", _QUIET],
        is_flag=True,
        expose_value=False,
        callback=_apply,
        help="Show results and errors alone: no progress, no notes.",
    )
    return [verbose, quiet]


def with_verbosity(command: click.Command) -> click.Command:
    """The command, and those below it, with both options, unless it has such of its own."""
    taken = {name for parameter in command.params for name in parameter.opts}
    command.params += [option for option in _options() if not taken & set(option.opts)]
    for inner in getattr(command, "commands", {}).values():
        with_verbosity(inner)
    return command

"""How errors are shown: sentences on standard error, or JSON; tracebacks with ``--debug``."""

from __future__ import annotations

import re
import traceback

import click

from zoo.cli.options import as_json_text
from zoo.common import terminal
from zoo.common.errors import UsageError, ZooError
from zoo.common.option_words import meant_options
from zoo.common.plugin_errors import plugin_failure
from zoo.common.shown_text import without_passwords
from zoo.common.system_errors import system_error

_EXTRA = re.compile(r"Got unexpected extra arguments? \((.+)\)", re.DOTALL)
#: click's sentences on numbers, and what an option must be.
_WHOLE = "a whole number"
_NUMBERS = [
    (re.compile(r"(?P<got>'.*') is not a valid integer(?: range)?", re.DOTALL), _WHOLE),
    (re.compile(r"(?P<got>'.*') is not a valid float(?: range)?", re.DOTALL), "a number"),
    (re.compile(r"(?P<got>\S+) is not in the range x>=(\S+)"), "{1} or more"),
    (re.compile(r"(?P<got>\S+) is not in the range x>(\S+)"), "more than {1}"),
    (re.compile(r"(?P<got>\S+) is not in the range (\S+)<=x<=(\S+)"), "from {1} to {2}"),
]
#: A dash that text programs make of two hyphens.
_DASH = re.compile(r"(?:^|\s)[‐-―−]+(\w[\w-]*)")  # noqa: RUF001 - these very characters
_COMMA = re.compile(r"\d+,\d+")
#: Other words for what arguments are called in the help.
_ALSO = {
    "FILE": ("model", "path", "weights"),
    "FILES": ("file", "model", "path", "weights"),
    "MODEL": ("network", "weights", "name"),
    "INPUT": ("image", "images", "img", "picture", "photo", "text", "inputs", "source"),
    "INPUTS": ("image", "images", "picture", "photo", "text", "input", "source"),
}


def usage_error(error: click.ClickException) -> UsageError:
    """An error that click found, in the form of all others."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    how = f"`{context.command_path if context else 'zoo'} --help` describes the options"
    if isinstance(error, click.NoSuchOption):
        hint = "" if context is None else _meant(error.option_name, context)
        return UsageError(f"there is no option {error.option_name!r}", fix=f"{hint} {how}".strip())
    message = error.format_message().rstrip(".")
    if context is not None and (found := _EXTRA.fullmatch(message)):
        own = [*_flags(context).values()]
        data = "; a dataset is named by --data" if "--data" in own else ""
        if dashed := _DASH.search(found[1]):
            data = f"; options begin with two hyphens: --{dashed[1]}"
        elif data and len(found[1].split()) == 1:
            data += ", and several values of one option are joined by commas"
        return UsageError(
            f"{context.command_path} takes no further argument {found[1]}",
            fix=f"{_usage(context)}{data}. {how}",
        )
    if isinstance(error, click.BadParameter) and error.param is not None:
        for pattern, wanted in _NUMBERS:
            if found := pattern.fullmatch(error.message.rstrip(".")):
                got = found["got"].strip("'")
                comma = wanted != _WHOLE and _COMMA.fullmatch(got)
                point = f"write {got.replace(',', '.')}. " if comma else ""
                return UsageError(
                    f"{'/'.join(error.param.opts)} must be {wanted.format(*found.groups())}"
                    f" (got {found['got']})",
                    fix=f"{point}{how}",
                )
    return UsageError(message[:1].lower() + message[1:], fix=how)


def _meant(typed: str, context: click.Context) -> str:
    """The options, or the argument, that a misspelt option means."""
    flags, word = _flags(context), typed.lstrip("-").replace("-", "_").lower()
    arguments = {
        one.strip("[]. ").lower(): shown
        for shown in context.command.collect_usage_pieces(context)[1:]
        for one in (*shown.split("|"), *_ALSO.get(shown.split("|")[0].strip("[]. "), ()))
    }
    if word in arguments:
        return f"{arguments[word]} is named without an option: {_usage(context)}."
    close = meant_options(word, flags)
    return f"did you mean {' or '.join(repr(flags[name]) for name in close)}?" if close else ""


def _usage(context: click.Context) -> str:
    pieces = context.command.collect_usage_pieces(context)
    return f"`{' '.join([context.command_path, *pieces])}`"


def _flags(context: click.Context) -> dict[str, str]:
    """The options of a command, long ones, by their name with underscores."""
    return {
        flag.removeprefix("--").replace("-", "_"): flag
        for option in context.command.get_params(context)
        if isinstance(option, click.Option) and not option.hidden
        for flag in (*option.opts, *option.secondary_opts)
        if flag.startswith("--")
    }


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

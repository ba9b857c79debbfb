"""The command line: ``zoo COMMAND``."""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import sys
import time
from collections.abc import Iterator
from types import FrameType
from typing import Any

import click

from zoo.cli.failures import print_json_error, show, unexpected, usage_error
from zoo.cli.options import Settings, complete, examples
from zoo.cli.verbosity import with_verbosity
from zoo.common import telemetry, terminal
from zoo.common.errors import UsageError, ZooError, nearest
from zoo.common.paths import OFFLINE_VARIABLE
from zoo.common.plugin_errors import plugin_failure
from zoo.execution.trust import Untrusted

#: Command → module; a module is imported when its command is used or helped with.
COMMANDS = {
    "ship": "Fine-tune, export, gate, benchmark and report in one run",
    "list": "List the models of the zoo",
    "info": "Show the network, input and weights of a model",
    "data": "Show what a dataset holds and how it is split",
    "finetune": "Train a model on your data",
    "evaluate": "Measure the quality of a model or an exported file",
    "predict": "Predict the classes or values of pictures, recordings and texts",
    "export": "Write gated TFLite and ONNX files",
    "optimize": "Search for a file within limits on size, latency and accuracy",
    "tune": "Search for hyper-parameters of a network and its training",
    "choose": "Compare networks on your data and device, and choose one",
    "bench": "Time exported files on devices",
    "compare": "Compare the latency of two files, or of a file now and before",
    "sources": "List the sources of networks from elsewhere",
    "targets": "List the target processors that files can be written for",
    "weights": "List, fetch and verify official pretrained weights",
    "explain": "Explain why a file is larger, slower or worse than its float32 twin",
    "inspect": "Show a file's manifest and its real contents",
    "verify": "Recompute what a file's manifest claims",
    "sign": "Sign a file or a folder with a key of your own",
    "bundle": "Make a folder for app developers: model, labels, usage code",
    "card": "Write the model card of exported files for a model hub",
    "push": "Upload exported files to a model hub",
    "pull": "Download exported files from a model hub, and verify them",
    "devices": "List, add, check, set up and remove devices",
    "worker": "Perform steps of other commands on this machine",
    "status": "Show workers, devices and steps of an executor",
    "serve": "Serve pages of models, leaderboards, runs and devices",
    "board": "Write these pages as files",
    "plugins": "List and check plugins, or write a new one",
    "cache": "Show, verify and clear finished steps and downloads",
    "doctor": "Show what is installed and what is missing",
    "completion": "Print the script that completes words in a shell",
    "version": "Show the versions of edgezoo, Python and libraries",
}

#: What other programs call them.
_MEANT = {
    "train": "finetune",
    "fit": "finetune",
    "convert": "export",
    "quantize": "export",
    "benchmark": "bench",
    "profile": "bench",
    "eval": "evaluate",
    "test": "evaluate",
    "val": "evaluate",
    "classify": "predict",
    "infer": "predict",
    "inference": "predict",
    "detect": "predict",
    "run": "ship",
    "report": "ship",
    "show": "inspect",
    "models": "list",
    "ls": "list",
    "search": "optimize",
    "hpo": "tune",
    "sweep": "tune",
    "select": "choose",
    "automl": "choose",
    "nas": "choose",
    "check": "verify",
    "package": "bundle",
    "download": "weights",
    "datasets": "data",
    "web": "serve",
    "server": "serve",
    "ui": "serve",
    "dashboard": "serve",
    "site": "board",
    "leaderboard": "board",
    "help": "--help",
}

#: Seconds for which a command that is ending takes no notice of further signals.
_PATIENCE = 5.0
#: Those that keep finished steps.
RESUMABLE = frozenset({"ship", "finetune", "export", "optimize", "tune", "choose", "bench"})


class LazyGroup(click.Group):
    """A group whose commands are imported when they are needed."""

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        """Read after the options that decide which commands there are."""
        found = super().get_help_option(ctx)
        if found is not None:
            found.is_eager = False
        return found

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order in which a newcomer needs them."""
        from zoo.cli.plugin_commands import plugin_commands

        return [*COMMANDS, *(n for n in plugin_commands(ctx) if n not in COMMANDS)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Imports the module of one command."""
        if cmd_name not in COMMANDS:
            from zoo.cli.plugin_commands import load_command, plugin_commands

            found = plugin_commands(ctx).get(cmd_name)
            return None if found is None else with_verbosity(load_command(cmd_name, found))
        return with_verbosity(importlib.import_module(f"zoo.cli.{cmd_name}_command").command)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Lists commands without importing them."""
        from zoo.cli.plugin_commands import plugin_commands, provider

        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))
        if found := {n: e for n, e in plugin_commands(ctx).items() if n not in COMMANDS}:
            with formatter.section("Commands of plugins"):
                formatter.write_dl([(name, f"From {provider(e[0])}") for name, e in found.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Offers the nearest command for a misspelt one."""
        name = args[0] if args else ""
        # Looking through all installed distributions takes longer than a light command does.
        if name and name not in COMMANDS and not name.startswith("-"):
            known = self.list_commands(ctx)
            if name not in known:
                close = [_MEANT[name.lower()]] if name.lower() in _MEANT else nearest(name, known)
                if name == "help" and args[1:] and args[1] in known:
                    close = [f"{args[1]} --help"]
                hint = f"did you mean: zoo {close[0]}" if close else "zoo --help lists the commands"
                raise UsageError(f"there is no command {name!r}", fix=hint)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command; click would call a reader that went away a failure."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise _ReaderGone from error
        except KeyboardInterrupt as error:
            raise _Stopped(signal.SIGINT) from error  # click would write an empty line


class _ReaderGone(Exception):
    """Nobody reads our output any more, as in ``zoo list | head -1``."""


class Interrupted(ZooError):
    """The user or the system ended the command."""


class _Stopped(BaseException):
    """A signal asked us to end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@click.group(
    cls=LazyGroup,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "max_content_width": 100,
        "color": True,  # click leaves escape sequences to the guard of the streams
    },
    epilog=examples("zoo ship lenet5 --data digits", "zoo ship --help"),
)
@click.option(
    "--plugin",
    "plugins",
    multiple=True,
    metavar="PATH",
    shell_complete=complete("file"),
    help="Also load this plugin file or package, or a folder of them; may be repeated.",
)
@click.option(
    "--without",
    multiple=True,
    metavar="NAME",
    is_eager=True,
    shell_complete=complete("plugin"),
    help="Switch one plugin off; may be repeated.",
)
@click.option("--no-plugins", is_flag=True, is_eager=True, help="Use the built-in plugins only.")
@click.option("--offline", is_flag=True, help="Never use the network (also: ZOO_OFFLINE=1).")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
@click.version_option(package_name="edgezoo", prog_name="zoo")
@click.pass_context
def zoo(
    ctx: click.Context,
    plugins: tuple[str, ...],
    without: tuple[str, ...],
    no_plugins: bool,
    offline: bool,
    debug: bool,
) -> None:
    """Train once, ship everywhere, with proof.

    A model zoo whose networks are fine-tuned, quantized, exported to TFLite and ONNX, checked in
    the runtimes they are deployed on, and timed.
    """
    if offline:
        os.environ[OFFLINE_VARIABLE] = "1"  # so that child processes know
    # Commands of plugins print as they like.
    if ctx.invoked_subcommand in COMMANDS and "--json" in sys.argv[1:]:
        terminal.reserve_output()
    ctx.obj = Settings(plugins=plugins, without=without, no_plugins=no_plugins, debug=debug)


with_verbosity(zoo)


def main() -> None:
    """Entry point: errors become sentences and exit codes, and all output is clean."""
    if sys.platform.startswith("win"):
        told = UsageError(
            "edgezoo runs on Linux and macOS, not on Windows itself",
            fix='in PowerShell: wsl --install; then, in its shell: pip install "edgezoo[all]"',
        )
        terminal.echo_lines(f"error: {told}", err=True)
        sys.exit(told.exit_code)
    with terminal.guarded(), _stopped_once():
        _main()


def _main() -> None:
    telemetry.switch_off_modules()
    given = sys.argv[1:]
    debug, as_json = "--debug" in given, "--json" in given
    # The advice to add one of these must work wherever it is added.
    anywhere = [option for option in ("--debug", "--offline") if option in given]
    arguments = anywhere + [a for a in given if a not in anywhere]
    try:
        # Without standalone mode, ctx.exit(1) in a command becomes a returned 1.
        code = _run(arguments, as_json)
    except SystemExit as error:
        if plugin_failure(error) is None:
            raise
        show(unexpected(error), debug, as_json)
        sys.exit(1)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(_interrupted(signal.SIGINT, given))
    except _Stopped as stop:
        sys.exit(_interrupted(stop.number, given))
    except click.ClickException as error:
        show(usage_error(error), debug, as_json)
        sys.exit(error.exit_code)
    except ZooError as error:
        show(error, debug, as_json)
        sys.exit(error.exit_code)
    except _ReaderGone:
        terminal.discard_output()
        # The code of programs that SIGPIPE ends.
        sys.exit(128 + signal.SIGPIPE)
    except Exception as error:
        told = unexpected(error)
        told.__cause__ = error
        show(told, debug, as_json)
        if isinstance(error, OSError):
            terminal.discard_output()
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)


def _run(arguments: list[str], as_json: bool) -> Any:
    """Runs a command, again once a person has allowed the folder's devices, which it asked for."""
    try:
        return zoo.main(args=list(arguments), prog_name="zoo", standalone_mode=False)
    except Untrusted as error:
        from zoo.cli.trust import allowed_by_user

        if as_json or not terminal.at_terminal() or not allowed_by_user(error):
            raise
    return zoo.main(args=list(arguments), prog_name="zoo", standalone_mode=False)


@contextlib.contextmanager
def _stopped_once() -> Iterator[None]:
    """The first signal stops the command; others do not disturb how it ends, for some seconds.

    Whoever presses Ctrl-C twice would otherwise interrupt what removes temporary files.
    """
    ends: list[float] = []

    def stop(number: int, frame: FrameType | None) -> None:
        if ends:
            if time.monotonic() - ends[0] > _PATIENCE:
                os._exit(128 + number)
            return
        ends.append(time.monotonic())
        raise KeyboardInterrupt if number == signal.SIGINT else _Stopped(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # nohup ignores one, and means it
        if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, stop)
    try:
        yield
    finally:
        ends.append(time.monotonic())  # Python has still to put its own things away


def _interrupted(number: int, given: list[str]) -> int:
    how = "interrupted" if number == signal.SIGINT else "stopped"
    if RESUMABLE & set(given):
        how += ": finished steps are kept; the same command goes on from there"
    if "--json" in given:
        print_json_error(Interrupted(how).as_dict())
    else:
        # A terminal has written ^C where the cursor was.
        begins = "\n" if number == signal.SIGINT and terminal.at_terminal() else ""
        terminal.echo(f"{begins}{how}", err=True)
    return 128 + number

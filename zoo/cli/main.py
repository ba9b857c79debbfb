"""The command line: ``zoo COMMAND``."""

from __future__ import annotations

import importlib
import json
import sys
import traceback
from typing import Any

import click

from zoo.cli.options import Settings
from zoo.errors import UsageError, ZooError, nearest

#: Command → module; a module is imported when its command is used or helped with.
COMMANDS = {
    "ship": "Fine-tune, export, gate, benchmark, report: the whole way",
    "list": "The models of the zoo",
    "info": "Everything known about one model",
    "finetune": "Train a model on your data",
    "evaluate": "Measure the quality of a model or an exported file",
    "export": "Write gated TFLite and ONNX files",
    "bench": "Time exported files on this machine",
    "inspect": "What a file says of itself and what it really contains",
    "plugins": "Plugins: where everything comes from",
    "doctor": "What is installed, what is missing, how to get it",
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order in which a newcomer needs them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Imports the module of one command."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"zoo.cli.{cmd_name}_command")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Lists commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Offers the nearest command for a misspelt one."""
        name = args[0] if args else ""
        if name and name not in COMMANDS and not name.startswith("-"):
            close = nearest(name, COMMANDS)
            hint = f"did you mean: zoo {close[0]}" if close else "zoo --help lists the commands"
            raise UsageError(f"there is no command {name!r}", fix=hint)
        return super().resolve_command(ctx, args)


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Example: zoo ship lenet5 --data digits",
)
@click.option("--plugin", "plugins", multiple=True, metavar="PATH", help="Also load this plugin.")
@click.option("--without", multiple=True, metavar="NAME", help="Switch one plugin off.")
@click.option("--no-plugins", is_flag=True, help="Use the built-in plugins only.")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
@click.version_option(package_name="edgezoo", prog_name="zoo")
@click.pass_context
def zoo(
    ctx: click.Context,
    plugins: tuple[str, ...],
    without: tuple[str, ...],
    no_plugins: bool,
    debug: bool,
) -> None:
    """Train once, ship everywhere, with proof.

    A model zoo whose networks are fine-tuned, quantized, exported to TFLite and ONNX, checked in
    the runtimes they are deployed on, and timed.
    """
    ctx.obj = Settings(plugins=plugins, without=without, no_plugins=no_plugins, debug=debug)


def main() -> None:
    """Entry point: errors become sentences and exit codes."""
    arguments = sys.argv[1:]
    debug, as_json = "--debug" in arguments, "--json" in arguments
    try:
        zoo.main(args=arguments, prog_name="zoo", standalone_mode=False)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.Abort:
        _interrupted()
    except KeyboardInterrupt:
        _interrupted()
    except click.ClickException as error:
        if as_json:
            _print_json_error({"type": "UsageError", "what": error.format_message()})
        else:
            error.show()
        sys.exit(error.exit_code)
    except ZooError as error:
        _show(error, debug, as_json)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # The reader of a pipe (`zoo list | head`) is gone; python would complain at exit.
        sys.stdout = None
        sys.exit(0)
    except Exception as error:
        if debug:
            raise
        unexpected = ZooError(
            f"zoo met an error that it does not know: {type(error).__name__}: {error}",
            fix="run the same command with `zoo --debug …` and report what it prints",
        )
        _show(unexpected, debug, as_json)
        sys.exit(1)


def _interrupted() -> None:
    click.echo(
        "interrupted: finished steps are kept; the same command goes on from there", err=True
    )
    sys.exit(130)


def _show(error: ZooError, debug: bool, as_json: bool) -> None:
    if as_json:
        _print_json_error(error.as_dict())
    else:
        click.echo(click.style("error: ", fg="red", bold=True) + str(error), err=True)
    if debug:
        traceback.print_exception(error)


def _print_json_error(error: dict[str, Any]) -> None:
    click.echo(json.dumps({"error": error}, indent=1))

"""``zoo completion``."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from zoo.cli.options import examples
from zoo.common import terminal

SHELLS = ("bash", "zsh", "fish")


@click.command(
    name="completion",
    epilog=examples("zoo completion bash", "zoo completion fish"),
)
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def command(ctx: click.Context, /, shell: str) -> None:
    """Print the script that completes commands, options and names in SHELL.

    In ~/.bashrc or, after compinit, ~/.zshrc: eval "$(zoo completion bash)", or zsh. For fish:
    zoo completion fish > ~/.config/fish/completions/zoo.fish
    """
    found = get_completion_class(shell)
    assert found is not None, shell
    root = ctx.find_root()
    terminal.echo_lines(found(root.command, {}, "zoo", "_ZOO_COMPLETE").source())

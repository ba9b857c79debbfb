"""Reference pages, made from what the program itself declares: commands, hooks, Python names."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterator

import click
import pluggy

import zoo
from zoo import hookspecs
from zoo.cli.main import zoo as command_line

#: A default at the end of an option's help: "Batch size [the file's]."
_DEFAULT = re.compile(r"\s*\[(?:default: )?([^\[\]]+)\]\.?\s*$")


def references() -> Iterator[tuple[str, str]]:
    """Each reference page of the site with its text."""
    yield "reference/commands.md", commands_page()
    yield "reference/hooks.md", hooks_page()
    yield "reference/python.md", python_page()


def commands_page() -> str:
    """All commands: usage, arguments, options with their defaults, examples."""
    parts = [
        "# Commands\n\nMade from the commands themselves: what `zoo COMMAND --help` prints. "
        "`zoo`'s own options stand before the command; `--debug` and `--offline` anywhere."
    ]
    parts += [section(command, context) for command, context in commands()]
    return "\n\n".join(parts) + "\n"


def commands() -> Iterator[tuple[click.Command, click.Context]]:
    """The command line and every command below it, built-in ones alone, with their contexts."""
    # Those of plugins that happen to be installed are no part of the reference.
    root = click.Context(command_line, info_name="zoo")
    root.params = {"no_plugins": True, "without": (), "plugins": ()}
    yield command_line, root
    for name in command_line.list_commands(root):
        yield from _below(command_line, name, root)


def _below(
    group: click.Group, name: str, parent: click.Context
) -> Iterator[tuple[click.Command, click.Context]]:
    command = group.get_command(parent, name)
    if command is None:
        raise LookupError(f"the command {name!r} is listed but not there")
    context = click.Context(command, info_name=name, parent=parent)
    yield command, context
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            yield from _below(command, inner, context)


def section(command: click.Command, context: click.Context) -> str:
    """One command in Markdown."""
    path = context.command_path
    usage = " ".join([path, *command.collect_usage_pieces(context)])
    level = 2 if context.parent is None or context.parent.parent is None else 3
    # click's own options of a parent stand in its path, not in that of the command.
    title = path if path.startswith("zoo") else f"zoo {path}"
    parts = [f"{'#' * level} {title}", f"```\n{usage}\n```", prose(command.help or "")]
    if isinstance(command, click.Group):
        names = [f"`{name}`" for name in command.list_commands(context)]
        parts.append(f"Commands: {', '.join(names)}.")
    arguments = [p for p in command.get_params(context) if isinstance(p, click.Argument)]
    if arguments:
        named = [f"`{argument.make_metavar(context)}`" for argument in arguments]
        parts.append(f"{'Argument' if len(named) == 1 else 'Arguments'}: {', '.join(named)}.")
    rows = [row(option, context) for option in command.get_params(context) if is_shown(option)]
    if rows:
        parts.append("\n".join(["| option | meaning | default |", "|---|---|---|", *rows]))
    if command.epilog:
        examples = textwrap.dedent(re.sub(r"^.*?Examples?:\n", "", command.epilog, flags=re.DOTALL))
        parts.append(f"```console\n{re.sub('^zoo', '$ zoo', examples.strip(), flags=re.M)}\n```")
    return "\n\n".join(part for part in parts if part)


def is_shown(parameter: click.Parameter) -> bool:
    """Whether it is an option that help shows."""
    return isinstance(parameter, click.Option) and not parameter.hidden


def row(option: click.Parameter, context: click.Context) -> str:
    """One option in a table."""
    record = option.get_help_record(context)
    if record is None:
        raise LookupError(f"the option {option.name!r} is hidden")
    flags, words = record
    found = _DEFAULT.search(words)
    default = found[1] if found else ""
    if found:
        words = words[: found.start()] + "."
    names = ", ".join(f"`{escaped(flag)}`" for flag in flags.split(", "))
    return f"| {names} | {escaped(words)} | {escaped(default)} |"


def escaped(text: str) -> str:
    """Text in a cell of a table."""
    return text.replace("|", "\\|").replace("\n", " ")


def hooks_page() -> str:
    """The hooks of plugins, from the specifications that pluggy checks plugins against."""
    parts = ["# Hooks", prose(hookspecs.__doc__ or "")]
    for name in hook_names():
        returned = inspect.signature(getattr(hookspecs, name)).return_annotation
        parts.append(f"## {name}\n\n```python\ndef {name}() -> {returned}\n```")
        parts.append(prose(inspect.getdoc(getattr(hookspecs, name)) or ""))
        parts.append(f"[Guide](../plugins.md#{name})")
    return "\n\n".join(parts) + "\n"


def hook_names() -> list[str]:
    """Names of the hooks, in the order of their specifications."""
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    return [name for name in vars(hookspecs) if name in vars(manager.hook)]


def python_page() -> str:
    """The public names of `zoo`; mkdocstrings puts their docstrings in the place of each mark."""
    names = [name for name in zoo.__all__ if not name.startswith("_")]
    functions = [name for name in names if name.islower() and name != "hookimpl"]
    records = [name for name in names if name not in functions and name != "hookimpl"]
    parts = [
        "# Python",
        "All public names of `import zoo`. The [guide](../python.md) shows how they are used; "
        "`zoo.hookimpl` marks the [hooks](hooks.md) of a plugin.",
        "## Functions",
        *(f"::: zoo.{name}" for name in functions),
        "## Records and classes",
        *(f"::: zoo.{name}" for name in records),
    ]
    return "\n\n".join(parts) + "\n"


def prose(text: str) -> str:
    """A docstring in Markdown: its literal blocks, after two colons, become blocks of code."""
    lines, result = inspect.cleandoc(text).replace("``", "`").split("\n"), []
    while lines:
        line = lines.pop(0)
        if not line.endswith("::"):
            result.append(line.replace("\b", ""))
            continue
        block = []
        while lines and (not lines[0] or lines[0].startswith(" ")):
            block.append(lines.pop(0))
        code = textwrap.dedent("\n".join(block)).strip()
        language = "toml" if code.startswith("[") else "python"
        result += [line.removesuffix(":"), "", f"```{language}", code, "```", ""]
    return "\n".join(result).strip()

"""Options and small helpers that several commands share."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.shell_completion import CompletionItem

from zoo.common import terminal
from zoo.common.shown_text import printable
from zoo.contracts.accelerators import OFFERED

if TYPE_CHECKING:
    from zoo.registry import Registry

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The options of ``zoo`` itself."""

    plugins: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    no_plugins: bool = False
    debug: bool = False

    def registry(self) -> Registry:
        """Discovers plugins."""
        from zoo.registry import PluginSettings, load_registry

        registry = load_registry(
            PluginSettings(paths=self.plugins, without=self.without, installed=not self.no_plugins)
        )
        for plugin in registry.plugins:
            for note in plugin.notes:
                terminal.note(f"the plugin {plugin.name!r} {note}")
        return registry


Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def complete_values(*values: str) -> Completer:
    """What shells offer where all values are known; after a comma, too, where there may be more."""

    def fitting(
        ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        several = isinstance(param, click.Option) and param.multiple
        before, comma, part = incomplete.rpartition(",") if several else ("", "", incomplete)
        # A shell takes each line as one completion, and writes it to the terminal as it is.
        return [
            CompletionItem(f"{before}{comma}{value}")
            for value in values
            if value.startswith(part) and printable(value) == value
        ]

    return fitting


def complete(kind: str) -> Completer:
    """What shells offer: names of one kind, such as ``model``; ``file`` is the shell's own."""

    def names_of(
        ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        if kind == "file":
            return [CompletionItem(incomplete, type="file")]
        from zoo.networks.checkpoints import model_ids
        from zoo.networks.sources.available import named_networks

        root = ctx.find_root().params
        registry = Settings(plugins=tuple(root.get("plugins") or ())).registry()
        names = {
            "model": lambda: [
                *model_ids(registry),
                *(one.name for one in named_networks(registry)),
            ],
            "dataset": lambda: [p.name + (":" if p.argument else "") for p in registry.datasets],
            "format": lambda: registry.exporters.names(),
            "device": lambda: _devices(registry),
            "target": lambda: registry.targets.names(),
            "task": lambda: registry.tasks.names(),
            "accelerator": lambda: list(OFFERED),
            "runtime": lambda: registry.runtimes.names(),
            "backend": lambda: _backends(registry),
            "precision": lambda: [
                *dict.fromkeys(p for e in registry.exporters for p in e.precisions)
            ],
            "tier": _tiers,
            "device kind": lambda: registry.devices.names(),
            "tracker": lambda: [f"{tracker.name}:" for tracker in registry.trackers],
            "executor": lambda: [
                f"{e.name}://" if e.argument else e.name for e in registry.executors
            ],
            "source": lambda: [source.name for source in registry.sources if source.setup],
            "plugin": lambda: [plugin.name for plugin in registry.plugins],
            "check": lambda: _checks(registry),
            "cache folder": _cache_folders,
        }[kind]()
        return complete_values(*names)(ctx, param, incomplete)

    return names_of


def _devices(registry: Registry) -> list[str]:
    from zoo.common.errors import ZooError
    from zoo.execution.devices_file import read_entries

    names = registry.devices.names()
    for kind in registry.devices:
        if kind.known is not None:
            with suppress(Exception):  # of a plugin, which `zoo devices list` names with its fault
                names += kind.known()
    with suppress(ZooError):  # a file that is not TOML; the command itself will say so
        names += read_entries()
    return names


def _backends(registry: Registry) -> list[str]:
    from zoo.execution.backends import declared_backends

    return [*dict.fromkeys(n for names in declared_backends(registry).values() for n in names)]


def _tiers() -> list[str]:
    from zoo.benchmark.tiers import TIERS

    return list(TIERS)


def _checks(registry: Registry) -> list[str]:
    from zoo.testing.checks import conformance_checks

    return list(conformance_checks(registry))


def _cache_folders() -> list[str]:
    from zoo.pipeline.cache_usage import cache_folders

    return [folder.name for folder in cache_folders()]


complete_model = complete("model")
complete_dataset = complete("dataset")
complete_device = complete("device")
complete_target = complete("target")
complete_runtime = complete("runtime")
complete_backend = complete("backend")
complete_tier = complete("tier")
complete_split = complete_values("train", "validation", "test")


def examples(*commands: str) -> str:
    """The end of a command's help: each example on a line of its own, never wrapped."""
    heading = "Example:" if len(commands) == 1 else "Examples:"
    return "\b\n" + "\n".join([heading, *(f"  {command}" for command in commands)])


class OutputFile(click.Path):
    """The name of a file to write; one that is there is replaced only if it is of the same kind.

    A slip (``--html model.tflite``) must not cost the file, and is found before any work is done.
    """

    def __init__(self, kind: str, beginning: bytes) -> None:
        """`beginning` is how files of that kind start, in lower case."""
        super().__init__(dir_okay=False)
        self.kind, self.beginning = kind, beginning

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The name, unless a file of another kind has it."""
        from zoo.common.errors import UsageError
        from zoo.common.files import OTHER_FILE, cannot_write, open_file

        found = os.fsdecode(super().convert(value, param, ctx))
        try:
            with open_file(Path(found)) as file:
                start = file.read(1 << 12).lstrip().lower()
        except OSError:  # nothing is there
            start = b""
        folders = Path(found).absolute().parents
        nearest = next((folder for folder in folders if folder.exists()), folders[-1])
        if not os.access(nearest, os.W_OK | os.X_OK):
            refused = OSError(errno.EROFS, f"{nearest} cannot be written")
            raise cannot_write(Path(found), refused, fix=OTHER_FILE)
        if start and not start.startswith(self.beginning):
            raise UsageError(
                f"{found} is there already, and is not {self.kind}",
                why="it would be replaced",
                fix="choose another name for the new file",
            )
        return found


PAGE_FILE = OutputFile("a page", b"<!doctype html")
JUNIT_FILE = OutputFile("a file in JUnit XML", b"<?xml")


def json_option(function: Function) -> Function:
    """``--json``: results as JSON on standard output."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(function)


def option(*names: str, default: Any, help: str, **kinds: Any) -> Callable[[Function], Function]:
    """An option whose help ends with its default in brackets."""
    shown = f"{default:g}" if isinstance(default, float) else default
    return click.option(*names, default=default, help=f"{help} [{shown}].", **kinds)


def data_option(help: str) -> Callable[[Function], Function]:
    """``--data DATASET``, where it is not what a recipe trains on."""
    return click.option("--data", metavar="DATASET", shell_complete=complete_dataset, help=help)


def device_option(help: str) -> Callable[[Function], Function]:
    """``--device NAME``, a single one."""
    return click.option("--device", metavar="NAME", shell_complete=complete_device, help=help)


def store_option(function: Function) -> Function:
    """``--store URL``."""
    return click.option(
        "--store", metavar="URL", help="Database of results [default: the user's own]."
    )(function)


def retry_option(function: Function) -> Function:
    """``--retry``."""
    return click.option(
        "--retry", is_flag=True, help="Retry conversions that crashed or failed before."
    )(function)


def print_json(value: Any) -> None:
    """JSON on standard output; NaN and infinity, which JSON lacks, become null."""
    terminal.echo_lines(as_json_text(_finite(value)))


def as_json_text(value: Any) -> str:
    """Indented JSON in ASCII, without any control character but line breaks."""
    # The one control character that JSON lets stand as it is.
    return json.dumps(value, indent=1, default=str).replace("\x7f", "\\u007f")


def _finite(value: Any) -> Any:
    if isinstance(value, float) and value - value != 0.0:
        return None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value


def split_commas(values: tuple[str, ...]) -> tuple[str, ...]:
    """``("a,b", "c")`` → ``("a", "b", "c")``."""
    return tuple(part.strip() for value in values for part in value.split(",") if part.strip())

"""Discovery of built-in, installed and local plugins; a broken one affects no other."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import pkgutil
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, Generic, TypeVar

import pluggy

from zoo import hookspecs
from zoo.common.errors import UnknownName, UsageError
from zoo.common.files import no_file, no_folder
from zoo.common.modules import import_path, source_of
from zoo.contracts import (
    Architecture,
    DatasetProvider,
    DeviceKind,
    Exporter,
    Runtime,
    Source,
    Target,
    Task,
    Variant,
)
from zoo.contracts.checks import InvalidRecord, describe_failure
from zoo.contracts.precision import Precision, precision_named

#: Packages whose modules are plugins of this distribution: a new file in them is enough.
BUILT_IN_PACKAGES = ("zoo.tasks", "zoo.data", "zoo.plugins", "zoo.exporters", "zoo.devices")
ENTRY_POINT_GROUP = "zoo"

Record = TypeVar("Record")


@dataclass(frozen=True, kw_only=True)
class PluginSettings:
    """Settings of plugin discovery, passed on to worker processes.

    Attributes:
        paths: Local plugin files and packages, or folders of such (``--plugin``).
        without: Plugins that are switched off: ``name``, or ``distribution:name``.
        installed: Whether installed distributions are searched (``--no-plugins``: no).
    """

    paths: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    installed: bool = True


@dataclass(kw_only=True)
class Plugin:
    """A row of ``zoo plugins list``; `source_file` is its file, or the folder of its package."""

    name: str
    origin: str
    distribution: str
    version: str
    provides: list[str] = field(default_factory=list)
    problem: str | None = None
    source_file: str | None = None

    @property
    def identity(self) -> str:
        """Distribution, version and module, for messages."""
        return f"{self.distribution} {self.version} ({self.name})"

    @property
    def full_name(self) -> str:
        """Distribution and name; unique among plugins."""
        return f"{self.distribution}:{self.name}"


class NameTable(Generic[Record]):
    """The records of one hook by name; a name with two providers is an error when used."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._found: dict[str, list[tuple[Record, Plugin]]] = {}

    def add(self, name: str, record: Record, plugin: Plugin) -> None:
        """Adds a plugin's record under `name`."""
        self._found.setdefault(name, []).append((record, plugin))

    def put(self, name: str, record: Record, plugin: Plugin) -> None:
        """`add`, in the place of what the same plugin provided under `name` before."""
        rows = self._found.get(name, [])
        self._found[name] = [*(row for row in rows if row[1] is not plugin), (record, plugin)]

    def drop(self, plugin: Plugin) -> None:
        """Removes the records of one plugin."""
        kept = {n: [r for r in rows if r[1] is not plugin] for n, rows in self._found.items()}
        self._found = {name: rows for name, rows in kept.items() if rows}

    def __iter__(self) -> Iterator[Record]:
        """Records without conflicts, sorted by name."""
        for name in sorted(self._found):
            if len(self._found[name]) == 1:
                yield self._found[name][0][0]

    def names(self) -> list[str]:
        """Every name, those with conflicts included."""
        return sorted(self._found)

    def conflicts(self) -> dict[str, list[Plugin]]:
        """Names with more than one provider."""
        return {n: [p for _, p in rows] for n, rows in self._found.items() if len(rows) > 1}

    def provider(self, name: str) -> Plugin:
        """The plugin that provides `name`; fails like `get`."""
        self.get(name)
        return self._found[name][0][1]

    def get(self, name: str) -> Record:
        """The record, `UnknownName` with suggestions, or an error that names both providers."""
        rows = self._found.get(name)
        if not rows:
            raise UnknownName(self.kind, name, self._found)
        if len(rows) > 1:
            raise provided_twice(f"{self.kind} {name!r}", [plugin for _, plugin in rows])
        return rows[0][0]


def provided_twice(what: str, plugins: list[Plugin]) -> UsageError:
    """The error that names every provider of `what`, and how to switch the last one off."""
    last = plugins[-1]
    alike = any(plugin.name == last.name for plugin in plugins[:-1])
    return UsageError(
        f"{what} is provided twice: by " + " and by ".join(p.identity for p in plugins),
        fix=f"switch one off: zoo --without {last.full_name if alike else last.name} …",
    )


class Registry:
    """Everything that plugins provide. Make one with `load_registry`."""

    def __init__(self, settings: PluginSettings) -> None:
        self.settings = settings
        self.plugins: list[Plugin] = []
        self.architectures: NameTable[Architecture] = NameTable("architecture")
        self.tasks: NameTable[Task] = NameTable("task")
        self.datasets: NameTable[DatasetProvider] = NameTable("dataset")
        self.exporters: NameTable[Exporter] = NameTable("format")
        self.targets: NameTable[Target] = NameTable("target")
        self.runtimes: NameTable[Runtime] = NameTable("runtime")
        self.devices: NameTable[DeviceKind] = NameTable("device")
        self.sources: NameTable[Source] = NameTable("source")
        #: Foreign networks that were opened: reference → converted weights.
        self.opened: dict[str, Path] = {}
        self._variants: NameTable[Architecture] = NameTable("model")
        self._hooks: tuple[tuple[str, NameTable[Any], type], ...] = (
            ("zoo_architectures", self.architectures, Architecture),
            ("zoo_tasks", self.tasks, Task),
            ("zoo_datasets", self.datasets, DatasetProvider),
            ("zoo_exporters", self.exporters, Exporter),
            ("zoo_targets", self.targets, Target),
            ("zoo_runtimes", self.runtimes, Runtime),
            ("zoo_devices", self.devices, DeviceKind),
            ("zoo_sources", self.sources, Source),
        )
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)

    def variants(self) -> Iterator[tuple[Architecture, Variant]]:
        """Every usable variant with its architecture, sorted by variant name."""
        for name in self._variants.names():
            if name not in self._variants.conflicts():
                architecture = self._variants.get(name)
                yield architecture, architecture.variant(name)

    def variant(self, name: str) -> tuple[Architecture, Variant]:
        """The variant called `name`; an architecture with one variant may stand for it."""
        if name not in self._variants.names() and name in self.architectures.names():
            members = self.architectures.get(name).variants
            if len(members) == 1:
                name = members[0].name
            else:
                raise UsageError(
                    f"{name!r} is a family, not a model",
                    fix=f"choose a variant: {', '.join(v.name for v in members)}",
                )
        architecture = self._variants.get(name)
        return architecture, architecture.variant(name)

    def variant_plugin(self, name: str) -> Plugin:
        """The plugin that provides the variant; fails like `variant`."""
        return self._variants.provider(name)

    def adopt(self, architecture: Architecture, source: str) -> None:
        """Makes a network known that a source opened: the source's plugin then provides it."""
        plugin = self.sources.provider(source)
        for names in (self.architectures, self._variants):
            names.put(architecture.name, architecture, plugin)

    def exporter_for(self, path: Path) -> Exporter | None:
        """The exporter whose suffix `path` has (a trailing ``.rejected`` aside).

        Raises:
            UsageError: Two exporters claim that suffix.
        """
        name = path.name.removesuffix(".rejected")
        found = [e for e in self.exporters if name.endswith(e.suffix)]
        longest = max((e.suffix for e in found), key=len, default="")
        claimed = [e for e in found if e.suffix == longest]
        if len(claimed) > 1:
            plugins = [self.exporters.provider(e.name) for e in claimed]
            raise provided_twice(f"the suffix {longest!r}", plugins)
        return claimed[0] if claimed else None

    def precision(self, name: str) -> Precision:
        """The precision called `name`; fails like `precision_named`."""
        return precision_named(name, (own for e in self.exporters for own in e.declares))

    def all_names(self) -> tuple[NameTable[Any], ...]:
        """The names of every hook, and those of the variants."""
        return (self.architectures, self._variants, *(names for _, names, _ in self._hooks[1:]))

    def register(self, plugin: Plugin, load: Callable[[], ModuleType]) -> None:
        """Loads one plugin; an exception becomes the row's `problem`."""
        twice = any(known.full_name == plugin.full_name for known in self.plugins)
        self.plugins.append(plugin)
        if twice:
            plugin.problem = f"{plugin.full_name} was found before; only the first is used"
            return
        if {plugin.name, plugin.full_name} & set(self.settings.without):
            plugin.problem = "switched off by --without"
            return
        module: ModuleType | None = None
        try:
            module = load()
            if (known := self._manager.get_name(module)) is not None:
                raise InvalidRecord(f"its module is that of {known}")
            plugin.source_file = source_of(module)
            self._manager.register(module, name=plugin.full_name)
            self._manager.check_pending()
            self._collect(module, plugin)
        # A stranger's module may raise anything, SystemExit included: it must cost that row alone.
        except (Exception, SystemExit) as error:
            plugin.problem = describe_failure(error, __file__)
            self._forget(plugin, module)

    def _collect(self, module: ModuleType, plugin: Plugin) -> None:
        for hook, names, record_type in self._hooks:
            caller = getattr(self._manager.hook, hook)
            implementation = [i for i in caller.get_hookimpls() if i.plugin is module]
            if not implementation:
                continue
            for record in _records(implementation[0].function(), hook, record_type):
                names.add(record.name, record, plugin)
                plugin.provides.append(f"{names.kind} {record.name}")
                if isinstance(record, Architecture):
                    for variant in record.variants:
                        self._variants.add(variant.name, record, plugin)

    def _forget(self, plugin: Plugin, module: ModuleType | None) -> None:
        """Removes the records of a plugin that failed halfway."""
        plugin.provides.clear()
        for names in self.all_names():
            names.drop(plugin)
        # Left in the manager, a hook of an unknown name would fail every plugin after it.
        if module is not None and self._manager.get_name(module) == plugin.full_name:
            self._manager.unregister(module)


def _records(found: Iterable[object], hook: str, record_type: type) -> Iterator[Any]:
    for record in found:
        if not isinstance(record, record_type):
            raise InvalidRecord(
                f"{hook} must yield {record_type.__name__} records, "
                f"but yielded a {type(record).__name__}"
            )
        yield record


def load_registry(settings: PluginSettings | None = None) -> Registry:
    """Finds built-in, installed and local plugins."""
    registry = Registry(settings or PluginSettings())
    _load_built_in(registry)
    if registry.settings.installed:
        _load_installed(registry)
    for path in registry.settings.paths:
        _load_local(registry, Path(path))
    _check_without(registry)
    return registry


def _check_without(registry: Registry) -> None:
    """Refuses names of plugins to leave out that no plugin has."""
    known = {name for plugin in registry.plugins for name in (plugin.name, plugin.full_name)}
    for name in registry.settings.without:
        # Plugins that were not looked for are indistinguishable from misspelt ones.
        if name not in known and registry.settings.installed:
            raise UnknownName("plugin", name, {plugin.name for plugin in registry.plugins})


def _load_built_in(registry: Registry) -> None:
    version = importlib.metadata.version("edgezoo")
    for package_name in BUILT_IN_PACKAGES:
        package = importlib.import_module(package_name)
        for info in pkgutil.iter_modules(package.__path__):
            full = f"{package_name}.{info.name}"
            spec = importlib.util.find_spec(full)
            if spec is None or spec.origin is None or not _declares_hook(Path(spec.origin)):
                continue
            plugin = Plugin(
                name=info.name, origin="built-in", distribution="edgezoo", version=version
            )
            registry.register(plugin, partial(importlib.import_module, full))


def _declares_hook(file: Path) -> bool:
    """Whether a module's text holds a hook, so that helper modules are never imported."""
    return re.search(rb"^@(\w+\.)*hookimpl\b", file.read_bytes(), re.MULTILINE) is not None


def _load_installed(registry: Registry) -> None:
    # pluggy's own loader stops at the first plugin that raises; here each costs its row alone.
    for entry in importlib.metadata.entry_points(group=ENTRY_POINT_GROUP):
        distribution = entry.dist
        plugin = Plugin(
            name=entry.name,
            origin="installed",
            # Both are None for an installation that was removed by half.
            distribution=(distribution.name if distribution else None) or "unknown",
            version=(distribution.version if distribution else None) or "?",
        )
        registry.register(plugin, entry.load)


def _load_local(registry: Registry, path: Path) -> None:
    problem, found = no_file(path, missing=f"--plugin {path}: no such file"), [path]
    if no_folder(path) is None:
        found = _local_plugins(path)
        problem = None if found else f"{path} has no .py file and no package with a hook"
    fix = "name a Python file or a package with a zoo hook, or a folder of such"
    if problem:
        raise UsageError(problem, fix=fix)
    for source in found:
        plugin = Plugin(name=source.stem, origin="local", distribution=str(source), version="local")
        registry.register(plugin, partial(import_path, source, "zoo_local_"))


def _local_plugins(folder: Path) -> list[Path]:
    """The folder itself if it is a plugin's package; else the files and packages in it."""

    def is_plugin(package: Path) -> bool:
        return (init := package / "__init__.py").is_file() and _declares_hook(init)

    if is_plugin(folder):
        return [folder.resolve()]  # "." has no name
    files = (p for p in folder.glob("*.py") if p.name != "__init__.py" and no_file(p) is None)
    return sorted([*files, *filter(is_plugin, folder.iterdir())])

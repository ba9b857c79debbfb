"""Discovery of built-in, installed and local plugins; a broken one affects no other."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import logging
import pkgutil
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pluggy

from zoo import hookspecs
from zoo.common.errors import UnknownName, UsageError
from zoo.common.files import no_file, no_folder
from zoo.common.hook_manager import HookManager
from zoo.common.modules import fix_of_import, import_path, source_of
from zoo.common.plugin_errors import note_source
from zoo.common.plugin_import import ForeignImport, foreign_import
from zoo.common.versions import said_by
from zoo.contracts import (
    AnnouncedDevice,
    Architecture,
    DatasetProvider,
    DeviceKind,
    Executor,
    Exporter,
    Runtime,
    Source,
    Target,
    Task,
    Tracker,
    Variant,
)
from zoo.contracts.checks import InvalidRecord, describe_failure
from zoo.contracts.moved_inputs import MovedInput
from zoo.contracts.plugin import NameTable, Plugin, provided_twice
from zoo.contracts.precision import Precision, precision_named

_log = logging.getLogger(__name__)

#: Packages whose modules are plugins of this distribution: a new file in them is enough.
BUILT_IN_PACKAGES = ("zoo.tasks", "zoo.data", "zoo.plugins", "zoo.exporters", "zoo.devices")
ENTRY_POINT_GROUP = "zoo"
_HOOK = rb"^@(\w+\.)*hookimpl\b"
_NAMED = _HOOK + rb"|\bzoo_[a-z]+\b"


@dataclass(frozen=True, kw_only=True)
class PluginSettings:
    """Settings of plugin discovery, passed on to worker processes.

    Attributes:
        paths: Local plugin files and packages, or folders of such (``--plugin``).
        without: Plugins that are switched off: ``name``, or ``distribution:name``.
        installed: Whether installed distributions are searched (``--no-plugins``: no).
        moved: Datasets and weights that another machine sent, which names of its own mean.
    """

    paths: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    installed: bool = True
    moved: tuple[MovedInput, ...] = ()


class Registry:
    """Everything that plugins provide. Make one with `load_registry`."""

    def __init__(self, settings: PluginSettings) -> None:
        self.settings = settings
        self.plugins: list[Plugin] = []
        self.architectures: NameTable[Architecture] = NameTable("architecture", self.plugins)
        self.tasks: NameTable[Task] = NameTable("task", self.plugins)
        self.datasets: NameTable[DatasetProvider] = NameTable("dataset", self.plugins)
        self.exporters: NameTable[Exporter] = NameTable("format", self.plugins)
        self.targets: NameTable[Target] = NameTable("target", self.plugins)
        self.runtimes: NameTable[Runtime] = NameTable("runtime", self.plugins)
        self.devices: NameTable[DeviceKind] = NameTable("device", self.plugins)
        self.sources: NameTable[Source] = NameTable("source", self.plugins)
        self.trackers: NameTable[Tracker] = NameTable("tracker", self.plugins)
        self.executors: NameTable[Executor] = NameTable("executor", self.plugins)
        #: Devices that hang on workers of the executor, by name.
        self.announced: dict[str, AnnouncedDevice] = {}
        #: Of devices that hang on workers which get no steps: why that is, by name.
        self.out_of_reach: dict[str, str] = {}
        #: The connection to the executor that performs steps; None: this machine does.
        self.executor: Any = None
        #: Foreign networks that were opened: reference → converted weights; and weights that
        #: another machine sent.
        self.opened: dict[str, Path] = {
            one.name: Path(one.place) for one in settings.moved if not one.is_data
        }
        #: Names of foreign networks, and the plugins of the sources that opened them last.
        self._adopted: dict[str, Plugin] = {}
        self._variants: NameTable[Architecture] = NameTable("model", self.plugins)
        self._hooks: tuple[tuple[str, NameTable[Any], type], ...] = (
            ("zoo_architectures", self.architectures, Architecture),
            ("zoo_tasks", self.tasks, Task),
            ("zoo_datasets", self.datasets, DatasetProvider),
            ("zoo_exporters", self.exporters, Exporter),
            ("zoo_targets", self.targets, Target),
            ("zoo_runtimes", self.runtimes, Runtime),
            ("zoo_devices", self.devices, DeviceKind),
            ("zoo_sources", self.sources, Source),
            ("zoo_trackers", self.trackers, Tracker),
            ("zoo_executors", self.executors, Executor),
        )
        self._manager = HookManager(hookspecs.PROJECT)
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
        """Makes a network known that a source opened: the source's plugin then provides it.

        A network of the same name that was opened before, by whichever source, is known no more.
        """
        plugin, name = self.sources.provider(source), architecture.name
        for names in (self.architectures, self._variants):
            names.put(name, architecture, plugin, before=self._adopted.get(name))
        self._adopted[name] = plugin

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
            plugin.problem, plugin.fix = "switched off by --without", "leave --without out"
            return
        if plugin.origin == "built-in":
            self._load(plugin, load, ForeignImport(interrupted=True))
            return
        with foreign_import() as seen:
            self._load(plugin, load, seen)
        plugin.notes += seen.notes

    def _load(self, plugin: Plugin, load: Callable[[], ModuleType], seen: ForeignImport) -> None:
        module: ModuleType | None = None
        try:
            module = load()
            if (other := self._manager.get_name(module)) is not None:
                raise InvalidRecord(f"its module is that of {other}")
            plugin.source_file = source_of(module)
            if plugin.source_file and plugin.origin != "built-in":
                note_source(plugin.source_file, plugin.name)
            self._manager.register(module, name=plugin.full_name)
            self._manager.check_pending()
            self._check_hooks(module)
            self._collect(module, plugin)
        # A stranger's module may raise anything, and it must cost that row alone: even a
        # KeyboardInterrupt is its own where no signal arrived.
        except BaseException as error:
            self._forget(plugin, module)
            if seen.interrupted and not isinstance(error, (Exception, SystemExit)):
                raise
            plugin.problem = describe_failure(error, __file__)
            known = isinstance(error, (InvalidRecord, pluggy.PluginValidationError))
            plugin.fix = "correct that in the plugin" if known else fix_of_import(error)

    def _check_hooks(self, module: ModuleType) -> None:
        """Refuses a plugin without a hook, and functions that are hooks but for their mark."""
        names = [hook for hook, _, _ in self._hooks]
        marked = {c.name for c in self._manager.get_hookcallers(module) or ()}
        unmarked = [n for n in names if callable(getattr(module, n, None)) and n not in marked]
        if unmarked:
            raise InvalidRecord(f"{unmarked[0]} has no mark: write @zoo.hookimpl above it")
        if not marked:
            raise InvalidRecord(f"it has no hook: none of {', '.join(names)}")

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


def _records(found: object, hook: str, record_type: type) -> Iterator[Any]:
    if not isinstance(found, Iterable):
        raise InvalidRecord(
            f"{hook} must yield {record_type.__name__} records, "
            f"but returned a {type(found).__name__}"
        )
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
    for plugin in registry.plugins:
        _log.debug("plugin %s of %s: %s", plugin.name, plugin.distribution, plugin.problem or "ok")
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
            if spec is None or spec.origin is None or not _holds(_HOOK, Path(spec.origin)):
                continue
            plugin = Plugin(
                name=info.name, origin="built-in", distribution="edgezoo", version=version
            )
            registry.register(plugin, partial(importlib.import_module, full))


def _holds(pattern: bytes, file: Path) -> bool:
    """Whether a module's text holds a hook, so that helper modules are never imported."""
    try:
        text = file.read_bytes()
    except OSError:  # told on its row, when the import cannot read it either
        return True
    return re.search(pattern, text, re.MULTILINE) is not None


def _load_installed(registry: Registry) -> None:
    # pluggy's own loader stops at the first plugin that raises; here each costs its row alone.
    for entry in importlib.metadata.entry_points(group=ENTRY_POINT_GROUP):
        distribution = entry.dist
        plugin = Plugin(
            name=entry.name,
            origin="installed",
            distribution=said_by(distribution, "name") or "unknown",
            version=said_by(distribution, "version") or "?",
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
        return (init := package / "__init__.py").is_file() and _holds(_HOOK, init)

    if is_plugin(folder):
        return [folder.resolve()]  # "." has no name
    files = (p for p in folder.glob("*.py") if p.name != "__init__.py" and no_file(p) is None)
    # Helper modules beside them are no plugins, and what lacks its mark alone is a broken one.
    hooked = (p for p in files if _holds(_NAMED, p))
    return sorted([*hooked, *filter(is_plugin, folder.iterdir())])

"""Plugins as they were found, and the names that they provide."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Generic, TypeVar

from zoo.common.errors import UnknownName, UsageError, nearest

Record = TypeVar("Record")
#: Plugins that are not used which an error tells of.
_SHOWN = 3


@dataclass(kw_only=True)
class Plugin:
    """A row of ``zoo plugins list``.

    Attributes:
        problem: Why nothing of it is used.
        fix: What to do about that.
        source_file: Its file, or the folder of its package.
        notes: What users should know of one that is used, each the rest of a sentence.
    """

    name: str
    origin: str
    distribution: str
    version: str
    provides: list[str] = field(default_factory=list)
    problem: str | None = None
    fix: str = ""
    source_file: str | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def identity(self) -> str:
        """Distribution, version and module, for messages."""
        return f"{self.distribution} {self.version} ({self.name})"

    @property
    def empty(self) -> bool:
        """Whether a plugin from elsewhere was loaded and provides nothing."""
        return self.origin != "built-in" and not self.provides and not self.problem

    @property
    def full_name(self) -> str:
        """Distribution and name; unique among plugins."""
        return f"{self.distribution}:{self.name}"


class NameTable(Generic[Record]):
    """The records of one hook by name; a name with two providers is an error when used.

    Args:
        kind: What the records are, in the singular.
        plugins: All that were found; of those that are not used an error tells why.
    """

    def __init__(self, kind: str, plugins: Sequence[Plugin]) -> None:
        self.kind = kind
        self._plugins = plugins
        self._found: dict[str, list[tuple[Record, Plugin]]] = {}

    def add(self, name: str, record: Record, plugin: Plugin) -> None:
        """Adds a plugin's record under `name`."""
        self._found.setdefault(name, []).append((record, plugin))

    def put(self, name: str, record: Record, plugin: Plugin, before: Plugin | None = None) -> None:
        """`add`, in the place of what the plugin `before` provided under `name`."""
        rows = self._found.get(name, [])
        self._found[name] = [*(row for row in rows if row[1] is not before), (record, plugin)]

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

    def other_words(self) -> dict[str, str]:
        """What else users call the records, in lower case: word → name."""
        return {
            word: name
            for name, rows in self._found.items()
            for record, _ in rows
            for word in getattr(record, "also_called", ())
        }

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
            raise unknown_name(self.kind, name, self._found, self._plugins, self.other_words())
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


def unknown_name(
    kind: str,
    name: str,
    valid: Iterable[str],
    plugins: Sequence[Plugin],
    meant: Mapping[str, str] = MappingProxyType({}),
) -> UnknownName:
    """The error for a name that nothing provides; tells which plugins are not used, and why."""
    error = UnknownName(kind, name, valid, meant=meant)
    absent = [plugin for plugin in plugins if plugin.fix or plugin.empty]
    if not absent:
        return error
    # Whoever names a model of a plugin has mostly named the plugin alike.
    likest = nearest(name, [plugin.name for plugin in absent])
    absent.sort(key=lambda plugin: plugin.name not in likest)
    told = [
        f"the plugin {plugin.name!r} is not used: {plugin.problem}"
        if plugin.problem
        else f"the plugin {plugin.name!r} provides nothing"
        for plugin in absent[:_SHOWN]
    ]
    more = [f"and {len(absent) - _SHOWN} other plugins are not used"] * (len(absent) > _SHOWN)
    error.why = "; ".join([*told, *more])
    fix = f"{absent[0].fix or 'look at what its hooks yield'}; `zoo plugins list` shows all plugins"
    if error.suggestions:
        fix = f"{fix}; or {error.fix}" if likest else f"{error.fix} Or {fix}"
    error.fix = fix
    return error

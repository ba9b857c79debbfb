"""What networks from elsewhere can be opened here, and those that sources know by name."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass

from zoo.common.errors import MissingExtra
from zoo.common.optional_imports import missing_of
from zoo.contracts import NamedNetwork, Source
from zoo.registry import Registry


@dataclass(frozen=True, kw_only=True)
class SourceState:
    """A row of ``zoo sources list``.

    Attributes:
        name: Of the source.
        typed: What users type for its networks.
        summary: One line.
        networks: How many it knows by name.
        missing: Modules that opening takes and that are not installed.
        fix: What installs them; empty where nothing is missing.
    """

    name: str
    typed: str
    summary: str
    networks: int
    missing: tuple[str, ...]
    fix: str


def source_states(registry: Registry) -> list[SourceState]:
    """All sources; imports nothing heavy."""
    return [_state(source) for source in registry.sources]


def _state(source: Source) -> SourceState:
    missing = tuple(missing_of(source.extra))
    return SourceState(
        name=source.name,
        typed=source.typed,
        summary=source.summary,
        networks=len(source.named()) if source.named is not None else 0,
        missing=missing,
        fix=MissingExtra(missing[0], source.extra).fix or "" if missing else "",
    )


def named_networks(registry: Registry, pattern: str = "*") -> list[NamedNetwork]:
    """Networks that sources know by a name that matches a shell pattern, in either case."""
    known = [one for source in registry.sources if source.named for one in source.named()]
    wanted = pattern.lower()
    return [
        one
        for one in known
        if any(fnmatch.fnmatchcase(name.lower(), wanted) for name in (one.name, *one.also))
    ]


def named_counts(registry: Registry) -> dict[str, int]:
    """How many networks sources know by name, by the pattern that lists them."""
    known = [source.named() for source in registry.sources if source.named is not None]
    return {f"{one[0].name.partition(':')[0]}:*": len(one) for one in known if one}


def named_network(source: Source, reference: str) -> NamedNetwork | None:
    """The network of a reference that is a name alone; None of another."""
    known = source.named() if source.named is not None else ()
    return next((one for one in known if reference in (one.name, *one.also)), None)

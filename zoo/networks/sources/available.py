"""What networks from elsewhere can be opened here, and those that sources know by name."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass

from zoo.common.errors import MissingExtra, UsageError
from zoo.common.extras import missing_of
from zoo.common.progress import OnEvent
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
        missing: Modules that opening takes and that are not installed, and environments that are
            not made.
        fix: What brings them; empty where nothing is missing.
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
    modules = missing_of(source.extra)
    fix = MissingExtra(modules[0], source.extra).fix or "" if modules else ""
    lacks = source.lacks() if source.lacks is not None and source.setup is not None else ()
    if lacks:
        fix = f"{fix}, then {set_up_by(source.name)}" if fix else set_up_by(source.name)
    return SourceState(
        name=source.name,
        typed=source.typed,
        summary=source.summary,
        networks=len(source.named()) if source.named is not None else 0,
        missing=(*modules, *lacks),
        fix=fix,
    )


def set_up_by(name: str) -> str:
    """The command that makes what a source lacks."""
    return f"zoo sources setup {name}"


def set_up(registry: Registry, name: str, emit: OnEvent, *, again: bool = False) -> None:
    """Makes what a source needs beside the zoo.

    Sources may share an environment: what was made for one of them serves the others.

    Args:
        registry: All plugins.
        name: Of the source.
        emit: Receives progress.
        again: Whether what is there is made anew.

    Raises:
        UnknownName: No such source.
        UsageError: It needs nothing.
        ZooError: It could not be made.
    """
    source = registry.sources.get(name)
    if source.setup is None:
        needs = sorted(one.name for one in registry.sources if one.setup is not None)
        those = f"; these can be set up: {', '.join(needs)}" if needs else ""
        raise UsageError(
            f"the source {name!r} needs no environment of its own",
            fix=f"`zoo sources list` shows what is missing{those}",
        )
    if not again and source.lacks is not None and not source.lacks():
        text = f"nothing is missing: what {name} needs is here; --again makes it anew"
        emit({"event": "stage", "text": text})
        return
    source.setup(emit)


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

"""Errors with three parts: what happened, why, and what to do next."""

from __future__ import annotations

import difflib
import re
import traceback
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from zoo.common.extras import RUN, command_for, several_missing

#: Names that an error lists; longer lists are cut.
_LISTED = 10
#: Letters that say enough to look for a part of a name.
_PART = 3
#: Offered with the part that a command needs first, since it may need others next.
_ALL = f"; other usual parts are missing, too: {command_for('all')}"
#: Offered first for what runs files: it brings the runtimes and a tenth of what `_ALL` does.
_RUN = f"; for files that are made already: {command_for('run')}"
#: What shows all names of a kind.
LISTINGS = {
    "model": "zoo list",
    "dataset": "zoo data",
    "device": "zoo devices list",
    "target": "zoo targets",
}


class ZooError(Exception):
    """Base of all errors that users see.

    Args:
        what: What happened, one sentence without a final full stop.
        why: The cause, when it is known.
        fix: What to do next; a command where there is one.
    """

    exit_code = 1

    def __init__(self, what: str, *, why: str | None = None, fix: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.why = None if why is None else without_number(why)
        self.fix = fix

    def __str__(self) -> str:
        lines = [_nested(self.what)]
        if self.why:
            lines.append(f"  why: {_nested(self.why)}")
        if self.fix:
            lines.append(f"  fix: {_nested(self.fix)}")
        return "\n".join(lines)

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows of it: the line that was called, and the error without our frames.

        ``traceback.print_last()`` shows all.
        """
        calls = traceback.extract_tb(self.__traceback__)
        ours = str(Path(__file__).parents[1])
        inner = next((i for i, call in enumerate(calls) if call.filename.startswith(ours)), 0)
        call = calls[inner - 1] if inner else None
        place = [] if call is None else [f"line {call.lineno}: {call.line}"]
        return [*place, f"{type(self).__name__}: {self}"]

    def as_dict(self) -> dict[str, str | None]:
        """The error as a dictionary, for JSON output and records."""
        return {"type": type(self).__name__, "what": self.what, "why": self.why, "fix": self.fix}


def _nested(text: str) -> str:
    """Lines after the first are set in, so that no name which is quoted looks like a ``fix:``."""
    first, *others = text.split("\n")
    return "\n".join([first, *(o if o.startswith("  - ") else f"       {o}" for o in others)])


class UsageError(ZooError):
    """The user's input was wrong: exit code 2."""

    exit_code = 2


class UnknownName(UsageError):
    """A name that nothing provides; offers what it means, or the nearest valid ones.

    Args:
        kind: What it should name, in the singular.
        name: As typed.
        valid: The names that there are.
        meant: Other words for them, in lower case, with the valid name.
        fix: What to do instead, in place of these offers.
    """

    def __init__(
        self,
        kind: str,
        name: str,
        valid: Iterable[str],
        *,
        meant: Mapping[str, str] = MappingProxyType({}),
        fix: str | None = None,
    ) -> None:
        names = sorted({*valid})
        close = [meant[name.lower()]] if name.lower() in meant else nearest(name, names)
        more = len(names) - _LISTED
        if close:
            hint = "did you mean " + " or ".join(repr(c) for c in close) + "?"
        elif names:
            hint = f"choose one of: {', '.join(names[:_LISTED])}"
            hint += f", and {more} more" if more > 0 else ""
            if more > 0 and kind in LISTINGS:
                hint += f"; `{LISTINGS[kind]}` shows them all"
        else:
            hint = f"nothing provides a {kind} here; `zoo plugins list` shows what was found"
        super().__init__(f"unknown {kind} {name!r}", why=None, fix=fix or hint)
        self.suggestions = close


class BadData(ZooError):
    """Examples, labels or files of a dataset cannot be used."""

    exit_code = 2


class BadFile(ZooError):
    """A file is damaged, altered, or of another format than its suffix."""

    exit_code = 2


class Unsupported(ZooError):
    """A format cannot represent this network at this precision; not an error of the user."""


class EnvironmentFailed(ZooError):
    """The machine failed, and not the work: a full disk, a store that cannot be written.

    The same work may well come to its end once that is mended. A comparison ends with it, and
    counts it against no candidate.
    """


class MissingExtra(EnvironmentFailed):
    """An optional dependency is not installed; names the extra that brings it.

    Without an extra it is the dependency of a plugin. Like a full disk it is a fault of the
    machine, and says nothing of the work that needs it.
    """

    def __init__(self, module: str, extra: str) -> None:
        others = (_RUN if module in RUN else "") + _ALL if several_missing(extra) else ""
        super().__init__(
            f"the package that provides {module!r} is not installed",
            why="it belongs to an optional part of edgezoo" if extra else "a plugin needs it",
            fix=f"{command_for(extra)}{others}"
            if extra
            else "install what the plugin's own page asks for; `zoo plugins list` names plugins",
        )
        self.extra = extra


class ProcessFailed(ZooError):
    """A child process ended without a result: a signal, or a memory or time limit."""


class KilledFromOutside(ProcessFailed, EnvironmentFailed):
    """A child process that the system ended for lack of memory, or somebody by a signal."""


class NativeCrash(ProcessFailed):
    """A child process crashed in native code; the same work would crash again."""


def nearest(name: str, valid: Iterable[str], count: int = 3) -> list[str]:
    """The valid names most like `name`, best first; empty when none is close.

    Where none is like it as a whole, those of which it is, begins or ends a part: ``rpi4`` for
    ``emulated-pi4``, ``mnist`` for ``keras:mnist``.
    """
    by_lower = {candidate.lower(): candidate for candidate in valid}
    lowered = name.lower()
    # Only written otherwise: LeNet-5.
    if same := [n for n in by_lower if _letters(n) == _letters(lowered) != ""]:
        return [by_lower[n] for n in same[:count]]
    close = difflib.get_close_matches(lowered, by_lower, n=count, cutoff=0.6)
    starts = [n for n in by_lower if lowered and n.startswith(lowered) and n not in close]
    if not close and not starts and len(lowered) >= _PART:
        starts = [
            n
            for n in by_lower
            for part in re.split(r"[^a-z0-9]+", n)[1:]
            if part.startswith(lowered) or (len(part) >= _PART and lowered.endswith(part))
        ]
    return [by_lower[n] for n in [*close, *dict.fromkeys(starts)][:count]]


def _letters(name: str) -> str:
    return re.sub(r"[\W_]+", "", name)


def without_number(text: str) -> str:
    """A message of the system without the number in front: ``[Errno 28] No space left``."""
    return re.sub(r"^\[Errno -?\d+\] ", "", text)


def first_line(error: BaseException) -> str:
    """The first line of a library's message, at most 300 characters; without one, its class.

    The number before a message of the system is left out.
    """
    return without_number(str(error).strip()).partition("\n")[0][:300] or type(error).__name__

"""Exceptions out of foreign code: the plugin and the line to correct."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from zoo.common.errors import ZooError
from zoo.common.modules import import_package

#: File, or folder of a package → the name of the plugin that lies there.
_SOURCES: dict[Path, str] = {}
_FIX = "correct that line, or tell the plugin's author; --debug shows the whole traceback"
#: How TensorFlow names lines of Python within the message of an error of its graph.
_QUOTED = re.compile(r'File "([^"]+)", line (\d+), in (\S+)')


def note_source(source: str, plugin: str) -> None:
    """Remembers, for this process, that a plugin's code lies in a file or the folder of one."""
    _SOURCES[import_package(Path(source).absolute())] = plugin


def plugin_line(error: BaseException) -> tuple[str, str] | None:
    """The plugin whose code raised an exception or called what did, and its innermost line.

    Returns:
        Name, and ``FILE, line N, in FUNCTION``; None where no plugin is involved.
    """
    if not _SOURCES:
        return None
    found = [
        (plugin, f"{file}, line {number}, in {function}")
        for file, number, function in _lines(error)
        if (plugin := _plugin_of(file)) is not None
    ]
    return found[-1] if found else None


def plugin_failure(error: BaseException) -> ZooError | None:
    """The error to show for an exception that passed through a plugin's code; None for others."""
    found = plugin_line(error)
    if found is None:
        return None
    plugin, line = found
    said = str(error).strip()[:600]
    told = f"{type(error).__name__}: {said}" if said else type(error).__name__
    return ZooError(f"the plugin {plugin!r} failed: {told}", why=f"raised at {line}", fix=_FIX)


def _lines(error: BaseException) -> Iterator[tuple[str, int, str]]:
    """File, line and function of every frame, of causes first, the innermost last."""
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        yield from _lines(cause)
    for file, number, function in _QUOTED.findall(str(error)):
        yield file, int(number), function
    traceback = error.__traceback__
    while traceback is not None:
        code = traceback.tb_frame.f_code
        yield code.co_filename, traceback.tb_lineno, code.co_qualname
        traceback = traceback.tb_next


def _plugin_of(file: str) -> str | None:
    path = Path(file)
    return next((_SOURCES[place] for place in (path, *path.parents) if place in _SOURCES), None)

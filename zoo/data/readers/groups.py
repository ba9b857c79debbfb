"""Groups of files that one split must hold together, by the names of their folders and files."""

from __future__ import annotations

import time
from collections.abc import Sequence

from zoo.common.errors import BadData, UsageError
from zoo.common.optional_imports import require
from zoo.data.readers.class_folders import note
from zoo.data.readers.listing import ListedFile

#: For all files together; a sensible expression needs a millionth of that for each.
_SECONDS = 10


def groups_of(
    pattern: str | None, files: Sequence[ListedFile]
) -> tuple[list[str] | None, list[str]]:
    """The group of each file, and notes; None where no groups are asked for.

    Args:
        pattern: ``folder``, for the folder that a file is in, below that of its class; or a
            regular expression that is looked for in the path below the class.
        files: Of all splits. One that the expression is not found in is a group of its own.

    Raises:
        UsageError: No regular expression, or one that fits no file.
        BadData: Given splits share a group.
    """
    if pattern is None:
        return None, []
    below = [file.below for file in files]
    if pattern == "folder":
        named = [path.rpartition("/")[0] for path in below]
    else:
        named = _found(pattern, below)
    if not any(named):
        raise UsageError(
            f"group={pattern} fits no file, such as {below[0]}",
            why="it is looked for in the path below the class folder",
            fix=r"group=folder, or a regular expression such as group=film(\d+)",
        )
    alone = [file.path for file, name in zip(files, named, strict=True) if not name]
    groups = [name or f"/{file.path}" for file, name in zip(files, named, strict=True)]
    _refuse_divided(groups, files)
    return groups, note("in no group, each by itself", alone)


def _found(pattern: str, paths: Sequence[str]) -> list[str]:
    regex = require("regex")
    try:
        compiled = regex.compile(pattern)
    except (regex.error, RecursionError, OverflowError) as error:
        raise UsageError(
            f"group={pattern} is no regular expression",
            why=str(error),
            fix="write %3F for a question mark, %26 for &, %25 for %",
        ) from error
    end = time.monotonic() + _SECONDS
    try:
        matches = [
            compiled.search(path, timeout=max(0.001, end - time.monotonic())) for path in paths
        ]
    except TimeoutError as error:
        raise UsageError(
            f"group={pattern} takes longer than {_SECONDS} s to look for",
            why="a repetition in a repetition, such as (a+)+, can be tried in endlessly many ways",
            fix=r"write it with one repetition: group=film(\d+)",
        ) from error
    which = 1 if compiled.groups else 0
    return [(match[which] or "") if match else "" for match in matches]


def _refuse_divided(groups: Sequence[str], files: Sequence[ListedFile]) -> None:
    first: dict[str, ListedFile] = {}
    for group, file in zip(groups, files, strict=True):
        other = first.setdefault(group, file)
        if other.split != file.split:
            raise BadData(
                f"splits share the group {group!r}: {other.path}, {file.path}",
                why="accuracy on examples like those of the training overestimates generalization",
                fix="move the group to one of the splits, or leave group= out",
            )

"""Which labels of annotated pictures are read: boxes, or masks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoo.data.readers.query import Query

#: The task that each kind of labels serves; the first is read where nothing is said.
KINDS = {"boxes": "object-detection", "masks": "semantic-segmentation"}
TASKS = tuple(KINDS.values())
OPTION = "kind"


def kind_of_labels(query: Query) -> tuple[str, tuple[str, ...]]:
    """The kind of labels that are read, and the tasks that the dataset serves.

    Raises:
        UnknownName: ``kind=`` is none.
    """
    kind = query.choice(OPTION, tuple(KINDS))
    return kind, (KINDS[kind],) if OPTION in query.options else TASKS


def for_task(argument: str, task: str) -> str:
    """The argument with the kind of labels that a task needs, where it says none."""
    _, mark, options = argument.rpartition("?")
    said = mark and any(part.startswith(f"{OPTION}=") for part in options.split("&"))
    if said or task not in TASKS or task == TASKS[0]:
        return argument
    kind = next(name for name, own in KINDS.items() if own == task)
    return f"{argument}{'&' if options and mark else '?' if not mark else ''}{OPTION}={kind}"


def defaults(options: Mapping[str, str]) -> Mapping[str, str]:
    """Options that say nothing new: a network's task says which labels it was trained on."""
    return {OPTION: options.get(OPTION, "")}

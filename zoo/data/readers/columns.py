"""The columns of recordings in tables: which are channels, a label, targets, a group or a clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from zoo.common.errors import BadData, UnknownName, UsageError
from zoo.common.shown_text import printable
from zoo.data.readers.label_forms import LABELS, NUMBERS
from zoo.data.readers.query import Query
from zoo.data.readers.tables import quote_cell


@dataclass(frozen=True, kw_only=True)
class Columns:
    """The roles of columns.

    Attributes:
        channels: Names of the columns that become channels, in order.
        label: Name of the column with the class.
        group: Name of the column of recordings or persons; None when there is none.
        time: Name of the column with the clock, which is no channel; None when there is none.
        targets: Names of the columns that are predicted, in the place of a label.
        form: Task that these are for.
    """

    channels: tuple[str, ...]
    label: str
    group: str | None
    time: str | None = None
    targets: tuple[str, ...] = ()
    form: str = ""

    @property
    def numbers(self) -> tuple[str, ...]:
        """Columns that are read as numbers: channels, targets, and the clock."""
        return (*self.channels, *self.targets, *((self.time,) if self.time else ()))


def header_of(name: str, first: tuple[int, list[str]] | None, chosen: bool) -> list[str]:
    """The names of the columns, from the first row.

    Raises:
        BadData: It names none, one twice, or leaves one without a name.
    """
    if first is None:
        raise BadData(f"{printable(name)} is empty", fix="remove the file, or check the path")
    line, cells = first
    header = [text.strip() for text in cells]
    place = f"{printable(name)}, line {line}"
    if all(is_number(text) for text in header):
        raise BadData(
            f"{place}: there are only numbers, but the first line must name the columns",
            fix="write a header above them, such as x,y,z,label",
        )
    twice = next((text for text in header if text and header.count(text) > 1), None)
    if twice is not None:
        raise BadData(
            f"{place}: the column {quote_cell(twice)} is there twice", fix="rename one of them"
        )
    # A row number that was saved along has no name, and must not become a channel unseen.
    if "" in header and not chosen:
        raise BadData(
            f"{place}: column {header.index('') + 1} has no name",
            fix=f"name it, or name the channels: channels={','.join(h for h in header if h)}",
        )
    return header


def is_number(text: str) -> bool:
    """Whether Python reads a cell as a number; an empty one counts."""
    try:
        float(text)
    except ValueError:
        return not text
    return True


def columns_of(query: Query, header: Sequence[str], name: str) -> Columns:
    """The roles of columns, as options ask for them.

    Raises:
        UnknownName: A column that is not there.
        UsageError: One has two roles.
    """
    named = [text for text in header if text]
    targets = query.names("target", named) or query.names("labels", named)
    label = "" if targets else query.options.get("label", "label")
    group = query.options.get("group")
    channels = query.names("channels", named)
    time = query.options.get("time")
    for column in (
        *([label] if label else targets),
        *([group] if group else []),
        *([time] if time else []),
        *channels,
    ):
        if column not in named:
            given = "label" in query.options or column != label
            raise UnknownName(
                f"column of {printable(name)}",
                column,
                named,
                fix=None if given else f"which column is the class? label={'|'.join(named)}",
            )
    taken = (label, group, time, *targets)
    channels = channels or tuple(text for text in named if text not in taken)
    if label == group:
        raise UsageError(
            f"the column {label!r} cannot be label and group at once",
            fix="leave group= out",
        )
    for used in taken:
        if used in channels:
            raise UsageError(
                f"the column {used!r} is a channel and also the label, a target or the group",
                fix="leave it out of channels=",
            )
    if not channels or len(set(channels)) < len(channels):
        what = "names one twice" if channels else "finds no column"
        raise UsageError(
            f"channels of {printable(name)}: it {what}", fix=f"columns are {','.join(named)}"
        )
    if time is not None and time in (label, group):
        raise UsageError(f"the column {time!r} cannot be time and label or group", fix="keep one")
    if {group, time} & {*targets} or len({*targets}) < len(targets):
        raise UsageError("a target cannot be group or time, nor stand twice", fix="keep one")
    form = (NUMBERS if query.names("target") else LABELS) if targets else ""
    return Columns(
        channels=channels, label=label, group=group, time=time, targets=targets, form=form
    )


def places_of(header: list[str], columns: Columns, name: str) -> list[int]:
    """Indices of channels, label and group; that of the label again without a group."""
    label = columns.label or columns.targets[0]
    wanted = [*columns.numbers, label, columns.group or label]
    missing = [column for column in wanted if column not in header]
    if missing:
        raise BadData(
            f"{printable(name)}, line 1: the column {quote_cell(missing[0])} is missing",
            why="all files of a dataset have the same columns",
            fix="add it, or move the file away",
        )
    return [header.index(column) for column in wanted]

"""Class names of a foreign classifier: from a file of the user's, from its own, or of the data."""

from __future__ import annotations

from zoo.common.errors import UsageError
from zoo.contracts import Dataset
from zoo.contracts.outputs import LABELS, TARGETS
from zoo.networks.sources.references import Opening, read_classes

#: Names that a note shows at most.
_LISTED = 5
_COLUMNS = {TARGETS: ("target", "targets"), LABELS: ("label", "labels")}


def columns_of(reading: str, count: int = 0) -> str:
    """What a task calls its outputs: ``classes``, ``labels`` or ``targets``; one with a count of 1.

    Args:
        reading: How the task reads them, see `zoo.contracts.Output`.
        count: Stands before it; 0 for none.
    """
    one, several = _COLUMNS.get(reading, ("class", "classes"))
    return f"{count} {one if count == 1 else several}" if count else several


def name_classes(
    how: Opening,
    own: tuple[str, ...],
    dataset: Dataset,
    count: int,
    origin: str,
    reading: str = "",
) -> tuple[tuple[str, ...], bool, tuple[str, ...]]:
    """Names in the order of the outputs, whether the head is to be new, and what to tell.

    Args:
        how: May name a file with the classes.
        own: Those that the network's own file holds.
        dataset: Whose classes they must be, unless a new head is trained.
        count: Of the outputs.
        origin: Names the file in messages.
        reading: As in `columns_of`.

    Raises:
        UsageError: Their number, or the names, do not fit.
    """
    data = dataset.classes
    noted: tuple[str, ...] = ()
    if own and not how.classes and (len(own) != count or len({*own}) != len(own)):
        few = columns_of(reading, len(own))
        noted = (f"it names {few} for {count} outputs, not used",)
        own = ()
    names = read_classes(how.classes) if how.classes else own
    where = how.classes or origin
    if names:
        if len(names) != count:
            raise UsageError(
                f"{where} names {columns_of(reading, len(names))}, and {origin} has {count} "
                "outputs",
                fix="one name a line, in the order of its outputs",
            )
        if set(names) == set(data):
            told = () if names == data else ("its outputs were put into the order of the data",)
            return names, False, told
        if how.trained:
            return names, True, (f"a new head for {columns_of(reading, len(data))} is trained",)
        if set(names) > set(data):
            return names, False, (_left_out(names, data, reading),)
        missing = sorted(set(data) - set(names)) or sorted(set(names) - set(data))
        raise UsageError(
            f"{dataset.name} has other {columns_of(reading)} than {where}",
            why=f"{missing[0]!r} is in one alone ({len(data)} in the data, {count} in the file)",
            fix="name the data's folders as the file does; or train a new head: --epochs 3"
            + ("" if how.classes else "; or give other names to its outputs: --classes FILE"),
        )
    if len(data) == count:
        listed = ", ".join(data[:5]) + (", …" if count > 5 else "")
        taken = f"its {count} outputs are taken for the {columns_of(reading)} {listed}"
        return data, False, (*noted, taken)
    if how.trained:
        own = tuple(f"output {place}" for place in range(count))
        return own, True, (*noted, f"a new head for {columns_of(reading, len(data))} is trained")
    named = " name its outputs, including the data's: --classes FILE; or" * (count > len(data))
    raise UsageError(
        f"{origin} has {count} outputs, and {dataset.name} has {columns_of(reading, len(data))}",
        fix=f"use data with its own {columns_of(reading)};{named} train a new head: --epochs 3",
    )


def _left_out(names: tuple[str, ...], data: tuple[str, ...], reading: str) -> str:
    """The note about outputs that are none of the data's."""
    others = [name for name in names if name not in set(data)]
    listed = ", ".join(others[:_LISTED]) + (", …" if len(others) > _LISTED else "")
    told = "" if reading else "; it chooses among the others"
    return f"the data have {len(data)} of its {len(names)} outputs; left out: {listed}{told}"

"""Class names of a foreign classifier: from a file of the user's, from its own, or of the data."""

from __future__ import annotations

from zoo.common.errors import UsageError
from zoo.contracts import Dataset
from zoo.networks.sources.references import Opening, read_classes


def name_classes(
    how: Opening, own: tuple[str, ...], dataset: Dataset, count: int, origin: str
) -> tuple[tuple[str, ...], bool, tuple[str, ...]]:
    """Names in the order of the outputs, whether the head is to be new, and what to tell.

    Args:
        how: May name a file with the classes.
        own: Those that the network's own file holds.
        dataset: Whose classes they must be, unless a new head is trained.
        count: Of the outputs.
        origin: Names the file in messages.

    Raises:
        UsageError: Their number, or the names, do not fit.
    """
    data = dataset.classes
    noted: tuple[str, ...] = ()
    if own and not how.classes and (len(own) != count or len({*own}) != len(own)):
        noted = (f"it names {len(own)} classes for {count} outputs, which is of no use",)
        own = ()
    names = read_classes(how.classes) if how.classes else own
    where = how.classes or origin
    if names:
        if len(names) != count:
            raise UsageError(
                f"{where} names {len(names)} classes, and {origin} has {count} outputs",
                fix="one name a line, in the order of its outputs",
            )
        if set(names) == set(data):
            told = () if names == data else ("its outputs were put into the order of the data",)
            return names, False, told
        if how.trained:
            return names, True, (f"a new head for {len(data)} classes is trained",)
        missing = sorted(set(data) - set(names)) or sorted(set(names) - set(data))
        raise UsageError(
            f"{dataset.name} has other classes than {where}",
            why=f"{missing[0]!r} is in one alone ({len(data)} in the data, {count} in the file)",
            fix="name the data's folders as the file does; or train a new head: --epochs 3"
            + ("" if how.classes else "; or give other names to its outputs: --classes FILE"),
        )
    if len(data) == count:
        listed = ", ".join(data[:5]) + (", …" if count > 5 else "")
        return data, False, (*noted, f"its {count} outputs are taken for the classes {listed}")
    if how.trained:
        own = tuple(f"output {place}" for place in range(count))
        return own, True, (*noted, f"a new head for {len(data)} classes is trained")
    raise UsageError(
        f"{origin} has {count} outputs, and {dataset.name} has {len(data)} classes",
        fix="use data with its own classes, or train a new head: --epochs 3",
    )

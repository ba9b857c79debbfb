"""Classes of data against those of a network: the one refusal of data with others."""

from __future__ import annotations

from collections.abc import Sequence

from zoo.common.errors import UsageError
from zoo.contracts import Dataset

#: Names that an error lists of each side.
_LISTED = 5


def check_classes(
    classes: tuple[str, ...],
    dataset: Dataset,
    subject: str,
    *,
    data: str = "",
    trained_on: str = "",
    fix: str = "use the dataset it was trained on, or fine-tune first: zoo finetune",
) -> None:
    """Refuses a dataset whose classes are not those of a network's outputs, in their order.

    Args:
        classes: Of the outputs.
        dataset: The data.
        subject: The network or file, as the user knows it.
        data: The data as the user named them; empty for the dataset's own name.
        trained_on: What the network was trained on, where the error is to name it.
        fix: What to do.

    Raises:
        UsageError: Names both sides.
    """
    if classes != dataset.classes:
        raise UsageError(
            f"{data or dataset.name} has other classes than {subject}"
            + (f", which was trained on {trained_on}" if trained_on else ""),
            why=f"the network has {_listed(classes)}; the data have {_listed(dataset.classes)}",
            fix=fix,
        )


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_LISTED]) + (", …" if len(names) > _LISTED else "")
    return f"{len(names)} {'class' if len(names) == 1 else 'classes'} ({shown})"

"""The confusion matrix of an evaluation as an array."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # records are read where numpy need not be
    import numpy as np
    from numpy.typing import NDArray


class Confusable:
    """Base of evaluations, whose `details` may hold a confusion matrix."""

    details: dict[str, Any]

    @property
    def confusion(self) -> NDArray[np.int64] | None:
        """Counts, shape (classes, classes), true classes by rows; None for other tasks."""
        import numpy as np

        counts = self.details.get("confusion")
        return None if counts is None else np.array(counts, np.int64)

    @property
    def labels(self) -> tuple[str, ...]:
        """The class of each row and column; numbers in records of earlier versions."""
        counts = self.details.get("confusion", ())
        return tuple(self.details.get("classes") or map(str, range(len(counts))))

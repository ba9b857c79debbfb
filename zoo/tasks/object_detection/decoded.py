"""Files of detectors that return boxes: the decoder is their last part."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from zoo.common.errors import ZooError
from zoo.common.named_arrays import fields_of
from zoo.contracts import Check, Comparison, Output, Precision
from zoo.contracts.outputs import BOX_CLASSES, BOX_COUNT, BOX_EDGES, BOX_SCORES, DETECTIONS
from zoo.contracts.prediction import DecodedOutput
from zoo.tasks.object_detection.comparison import compare_rows, parity
from zoo.tasks.object_detection.decoding import COLUMNS, MOST, no_detections
from zoo.tasks.object_detection.task import ObjectDetection

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from zoo.contracts.task import Array

EDGES, CLASSES, SCORES, COUNT = "edges", "classes", "scores", "count"
_MEANINGS = {
    EDGES: "top, left, bottom and right edge of each box as shares of the picture, the most "
    "probable box first",
    CLASSES: "the number of each box's class",
    SCORES: "how probable each box is, 0 to 1",
    COUNT: "how many of them are boxes; zeros follow these",
}
_CONTENTS = (BOX_EDGES, BOX_CLASSES, BOX_SCORES, BOX_COUNT)
#: What such files return.
OUTPUTS = tuple(
    Output(name=name, meaning=meaning, reading=DETECTIONS, content=content)
    for (name, meaning), content in zip(_MEANINGS.items(), _CONTENTS, strict=True)
)


class DecodedObjectDetection(ObjectDetection):
    """The task of these files: outputs are detections, kept as rows, (examples, 100, 6).

    All methods that take outputs take rows, and outputs as files return them.
    """

    def condensed(self, outputs: Array) -> Array:
        """Rows of detections."""
        return rows_of(outputs)

    def decode(self, outputs: Array) -> Array:
        """Rows as they are, but for those with something that is no number: no detections."""
        import numpy as np

        rows = rows_of(outputs)
        real = np.isfinite(rows).all(axis=-1, keepdims=True)
        found: Array = np.where(real, rows, no_detections(len(rows)))
        return found

    def comparable(self, reference: Array, candidate: Array) -> Mapping[str, tuple[Array, Array]]:
        """Nothing: of two boxes that are equally probable either may come first."""
        return {}

    def compare(self, reference: Array, candidate: Array) -> Comparison:
        """Differences of boxes that are the same, and the share of those that are."""
        return compare_rows(rows_of(reference), rows_of(candidate), self.threshold)

    def parity(self, comparison: Comparison, precision: Precision) -> Check:
        """The same boxes, in places and with probabilities that are close."""
        return parity(comparison, precision, "edges or probabilities of the same boxes")

    def describe_answer(self, answer: Any, classes: tuple[str, ...]) -> tuple[str, float | None]:
        """The boxes that are shown and whose class has a name."""
        return super().describe_answer(_named(answer, classes), classes)

    def decoded(
        self, output: Any, classes: tuple[str, ...], most: int, steps: Sequence[str] = ()
    ) -> DecodedOutput:
        """Every box that is shown and whose class has a name."""
        import numpy as np

        rows = self.decode(np.asarray(output)[np.newaxis])[0]
        return super().decoded(_named(rows, classes), classes, most, steps)

    def pictures_beside(
        self,
        given: Array,
        output: Array,
        files: Mapping[str, Array],
        label: Any,
        classes: tuple[str, ...] = (),
    ) -> Mapping[str, Array]:
        """Boxes whose class has a name."""
        own = {name: _named(rows, classes) for name, rows in files.items()}
        return super().pictures_beside(given, _named(output, classes), own, label, classes)


def reads_boxes(task: ObjectDetection) -> ObjectDetection:
    """The task of files of this task's networks that return boxes."""
    own = {field.name: getattr(task, field.name) for field in fields(task)}
    return replace(DecodedObjectDetection(**own), outputs=OUTPUTS)


def _named(rows: Array, classes: tuple[str, ...]) -> Array:
    """Rows of one picture; those of a class beyond the names are none: a file may hold any."""
    import numpy as np

    known: Array = np.where(rows[:, :1] < len(classes), rows, no_detections(1)[0, : len(rows)])
    return known


def rows_of(outputs: Array) -> Array:
    """Detections, float32 (examples, 100, 6), of what such a file returned; rows as they are.

    Raises:
        ZooError: The file returned something else.
    """
    import numpy as np

    if outputs.dtype.names is None and outputs.shape[-1] == len(COLUMNS):
        return outputs
    own = fields_of(outputs)
    if {*own} != {output.name for output in OUTPUTS}:
        raise ZooError(
            f"outputs {', '.join(own)} are no boxes",
            fix="write the file again from its network",
        )
    count = own[COUNT].reshape(len(outputs), 1).astype(np.float64)
    told = np.concatenate([own[CLASSES][..., None], own[SCORES][..., None], own[EDGES]], axis=-1)
    many = min(told.shape[1], MOST)
    rows = no_detections(len(outputs))
    # Written so that a number of boxes that is none is seen.
    real = (np.arange(many)[None] < count) | np.isnan(count)
    rows[:, :many] = np.where(real[..., None], told[:, :many], rows[:, :many])
    rows[np.isnan(count[:, 0]), 0] = np.nan
    return rows

"""Object detection: what is in a picture, and where, as boxes."""

from __future__ import annotations

from collections.abc import Iterable

from zoo.contracts import Output, Task
from zoo.contracts.anchors import ANCHORS, HEAD, OVERLAP
from zoo.contracts.outputs import BOXES
from zoo.hookspecs import hookimpl
from zoo.tasks.object_detection.task import RULE, THRESHOLD, ObjectDetection


@hookimpl
def zoo_tasks() -> Iterable[Task]:
    """Yields the task."""
    yield ObjectDetection(
        name="object-detection",
        summary="What is in a picture and where, as boxes",
        pipeline_tag="object-detection",
        outputs=(
            Output(
                name="grid",
                meaning="for each cell or anchor a probability per class that an object is there, "
                "then centre and sides of its box; docs/object-detection.md has the formula",
                reading=BOXES,
            ),
        ),
        higher_is_better=False,
        quality_rises=True,
        least_classes=1,
        own_decoding=(HEAD, ANCHORS, OVERLAP, THRESHOLD, RULE),
        max_drop={"int8": 1.0},
        one_choice=False,
    )

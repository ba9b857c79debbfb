"""Semantic segmentation: one class for each pixel of a picture.

Pixels of one picture are no independent examples: intervals and tests take pictures as what was
drawn at random.
"""

from __future__ import annotations

from typing import Any

from zoo.hookspecs import hookimpl


@hookimpl
def zoo_tasks() -> Any:
    """Yields the task."""
    from zoo.contracts import Output
    from zoo.contracts.outputs import CLASS_MAP, CLASS_SCORES
    from zoo.tasks.semantic_segmentation.task import SemanticSegmentation

    yield SemanticSegmentation(
        name="semantic-segmentation",
        summary="One class for each pixel of a picture",
        pipeline_tag="image-segmentation",
        outputs=(
            Output(
                name="probabilities",
                meaning="the probability of each class for each pixel; the largest is its class",
                reading=CLASS_MAP,
                content=CLASS_SCORES,
            ),
        ),
        max_drop={"int8": 1.0},
        one_choice=False,
        options=_options,
    )


def _options() -> Any:
    # Not imported before something is trained: lists do not need it.
    from zoo.tasks.semantic_segmentation.options import SegmentationOptions

    return SegmentationOptions

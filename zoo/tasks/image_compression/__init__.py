"""Image compression: a picture becomes few bytes, and a picture again, by two files."""

from __future__ import annotations

from collections.abc import Iterable

from zoo.contracts import Output, Task, outputs
from zoo.contracts.stored_code import TABLES
from zoo.hookspecs import hookimpl
from zoo.tasks.image_compression.file_checks import CODE, PICTURE
from zoo.tasks.image_compression.task import RULE, ImageCompression
from zoo.tasks.image_compression.training import state, trainee


@hookimpl
def zoo_tasks() -> Iterable[Task]:
    """Yields the task."""
    yield ImageCompression(
        name="image-compression",
        summary="Pictures as few bytes, and back",
        pipeline_tag="image-to-image",
        outputs=(
            Output(
                name=CODE,
                meaning="rounded to whole numbers, what is coded of a picture; "
                "docs/image-compression.md has the coder",
                part="encoder",
                reading=outputs.CODE,
                rounded=True,
            ),
            Output(
                name=PICTURE,
                meaning="the picture, 0 to 1 in each channel; times 255, rounded, it is one of 8 "
                "bits",
                part="decoder",
                reading=outputs.PICTURE,
            ),
        ),
        higher_is_better=False,
        quality_rises=True,
        least_classes=1,
        own_decoding=(TABLES, RULE),
        max_drop={"int8": 0.2},
        one_choice=False,
        trainee=trainee,
        state=state,
    )

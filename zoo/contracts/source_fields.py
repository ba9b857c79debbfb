"""The fields of a recipe that say what is known of a network from elsewhere, declared once."""

from __future__ import annotations

from typing import Annotated

from zoo.contracts.declaration import Fields, Option


class SourceFields(Fields):
    """What is known of a network that was trained elsewhere."""

    task: Annotated[
        str | None,
        Option(
            "The task of a network from elsewhere, where the data serve several: tensors stands "
            "for samples without labels, of which files are to answer as the network does",
            more="see sources.md",
            default="that of the data",
            metavar="NAME",
            completes="task",
            example="tensors",
        ),
    ] = None

    input: Annotated[
        str | None,
        Option(
            "What a network from elsewhere takes, such as '224x224 rgb -1..1'",
            more="see sources.md",
            default="measured on the data",
            metavar="WORDS",
            example="224x224 rgb mean=0.485,0.456,0.406 std=0.229,0.224,0.225",
        ),
    ] = None
    classes: Annotated[
        str | None,
        Option(
            "Text file with the classes of a network from elsewhere, one a line, in the order of "
            "its outputs",
            default="those of the data",
            metavar="FILE",
            completes="file",
            example="classes.txt",
        ),
    ] = None
    state: Annotated[
        tuple[str, ...],
        Option(
            "An input of a network from elsewhere that takes what an output gave at the step "
            "before, such as h=hn; samples are sequences then",
            more="see sources.md",
            metavar="INPUT=OUTPUT",
            example=["h=hn"],
            unset_if_empty=True,
        ),
    ] = ()

"""The fields of a recipe that say what is known of a network from elsewhere, declared once."""

from __future__ import annotations

from typing import Annotated

from zoo.contracts.declaration import Fields, Option


class SourceFields(Fields):
    """What is known of a network that was trained elsewhere."""

    task: Annotated[
        str | None,
        Option(
            "Task of a network from elsewhere, if the data fit several; tensors: samples without "
            "labels, on which files must reproduce the network's outputs",
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
            "Input of a network from elsewhere, such as '224x224 rgb -1..1'",
            more="see sources.md",
            default="measured on the data",
            metavar="WORDS",
            example="224x224 rgb mean=0.485,0.456,0.406 std=0.229,0.224,0.225",
        ),
    ] = None
    classes: Annotated[
        str | None,
        Option(
            "Text file with the class names of a network from elsewhere, one per line, in the "
            "order of its outputs",
            default="those of the data",
            metavar="FILE",
            completes="file",
            example="classes.txt",
        ),
    ] = None
    state: Annotated[
        tuple[str, ...],
        Option(
            "State of a recurrent network from elsewhere: the input that receives an output of the "
            "previous step, such as h=hn; samples are then sequences",
            more="see sources.md",
            metavar="INPUT=OUTPUT",
            example=["h=hn"],
            unset_if_empty=True,
        ),
    ] = ()

"""What a network returns: named outputs, and the files that give them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from zoo.contracts.checks import check, check_name

#: How a program reads an output: ``targets`` are real numbers in the units of the data, one for
#: each name in the place of a class; ``labels`` are probabilities of names that exclude each other
#: in no way; ``reconstruction`` is the normalized input as the network reproduces it, whose mean
#: squared distance from the input is a score beside a threshold; ``picture`` is one of any size, 0
#: to 1 in each channel; ``class-map`` are probabilities of the classes of each pixel, the largest
#: of which is its class; ``boxes`` has values for each cell of a grid of centres or for each
#: anchor, see `zoo.tasks.object_detection.heads`; ``code`` is what an encoder makes of a picture:
#: rounded, it is coded with the ``tables`` of the manifest's decoding, see
#: `zoo.tasks.image_compression.coder`; ``detections`` are the outputs of a file that decodes boxes
#: itself, of all of which `CONTENTS` below tell what they hold.
TARGETS, LABELS, RECONSTRUCTION, PICTURE = "targets", "labels", "reconstruction", "picture"
CLASS_MAP, BOXES, CODE, DETECTIONS = "class-map", "boxes", "code", "detections"
READINGS = (TARGETS, LABELS, RECONSTRUCTION, PICTURE, CLASS_MAP, BOXES, CODE, DETECTIONS)

#: What an output holds, for the standard metadata of files: ``class-scores`` have a value for each
#: class on the last axis. The others are decoded boxes, the most probable first: edges (1, boxes,
#: 4) as top, left, bottom and right, shares of the picture; class numbers and scores (1, boxes);
#: and how many there are, (1,). All are real numbers.
CLASS_SCORES = "class-scores"
BOX_EDGES, BOX_CLASSES = "box-edges", "box-classes"
BOX_SCORES, BOX_COUNT = "box-scores", "box-count"
CONTENTS = (CLASS_SCORES, BOX_EDGES, BOX_CLASSES, BOX_SCORES, BOX_COUNT)


@dataclass(frozen=True, kw_only=True)
class Output:
    """One of a task's named outputs.

    Attributes:
        name: What it is called in an exported file: ``probabilities``. Where there are several,
            also the key of the network's output.
        meaning: For people who use a file: ``one probability per class; the largest is the
            answer``. Empty: it follows from the shape.
        part: Which file gives it, where a network is deployed as several; see `Task.parts`.
        reading: How programs read it, one of `READINGS`; empty: it follows from the shape.
        content: What the standard metadata of files call it, one of `CONTENTS`; empty: they have no
            word for it, and files carry none.
        rounded: Whether the next part takes it rounded to whole numbers, which are what is stored
            or sent. The file gives real numbers; whoever runs the files rounds them in between. The
            network rounds them itself, see `zoo.networks.rounding`.
    """

    name: str
    meaning: str = ""
    part: str = ""
    reading: str = ""
    content: str = ""
    rounded: bool = False

    def __post_init__(self) -> None:
        check_name("output", self.name)
        known = self.reading in ("", *READINGS)
        check(known, self.name, f"reading must be one of {', '.join(READINGS)}")
        known = self.content in ("", *CONTENTS)
        check(known, self.name, f"content must be one of {', '.join(CONTENTS)}")
        if self.part:
            check_name("part", self.part)


@dataclass(frozen=True, kw_only=True)
class ModelPart:
    """One of the files that a network is deployed as.

    Attributes:
        name: ``encoder``; empty for a network that is deployed as one file.
        outputs: Names of what it returns, in their order.
        takes: Name of the output of the part before that is its input; empty for the first part,
            which takes the examples.
        takes_rounded: Whether it is rounded to whole numbers in between.
        gives_rounded: Whether what it returns is.
    """

    name: str
    outputs: tuple[str, ...]
    takes: str = ""
    takes_rounded: bool = False
    gives_rounded: bool = False


def parts_of(outputs: Sequence[Output]) -> tuple[ModelPart, ...]:
    """The files that give these outputs, in their order."""
    names = tuple(dict.fromkeys(output.part for output in outputs))
    given = [tuple(o.name for o in outputs if o.part == name) for name in names]
    takes = ("", *(of_part[0] for of_part in given))
    rounded = {output.name for output in outputs if output.rounded}
    return tuple(
        ModelPart(
            name=name,
            outputs=of_part,
            takes=before,
            takes_rounded=before in rounded,
            gives_rounded=rounded.issuperset(of_part),
        )
        for name, of_part, before in zip(names, given, takes, strict=False)
    )


def check_parts(record: str, outputs: Sequence[Output]) -> None:
    """Refuses outputs whose parts make no chain of files."""
    parts = parts_of(outputs)
    if [part.name for part in parts] == [""]:
        return
    check(all(part.name for part in parts), record, "some outputs name a part, others do not")
    check(len(parts) > 1, record, f"{parts[0].name!r} is the only part: leave it out")
    in_order = [name for part in parts for name in part.outputs]
    check(in_order == [o.name for o in outputs], record, "outputs of a part must stand together")
    for part in parts[:-1]:
        found = ", ".join(part.outputs)
        check(
            len(part.outputs) == 1,
            record,
            f"{part.name!r} returns {found}: the next part takes one output",
        )

"""TFLite metadata of networks for pictures and sounds, for MediaPipe Tasks and Android Studio.

A flatbuffer of its own, stored in a buffer of the model, describes the input, what each output
holds, and where the names of the classes are: in a file appended to the model. The few tables that
are needed are written here, by the published schema:
https://github.com/google-ai-edge/mediapipe/blob/master/mediapipe/tasks/metadata/metadata_schema.fbs
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from zoo.common.optional_imports import require
from zoo.contracts import ExportRequest
from zoo.contracts.outputs import BOX_CLASSES, BOX_COUNT, BOX_EDGES, BOX_SCORES, CLASS_SCORES

from .contents import LABELS
from .schema import serialize

#: The model's buffer that holds the metadata, and the mark at their beginning.
BUFFER, IDENTIFIER = "TFLITE_METADATA", b"M001"
#: The versions of the schema that have all that is written here, of pictures and of sounds.
PARSER, PARSER_OF_SOUNDS = "1.0.0", "1.3.0"
#: Outputs that belong together, as MediaPipe's `ObjectDetector` asks for them.
BOXES = (BOX_EDGES, BOX_CLASSES, BOX_SCORES, BOX_COUNT)
#: What the standard has words for: pictures of whole numbers from 0 to 255 as the only input, or
#: samples of a sound.
_PICTURE = frozenset({"height", "width", "channel"})

#: Places of fields in their tables, numbers of enumerations and of members of unions.
_NAME, _DESCRIPTION = 0, 1
_MODEL_GRAPHS, _MODEL_LICENCE, _MODEL_PARSER, _MODEL_FIELDS = 3, 5, 7, 8
_GRAPH_INPUTS, _GRAPH_OUTPUTS, _GRAPH_OUTPUT_GROUPS, _GRAPH_FIELDS = 2, 3, 7, 10
_TENSOR_CONTENT, _TENSOR_UNITS, _TENSOR_STATS, _TENSOR_FILES, _TENSOR_FIELDS = 3, 4, 5, 6, 7
_FILE_TYPE, _FILE_FIELDS = 2, 5
_GROUP_NAMES, _GROUP_FIELDS = 1, 2
_FEATURES, _IMAGE, _BOUNDING_BOX, _AUDIO = 1, 2, 3, 4
_NORMALIZATION = 1
_RGB, _GREY = 1, 2
_AXIS_LABELS, _VALUE_LABELS = 2, 3
_BOUNDARIES = 1


@dataclass(frozen=True, kw_only=True)
class _Words:
    """What the metadata say of an output.

    Attributes:
        name: Readers find outputs of boxes by these names; empty: the output's own.
        labels: How the labels belong to it: those of an axis, those of its values; 0: not at all.
        stats: Its largest and its least value.
    """

    description: str
    name: str = ""
    labels: int = 0
    stats: tuple[float, float] | None = None


_WORDS: Mapping[str, _Words] = {
    CLASS_SCORES: _Words(description="one for each class", labels=_AXIS_LABELS, stats=(1.0, 0.0)),
    BOX_EDGES: _Words(name="location", description="top, left, bottom, right of each box, 0 to 1"),
    BOX_CLASSES: _Words(name="category", description="the class of each box", labels=_VALUE_LABELS),
    BOX_SCORES: _Words(name="score", description="how probable each box is", stats=(1.0, 0.0)),
    BOX_COUNT: _Words(name="number of detections", description="how many boxes there are"),
}


def with_metadata(data: bytes, request: ExportRequest) -> tuple[bytes, dict[str, bytes]]:
    """A file with its metadata, and what is to be appended to it.

    Files that the standard has no words for come back as they are.
    """
    if not has_words(request):
        return data, {}
    schema = require("ai_edge_litert.schema_py_generated")
    model = schema.ModelT.InitFromPackedBuf(data, 0)
    buffer, entry = schema.BufferT(), schema.MetadataT()
    buffer.data = require("numpy").frombuffer(metadata(request), "uint8")
    entry.name, entry.buffer = BUFFER, len(model.buffers)
    model.buffers.append(buffer)
    model.metadata = [*(model.metadata or []), entry]
    data = serialize(model, len(data) + len(buffer.data))
    names = "\n".join(_line(name) for name in request.classes)
    return data, {LABELS: names.encode("utf-8")}


def has_words(request: ExportRequest) -> bool:
    """Whether the standard has words for it.

    These are pictures in, and scores of classes or boxes out; sounds in, and scores of classes out.
    """
    if request.input_names or not request.classes:
        return False
    if request.sample_rate:
        return request.output_contents == (CLASS_SCORES,)
    known = request.output_contents in ((CLASS_SCORES,), BOXES)
    return known and request.integer_input and {*request.axes} == _PICTURE


def _line(name: str) -> str:
    """A class on a line of its own: a name with a line break would shift all that follow."""
    return " ".join(name.split())


def metadata(request: ExportRequest) -> bytes:
    """The flatbuffer for a network of raw inputs, which it normalizes itself."""
    write = _Writer()
    takes = _sound(write, request) if request.sample_rate else _pixels(write, request)
    both = zip(request.output_names, request.output_contents, strict=True)
    graph: dict[int, int] = {
        _GRAPH_INPUTS: write.tables([takes]),
        _GRAPH_OUTPUTS: write.tables([_output(write, name, content) for name, content in both]),
    }
    if request.output_contents == BOXES:
        grouped = [write.text(_WORDS[content].name) for content in BOXES if content != BOX_COUNT]
        names = {_NAME: write.text("detection_result"), _GROUP_NAMES: write.tables(grouped)}
        graph[_GRAPH_OUTPUT_GROUPS] = write.tables([write.table(_GROUP_FIELDS, names)])
    model = write.table(
        _MODEL_FIELDS,
        {
            _NAME: write.text(request.name),
            _DESCRIPTION: write.text(f"{request.task}, {request.precision}"),
            _MODEL_GRAPHS: write.tables([write.table(_GRAPH_FIELDS, graph)]),
            _MODEL_LICENCE: write.text(request.licence),
            _MODEL_PARSER: write.text(PARSER_OF_SOUNDS if request.sample_rate else PARSER),
        },
    )
    return write.finished(model)


def _pixels(write: _Writer, request: ExportRequest) -> int:
    """An input of raw pixels from 0 to 255."""
    # Zero mean and unit deviation: applications pass the pixels unchanged.
    unchanged = write.table(2, _two(write, [0.0], [1.0]))
    fields = {
        _NAME: write.text(request.input_name),
        _DESCRIPTION: write.text("raw pixels, 0 to 255; normalized inside the model"),
        _TENSOR_CONTENT: write.union(_IMAGE, _image(write, request)),
        _TENSOR_UNITS: write.tables([write.union(_NORMALIZATION, unchanged)]),
        _TENSOR_STATS: write.table(2, _two(write, [255.0], [0.0])),
    }
    return write.table(_TENSOR_FIELDS, fields)


def _sound(write: _Writer, request: ExportRequest) -> int:
    """An input of samples of one channel."""
    audio = write.table(2, {}, wide={0: request.sample_rate, 1: 1})
    fields = {
        _NAME: write.text(request.input_name),
        _DESCRIPTION: write.text("samples of one channel, -1 to 1"),
        _TENSOR_CONTENT: write.union(_AUDIO, audio),
        _TENSOR_STATS: write.table(2, _two(write, [1.0], [-1.0])),
    }
    return write.table(_TENSOR_FIELDS, fields)


def _output(write: _Writer, name: str, content: str) -> int:
    """What an output holds, and its labels."""
    words = _WORDS[content]
    fields = {
        _NAME: write.text(words.name or name),
        _DESCRIPTION: write.text(words.description),
        _TENSOR_CONTENT: _content(write, content),
    }
    if words.stats:
        largest, least = words.stats
        fields[_TENSOR_STATS] = write.table(2, _two(write, [largest], [least]))
    if words.labels:
        labels = write.table(
            _FILE_FIELDS,
            {_NAME: write.text(LABELS), _DESCRIPTION: write.text("a class on each line")},
            {_FILE_TYPE: words.labels},
        )
        fields[_TENSOR_FILES] = write.tables([labels])
    return write.table(_TENSOR_FIELDS, fields)


def _content(write: _Writer, content: str) -> int:
    if content != BOX_EDGES:
        return write.union(_FEATURES, write.table(0, {}))
    # Left, top, right, bottom, by their place among a box's edges; as shares of the picture.
    order = write.numbers([1, 0, 3, 2])
    return write.union(_BOUNDING_BOX, write.table(3, {0: order}, {1: _BOUNDARIES}))


def _image(write: _Writer, request: ExportRequest) -> int:
    # With free sides it is the default size, as the schema calls it: that of the data.
    known = request.data_shapes.get(request.input_name) or request.model.inputs[0].shape
    *_, height, width, channels = known
    size = write.table(2, {}, wide={0: width, 1: height})
    return write.table(2, {1: size}, {0: _RGB if channels == 3 else _GREY})


def _two(write: _Writer, first: Sequence[float], second: Sequence[float]) -> dict[int, int]:
    return {0: write.floats(first), 1: write.floats(second)}


class _Writer:
    """A flatbuffer writer; every method returns the offset of what it wrote."""

    def __init__(self) -> None:
        self._builder: Any = require("flatbuffers").Builder(1024)

    def text(self, value: str) -> int:
        return int(self._builder.CreateString(value))

    def floats(self, values: Sequence[float]) -> int:
        self._builder.StartVector(4, len(values), 4)
        for value in reversed(values):
            self._builder.PrependFloat32(value)
        return int(self._builder.EndVector())

    def numbers(self, values: Sequence[int]) -> int:
        """A vector of numbers of 32 bits."""
        self._builder.StartVector(4, len(values), 4)
        for value in reversed(values):
            self._builder.PrependUint32(value)
        return int(self._builder.EndVector())

    def tables(self, places: Sequence[int]) -> int:
        """A vector of tables or of texts."""
        self._builder.StartVector(4, len(places), 4)
        for place in reversed(places):
            self._builder.PrependUOffsetTRelative(place)
        return int(self._builder.EndVector())

    def table(
        self,
        fields: int,
        places: Mapping[int, int],
        small: Mapping[int, int] | None = None,
        wide: Mapping[int, int] | None = None,
    ) -> int:
        """A table.

        Args:
            fields: How many it has by the schema.
            places: Field → where its text, vector or table begins.
            small: Field → number of 8 bits.
            wide: Field → number of 32 bits.
        """
        self._builder.StartObject(fields)
        for field, place in places.items():
            self._builder.PrependUOffsetTRelativeSlot(field, place, 0)
        for field, value in (wide or {}).items():
            self._builder.PrependUint32Slot(field, value, 0)
        for field, value in (small or {}).items():
            self._builder.PrependUint8Slot(field, value, 0)
        return int(self._builder.EndObject())

    def union(self, member: int, place: int) -> int:
        """A table whose only content is a union: which member, and where it is."""
        return self.table(2, {1: place}, {0: member})

    def finished(self, root: int) -> bytes:
        self._builder.Finish(root, IDENTIFIER)
        return bytes(self._builder.Output())

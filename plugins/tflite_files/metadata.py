"""TFLite metadata: how pixels are normalized, and the names of classes.

They are a flatbuffer of their own in a buffer of the model, by the published schema:
https://github.com/google-ai-edge/mediapipe/blob/master/mediapipe/tasks/metadata/metadata_schema.fbs
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from zoo.common.optional_imports import require

_BUFFER, _IDENTIFIER = b"TFLITE_METADATA", b"M001"
#: Places of fields in their tables, numbers of enumerations and of members of unions.
_NAME, _FILE_TYPE, _FILE_LOCALE = 0, 2, 3
_MODEL_GRAPHS, _GRAPH_INPUTS, _GRAPH_OUTPUTS = 3, 2, 3
_TENSOR_CONTENT, _TENSOR_UNITS, _TENSOR_FILES = 3, 4, 6
_MEMBER, _UNION = 0, 1
_MEAN, _STD = 0, 1
_NORMALIZATION, _IMAGE = 1, 2
_COLOURS = {1: "rgb", 2: "grey"}
_AXIS_LABELS = 2


def read_metadata(model: Any, appended: Mapping[str, bytes]) -> tuple[str, tuple[str, ...]]:
    """What a file says of its input, in the words of ``--input``, and the names of its classes.

    Args:
        model: The schema's `ModelT`.
        appended: The files that are appended to it.
    """
    for entry in model.metadata or []:
        if entry.name != _BUFFER or not 0 <= entry.buffer < len(model.buffers):
            continue
        data = model.buffers[entry.buffer].data
        content = b"" if data is None else bytes(data)
        if content[4:8] != _IDENTIFIER:
            continue
        try:
            return _read(content, appended)
        # Damaged offsets surface as whatever struct raises: it says nothing then.
        except Exception:
            return "", ()
    return "", ()


def _read(content: bytes, appended: Mapping[str, bytes]) -> tuple[str, tuple[str, ...]]:
    root = _Table.root(content)
    graphs = root.tables(_MODEL_GRAPHS)
    if not graphs:
        return "", ()
    inputs, outputs = graphs[0].tables(_GRAPH_INPUTS), graphs[0].tables(_GRAPH_OUTPUTS)
    words = _words(inputs[0]) if len(inputs) == 1 else ""
    for file in outputs[0].tables(_TENSOR_FILES) if len(outputs) == 1 else ():
        name = file.text(_NAME)
        # Files in a locale are translations of the one without.
        if file.byte(_FILE_TYPE) == _AXIS_LABELS and not file.text(_FILE_LOCALE):
            lines = appended.get(name, b"").decode("utf-8", "replace").splitlines()
            return words, tuple(line.strip() for line in lines if line.strip())
    return words, ()


def _words(tensor: _Table) -> str:
    found = []
    content = tensor.table(_TENSOR_CONTENT)
    if content is not None and content.byte(_MEMBER) == _IMAGE:
        image = content.table(_UNION)
        found.append(_COLOURS.get(0 if image is None else image.byte(0), ""))
    for unit in tensor.tables(_TENSOR_UNITS):
        options = unit.table(_UNION) if unit.byte(_MEMBER) == _NORMALIZATION else None
        if options is None:
            continue
        mean, std = options.floats(_MEAN), options.floats(_STD)
        if mean and std and all(map(math.isfinite, (*mean, *std))) and min(std) > 0:
            # They are of pixels from 0 to 255.
            texts = (",".join(f"{value:.9g}" for value in values) for values in (mean, std))
            found.append("scale=1 mean={} std={}".format(*texts))
    return " ".join(word for word in found if word)


class _Table:
    """A table of a flatbuffer, read by the places of its fields."""

    def __init__(self, data: bytes, place: int) -> None:
        self._table = require("flatbuffers.table").Table(data, place)
        self._data = data
        self._numbers = require("flatbuffers.number_types")

    @classmethod
    def root(cls, data: bytes) -> _Table:
        return cls(data, int.from_bytes(data[:4], "little"))

    def _offset(self, field: int) -> int:
        return int(self._table.Offset(4 + 2 * field))

    def byte(self, field: int) -> int:
        at = self._offset(field)
        return self._data[self._table.Pos + at] if at else 0

    def text(self, field: int) -> str:
        at = self._offset(field)
        return self._table.String(self._table.Pos + at).decode("utf-8", "replace") if at else ""

    def table(self, field: int) -> _Table | None:
        at = self._offset(field)
        if not at:
            return None
        return _Table(self._data, self._table.Indirect(self._table.Pos + at))

    def tables(self, field: int) -> list[_Table]:
        at = self._offset(field)
        if not at:
            return []
        start, count = self._table.Vector(at), self._table.VectorLen(at)
        if count * 4 > len(self._data):
            return []
        return [_Table(self._data, self._table.Indirect(start + 4 * n)) for n in range(count)]

    def floats(self, field: int) -> list[float]:
        import struct

        at = self._offset(field)
        if not at:
            return []
        start, count = self._table.Vector(at), self._table.VectorLen(at)
        return list(struct.unpack_from(f"<{count}f", self._data, start)) if count < 64 else []

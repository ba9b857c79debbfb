"""A reader of TFLite files, which are flatbuffers: tensors, operators, and where to cut."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from ..common import Json

#: numpy's names of TFLite's element types, by their numbers there.
TFLITE_TYPES = {0: "float32", 1: "float16", 2: "int32", 3: "uint8", 4: "int64", 6: "bool"}
TFLITE_TYPES.update({7: "int16", 9: "int8", 10: "float64", 15: "uint32", 16: "uint16"})


class Flatbuffer:
    """The first graph of a TFLite file, read by the published schema."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.graph = self.member(self.follow(0), 2, 0)

    def number(self, kind: str, place: int) -> Any:
        """The number at a place, by its letter in `struct`."""
        return struct.unpack_from("<" + kind, self.data, place)[0]

    def field(self, table: int, which: int) -> int:
        """Where a table's field is; 0 when it is left out."""
        layout = table - self.number("i", table)
        known = 4 + 2 * which < self.number("H", layout)
        offset = self.number("H", layout + 4 + 2 * which) if known else 0
        return table + offset if offset else 0

    def follow(self, place: int) -> int:
        """Where the offset at a place leads."""
        return place + int(self.number("I", place))

    def vector(self, table: int, which: int, kind: str) -> list[Any]:
        """A table's vector of numbers; empty when it is left out."""
        if not self.field(table, which):
            return []
        start = self.follow(self.field(table, which))
        return list(struct.unpack_from(f"<{self.number('I', start)}{kind}", self.data, start + 4))

    def member(self, table: int, which: int, index: int) -> int:
        """Where a table in a table's vector is."""
        return self.follow(self.follow(self.field(table, which)) + 4 + 4 * index)

    def name(self, index: int) -> str:
        """Of a tensor."""
        found = self.member(self.graph, 0, index)
        return bytes(self.vector(found, 3, "B")).decode("utf-8", "replace")

    def tensor(self, index: int) -> Json:
        """What a request needs to know about a tensor; a free side behind the batch is None."""
        found = self.member(self.graph, 0, index)
        shape, signature = self.vector(found, 0, "i"), self.vector(found, 7, "i")
        free = [n for n, side in enumerate(signature) if n and side == -1]
        kind, parameters = self.field(found, 1), self.field(found, 4)
        name = TFLITE_TYPES[self.number("b", kind) if kind else 0]
        scales = self.vector(self.follow(parameters), 2, "f") if parameters else []
        points = self.vector(self.follow(parameters), 3, "q") if parameters else []
        one = len(scales) == 1 and scales[0] > 0 and np.dtype(name).kind in "iu"
        return {
            "name": self.name(index),
            "shape": [None if n in free else side for n, side in enumerate(shape)],
            "dtype": name,
            "scale": scales[0] if one else None,
            "zero_point": (points or [0])[0] if one else None,
        }

    def operators(self) -> list[list[int]]:
        """The tensors that each operator makes, in the order of execution."""
        count = len(self.vector(self.graph, 3, "I"))
        return [self.vector(self.member(self.graph, 3, n), 2, "i") for n in range(count)]

    def prefix(self, count: int, output: int) -> dict[int, bytes]:
        """Which bytes to replace so that the graph ends after `count` operators with a tensor."""
        operators, outputs = (self.follow(self.field(self.graph, which)) for which in (3, 2))
        return {operators: struct.pack("<I", count), outputs: struct.pack("<Ii", 1, output)}


def tflite_signature(data: bytes) -> tuple[list[Json], list[Json]]:
    """Inputs and outputs of a TFLite file."""
    file = Flatbuffer(data)
    inputs, outputs = (file.vector(file.graph, side, "i") for side in (1, 2))
    return [file.tensor(i) for i in inputs], [file.tensor(i) for i in outputs]

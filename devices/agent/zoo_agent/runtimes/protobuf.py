"""A reader of ONNX files, which are protocol buffers: names, shapes and types of their ends."""

from __future__ import annotations

from collections.abc import Iterator

from ..common import AgentError, Json

#: numpy's names of ONNX's element types, by their numbers there.
ONNX_TYPES = {1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64"}
ONNX_TYPES.update({9: "bool", 10: "float16", 11: "float64", 12: "uint32", 13: "uint64"})


def fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Each field of a message: its number, and a whole number or the bytes that it holds."""
    place = 0
    while place < len(data):
        tag, place = _varint(data, place)
        kind = tag & 7
        if kind == 0:
            value, place = _varint(data, place)
            yield tag >> 3, value
            continue
        size = 8 if kind == 1 else 4
        if kind == 2:
            size, place = _varint(data, place)
        elif kind not in (1, 5):
            raise AgentError("CannotLoad", f"it is no ONNX file: a field of the kind {kind}")
        if place + size > len(data):
            raise AgentError("CannotLoad", "it is no whole ONNX file: it ends within a field")
        yield tag >> 3, data[place : place + size]
        place += size


def _varint(data: memoryview, place: int) -> tuple[int, int]:
    """A whole number of up to 64 bits, and where the next field begins."""
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(data):
            raise AgentError("CannotLoad", "it is no whole ONNX file: it ends within a number")
        byte = data[place]
        value, place = value | (byte & 127) << shift, place + 1
        if byte < 128:
            return value, place
    raise AgentError("CannotLoad", "it is no ONNX file: a number of more than 64 bits")


def _inside(data: memoryview, number: int) -> list[memoryview]:
    """The messages that a message holds under a number."""
    return [value for at, value in fields(data) if at == number and isinstance(value, memoryview)]


def onnx_signature(data: bytes) -> tuple[list[Json], list[Json]]:
    """Inputs and outputs of an ONNX file; a free side is None, and so is a shape that is left out.

    Raises:
        AgentError: It is no ONNX file, or one with inputs that are no tensors.
    """
    graphs = _inside(memoryview(data), 7)
    if len(graphs) != 1:
        raise AgentError("CannotLoad", f"it is no ONNX file: {len(graphs)} graphs")
    constants: set[bytes] = set()
    inputs: list[memoryview] = []
    outputs: list[memoryview] = []
    for number, value in fields(graphs[0]):
        if number == 5 and isinstance(value, memoryview):
            constants.update(bytes(name) for name in _inside(value, 8))
        elif number in (11, 12) and isinstance(value, memoryview):
            (inputs if number == 11 else outputs).append(value)
    named = [(bytes(_inside(value, 1)[0]), value) for value in inputs if _inside(value, 1)]
    return [_tensor(v) for n, v in named if n not in constants], [_tensor(v) for v in outputs]


def _tensor(value: memoryview) -> Json:
    name = "".join(bytes(part).decode("utf-8", "replace") for part in _inside(value, 1))
    kind: int = 0
    shape: list[int | None] | None = None
    for of_type in _inside(value, 2):
        for tensor in _inside(of_type, 1):
            kind = next((int(v) for n, v in fields(tensor) if n == 1 and isinstance(v, int)), 0)
            for told in _inside(tensor, 2):
                shape = [_side(side) for side in _inside(told, 1)]
    if kind not in ONNX_TYPES:
        raise AgentError("CannotLoad", f"{name!r} has an element type that numpy does not have")
    unscaled = {"scale": None, "zero_point": None}
    return {"name": name, "shape": shape, "dtype": ONNX_TYPES[kind], **unscaled}


def _side(data: memoryview) -> int | None:
    """A side's length; None where it is a name, or nothing."""
    return next((v for n, v in fields(data) if n == 1 and isinstance(v, int)), None)

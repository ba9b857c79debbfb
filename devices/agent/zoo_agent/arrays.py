"""Arrays of requests and answers, and the integers that files compute in."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import numpy as np

from .common import AgentError, Json

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]


def decode(packed: Json) -> Array:
    """An array out of a request."""
    try:
        dtype = np.dtype(packed["dtype"])
        flat = np.frombuffer(base64.b64decode(packed["data"]), dtype.newbyteorder("<"))
        return flat.reshape(packed["shape"]).astype(dtype, copy=False)
    except (KeyError, TypeError, ValueError) as error:
        raise AgentError("BadRequest", f"not an array: {type(error).__name__}: {error}") from error


def encode(values: Array) -> Json:
    """An array for an answer."""
    raw = np.ascontiguousarray(values.astype(values.dtype.newbyteorder("<"), copy=False)).tobytes()
    data = base64.b64encode(raw).decode("ascii")
    return {"dtype": values.dtype.name, "shape": list(values.shape), "data": data}


def integer_limits(dtype: Any) -> tuple[int, int]:
    """Least and greatest number of an integer type."""
    info = np.iinfo(dtype)
    return int(info.min), int(info.max)


def quantize(values: Array, tensor: Json) -> Array:
    """Real numbers (raw pixels, say) in the numbers that the file's input takes."""
    dtype = np.dtype(tensor["dtype"])
    if dtype.kind == "f" or tensor["scale"] is None:
        return values.astype(dtype)
    steps = np.rint(values.astype(np.float32) / np.float32(tensor["scale"])) + tensor["zero_point"]
    if np.isnan(steps).any():
        raise AgentError("BadInput", f"input {tensor['name']} holds NaN, which has no integer")
    low, high = integer_limits(dtype)
    quantized: Array = np.clip(steps, low, high).astype(dtype)
    return quantized


def dequantize(values: Array, tensor: Json) -> Array:
    """The file's output in real numbers; outputs without a scale stay as they are."""
    if values.dtype.kind == "f" or tensor["scale"] is None:
        return values
    centred = values.astype(np.float32) - np.float32(tensor["zero_point"])
    return centred * np.float32(tensor["scale"])

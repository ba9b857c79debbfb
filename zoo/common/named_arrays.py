"""Named arrays over the same examples as one numpy structured array.

One array stays what it is. Several are the fields of a structured array of shape (examples,), so
that slicing, choosing, joining and storing examples is the same for one output as for several.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # lists and help must not wait for numpy
    from numpy.typing import NDArray


def fields_of(values: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """The arrays by name, each with the examples first; a plain array under an empty name."""
    names = values.dtype.names
    return {"": values} if names is None else {name: values[name] for name in names}


def each_of(values: NDArray[Any]) -> list[NDArray[Any]]:
    """The arrays without their names, in their order."""
    import numpy as np

    return [np.ascontiguousarray(one) for one in fields_of(values).values()]


def fed_to_keras(values: NDArray[Any]) -> Any:
    """What a Keras model is called with: an array, or of several inputs a list of them."""
    arrays = each_of(values)
    return arrays if len(arrays) > 1 else arrays[0]


def joined(fields: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    """One structured array of several; a single array unchanged, whatever its name."""
    import numpy as np

    first, *others = fields.values()
    if not others:
        return first
    if any(len(values) != len(first) for values in others):
        sizes = ", ".join(f"{name}: {len(values)}" for name, values in fields.items())
        raise ValueError(f"the arrays are not about the same examples: {sizes}")
    dtype = [(name, values.dtype, values.shape[1:]) for name, values in fields.items()]
    records = np.empty(len(first), dtype)
    for name, values in fields.items():
        records[name] = values
    return records


def with_names(arrays: Sequence[NDArray[Any]], names: Sequence[str]) -> NDArray[Any]:
    """`joined`, of arrays and their names in the same order."""
    return joined(dict(zip(names, arrays, strict=True)))


def differences(one: NDArray[Any], other: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Absolute differences by name, float64; NaN where a value is none.

    Raises:
        ValueError: They have other names or shapes.
    """
    import numpy as np

    theirs = fields_of(other)
    ours = fields_of(one)
    shapes = {name: values.shape for name, values in ours.items()}
    if shapes != {name: values.shape for name, values in theirs.items()}:
        raise ValueError(f"{describe_shapes(other)} in place of {describe_shapes(one)}")
    return {
        name: np.abs(values.astype(np.float64) - theirs[name].astype(np.float64))
        for name, values in ours.items()
    }


def describe_shapes(values: NDArray[Any]) -> str:
    """Names and shapes, for messages."""
    parts = fields_of(values).items()
    return ", ".join(f"{name} {part.shape}".strip() for name, part in parts)

"""Conversion of published tensors by the table of a source."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from zoo.common.errors import BadFile
from zoo.contracts.weights import Framework, SourceLayer
from zoo.networks.building import HEAD
from zoo.networks.published.layouts import IGNORED, LAYOUTS, SEPARATOR, PublishedTensor

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Tensors = Mapping[str, NDArray[Any]]

_SHOWN = 12


def convert(
    tensors: Tensors,
    shapes: Mapping[str, tuple[int, ...]],
    layers: Iterable[SourceLayer],
    framework: Framework,
    origin: str,
    fix: str | None = None,
) -> dict[str, NDArray[Any]]:
    """Published tensors under our names, with our order of axes, as float32.

    Args:
        tensors: As the file names them.
        shapes: Of every variable of our network, by the names of
            `zoo.networks.building.variable_names`.
        layers: The converter table.
        framework: Whose conventions the file follows.
        origin: Names the file in messages.
        fix: What to do when it does not fit.

    Raises:
        BadFile: Lists what is missing, unexpected or misshaped.
    """
    table = {layer.ours: layer for layer in layers}
    converted: dict[str, NDArray[Any]] = {}
    used: set[str] = set()
    problems: list[str] = []
    for name, shape in shapes.items():
        layer_name, _, variable = name.rpartition("/")
        layer = table.get(layer_name)
        stored = LAYOUTS[framework][layer.layout].get(variable) if layer else None
        if layer is None or stored is None:
            problems.append(f"not in the converter table: {name}")
            continue
        theirs = _tensor_name(layer, stored.name, framework)
        used.add(theirs)
        if theirs not in tensors:
            problems.append(f"missing: {theirs}")
            continue
        value = _arranged(tensors[theirs], layer, variable, stored)
        if value is None or value.shape != tuple(shape):
            problems.append(
                f"misshaped: {theirs} is {tuple(tensors[theirs].shape)}, "
                f"expected {_published_shape(shape, stored)}"
            )
            continue
        converted[name] = value
    problems += [
        f"unexpected: {name}" for name in tensors if name not in used and not name.endswith(IGNORED)
    ]
    if problems:
        shown = problems[:_SHOWN]
        if len(problems) > _SHOWN:
            shown.append(f"and {len(problems) - _SHOWN} more")
        raise BadFile(
            f"{origin} holds another network",
            why="; ".join(shown),
            fix=fix or "name the variant that it belongs to",
        )
    return converted


def count_classes(
    tensors: Tensors, layers: Iterable[SourceLayer], framework: Framework
) -> int | None:
    """Number of classes of the file's head; None when it has no such head."""
    for layer in layers:
        if layer.ours == HEAD:
            bias = tensors.get(_tensor_name(layer, "bias", framework))
            return int(bias.shape[0]) if bias is not None and bias.ndim == 1 else None
    return None


def layer_names(tensors: Iterable[str], framework: Framework) -> set[str]:
    """The layers that a file's tensors belong to."""
    return {name.rpartition(SEPARATOR[framework])[0] for name in tensors}


def _tensor_name(layer: SourceLayer, tensor: str, framework: Framework) -> str:
    return f"{layer.theirs}{SEPARATOR[framework]}{tensor}"


def _published_shape(shape: tuple[int, ...], stored: PublishedTensor) -> tuple[int, ...]:
    """Of the published tensor that becomes one of ours."""
    sides = list(shape)
    if stored.axes is not None:
        there = dict(zip(stored.axes, shape, strict=True))
        sides = [there[axis] for axis in range(len(shape))]
    for axis in stored.single:
        sides.insert(axis, 1)
    return tuple(sides)


def _arranged(
    value: NDArray[Any], layer: SourceLayer, variable: str, stored: PublishedTensor
) -> NDArray[Any] | None:
    """A tensor with our order of axes; None when its shape does not allow that."""
    import numpy as np

    if variable == "kernel" and layer.flattened is not None:
        if value.ndim != 2 or value.shape[1] != math.prod(layer.flattened):
            return None
        # (out, channels * height * width) → (out, height * width * channels)
        picture = value.reshape(value.shape[0], *layer.flattened)
        value = picture.transpose(0, 2, 3, 1).reshape(value.shape)
    if stored.single:
        if value.ndim <= max(stored.single) or any(value.shape[a] != 1 for a in stored.single):
            return None
        value = value.squeeze(stored.single)
    if stored.axes is not None:
        if value.ndim != len(stored.axes):
            return None
        value = value.transpose(stored.axes)
    if variable == "kernel" and layer.bgr:
        value = value[:, :, ::-1]
    return np.asarray(value, np.float32, order="C")

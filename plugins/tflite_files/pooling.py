"""Operators over neighbours or whole sides: pooling, reductions, resizing."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo.common.optional_imports import require

from .graph import Array, Operator
from .network import Building, Convert

_REDUCTIONS = {
    "MEAN": "mean",
    "SUM": "sum",
    "REDUCE_MAX": "max",
    "REDUCE_MIN": "min",
    "REDUCE_PROD": "prod",
}


def pool(building: Building, operator: Operator) -> Any:
    """AVERAGE_POOL_2D and MAX_POOL_2D."""
    options = operator.options
    codes = require("ai_edge_litert.schema_py_generated").Padding
    average = operator.kind == "AVERAGE_POOL_2D"
    layers = building.layers
    layer = (layers.AveragePooling2D if average else layers.MaxPooling2D)(
        (int(options.filterHeight), int(options.filterWidth)),
        strides=(int(options.strideH), int(options.strideW)),
        padding="same" if options.padding == codes.SAME else "valid",
        name=building.unique(operator.name),
    )
    return layer(building.tensor(operator))


def reduced(building: Building, operator: Operator) -> Any:
    """MEAN, SUM, REDUCE_MAX and their like."""
    given = building.tensor(operator)
    rank = len(given.shape)
    numbers = building.needed(operator, 1, "its axes").reshape(-1).tolist()
    axes = sorted({building.axis(operator, int(axis), rank) for axis in numbers})
    keeps = bool(operator.options.keepDims)
    if axes == [1, 2] and rank == 4 and operator.kind in ("MEAN", "REDUCE_MAX"):
        layers = building.layers
        mean = operator.kind == "MEAN"
        layer = layers.GlobalAveragePooling2D if mean else layers.GlobalMaxPooling2D
        return layer(keepdims=keeps, name=building.unique(operator.name))(given)
    function = getattr(building.ops, _REDUCTIONS[operator.kind])
    return function(given, axis=tuple(axes), keepdims=keeps)


def resized(building: Building, operator: Operator) -> Any:
    """RESIZE_BILINEAR and RESIZE_NEAREST_NEIGHBOR, wherever the centres of pixels are."""
    given, options = building.tensor(operator), operator.options
    bilinear = operator.kind == "RESIZE_BILINEAR"
    _, *before, _ = building.shape(operator)
    _, *after, _ = building.result(operator)
    whole = all(new % old == 0 for old, new in zip(before, after, strict=True))
    corners, half = bool(options.alignCorners), bool(options.halfPixelCenters)
    # Whole multiples repeat each pixel, wherever its centre is.
    if (half and not corners and bilinear) or (whole and not corners and not bilinear):
        layer = building.layers.UpSampling2D if whole else building.layers.Resizing
        name = building.unique(operator.name)
        kind = "bilinear" if bilinear else "nearest"
        if whole:
            factors = tuple(new // old for old, new in zip(before, after, strict=True))
            return layer(factors, interpolation=kind, name=name)(given)
        return layer(*after, interpolation=kind, name=name)(given)
    if not bilinear:
        for axis, (old, new) in enumerate(zip(before, after, strict=True), 1):
            places = (np.arange(new) + 0.5 * half) * _scale(old, new, corners)
            nearest = np.floor(places + 0.5 * corners)
            indices = np.clip(nearest, 0, old - 1).astype(np.int32)
            given = building.ops.take(given, indices, axis=axis)
        return given
    rows, columns = (
        _positions(old, new, corners, half) for old, new in zip(before, after, strict=True)
    )
    # A linear map of rows, then of columns: a dense layer works on the last side.
    for order, places, old in (((2, 3, 1), rows, before[0]), ((3, 2, 1), columns, before[1])):
        kernel = _bilinear(places, old)
        turned = building.layers.Permute(order, name=building.unique(f"{operator.name}_turned"))
        layer = building.layers.Dense(
            kernel.shape[1], use_bias=False, name=building.unique(operator.name)
        )
        given = building.weighted(layer, turned(given), [kernel], operator)
    back = building.layers.Permute((1, 3, 2), name=building.unique(f"{operator.name}_turned"))
    return back(given)


def _positions(old: int, new: int, corners: bool, half: bool) -> Array:
    """Where each new pixel lies among the old ones."""
    places = np.arange(new, dtype=np.float64)
    scale = _scale(old, new, corners)
    return (places + 0.5) * scale - 0.5 if half else places * scale


def _scale(old: int, new: int, corners: bool) -> float:
    return (old - 1) / (new - 1) if corners and new > 1 else old / new


def _bilinear(places: Array, old: int) -> Array:
    """The map from old pixels to new ones, (old, new)."""
    low = np.floor(places)
    share = places - low
    kernel = np.zeros((old, len(places)))
    for at, weight in ((low, 1 - share), (low + 1, share)):
        kernel[np.clip(at, 0, old - 1).astype(int), np.arange(len(places))] += weight
    return kernel


CONVERTERS: dict[str, Convert] = {
    "AVERAGE_POOL_2D": pool,
    "MAX_POOL_2D": pool,
    "RESIZE_BILINEAR": resized,
    "RESIZE_NEAREST_NEIGHBOR": resized,
    **dict.fromkeys(_REDUCTIONS, reduced),
}

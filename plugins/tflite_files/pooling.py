"""Operators over neighbours or whole sides: pooling, reductions, resizing."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo.common.optional_imports import require
from zoo.networks.sources.resampling import resampled, weights

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
            # In float32, as LiteRT, whose rounding decides between two neighbours.
            numbers = np.arange(new, dtype=np.float32) + np.float32(0.5 * half)
            nearest = np.floor(numbers * _scale(old, new, corners) + np.float32(0.5 * corners))
            indices = np.clip(nearest, 0, old - 1).astype(np.int32)
            given = building.ops.take(given, indices, axis=axis)
        return given
    for axis, (old, new) in enumerate(zip(before, after, strict=True), 1):
        given = resampled(given, axis, weights(_positions(old, new, corners, half), old))
    return given


def _positions(old: int, new: int, corners: bool, half: bool) -> Array:
    """Where each new pixel lies among the old ones."""
    places = np.arange(new, dtype=np.float64)
    scale = _scale(old, new, corners)
    return (places + 0.5) * scale - 0.5 if half else places * scale


def _scale(old: int, new: int, corners: bool) -> np.float32:
    edge = int(corners and new > 1)
    return np.float32(old - edge) / np.float32(new - edge)


CONVERTERS: dict[str, Convert] = {
    "AVERAGE_POOL_2D": pool,
    "MAX_POOL_2D": pool,
    "RESIZE_BILINEAR": resized,
    "RESIZE_NEAREST_NEIGHBOR": resized,
    **dict.fromkeys(_REDUCTIONS, reduced),
}

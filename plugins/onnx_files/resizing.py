"""Other sizes of images and series, by ONNX' rules of where a new element lies among the old."""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from zoo.common.optional_imports import require
from zoo.networks.sources.resampling import linear, resampled, weights

from .held import Constant, Held
from .nodes import Made, Node, axes_of, converts

#: Rounding of positions, which decides between two neighbours.
_EXACT = 1e-6
#: What is added to a position, and how that is rounded.
_ROUNDED = {
    "floor": (_EXACT, np.floor),
    "ceil": (-_EXACT, np.ceil),
    "round_prefer_floor": (-0.5 - _EXACT, np.ceil),
    "round_prefer_ceil": (0.5 + _EXACT, np.floor),
}


@converts("Resize", "Upsample")
def resize(node: Node) -> Made:
    """Nearest, linear or cubic; what Keras has no layer for is a product with a matrix."""
    held = node.held()
    lengths, scales = _lengths(node, held)
    changed = [axis for axis, side in enumerate(held.shape) if lengths[axis] != side]
    if not changed:
        return held
    if any(axis not in held.axes for axis in changed):
        held = node.graph.rearranged(held, sorted({*held.axes, *changed}))
    if held.rank > 2 and set(held.axes) == set(range(1, held.rank)):
        held = node.graph.channels_last(held)
    mode = str(node.get("mode", "nearest"))
    places = {
        axis: _positions(node, held.shape[axis], lengths[axis], scales[axis]) for axis in changed
    }
    if mode == "nearest":
        return _nearest(node, held, lengths, places)
    if mode not in ("linear", "cubic"):
        node.refuse(f"its mode is {mode}")
    if node.get("antialias", 0) and any(scales[axis] < 1 for axis in changed):
        node.refuse("it smooths before it makes an image smaller")
    matrices = {
        axis: _weights(node, mode, held.shape[axis], found) for axis, found in places.items()
    }
    if mode == "linear" and held.axes == (2, 3, 1) and 1 not in changed:
        halves = {axis: _half_pixels(held.shape[axis], lengths[axis]) for axis in changed}
        if all(
            np.allclose(_weights(node, mode, held.shape[axis], halves[axis]), matrix, atol=_EXACT)
            for axis, matrix in matrices.items()
        ):
            size = (lengths[2], lengths[3])
            function = require("keras.ops").image.resize
            made = node.graph.function(
                function, held.tensor, size, interpolation="bilinear", antialias=False
            )
            return held.holding(made)
    for axis, matrix in matrices.items():
        made = resampled(held.tensor, held.place(axis), matrix, node.graph.function)
        held = held.holding(made)
    return held


def _lengths(node: Node, held: Held) -> tuple[list[int], list[float]]:
    """Sides of the result, and the scale along each axis."""
    newer = node.kind == "Resize" and node.version >= 11
    sizes = node.constant(3) if newer else None
    axes = axes_of(node.get("axes", range(held.rank)), held.rank)
    lengths, scales = list(held.shape), [1.0] * held.rank
    if sizes is not None and sizes.size:
        if node.get("keep_aspect_ratio_policy", "stretch") != "stretch":
            node.refuse("its sizes are limits")
        for axis, size in zip(axes, sizes.ravel(), strict=True):
            lengths[axis], scales[axis] = int(size), float(size) / held.shape[axis]
        return lengths, scales
    given = node.attributes.get("scales")
    found = np.ravel(given if given is not None else node.weights(2 if newer else 1))
    for axis, scale in zip(axes, found, strict=True):
        lengths[axis] = math.floor(held.shape[axis] * float(scale) + _EXACT)
        scales[axis] = float(scale)
    return lengths, scales


def _half_pixels(side: int, length: int) -> Constant:
    return (np.arange(length) + 0.5) * side / length - 0.5


def _positions(node: Node, side: int, length: int, scale: float) -> Constant:
    """Where each new element lies among the old."""
    older = node.kind == "Upsample" or node.version < 11
    mode = node.get("coordinate_transformation_mode", "asymmetric" if older else "half_pixel")
    x = np.arange(length, dtype=np.float64)
    if mode == "asymmetric":
        return x / scale
    if mode == "align_corners":
        return x * (side - 1) / (length - 1) if length > 1 else np.zeros(1)
    half = (x + 0.5) / scale - 0.5
    if mode == "pytorch_half_pixel":
        return half if length > 1 else np.zeros(1)
    if mode == "half_pixel_symmetric":
        return half + side / 2 * (1 - length / (scale * side))
    if mode != "half_pixel":
        node.refuse(f"its coordinates are {mode}")
    return half


def _nearest(node: Node, held: Held, lengths: list[int], places: dict[int, Constant]) -> Held:
    older = node.kind == "Upsample" or node.version < 11
    taken = {}
    for axis, found in places.items():
        # Older operator sets leave it open; this is what ONNX Runtime does.
        own = "ceil" if lengths[axis] < held.shape[axis] else "floor"
        rule = node.get("nearest_mode", own if older else "round_prefer_floor")
        moved, rounded = _ROUNDED[rule]
        taken[axis] = np.clip(rounded(found + moved), 0, held.shape[axis] - 1).astype(int)
    spatial = [axis for axis in held.axes if axis != 1]
    factors = [lengths[axis] // held.shape[axis] or 1 for axis in spatial]
    repeated = all(
        np.array_equal(
            found, np.repeat(np.arange(held.shape[axis]), len(found) // held.shape[axis])
        )
        for axis, found in taken.items()
    )
    if repeated and held.axes == (*range(2, held.rank), 1) and 1 not in taken and held.rank <= 5:
        size = tuple(factors) if len(factors) > 1 else factors[0]
        kind = f"UpSampling{len(factors)}D"
        return held.holding(node.graph.layer(kind, held.tensor, size))
    for axis, found in taken.items():
        take = require("keras.ops").take
        made = node.graph.function(take, held.tensor, found.tolist(), axis=held.place(axis))
        held = held.holding(made)
    return held


def _weights(node: Node, mode: str, side: int, places: Constant) -> Constant:
    """What each old element counts in each new one, (new, old)."""
    coefficient = float(node.get("cubic_coeff_a", -0.75))
    return weights(
        places,
        side,
        linear if mode == "linear" else partial(_cubic, a=coefficient),
        inside=bool(node.get("exclude_outside", 0)),
    )


def _cubic(share: Constant, a: float) -> dict[int, Constant]:
    def near(x: Constant) -> Constant:
        return ((a + 2) * x - (a + 3)) * x * x + 1

    def far(x: Constant) -> Constant:
        return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a

    return {-1: far(share + 1), 0: near(share), 1: near(1 - share), 2: far(2 - share)}

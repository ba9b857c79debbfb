"""A Keras network whose weights are the numbers that a file of half precision holds."""

from __future__ import annotations

from typing import Any

from zoo.common.optional_imports import require
from zoo.contracts.rounding import RoundingRequest
from zoo.networks.building import leaves
from zoo.networks.reduced_numbers import rounded_to

#: numpy's name of the type.
_HALF = "float16"


def halve_weights(request: RoundingRequest) -> str:
    """Rounds the weights of ``request.model`` in place, as `Exporter.round_weights` says.

    Converters multiply the scale of a batch normalization into the weights before it, and round
    the products: so do these.

    Returns:
        An empty text: all weights can be rounded.
    """
    layers = require("keras").layers
    done: set[int] = set()
    for layer in leaves(request.model):
        normalization = _normalization_behind(layer)
        if normalization is not None:
            _round_product(layer, normalization)
            done |= {id(one) for one in (*layer.weights, *normalization.weights)}
        elif isinstance(layer, layers.BatchNormalization) and id(layer.moving_mean) not in done:
            _round_scale(layer)
            done |= {id(one) for one in layer.weights}
        elif isinstance(layer, layers.Rescaling):
            for name in ("scale", "offset"):
                setattr(layer, name, rounded_to(getattr(layer, name), _HALF))
    for layer in leaves(request.model):
        for variable in layer.weights:
            if id(variable) not in done and "float" in str(variable.dtype):
                variable.assign(rounded_to(variable.numpy(), _HALF))
                done.add(id(variable))
    return ""


def _normalization_behind(layer: Any) -> Any:
    """The batch normalization that alone reads a convolution or dense layer; None without."""
    layers = require("keras").layers
    kinds = (layers.Dense, layers.Conv1D, layers.Conv2D, layers.DepthwiseConv2D)
    readers = {id(n.operation): n.operation for n in getattr(layer, "_outbound_nodes", ())}
    if not isinstance(layer, (*kinds, layers.Conv2DTranspose)) or len(readers) != 1:
        return None
    (reader,) = readers.values()
    linear = getattr(layer, "activation", None) in (None, require("keras").activations.linear)
    fits = linear and isinstance(reader, layers.BatchNormalization)
    own = reader.axis if fits else None
    last = own in (-1, len(layer.output.shape) - 1) if fits else False
    return reader if last and reader.beta is not None else None


def _scale(normalization: Any) -> tuple[Any, Any]:
    """The factor of each channel, and what is added to it afterwards; float32."""
    import numpy as np

    spread = np.sqrt(normalization.moving_variance.numpy() + np.float32(normalization.epsilon))
    gamma = 1.0 if normalization.gamma is None else normalization.gamma.numpy()
    factor = np.asarray(gamma / spread, np.float32)
    beta = 0.0 if normalization.beta is None else normalization.beta.numpy()
    return factor, np.asarray(beta - normalization.moving_mean.numpy() * factor, np.float32)


def _round_product(layer: Any, normalization: Any) -> None:
    import numpy as np

    layers = require("keras").layers
    factor, added = _scale(normalization)
    safe = np.where(factor == 0, np.float32(1), factor)
    kernel = layer.kernel.numpy()
    if isinstance(layer, layers.DepthwiseConv2D):  # (…, channels, multiplier)
        by_channel = safe.reshape(kernel.shape[-2:])
    elif isinstance(layer, layers.Conv2DTranspose):  # (…, filters, channels)
        by_channel = safe[:, None]
    else:
        by_channel = safe
    layer.kernel.assign(rounded_to(kernel * by_channel, _HALF) / by_channel)
    bias = 0.0 if layer.bias is None else layer.bias.numpy()
    added = added + bias * factor
    beta = normalization.beta
    beta.assign(beta.numpy() + rounded_to(added, _HALF) - added)


def _round_scale(normalization: Any) -> None:
    """Of a normalization that stands by itself: its factor and what it adds."""
    gamma, beta = normalization.gamma, normalization.beta
    if gamma is None or beta is None:
        return
    factor, added = _scale(normalization)
    import numpy as np

    rounded = rounded_to(factor, _HALF)
    gamma.assign(gamma.numpy() * rounded / np.where(factor == 0, np.float32(1), factor))
    beta.assign(rounded_to(added, _HALF) + normalization.moving_mean.numpy() * rounded)

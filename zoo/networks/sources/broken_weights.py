"""Why a foreign network answers with NaN or infinity: its own weights, or what it was given."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from zoo.common.errors import ZooError
from zoo.networks.building import leaves

#: Tensors that a message names.
_NAMED = 3


def answers_not_finite(model: Any, origin: str, which: str, otherwise: str) -> ZooError:
    """The error of a network whose answers are not finite: its weights are looked at first.

    Args:
        model: The network in Keras.
        origin: Names it in messages.
        which: Of its answers are not finite, as a clause.
        otherwise: What to do where its weights are finite.
    """
    broken = list(_not_finite(model))
    if not broken:
        return ZooError(f"{origin} itself answers with NaN or infinity", why=which, fix=otherwise)
    named = "; ".join(broken[:_NAMED]) + ("; …" if len(broken) > _NAMED else "")
    return ZooError(
        f"{origin} itself answers with NaN or infinity: {len(broken)} of its tensors of weights "
        f"hold{'s' * (len(broken) == 1)} them",
        why=f"{named}. So {which}",
        fix="take weights from before the training diverged, or train it anew: no input makes up "
        "for these",
    )


def _not_finite(model: Any) -> Iterator[str]:
    """Each tensor of weights, and each constant, that is not finite, NaN first."""
    found = []
    for name, values in _constants(model):
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            broken, lost = int(np.isnan(values).sum()), int((~np.isfinite(values)).sum())
            kind = "NaN" if broken == lost else "infinite" if not broken else "NaN or infinite"
            told = f"{name}: {lost:,} of {values.size:,} number{'s' * (values.size > 1)} {kind}"
            found.append((not broken, told))
    return (told for _, told in sorted(found, key=lambda one: one[0]))


def _constants(model: Any) -> Iterator[tuple[str, Any]]:
    """Weights, and arrays that operations were called with, with the names of their layers."""
    from keras import tree

    for layer in leaves(model):
        for weight in layer.weights:
            yield f"{weight.name} of the layer {layer.name!r}", np.asarray(weight.value)
    for operation in getattr(model, "operations", ()):
        for node in operation._inbound_nodes:
            for value in tree.flatten((node.arguments.args, node.arguments.kwargs)):
                if isinstance(value, float | np.ndarray | np.floating):
                    yield f"a constant of {operation.name!r}", np.asarray(value)

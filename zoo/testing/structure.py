"""Checks of a network as it is built: size, shape, the name of the head."""

from __future__ import annotations

import math
from typing import Any

from zoo.common.errors import ZooError
from zoo.common.optional_imports import require
from zoo.networks.backbones import backbone_network
from zoo.networks.building import (
    HEAD,
    build_network,
    count_parameters,
    raw_model,
    variable_names,
)
from zoo.networks.logits import check_logits
from zoo.networks.multiply_adds import count_multiply_adds
from zoo.testing.candidate import CheckedNetwork
from zoo.testing.verdict import Finding, NotTried

_SHOWN = 3
#: Why what concerns heads is left out.
NO_HEAD = "its output does not depend on the classes, so there is no head to replace"
#: An example must get the same logits alone and among others, rounding aside.
_BATCH_MAX_ABS = 1e-3


def build(subject: CheckedNetwork) -> Finding:
    """``build()`` returns a network for the record's classes."""
    network = subject.network()
    return Finding(passed=True, measured=f"{len(network.layers)} layers")


def record(subject: CheckedNetwork) -> Finding:
    """Parameters and multiply-adds on the record are those of the network."""
    variant = subject.variant
    network = subject.network()
    parameters, multiply_adds = count_parameters(network), count_multiply_adds(network)
    measured = f"{parameters:,} parameters, {multiply_adds:,} multiply-adds"
    if (parameters, multiply_adds) == (variant.parameters, variant.multiply_adds):
        told = _backbone(subject, network)
        return told or Finding(passed=True, measured=measured)
    return Finding(
        passed=False,
        measured=f"the network has {measured}; the record says {variant.parameters:,} and "
        f"{variant.multiply_adds:,}",
        fix=f"write parameters={parameters:_}, multiply_adds={multiply_adds:_} in the record of "
        f"{variant.name!r}, if the network is what you meant",
    )


def _backbone(subject: CheckedNetwork, network: Any) -> Finding | None:
    """What is wrong with the backbone on the record; None where nothing is, or there is none."""
    import numpy as np

    variant = subject.variant
    if variant.backbone is None:
        return None
    fix = f"correct backbone= in the record of {variant.name!r}, or the names of its layers"
    other = backbone_network(subject.registry, variant, {}, subject.preprocessing)
    own, theirs = variable_names(network), variable_names(other)
    common = [name for name in own if name in theirs and name.split("/")[0] != HEAD]
    unlike = [name for name in common if own[name].shape != theirs[name].shape]
    if unlike or not common:
        told = f"{unlike[0]} has another shape there" if unlike else "no layer is called alike"
        named = variant.backbone.variant
        return Finding(passed=False, measured=f"the backbone is not {named}: {told}", fix=fix)
    for name in common:
        theirs[name].assign(own[name])
    shared = {name.split("/")[0] for name in common}
    last = [layer.name for layer in network.layers if layer.name in shared][-1]
    keras = require("keras")
    inputs = np.random.default_rng(0).normal(size=(1, *subject.preprocessing.network_shape))
    here, there = (
        np.asarray(keras.Model(one.input, one.get_layer(last).output)(inputs, training=False))
        for one in (network, other)
    )
    if here.shape == there.shape and np.allclose(here, there, rtol=1e-3, atol=1e-4):
        return None
    return Finding(
        passed=False,
        measured=f"with the same weights, {last} gives other features than in "
        f"{variant.backbone.variant}",
        fix=fix,
    )


def output(subject: CheckedNetwork) -> Finding:
    """Logits of the record's shape, finite, the same whatever else is in the batch."""
    import numpy as np

    variant = subject.variant
    for classes in (variant.classes, variant.classes + 1):
        network = subject.network(classes)
        try:
            check_logits(network, subject.task)
        except ZooError as error:
            return Finding(passed=False, measured=error.what, fix=error.fix or "")
        inputs = subject.inputs(_SHOWN)
        wanted = variant.outputs_for(classes)
        model = raw_model(network, subject.preprocessing)
        found = arrays_of(model(inputs, training=False))
        shapes = {name: (values.shape, values.dtype.name) for name, values in found.items()}
        if shapes != {n: ((_SHOWN, *shape), "float32") for n, shape in wanted.items()}:
            told = ", ".join(
                f"{dtype} of shape {shape}{' for ' if name else ''}{name}"
                for name, (shape, dtype) in shapes.items()
            )
            return Finding(
                passed=False,
                measured=f"{told} for {_SHOWN} inputs and {classes} classes",
                fix=f"return float32 of shape {_batched(wanted)} from build()",
            )
        together = flat(found)
        if not np.isfinite(together).all():
            return Finding(
                passed=False,
                measured="NaN or infinite logits from random weights",
                fix="look for a division, logarithm or power that overflows in build()",
            )
        each = [flat(arrays_of(model(i[None], training=False))) for i in inputs]
        alone = np.concatenate(each)
        difference = float(np.abs(together - alone).max())
        if difference > _BATCH_MAX_ABS * max(1.0, float(np.abs(together).max())):
            return Finding(
                passed=False,
                measured=f"an example's logits change by {difference:.2g} with its neighbours",
                fix="let no layer mix examples of a batch outside training",
            )
    shape = _batched(variant.outputs_for(variant.classes))
    return Finding(passed=True, measured=f"{shape} float32, finite")


def arrays_of(outputs: Any) -> dict[str, Any]:
    """A model's outputs by name; a single one under an empty name."""
    import numpy as np

    named = outputs if isinstance(outputs, dict) else {"": outputs}
    return {name: np.asarray(values) for name, values in named.items()}


def flat(arrays: dict[str, Any]) -> Any:
    """All values of each example in a row."""
    import numpy as np

    return np.concatenate([values.reshape(len(values), -1) for values in arrays.values()], axis=1)


def _batched(shapes: dict[str, tuple[int, ...]]) -> str:
    told = {name: f"(batch, {', '.join(map(str, shape))})" for name, shape in shapes.items()}
    return ", ".join(f"{name} {shape}".strip() for name, shape in told.items())


def head(subject: CheckedNetwork) -> Finding:
    """The last layer with weights is called ``head`` and alone depends on the classes."""
    if not subject.variant.has_head:
        raise NotTried(NO_HEAD)
    whole = list(reversed(subject.network().layers))
    # What only enlarges a mask may follow.
    behind = next((n for n, one in enumerate(whole) if one.name == HEAD or one.weights), 0)
    last, others = whole[behind], whole[behind + 1 :]
    if last.name != HEAD:
        return Finding(
            passed=False,
            measured=f"the last layer is called {last.name!r}",
            fix=f'name it: layers.Dense(classes, name="{HEAD}"); fine-tuning replaces the layer of '
            "that name when the classes change",
        )
    if not last.weights:
        return Finding(
            passed=False,
            measured=f"the last layer, a {type(last).__name__}, has no weights",
            fix="give the name to the layer whose weights depend on the classes, and put it last",
        )
    wider = build_network(subject.architecture, subject.variant, subject.variant.classes + 1)
    twins = list(reversed(wider.layers))[behind + 1 :]
    changed = [a.name for a, b in zip(others, twins, strict=False) if _sizes(a) != _sizes(b)]
    if changed or len(twins) != len(others):
        return Finding(
            passed=False,
            measured=f"the number of classes also changes {', '.join(changed) or 'other layers'}",
            fix="let no layer but the head depend on the number of classes",
        )
    count = sum(math.prod(weight.shape) for weight in last.weights)
    return Finding(passed=True, measured=f"{type(last).__name__}, {count:,} weights")


def _sizes(layer: Any) -> list[tuple[int, ...]]:
    return [tuple(weight.shape) for weight in layer.weights]

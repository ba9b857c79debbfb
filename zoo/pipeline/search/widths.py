"""Narrower networks: a model's hyper-parameters of width, scaled, and smaller members."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from zoo.common.errors import UsageError
from zoo.contracts import Architecture, Variant
from zoo.networks.checkpoints import Checkpoint
from zoo.pipeline.search.trained import StudentNetwork
from zoo.registry import Registry

#: Factors that are tried unless asked otherwise, the cheapest loss first.
WIDTHS = (0.75, 0.5, 0.25)
#: Counts this large stay multiples of it, as kernels of edge runtimes like them.
_MULTIPLE = 8


def scaled(value: Any, factor: float) -> Any:
    """A hyper-parameter of width times a factor: a real multiplier, a count, or counts.

    Counts stay whole and at least 1; those of 16 and more stay multiples of 8. Zero, which
    switches a layer off, stays zero.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, list, tuple)):
        raise TypeError(f"a width is a number or several, not {value!r}")
    if isinstance(value, (list, tuple)):
        return tuple(scaled(item, factor) for item in value)
    if isinstance(value, float):
        return value * factor
    if value == 0:
        return 0
    exact = value * factor
    multiple = _MULTIPLE if exact >= 2 * _MULTIPLE else 1
    nearest = round(exact / multiple) * multiple
    if nearest > value and factor <= 1:
        nearest -= multiple
    return max(nearest, 1)


def narrower(architecture: Architecture, given: Mapping[str, Any], factor: float) -> dict[str, Any]:
    """The hyper-parameters of width of a network, times a factor.

    Args:
        architecture: Declares which they are.
        given: Those of the network, its variant's among them.
        factor: Such as 0.5.

    Raises:
        UsageError: The family declares none.
    """
    defaults = architecture.defaults()
    names = [n for n in architecture.widths if n in given or n in defaults]
    if not names:
        raise UsageError(
            f"{architecture.name!r} declares no hyper-parameter of width",
            why="only networks that can be made narrower have width variants",
            fix="leave --width out, or have the plugin name them: Architecture(widths=(…))",
        )
    return {name: scaled(given.get(name, defaults.get(name)), factor) for name in names}


def from_elsewhere(model: str) -> UsageError:
    """The error of a width that is asked of a network that no family builds."""
    return UsageError(
        f"{model} comes from elsewhere: there is no narrower form of it to train",
        why="a width is a hyper-parameter of a family that builds its networks; of this one the "
        "graph is all that is known",
        fix="leave --width out; --prune 0.5 makes its download smaller",
    )


def students_of(checkpoint: Checkpoint, factors: Sequence[float]) -> list[StudentNetwork]:
    """Narrower forms of a checkpoint's network, in the order that was asked for.

    Raises:
        UsageError: It has none.
    """
    card = checkpoint.card()
    if factors and card.network is not None:
        raise from_elsewhere(checkpoint.model_id)
    given = {**checkpoint.variant.hyperparameters, **card.hyperparameters}
    return [
        StudentNetwork(
            teacher=checkpoint,
            variant=checkpoint.variant,
            hyperparameters={
                **card.hyperparameters,
                **narrower(checkpoint.architecture, given, factor),
            },
            width=factor,
        )
        for factor in factors
    ]


def default_students(registry: Registry, checkpoint: Checkpoint) -> list[StudentNetwork]:
    """Smaller members of the family that take the same inputs, and narrower forms; large first."""
    architecture, task = checkpoint.architecture, checkpoint.variant.task
    own = architecture.variant(checkpoint.variant.name)
    siblings = [
        StudentNetwork(
            teacher=checkpoint, variant=replace(variant, task=task), hyperparameters={}, width=None
        )
        for variant in architecture.variants
        if _is_smaller(variant, own)
    ]
    siblings.sort(key=lambda student: -student.variant.parameters)
    if not checkpoint.architecture.widths:
        return siblings
    try:
        return [*siblings, *students_of(checkpoint, WIDTHS)]
    except UsageError:
        return siblings


def _is_smaller(variant: Variant, than: Variant) -> bool:
    return (
        variant.task == than.task
        and variant.preprocessing == than.preprocessing
        and variant.multiply_adds < than.multiply_adds
        and variant.parameters < than.parameters
    )

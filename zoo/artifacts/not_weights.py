"""Errors for exported files given in place of weights."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.common.errors import UsageError
from zoo.common.files import sha256_of
from zoo.networks.checkpoints import SUFFIX, Checkpoint, NotAModel, packaged, resolve
from zoo.registry import Registry

if TYPE_CHECKING:
    from zoo.artifacts.artifact import Manifest


@contextmanager
def weights_of_exported_files(registry: Registry, model: str) -> Iterator[None]:
    """Turns the error for an exported file given as model into one that names its weights."""
    try:
        yield
    except NotAModel as error:
        raise exported_file(registry, Path(model)) or error from error


def weights_named(registry: Registry, model: str) -> Checkpoint:
    """The weights that a model id or a path means.

    Raises:
        UsageError: The variant has none; or it is an exported file.
    """
    from zoo.networks.loading import no_weights

    with weights_of_exported_files(registry, model):
        architecture, variant, checkpoint = resolve(registry, model)
    if checkpoint is None:
        raise no_weights(architecture, variant)
    return checkpoint


def exported_file(registry: Registry, path: Path) -> UsageError | None:
    """The error that names an exported file and the weights it came from; None if it is none.

    Raises:
        BadFile: It is named like one, and cannot be read.
    """
    if registry.exporter_for(path) is None or not path.is_file():
        return None
    from zoo.artifacts.artifact import open_artifact

    artifact = open_artifact(registry, path)
    manifest = artifact.manifest
    if manifest is None:
        return UsageError(
            f"{path} is an exported file ({artifact.exporter.name}), not a model",
            why="files are exported and trained from weights; this one has no manifest that says "
            "from which",
            fix="find its weights; `zoo inspect` and `zoo bench` take the file itself",
        )
    return UsageError(
        f"{path} is an exported file, {manifest.model_id} as {manifest.format} in "
        f"{manifest.precision}, not a model",
        why="what a conversion took away cannot be had back: to convert or train it once more "
        "would only add to its errors",
        fix=f"name the weights it came from: {_weights(registry, path, manifest)}",
    )


def _weights(registry: Registry, path: Path, manifest: Manifest) -> str:
    """A model id or a path of exactly these weights; else their file name and hash."""
    beside = path.with_name(manifest.model_id + SUFFIX)
    if beside.is_file() and sha256_of(beside) == manifest.weights_sha256:
        return shlex.quote(str(beside))
    for architecture, variant in registry.variants():
        for tag, file in packaged(architecture, variant).items():
            name = f"{variant.name}.{tag}"
            if name == manifest.model_id and sha256_of(file) == manifest.weights_sha256:
                return name
    return f"{manifest.model_id}{SUFFIX} with the SHA-256 {manifest.weights_sha256[:16]}…"

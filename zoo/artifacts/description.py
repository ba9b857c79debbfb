"""A file, its contents and its manifest as plain data, for ``zoo inspect``."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from pydantic import TypeAdapter

from zoo.artifacts.artifact import Artifact, Manifest
from zoo.common.files import sha256_of, size_with_side_files


def describe(artifact: Artifact) -> dict[str, Any]:
    """The file, its contents and its manifest as a dictionary, for ``zoo inspect``."""
    manifest = artifact.manifest
    return {
        "file": str(artifact.path),
        "format": artifact.exporter.name,
        "bytes": size_with_side_files(artifact.path, artifact.contents.side_files),
        "sha256": sha256_of(artifact.path),
        "altered": artifact.altered,
        "contents": {**asdict(artifact.contents), "integer_share": artifact.contents.integer_share},
        "input": {} if manifest is None else manifest.preprocessing.describe(),
        "manifest": None if manifest is None else _without_blobs(manifest),
    }


def _without_blobs(manifest: Manifest) -> dict[str, Any]:
    """The manifest as a dictionary; arrays by type and shape alone."""
    plain: dict[str, Any] = TypeAdapter(Manifest).dump_python(manifest, mode="json")
    for side in ("inputs", "outputs"):
        packed = (plain["golden"] or {}).get(side) or {}
        for one in [packed] if "data" in packed else packed.values():
            one["data"] = f"{len(one['data'])} characters"
    return plain

"""The exported files of a folder, and whether each passed its gate."""

from __future__ import annotations

from pathlib import Path

from zoo.artifacts.artifact import Artifact, Manifest, open_unaltered, require_manifest
from zoo.artifacts.files_of_folder import files_of_folder
from zoo.common.errors import BadFile, UsageError
from zoo.registry import Registry


def proven_files(
    registry: Registry, folder: Path, *, unproven: bool = False
) -> list[tuple[Artifact, Manifest]]:
    """The exported files in a folder, each as its manifest says.

    Args:
        registry: Knows formats.
        folder: Of a run, an export or a bundle.
        unproven: Whether files that the gate did not judge, or rejected, count too.

    Raises:
        UsageError: There are none, or they are files of several models.
        BadFile: One has no manifest, was altered, or did not pass its gate.
    """
    artifacts = [open_unaltered(registry, path) for path in files_of_folder(registry, folder)]
    found = [(artifact, require_manifest(artifact)) for artifact in artifacts]
    for artifact, manifest in found:
        if not unproven and (manifest.gate is None or not manifest.gate.passed):
            state = "was not judged by the gate" if manifest.gate is None else "did not pass it"
            raise BadFile(
                f"{artifact.path} {state}",
                why="what is published is made of files that passed",
                fix="move it out of the folder, or export it again; "
                "`zoo inspect` shows why it was rejected",
            )
    names = sorted({manifest.model_id for _, manifest in found})
    if len(names) > 1:
        raise UsageError(
            f"{folder} holds files of {len(names)} models: {', '.join(names)}",
            why="a card tells of one",
            fix="name a folder for each",
        )
    return found

"""The files of one model in the order in which they run: one, or several that belong together."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from zoo.artifacts.artifact import (
    Artifact,
    Manifest,
    PartReference,
    open_unaltered,
    require_manifest,
)
from zoo.common.errors import BadFile, UsageError
from zoo.contracts import FileContents
from zoo.registry import Registry

_PART = re.compile(r"[a-z][a-z0-9_-]*")
_BARE_NAME = re.compile(r"[^/\\\0]+")


@dataclass(frozen=True, kw_only=True)
class FileChain:
    """The files of one model.

    Attributes:
        artifacts: In the order in which they run: the first takes examples, each other one what
            the one before gives. Each has a manifest.
    """

    artifacts: tuple[Artifact, ...]

    @property
    def first(self) -> Artifact:
        """The file that takes examples."""
        return self.artifacts[0]

    @property
    def manifest(self) -> Manifest:
        """That of the first file, which says how examples are read."""
        return require_manifest(self.first)

    @property
    def manifests(self) -> tuple[Manifest, ...]:
        """Of all files in their order."""
        return tuple(require_manifest(artifact) for artifact in self.artifacts)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the parts; a model of one file has one without a name."""
        return tuple(manifest.part for manifest in self.manifests)

    @property
    def name(self) -> str:
        """The file's name; of several, one for all (see `name_of_all`)."""
        return name_of_all([artifact.path.name for artifact in self.artifacts], self.names)

    @property
    def contents(self) -> dict[str, FileContents]:
        """What each file holds, by part."""
        return dict(zip(self.names, (a.contents for a in self.artifacts), strict=True))

    def references(self, names: Sequence[str]) -> tuple[PartReference, ...]:
        """What each file's manifest says of all of them, under these file names."""
        if len(self.artifacts) == 1:
            return ()
        return tuple(
            PartReference(part=part, file=name, payload_sha256=artifact.contents.payload_sha256)
            for part, name, artifact in zip(self.names, names, self.artifacts, strict=True)
        )


def name_of_all(files: Sequence[str], parts: Sequence[str]) -> str:
    """``net.int8.{encoder,decoder}.tflite``, as shells take it; the name of a single file."""
    first = files[0]
    if len(files) == 1:
        return first
    before, _, after = first.rpartition(f".{parts[0]}.")
    return f"{before}.{{{','.join(parts)}}}.{after}"


def chain_of(registry: Registry, paths: Sequence[Path]) -> FileChain:
    """The files at these paths, in this order, whatever they say of each other.

    Raises:
        BadFile: One is not there, was altered, or has no manifest.
    """
    artifacts = tuple(open_unaltered(registry, path) for path in paths)
    for artifact in artifacts:
        require_manifest(artifact)
    return FileChain(artifacts=artifacts)


def open_chain(registry: Registry, path: Path) -> FileChain:
    """The model that a file is, or is a part of, with the other files from beside it.

    Raises:
        BadFile: A file is not there, was altered or exchanged, has no manifest, or is of no chain.
    """
    return whole_chain(registry, open_unaltered(registry, path))


def whole_chain(registry: Registry, artifact: Artifact) -> FileChain:
    """`open_chain` for a file that is open."""
    path, manifest = artifact.path, require_manifest(artifact)
    if not manifest.part:
        return FileChain(artifacts=(artifact,))
    found = []
    for reference in own_references(artifact, manifest):
        if reference.part == manifest.part:
            found.append(artifact)
            continue
        found.append(beside(registry, path, manifest, reference))
    return FileChain(artifacts=tuple(found))


def own_references(artifact: Artifact, manifest: Manifest) -> tuple[PartReference, ...]:
    """All parts of the model that a part belongs to, itself among them.

    Raises:
        BadFile: The manifest names none, or not this one; or names that are no names of files.
    """
    own = [reference for reference in manifest.parts if reference.part == manifest.part]
    if len(own) != 1 or own[0].payload_sha256 != manifest.payload_sha256:
        raise BadFile(
            f"{artifact.path} is the {manifest.part} of a model, and does not say of which files",
            why="the gate writes them down once it has judged all of them together",
            fix="export the model again: zoo export MODEL",
        )
    if len({reference.part for reference in manifest.parts}) != len(manifest.parts):
        raise BadFile(f"{artifact.path} names one part twice", fix="export the model again")
    for reference in manifest.parts:
        name = reference.file
        bare = _BARE_NAME.fullmatch(name) and name not in (".", "..")
        if not bare or not _PART.fullmatch(reference.part):
            raise BadFile(
                f"{artifact.path} names a part {reference.part!r} in {name!r}, which is no name "
                "of a file beside it",
                fix="export the model again",
            )
    return manifest.parts


def beside(
    registry: Registry, path: Path, manifest: Manifest, reference: PartReference
) -> Artifact:
    """Another part of the model that a file belongs to.

    Raises:
        BadFile: It is not beside the file, was altered, or is another than the gate judged.
    """
    there = path.with_name(reference.file)
    if not there.exists():
        # In a bundle, each part has a folder of its own.
        there = path.absolute().parent.parent / reference.part / reference.file
    if not there.exists():
        there = path.with_name(reference.file)
        raise BadFile(
            f"{path} is the {manifest.part} of a model whose {reference.part} is not beside it",
            why=f"there is no file {there}",
            fix=f"copy {reference.file} into the same folder: the files work only together",
        )
    artifact = open_unaltered(registry, there)
    own = require_manifest(artifact)
    same = artifact.contents.payload_sha256 == reference.payload_sha256
    if not same or own.part != reference.part or own.parts != manifest.parts:
        raise BadFile(
            f"{there} is not the {reference.part} that belongs to {path}",
            why=f"the model's SHA-256 is {artifact.contents.payload_sha256}, the "
            f"{manifest.part} was judged together with {reference.payload_sha256}"
            if not same
            else "its manifest names other files",
            fix="take both files from one export",
        )
    return artifact


def refuse_part(artifact: Artifact, what: str, fix: str) -> None:
    """Refuses a file that is a part of a model, where only a whole one makes sense.

    Args:
        artifact: The file.
        what: Why a part does not do: ``quality is that of all of them``.
        fix: What to do.

    Raises:
        UsageError: It is one.
    """
    manifest = artifact.manifest
    if manifest is not None and manifest.part:
        raise UsageError(
            f"{artifact.path} is one of several files of a model: {what}",
            why=f"it is the {manifest.part} of {manifest.model_id}",
            fix=fix,
        )

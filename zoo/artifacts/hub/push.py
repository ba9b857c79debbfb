"""Uploads a folder of proven files to a repository of the Hugging Face hub."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.artifacts.artifact import REJECTED
from zoo.artifacts.hub.card import CARD, card_of
from zoo.artifacts.hub.client import changed_meanwhile, client, in_our_words, repository_named
from zoo.artifacts.hub.listing import (
    LISTING,
    FileListing,
    HubFile,
    listing_text,
    read_listing,
    unfit,
)
from zoo.artifacts.hub.proven import proven_files
from zoo.artifacts.signing.listing import FOLDER_SIGNATURE, require_plain
from zoo.common.brief import Brief
from zoo.common.errors import BadFile, UsageError
from zoo.common.files import sha256_of
from zoo.common.optional_imports import require
from zoo.registry import Registry

#: What a run keeps about the machine that it ran on: of use there alone.
_OF_THE_MACHINE = frozenset({"records.json", "report.html"})
#: Where a folder's own README lies in a repository, whose README is the card.
_OWN_README = "README.folder.md"
_LISTED = 8


@dataclass(frozen=True, kw_only=True, repr=False)
class Pushed(Brief):
    """What was uploaded.

    Attributes:
        name: ``hf:owner/name``.
        address: Of the repository.
        commit: Its hash; empty where nothing had to be uploaded.
        files: Paths in the repository that are new.
        replaced: Those that were there with other content.
        left: Those of the folder that were not uploaded: rejected or hidden ones, and reports of
            the machine.
    """

    name: str
    address: str
    commit: str
    files: tuple[str, ...]
    replaced: tuple[str, ...]
    left: tuple[str, ...]


def push(
    registry: Registry,
    folder: str | Path,
    name: str,
    *,
    private: bool = False,
    replace: bool = False,
    unproven: bool = False,
) -> Pushed:
    """Uploads the exported files of a folder, what belongs to them, and a card to a repository.

    One commit holds all, or nothing is changed; what is there with the same content is not sent.

    Args:
        registry: Knows formats and tasks.
        folder: Of a run, an export or a bundle.
        name: ``hf:owner/name``; made where it is not there.
        private: Whether a new repository is seen by its owner alone.
        replace: Whether files that are there with other content are replaced.
        unproven: Whether files that did not pass their gate are uploaded, too.

    Raises:
        UsageError: No such folder or repository, no right, or files there have other content.
        BadFile: A file did not pass its gate, was altered, or its name is none for others.
        DownloadFailed: The hub did not respond.
        MissingExtra: The hub's client is not installed.
    """
    repository = repository_named(name)
    hub = require("huggingface_hub")
    place = Path(folder)
    proven = proven_files(registry, place, unproven=unproven)
    model_id = proven[0][1].model_id
    files, left = _files_of(place)
    card = card_of(registry, proven, name).encode()
    listed = [one for one, _ in files]
    if all(one.path != CARD for one in listed) and not _signed(place):
        digest = hashlib.sha256(card).hexdigest()
        listed.append(HubFile(path=CARD, stored=CARD, sha256=digest, size=len(card)))
    listing = listing_text(FileListing(model_id=model_id, files=listed))
    try:
        read_listing(listing.encode(), str(place))
    except BadFile as error:  # nobody could pull it
        raise BadFile(
            f"{place} cannot be uploaded", why=error.what, fix="rename one, or move it away"
        ) from error
    content: dict[str, Path | bytes] = {one.stored: path for one, path in files}
    content |= {CARD: card, LISTING: listing.encode()}
    api = client()
    with in_our_words(name, "reached"):
        there, parent = _there(api, hub, repository)
    new = [path for path in content if path not in there]
    changed = [path for path in content if path in there and not _same(content[path], there[path])]
    if changed and not replace:
        names = ", ".join(changed[:_LISTED])
        more = f", and {len(changed) - _LISTED} more" if len(changed) > _LISTED else ""
        raise UsageError(
            f"{name} has {len(changed)} of these files with other content: {names}{more}",
            why="what others may use already is replaced only when you say so",
            fix="--replace, or another repository",
        )
    commit, address = "", f"{api.endpoint}/{repository}"
    if new or changed:
        told = f"{model_id}: {len(new)} new files" + (
            f", {len(changed)} replaced: {', '.join(changed[:_LISTED])}" if changed else ""
        )
        operations = [
            hub.CommitOperationAdd(path_in_repo=path, path_or_fileobj=_given(content[path]))
            for path in (*new, *changed)
        ]
        with in_our_words(name, "written"):
            if parent is None:
                api.create_repo(repository, private=private, exist_ok=True)
                others, parent = _there(api, hub, repository)
                if content.keys() & others.keys():
                    raise changed_meanwhile(name)
            made = api.create_commit(
                repository, operations, commit_message=told, parent_commit=parent
            )
        commit = str(made.oid)
    return Pushed(
        name=name,
        address=address,
        commit=commit,
        files=tuple(new),
        replaced=tuple(changed),
        left=tuple(left),
    )


def _files_of(folder: Path) -> tuple[list[tuple[HubFile, Path]], list[str]]:
    """Files that are uploaded, and paths of those that are not.

    Raises:
        BadFile: One is a link, or its name is none for others.
    """
    found, left = [], []
    for path in sorted(folder.rglob("*")):
        if path.is_dir() and not path.is_symlink():
            continue
        inside = path.relative_to(folder).as_posix()
        hidden = any(part.startswith(".") for part in inside.split("/"))
        taken = inside == LISTING or (inside in _OF_THE_MACHINE and not _signed(folder))
        if hidden or taken or inside.endswith(REJECTED):
            left += [inside] if inside != LISTING else []
            continue
        require_plain(path)
        if why := unfit(inside):
            raise BadFile(f"{path} cannot be uploaded", why=why, fix="rename it, or move it away")
        if inside == CARD and path.read_bytes().startswith(b"---\n"):
            continue  # a card of an earlier push, or of `zoo card`: made anew
        stored = _OWN_README if inside == CARD else inside
        size = path.stat().st_size
        one = HubFile(path=inside, stored=stored, sha256=sha256_of(path), size=size)
        found.append((one, path))
    return found, left


def _signed(folder: Path) -> bool:
    """Whether a signature says what the folder holds, which then stays the same."""
    return (folder / FOLDER_SIGNATURE).is_file()


def _there(api: Any, hub: Any, repository: str) -> tuple[Mapping[str, Any], str | None]:
    """What a repository holds, by path, and its last commit; None where there is none."""
    errors = require("huggingface_hub.errors")
    try:
        info = api.model_info(repository, files_metadata=True)
    except errors.RepositoryNotFoundError:
        return {}, None
    return {one.rfilename: one for one in info.siblings or ()}, str(info.sha)


def _same(content: Path | bytes, there: Any) -> bool:
    """Whether a file of the repository has this content: by SHA-256, or by git's own hash."""
    if there.lfs is not None:
        own = hashlib.sha256(content).hexdigest() if isinstance(content, bytes) else ""
        return bool(there.lfs.sha256 == (own or sha256_of(Path(str(content)))))
    data = content if isinstance(content, bytes) else content.read_bytes()
    blob = hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False)
    return bool(there.blob_id == blob.hexdigest())


def _given(content: Path | bytes) -> str | bytes:
    return content if isinstance(content, bytes) else str(content)

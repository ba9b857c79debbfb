"""Datasets and weights in a content store: a listing of names and contents, equal files once."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Literal

from zoo.common.errors import BadData, BadFile, ZooError
from zoo.common.files import cannot_write, is_there, sha256_of, sync, write_text
from zoo.common.paths import cache_folder, expanded
from zoo.common.shown_text import printable
from zoo.contracts.dataset import name_and_argument
from zoo.contracts.moved_inputs import MovedInput
from zoo.data.naming import dataset_name
from zoo.data.opening import dataset_fingerprint, provider_of
from zoo.data.readers.listing import files_stamp, list_files
from zoo.networks.checkpoints import Checkpoint, packaged, resolve
from zoo.pipeline.content_store.known_hashes import KnownHashes
from zoo.pipeline.content_store.store import (
    ContentStore,
    FileContent,
    content_name,
    is_sha256,
    listed_files,
    refuse_more_than_fits,
    stays_inside,
)
from zoo.pipeline.job import Job
from zoo.registry import Registry

#: The name of a folder here whose own could be read as options of a dataset.
_PLAIN: Final = "data"


@dataclass(frozen=True, kw_only=True)
class SentInput:
    """A dataset or weights that are in a content store, as another machine is told of them.

    Attributes:
        kind: ``data`` or ``weights``.
        name: As the recipe has it: ``folder:photos?group=person``, ``my.safetensors``.
        typed: The part of the name that the copy takes the place of.
        listing: SHA-256 of the listing of its files.
        folder: Name of the folder that holds the copy.
        path: Of the dataset or the weights below that folder; empty for the folder itself.
        fingerprint: Of the dataset; empty of weights.
    """

    kind: Literal["data", "weights"]
    name: str
    typed: str
    listing: str
    folder: str
    path: str
    fingerprint: str = ""


def send_inputs(store: ContentStore, job: Job) -> tuple[SentInput, ...]:
    """Copies there what a job reads and another machine may lack.

    Raises:
        ZooError: It cannot be read or stored.
    """
    registry = job.registry
    found = [send_data(store, registry, job.recipe.data)]
    begun = ((job.recipe.model, job.checkpoint), (job.recipe.training.backbone, job.backbone))
    found += [_send_weights(store, name, at) for name, at in begun if name and at is not None]
    return tuple(one for one in found if one is not None)


def send_data(store: ContentStore, registry: Registry, data: str) -> SentInput | None:
    """Copies a dataset's files there; None where they are none of the user's own.

    Raises:
        BadData: They change meanwhile.
        ZooError: They cannot be read or stored.
    """
    provider = provider_of(registry, data)
    name, argument = name_and_argument(data)
    if argument is None:
        return None
    path = argument if is_there(expanded(argument)) else dataset_name(registry, data).path
    if provider.root is not None:
        root = provider.root(argument)
    else:
        takes_path = (provider.argument or "").startswith("PATH")
        root = expanded(path) if takes_path and is_there(expanded(path)) else None
    if root is None:
        return None
    fingerprint = dataset_fingerprint(registry, data)
    root = Path(os.path.realpath(root))
    listing = list_files(str(root), None)
    files = {file.path: listing.root / file.path for file in listing.files}
    sent = _send_files(store, root, files)
    if dataset_fingerprint(registry, data) != fingerprint:
        raise BadData(
            f"{data} changed while it was sent",
            why="its files are not those that the run began with",
            fix="leave the data alone during a run; start the run again",
        )
    below = Path(os.path.realpath(expanded(path))).relative_to(listing.root).as_posix()
    return SentInput(
        kind="data",
        name=data,
        typed=f"{name}:{path}",
        listing=sent,
        folder=_folder_name(root.name) if root.is_dir() else _PLAIN,
        path="" if below == "." else below,
        fingerprint=fingerprint,
    )


def send_model(store: ContentStore, registry: Registry, model: str) -> SentInput | None:
    """Copies weights there, with their card; None of those that come with the package, or of none.

    Raises:
        ZooError: They cannot be found, read or stored.
    """
    _, _, checkpoint = resolve(registry, model)
    return None if checkpoint is None else _send_weights(store, model, checkpoint)


def _send_weights(store: ContentStore, name: str, checkpoint: Checkpoint) -> SentInput | None:
    if checkpoint.path in packaged(checkpoint.architecture, checkpoint.variant).values():
        return None
    files = {path.name: path for path in (checkpoint.path, checkpoint.card_path)}
    return SentInput(
        kind="weights",
        name=name,
        typed=name,
        listing=_send_files(store, checkpoint.path, files),
        folder="weights",
        path=checkpoint.path.name,
    )


def _send_files(store: ContentStore, place: Path, files: Mapping[str, Path]) -> str:
    """Returns the SHA-256 of the listing; files that are there already are not read again."""
    for name, path in files.items():
        if not stays_inside(name):
            raise BadData(
                f"{printable(ascii(os.fspath(path)))} cannot be sent to workers",
                why="they could take its name for a place outside the folder",
                fix="rename it",
            )
    known = KnownHashes(place)
    found, text = _listed(known.of(files, read=False))
    if store.place.size(_record(found)) is None:
        # What a store lacks may be what it was found to hold damaged: known hashes do not count.
        listed = known.of(files, read=True)
        found, text = _listed(listed)
        for name, content in listed.items():
            store.send_file(files[name], content)
        store.write_record(_record(found), text)
    return found


def _listed(files: Mapping[str, FileContent]) -> tuple[str, str]:
    """SHA-256 and text of a listing."""
    text = json.dumps({"files": {n: asdict(content) for n, content in files.items()}}, indent=1)
    return content_name(text), text


def fetch_inputs(store: ContentStore, sent: Sequence[SentInput]) -> tuple[MovedInput, ...]:
    """Brings inputs into this machine's cache; quick where they are there.

    Raises:
        BadFile: One is damaged there, or its listing names files outside its folder.
        ZooError: It cannot be read there, or written here.
    """
    return tuple(_fetch(store, one, cache_folder() / "inputs") for one in sent)


def _fetch(store: ContentStore, sent: SentInput, folder: Path) -> MovedInput:
    for name in filter(None, (sent.folder, sent.path)):
        if not stays_inside(name) or "/" in sent.folder:
            raise BadFile(
                f"{printable(sent.name)} was sent with a place outside its folder",
                why=printable(ascii(name)),
                fix="use an asker of the same version; and give no stranger rights in the store",
            )
    own = folder / content_name(f"{sent.listing} {sent.folder}")[:32]
    place = own / sent.folder
    stamped = own / "arrived.txt"
    arrived = _stamp(place)
    if not arrived or arrived != _text(stamped):
        files = _listing(store, sent)
        if not _is_whole(place, files):
            try:
                _bring(store, files, own, place)
            except BadFile:
                store.place.remove(_record(sent.listing))
                raise
        arrived = _stamp(place)
        write_text(stamped, arrived)
    here = str(place / sent.path if sent.path else place)
    if sent.kind == "data":
        here = f"{name_and_argument(sent.name)[0]}:{here}"
    return MovedInput(
        name=sent.name,
        typed=sent.typed,
        place=here,
        folder=str(place),
        arrived=arrived,
        fingerprint=sent.fingerprint,
    )


def _listing(store: ContentStore, sent: SentInput) -> dict[str, FileContent]:
    name = _record(sent.listing)
    text = store.read_record(name)
    if text is None:
        raise BadFile(
            f"the store {store.shown} lacks {printable(sent.name)}",
            why=f"{name} is missing",
            fix="type the command again: what is missing is sent anew",
        )
    try:
        if content_name(text) != sent.listing:
            raise ValueError("it differs from its SHA-256")
        found = json.loads(text)["files"]
        return listed_files({**found})
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise store.damaged(name, str(error)) from error


def _bring(store: ContentStore, files: Mapping[str, FileContent], own: Path, place: Path) -> None:
    """Fills a new folder beside, and gives it its name when every file of it is there."""
    refuse_more_than_fits(own, files)
    partial = own / f".part-{secrets.token_hex(4)}"
    try:
        (partial / place.name).mkdir(parents=True)
        for name, file in files.items():
            store.fetch_file(file, partial / place.name / name)
        for path in partial.rglob("*"):
            sync(path)
        if place.exists():  # of files that changed since they arrived
            place.rename(partial / "before")
        (partial / place.name).rename(place)
    except OSError as error:
        if not _is_whole(place, files):  # else another process brought it first
            raise cannot_write(own, error) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _is_whole(place: Path, files: Mapping[str, FileContent]) -> bool:
    """Whether the folder holds these files, as their SHA-256 say, and no other."""
    try:
        there = {file.path for file in list_files(str(place), None).files}
        return there == set(files) and all(
            (place / name).stat().st_size == file.bytes and sha256_of(place / name) == file.sha256
            for name, file in files.items()
        )
    except (OSError, ZooError):
        return False


def _stamp(place: Path) -> str:
    try:
        return files_stamp(place)
    except (OSError, ZooError):
        return ""


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _record(listing: str) -> str:
    if not is_sha256(listing):
        raise BadFile(f"{printable(ascii(listing))} is no SHA-256 of a listing")
    return f"inputs/{listing}.json"


def _folder_name(name: str) -> str:
    """The folder's own, which messages show, unless it could be read as a dataset's options."""
    return name if re.fullmatch(r"[\w][\w. -]{0,99}", name) else _PLAIN

"""Finished steps in a content store: their files by content, their sealed record last."""

from __future__ import annotations

import re
import shutil

from zoo.common.errors import BadFile
from zoo.common.files import cannot_write
from zoo.pipeline.content_store.store import ContentStore, listed_files, refuse_more_than_fits
from zoo.pipeline.step_cache import RECORD, StepCache, read_sealed

_KEY = re.compile("[0-9a-zA-Z_-]{8,128}")


def has_step(store: ContentStore, key: str) -> bool:
    """Whether a finished step is there."""
    return store.place.size(_name(key)) is not None


def send_step(store: ContentStore, cache: StepCache, key: str) -> None:
    """Copies a finished step there; what another machine sees of it is nothing, or all.

    Raises:
        BadFile: The entry of the cache is damaged.
        LookupError: The cache has none.
        ZooError: It cannot be stored.
    """
    if cache.load(key) is None:
        raise LookupError(f"the cache has no step {key}")
    folder = cache.folder / key
    text = (folder / RECORD).read_text(encoding="utf-8")
    try:
        files = listed_files(read_sealed(text)[1])
    except ValueError as error:
        raise BadFile(f"the step {key[:16]} cannot be sent to others", why=str(error)) from error
    for name, file in files.items():
        store.send_file(folder / name, file)
    store.write_record(_name(key), text)


def fetch_step(store: ContentStore, cache: StepCache, key: str) -> bool:
    """Brings a finished step into the cache, unless it is there.

    Returns:
        Whether it is in the cache now.

    Raises:
        BadFile: It is damaged there, and was removed, so that it is sent anew.
        ZooError: It cannot be read there, or written here.
    """
    try:
        if cache.load(key) is not None:
            return True
    except BadFile:
        cache.remove(key)  # made anew by what arrives
    text = store.read_record(_name(key))
    if text is None:
        return False
    try:
        record, named = read_sealed(text)
        files = listed_files(named)
        if record.key != key and record.status != "failed":
            raise ValueError(f"it is the record of {record.key[:16]}")
    except ValueError as error:
        raise store.damaged(_name(key), str(error)) from error
    refuse_more_than_fits(cache.folder, files)
    try:
        partial = cache.begin(key)
    except OSError as error:
        raise cannot_write(cache.folder, error) from error
    try:
        for name, file in files.items():
            store.fetch_file(file, partial / name)
        cache.commit(partial, key, record)
    except FileExistsError:
        pass  # another process brought it first
    except BadFile:
        store.place.remove(_name(key))
        raise
    except OSError as error:
        raise cannot_write(cache.folder, error) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return True


def _name(key: str) -> str:
    if not _KEY.fullmatch(key):
        raise ValueError(f"{key!r} is not the key of a step")
    return f"steps/{key}.json"

"""The format of an exported file, by its suffix and its first bytes."""

from __future__ import annotations

import shlex
from pathlib import Path

from zoo.common.errors import BadFile
from zoo.common.files import open_file
from zoo.contracts import Exporter
from zoo.registry import Registry


def find_exporter(registry: Registry, path: Path) -> Exporter:
    """The exporter of a file: by suffix, confirmed by its first bytes."""
    try:
        exists = path.exists()
    except OSError as error:  # a folder on the way is closed, or the name is too long
        raise BadFile(f"{path} cannot be read", why=error.strerror) from error
    foreign = [source for source in registry.sources if source.recognises(str(path))]
    if not exists and not any(source.named for source in foreign):
        from zoo.networks.checkpoints import missing_file

        raise missing_file(registry, path)
    if path.is_dir() and not foreign:
        raise BadFile(f"{path} is a folder", fix="name a file in it")
    exporter = registry.exporter_for(path)
    if exporter is None:
        if foreign:
            raise BadFile(
                f"{path} is a network from elsewhere, not an exported file with a manifest",
                fix=f"export it first: zoo export {shlex.quote(str(path))} --data DATASET",
            )
        known = ", ".join(e.suffix for e in registry.exporters)
        raise BadFile(f"{path} has no suffix of a known format", fix=f"known: {known}")
    try:
        with open_file(path) as file:
            head = file.read(16)
    except OSError as error:
        raise BadFile(f"{path} cannot be read", why=error.strerror) from error
    if not exporter.recognises(head):
        like = [e.name for e in registry.exporters if e.recognises(head)]
        raise BadFile(
            f"{path} is not what its suffix says",
            why=f"its first bytes are not those of {exporter.name}"
            + (f"; they look like {like[0]}" if like else "" if head else "; it is empty"),
            fix="check where it came from; export it again",
        )
    return exporter

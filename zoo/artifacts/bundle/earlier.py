"""The bundle that a new one takes the place of: nothing else may be lost with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from zoo.artifacts.signing.listing import FOLDER_SIGNATURE
from zoo.common.errors import BadFile, UsageError
from zoo.common.files import read_file, sha256_of

CHECKSUMS = "SHA256SUMS"
METADATA = "metadata.json"
_MOST = 64 << 20
_SHOWN = 3


def refuse_loss(folder: Path, model_id: str) -> None:
    """Refuses a folder that is no bundle, is of another model, or in which somebody worked.

    Args:
        folder: Where a bundle shall be; may be missing or empty.
        model_id: Of the new bundle.

    Raises:
        UsageError: Something there would be lost.
    """
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    facts = _facts_in(folder)
    if facts is None or not (folder / CHECKSUMS).is_file():
        raise UsageError(
            f"{folder} is there already, and is no bundle", fix="choose another with --output"
        )
    there = str(facts.get("model_id", ""))
    if there != model_id:
        raise UsageError(
            f"{folder} is a bundle of {there}",
            why=f"that of {model_id} would replace it",
            fix="choose another folder with --output, or remove this one",
        )
    if own := _not_ours(folder):
        shown = ", ".join(own[:_SHOWN]) + (f" and {len(own) - _SHOWN} more" * (len(own) > _SHOWN))
        raise UsageError(
            f"{folder} holds what was added or changed since it was made: {shown}",
            why="a new bundle takes the place of the whole folder",
            fix="move these files away, or choose another folder with --output",
        )


def _facts_in(folder: Path) -> dict[str, Any] | None:
    """What the metadata of a bundle says of its model; None where there is none."""
    try:
        facts = json.loads(read_file(folder / METADATA, _MOST))["model"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return facts if isinstance(facts, dict) else None


def listed_files(folder: Path) -> dict[str, str]:
    """SHA-256 of each file of a bundle, by its name, as the checksums say; empty without them."""
    try:
        lines = read_file(folder / CHECKSUMS, _MOST).decode("utf-8").splitlines()
    except (OSError, ValueError):
        return {}
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}


def _not_ours(folder: Path) -> list[str]:
    """Files that the checksums do not list, or list with another content."""
    listed, found = listed_files(folder), []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        made_by_python = "__pycache__" in path.parts
        if path.is_dir() or made_by_python or name in (CHECKSUMS, FOLDER_SIGNATURE):
            continue
        if name not in listed or _digest(path) != listed[name]:
            found.append(name)
    return found


def _digest(path: Path) -> str:
    try:
        return sha256_of(path)
    except BadFile:
        return ""

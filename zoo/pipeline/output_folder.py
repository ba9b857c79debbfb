"""The folder that a run fills: nothing of other data is replaced, and nothing is without a note."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path

from zoo.artifacts.artifact import REJECTED
from zoo.common.errors import BadFile, UsageError
from zoo.common.files import copy_with_side_files, open_file, sha256_of
from zoo.networks.card import read_card

RECIPE = "recipe.toml"


def refuse_other_data(folder: Path, model_id: str, data: str) -> None:
    """Refuses a shared folder where files of the same names were made from other data.

    Model ids end with the last part of the data's path, so those of two projects can be the same.

    Args:
        folder: Where files of several runs lie side by side.
        model_id: Of the network whose files shall be written.
        data: What it is made from, as in a recipe.

    Raises:
        UsageError: The recipe, or the card, of what lies there names other data.
    """
    earlier = _data_of(folder, model_id)
    if earlier is None or _place(earlier) == _place(data):
        return
    raise UsageError(
        f"{folder} holds files of {model_id} that were made from {earlier}",
        why=f"those of {data} would have the same names and replace them",
        fix="choose another folder with --output, or move these files away",
    )


def publish(folder: Path, sources: Iterable[Path], files: Sequence[Path]) -> list[str]:
    """Copies what a run made into its folder.

    Args:
        folder: The run's.
        sources: What it made, in the cache.
        files: The exported files in `folder`; the opposite of one, rejected or not, is removed.

    Returns:
        A sentence for each file that was replaced or removed.

    Raises:
        ZooError: The folder cannot be written, or the disk is full.
    """
    notes = []
    for source in sources:
        target = folder / source.name
        if target.is_file():
            if sha256_of(target) == sha256_of(source):
                continue
            notes.append(f"{target} was there with other content, and was replaced")
        copy_with_side_files(source, target)
    for file in files:
        name = file.name
        rejected = name.endswith(REJECTED)
        other = file.with_name(name.removesuffix(REJECTED) if rejected else f"{name}{REJECTED}")
        if other.exists():
            other.unlink()
            state = "was rejected" if rejected else "passed"
            notes.append(f"{other} was removed: the file that was made now {state}")
    return notes


def _data_of(folder: Path, model_id: str) -> str | None:
    try:
        with open_file(folder / f"{model_id}.{RECIPE}") as file:
            return str(tomllib.load(file)["data"])
    except (OSError, ValueError, KeyError):
        pass
    try:
        return read_card(folder / f"{model_id}.toml").dataset
    except BadFile:
        return None


def _place(data: str) -> str:
    """A dataset without its options; a path as the same string from wherever it is named."""
    name, _, argument = data.partition(":")
    path = argument.rpartition("?")[0] or argument
    if not path:
        return name
    resolved = Path(path).expanduser().resolve()
    return f"{name}:{resolved if resolved.exists() else path.rstrip('/')}"

"""The folder that a run fills: nothing of other data is replaced, and nothing is without a note."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import tomli_w

from zoo.artifacts.artifact import REJECTED
from zoo.common.errors import BadFile, UsageError
from zoo.common.files import copy_with_side_files, read_file, sha256_of, write_text
from zoo.common.paths import expanded
from zoo.data.naming import DatasetName, dataset_name
from zoo.networks.card import read_card
from zoo.pipeline.recipe import Recipe
from zoo.registry import Registry

RECIPE = "recipe.toml"
#: Begins the line of a recipe that says where its data are, whatever the current folder is.
_PLACE = "# data, seen from this folder: "
#: Bytes of the longest recipe that is looked at.
_MOST = 4 << 20


def write_recipe(registry: Registry, path: Path, recipe: Recipe) -> None:
    """Writes a recipe, and above it where its data are, seen from the recipe's folder.

    A relative path of the data says something to whoever knows the current folder alone. This line
    says it to a later run that would write files of the same names.
    """
    place = dataset_name(registry, recipe.data).seen_from(path.parent)
    # Who follows it later may do so elsewhere.
    values = recipe.model_dump(mode="json", exclude_none=True, exclude={"executor"})
    write_text(
        path, f"{_PLACE}{str(place).encode('unicode_escape').decode()}\n{tomli_w.dumps(values)}"
    )


def refuse_other_data(
    registry: Registry, folder: Path, model_id: str, data: str, content: Callable[[], str]
) -> None:
    """Refuses a shared folder where files of the same names were made from other data.

    Model ids end with the last part of the data's path, so those of two projects can be the same.

    Args:
        registry: Knows what options of datasets mean.
        folder: Where files of several runs lie side by side.
        model_id: Of the network whose files shall be written.
        data: What it is made from, as in a recipe.
        content: Returns the hash of that data's content; called only where nothing else tells
            whether files of an earlier version were made from the same.

    Raises:
        UsageError: The recipe, or the card, of what lies there names other data.
    """
    named = _named(folder, model_id)
    if named is None:
        return
    earlier, place = named
    now = dataset_name(registry, data).resolved(Path.cwd())
    if place:
        before: DatasetName | None = dataset_name(registry, place).resolved(folder.resolve())
    else:
        before = _place_by_name(registry, folder, earlier)
    if before == now:
        return
    if before is None and _content_of(folder, model_id) == content():
        return
    told = str(before) if before is not None and earlier == data else earlier
    elsewhere = "" if before is not None else " in another folder, perhaps"
    raise UsageError(
        f"{folder} holds files of {model_id} that were made from {told}{elsewhere}",
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


def _named(folder: Path, model_id: str) -> tuple[str, str] | None:
    """The data's name on the recipe or card of a model, and its place; None where there is none."""
    try:
        text = read_file(folder / f"{model_id}.{RECIPE}", _MOST).decode("utf-8")
        first = text.partition("\n")[0]
        place = first.removeprefix(_PLACE) if first.startswith(_PLACE) else ""
        return str(tomllib.loads(text)["data"]), place.encode("ascii").decode("unicode_escape")
    except (OSError, ValueError, KeyError, RecursionError):
        pass
    try:
        return read_card(folder / f"{model_id}.toml").dataset, ""
    except BadFile:
        return None


def _place_by_name(registry: Registry, folder: Path, data: str) -> DatasetName | None:
    """Of files that do not say it; None where the current folder need not be that of their run."""
    name, here = dataset_name(registry, data), Path.cwd()
    found = name.resolved(here)
    begins_here = folder.resolve().is_relative_to(here.resolve())
    relative = not expanded(name.path).is_absolute() and Path(found.path).is_absolute()
    return found if begins_here or not relative else None


def _content_of(folder: Path, model_id: str) -> str:
    try:
        return read_card(folder / f"{model_id}.toml").dataset_hash
    except BadFile:
        return ""

"""The folder of a preset, read as data: what its network is, and that nothing leads out of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.common.errors import BadFile, Unsupported, UsageError
from zoo.common.files import no_folder, read_file
from zoo.networks.sources.files import begin_of

from ..keras_files.opening import HDF5, refuse_links
from .references import BACKBONE, MOST_TEXT, TASK

_CONVERTER, _PREPROCESSOR = "image_converter.json", "preprocessor.json"
WEIGHTS, TASK_WEIGHTS, _SHARDS = "model.weights.h5", "task.weights.h5", "model.weights.json"
#: Packages whose classes may be named: of keras-hub under its earlier name, too.
_PACKAGES = ("keras", "keras_hub", "keras_nlp")
_SAVED = "name a folder that keras-hub saved: model.save_to_preset('folder')"
EXPORT = (
    "save it as a SavedModel where it was made, and ship that: "
    "model.export('net', format='tf_saved_model')"
)
#: Ends of names of tasks that give their answers in many steps, each with the one before.
_GENERATING = ("CausalLM", "Seq2SeqLM", "TextToImage", "ImageToImage", "Inpaint", "AudioToText")
_DEPTH = 200


@dataclass(frozen=True, kw_only=True)
class PresetFolder:
    """A folder whose files were checked.

    Attributes:
        folder: Its path.
        task: keras-hub's class of its task: ``ResNetImageClassifier``; empty of a backbone alone.
        backbone: keras-hub's class of its backbone.
        converter: Configuration of its ImageConverter; None for none.
    """

    folder: Path
    task: str
    backbone: str
    converter: dict[str, Any] | None


def read_preset(folder: Path, *, weights: bool = True) -> PresetFolder:
    """Reads the descriptions in a folder, and checks its weights without loading them.

    Args:
        folder: Of the preset.
        weights: Whether its weights will be loaded.

    Raises:
        UsageError: No such folder, or it holds classes of somebody's own.
        BadFile: It is no preset, or a file of it is damaged or missing.
        Unsupported: Its network generates step by step, or is another library's.
    """
    if problem := no_folder(folder):
        raise UsageError(problem, fix="check the path: keras-hub:FOLDER names a folder")
    backbone = _description(folder, BACKBONE)
    if backbone is None:
        tokens = (folder / "tokenizer.json").is_file()
        raise BadFile(
            f"{folder} is no preset of keras-hub with a network",
            why=f"it holds a tokenizer, and no {BACKBONE}" if tokens else f"it has no {BACKBONE}",
            fix=_SAVED,
        )
    _refuse_others(folder, backbone)
    task = _description(folder, TASK)
    for name, description in ((BACKBONE, backbone), (TASK, task)):
        if description is not None:
            _check_classes(description, folder / name)
    kind = "" if task is None else str(task["class_name"])
    if kind.endswith(_GENERATING):
        raise Unsupported(
            f"{folder} holds a {kind}, which generates step by step",
            why="only networks that answer each input by one computation become files",
            fix="bring a classifier of keras-hub, or export one step of it: " + EXPORT,
        )
    if weights:
        _check_weights(folder, task is not None)
    return PresetFolder(
        folder=folder,
        task=kind,
        backbone=str(backbone["class_name"]),
        converter=_converter(folder, task),
    )


def _refuse_others(folder: Path, config: dict[str, Any]) -> None:
    """Refuses folders of other libraries, whose descriptions have the same name."""
    if isinstance(config.get("class_name"), str) and "registered_name" in config:
        return
    other = "timm" if "architecture" in config else "Transformers" if "model_type" in config else ""
    raise BadFile(
        f"{folder} is no preset of keras-hub",
        why=f"its {BACKBONE} is of {other}, in its own format"
        if other
        else f"its {BACKBONE} does not name a class of a network",
        fix="where keras-hub is installed, open it there and save it: "
        "model.save_to_preset('folder')"
        + ("; or open it by timm's name: timm:NAME?weights=FILE" if other == "timm" else ""),
    )


def _description(folder: Path, name: str) -> dict[str, Any] | None:
    """A file of JSON; None if it is not there."""
    path = folder / name
    if not path.exists():
        return None
    inside(folder, name)
    try:
        found = json.loads(read_file(path, MOST_TEXT))
    except OSError as error:
        raise BadFile(f"{path} cannot be read", why=error.strerror) from error
    except (ValueError, RecursionError) as error:
        raise BadFile(
            f"{path} is truncated or damaged",
            why="it is not JSON",
            fix="copy the whole folder again, or save it anew",
        ) from error
    if not isinstance(found, dict):
        raise BadFile(f"{path} describes no network", why="it is not a JSON object", fix=_SAVED)
    return found


def inside(folder: Path, name: str) -> Path:
    """A file of a preset; links may lead to the store of the hub's cache, and nowhere else.

    Raises:
        BadFile: It is elsewhere.
    """
    root, path = folder.resolve(), (folder / name).resolve()
    blobs = root.parents[1] / "blobs" if root.parent.name == "snapshots" else root
    if path.is_relative_to(root) or path.is_relative_to(blobs):
        return folder / name
    raise BadFile(
        f"{folder} is refused: its {name} lies outside, at {path}",
        why="a preset may not open other files of this machine",
        fix=f"copy the file into {folder}, if it belongs there",
    )


def _check_classes(config: dict[str, Any], path: Path) -> None:
    """Refuses what names classes that neither Keras nor keras-hub has."""
    for node in named_classes(config, path):
        name, module, own = (node.get(k) for k in ("class_name", "module", "registered_name"))
        of_python = name == "function" and module == "builtins"
        package = own.rpartition(">")[0] if isinstance(own, str) else ""
        known = (package in ("", *_PACKAGES)) and (
            module is None or str(module).split(".")[0] in _PACKAGES
        )
        if not known and not of_python:
            raise UsageError(
                f"{path} names {own or name!r} of {module!r}, which keras-hub does not have",
                why="what it computes is defined in its author's program, and opening the preset "
                "would run that",
                fix=EXPORT,
            )


def named_classes(config: dict[str, Any], path: Path) -> Iterator[dict[str, Any]]:
    """Everything in a description that names a class; what prepares inputs is left out.

    Raises:
        BadFile: It is nested too deeply.
    """
    waiting: list[tuple[Any, int]] = [(without_preprocessor(config), 0)]
    while waiting:
        value, depth = waiting.pop()
        if depth > _DEPTH:
            raise BadFile(f"{path} describes no network", why="it is nested too deeply")
        if isinstance(value, dict):
            if isinstance(value.get("class_name"), str):
                yield value
            waiting.extend((part, depth + 1) for part in value.values())
        elif isinstance(value, list):
            waiting.extend((part, depth + 1) for part in value)


def without_preprocessor(config: dict[str, Any]) -> dict[str, Any]:
    """The description of a task without what prepares its inputs, which is never made."""
    inner = config.get("config")
    if not isinstance(inner, dict):
        return config
    return {**config, "config": {k: v for k, v in inner.items() if k != "preprocessor"}}


def _check_weights(folder: Path, task: bool) -> None:
    names = [TASK_WEIGHTS] if task and (folder / TASK_WEIGHTS).exists() else []
    if (folder / WEIGHTS).exists():
        names.append(WEIGHTS)
    else:
        shards = _description(folder, _SHARDS)
        if shards is None:
            raise BadFile(
                f"{folder} has no weights",
                why=f"neither {WEIGHTS} nor {_SHARDS} is there",
                fix="copy the whole folder again; for tries without them: "
                f"keras-hub:{folder}?weights=random",
            )
        names += _shards(shards, folder / _SHARDS)
    for name in names:
        path = inside(folder, name)
        if begin_of(path, len(HDF5)) != HDF5:
            raise BadFile(
                f"{path} is not a file of weights",
                why="it is not in the format HDF5",
                fix="copy the whole folder again, or save it anew",
            )
        refuse_broken(path)


def _shards(listed: dict[str, Any], path: Path) -> list[str]:
    """The files of weights that are in several, each in the folder itself."""
    places = listed.get("weight_map")
    found = [
        name
        for one in (places.values() if isinstance(places, dict) else ())
        for name in (one if isinstance(one, list) else [one])
    ]
    if not found or not all(isinstance(name, str) for name in found):
        raise BadFile(f"{path} does not say where the weights are", fix="copy the folder again")
    for name in found:
        if Path(name).name != name:
            raise BadFile(
                f"{path} is refused: it names {name!r}",
                why="the weights of a preset lie in its own folder",
                fix="save it anew: model.save_to_preset('folder')",
            )
    return sorted(set(found))


def refuse_broken(path: Path) -> None:
    """Refuses weights that cannot be read, or lie in other files."""
    try:
        refuse_links(path, path)
    except BadFile:
        raise
    # h5py raises OSError, KeyError, RuntimeError and others where bytes are missing or changed.
    except Exception as error:
        raise BadFile(
            f"{path} is truncated or damaged",
            why=str(error).partition("\n")[0],
            fix="copy the whole folder again, or save it anew",
        ) from error


def _converter(folder: Path, task: dict[str, Any] | None) -> dict[str, Any] | None:
    """The configuration of the ImageConverter, from the file of it, or what holds it."""
    own = _description(folder, _CONVERTER)
    if own is None:
        whole = _description(folder, _PREPROCESSOR)
        if whole is None and task is not None:
            whole = _part(task, "preprocessor")
        own = None if whole is None else _part(whole, "image_converter")
    inner = None if own is None else own.get("config")
    return inner if isinstance(inner, dict) else None


def _part(config: dict[str, Any], name: str) -> dict[str, Any] | None:
    inner = config.get("config")
    part = inner.get(name) if isinstance(inner, dict) else None
    return part if isinstance(part, dict) else None

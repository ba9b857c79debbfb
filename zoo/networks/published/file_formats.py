"""Reader of foreign weights files; yields tensors and executes nothing."""

from __future__ import annotations

import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.common.errors import BadFile, UsageError, first_line
from zoo.common.optional_imports import require

if TYPE_CHECKING:
    from numpy.typing import NDArray

TORCH_SUFFIXES = (".pth", ".pt", ".bin")
KERAS_SUFFIXES = (".h5",)
SUFFIXES = (".safetensors", *TORCH_SUFFIXES, *KERAS_SUFFIXES)
#: Under what training programs keep the tensors, beside their own notes.
_WRAPPERS = ("state_dict", "model_state_dict", "model")
_PARALLEL = "module."
#: The part of a long message that names the class requested by a file.
_COMPLAINT = re.compile(r"(?i)\bunsupported (?:(?!\. Please|\n).)+")


def read_checkpoint_file(
    path: Path, application: str = "", options: Mapping[str, Any] | None = None
) -> dict[str, NDArray[Any]]:
    """All tensors of a weights file as numpy arrays, by the file's names.

    Args:
        path: ``.safetensors``; a PyTorch checkpoint (``.pth``, ``.pt``, ``.bin``); or ``.h5`` of
            `keras.applications`.
        application: Of an ``.h5`` file, the network's name in `keras.applications`.
        options: What that network is made with.

    Raises:
        BadFile: Truncated, or it holds something other than tensors.
        MissingExtra: PyTorch is not installed.
    """
    suffix = path.suffix.lower()
    if suffix == ".safetensors":
        from zoo.networks.weights import read_tensors

        return read_tensors(path)
    if suffix in TORCH_SUFFIXES:
        return _read_torch(path)
    if suffix in KERAS_SUFFIXES:
        return _read_keras(path, application, options or {})
    raise UsageError(
        f"{path.name} is not a weights file", fix=f"its name must end in {', '.join(SUFFIXES)}"
    )


def _read_torch(path: Path) -> dict[str, NDArray[Any]]:
    torch = require("torch")
    try:
        # Only tensors: a full unpickler runs any code that a file contains.
        loaded = torch.load(str(path), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        # PyTorch's own words advise to switch this protection off.
        found = _COMPLAINT.search(str(error))
        if found:
            raise BadFile(
                f"{path} is refused: it holds more than tensors",
                why=found.group().removesuffix("."),
                fix="ask its author for a safetensors file, or for the plain state_dict()",
            ) from error
        raise BadFile(f"{path} is truncated, or no PyTorch checkpoint") from error
    # PyTorch's reader is C++ and Python in turns: a damaged file is one of many errors.
    except (RuntimeError, OSError, EOFError, ValueError, LookupError, TypeError) as error:
        raise BadFile(
            f"{path} is truncated, or no PyTorch checkpoint",
            why=first_line(error),
        ) from error
    return {
        name: tensor.detach().to(torch.float32 if tensor.is_floating_point() else None).numpy()
        for name, tensor in _state(loaded, torch, path).items()
    }


def _state(loaded: Any, torch: Any, path: Path) -> dict[str, Any]:
    for key in _WRAPPERS:
        if isinstance(loaded, dict) and isinstance(loaded.get(key), dict):
            loaded = loaded[key]
    if not isinstance(loaded, dict) or not loaded:
        raise BadFile(f"{path} holds no state_dict", why=f"it holds a {type(loaded).__name__}")
    strange = [str(name) for name, value in loaded.items() if not torch.is_tensor(value)]
    if strange:
        raise BadFile(
            f"{path} holds more than tensors",
            why=f"{', '.join(strange[:6])} {'are' if len(strange) > 1 else 'is'} none",
        )
    if all(name.startswith(_PARALLEL) for name in loaded):
        return {name.removeprefix(_PARALLEL): value for name, value in loaded.items()}
    return dict(loaded)


def _read_keras(
    path: Path, application: str, options: Mapping[str, Any]
) -> dict[str, NDArray[Any]]:
    applications = require("keras.applications")
    build = getattr(applications, application, None) if application.isidentifier() else None
    if build is None:
        raise UsageError(
            f"{path.name} cannot be read: its network is not known",
            why="an .h5 file counts tensors by the layers of its network",
            fix="convert it to safetensors",
        )
    network = build(weights=None, **options)
    try:
        # Keras knows which of its own files name tensors in which of its old ways.
        network.load_weights(str(path))
    except (ValueError, OSError, KeyError, AttributeError, TypeError) as error:
        raise BadFile(
            f"{path} is not a weights file of keras.applications.{application}",
            why=first_line(error),
        ) from error
    return {
        f"{layer.name}/{variable.name}": variable.numpy()
        for layer in network.layers
        for variable in layer.weights
    }

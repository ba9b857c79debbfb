"""Modules that a user's Python file makes, and their weights."""

from __future__ import annotations

import difflib
import importlib.util
import inspect
import pickle
import re
import sys
import traceback
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch

from .refusal import RefusedError, first_line

#: Packages of layers whose weights are integers.
_QUANTIZED = ("torch.ao.nn.quantized", "torch.ao.nn.intrinsic.quantized", "torchao.")
#: Keys that training programs keep weights under.
_INSIDE = ("state_dict", "model_state_dict", "model", "module")
#: What wrappers put before the names of weights: DataParallel, torch.compile.
_WRAPPERS = ("module.", "_orig_mod.")
_GLOBAL = re.compile(r"GLOBAL ([\w.]+)")
_SHOWN = 5
#: What importing torchvision ends in where it was made for another build of PyTorch.
_OTHER_BUILD = "operator torchvision::"


def built_module(request: dict[str, Any]) -> Any:
    """What a function of a file returns, with weights from another file.

    Args:
        request: ``file``, ``function`` and ``weights`` (a path, or None).

    Raises:
        RefusedError: The file, the function or the weights cannot be used.
    """
    file, function = Path(request["file"]), request["function"]
    try:
        module = _called(file, function)
    except RefusedError as error:
        if _OTHER_BUILD not in error.sentences["why"]:
            raise
        without_compiled_operators()
        module = _called(file, function)
    while isinstance(inner := _wrapped(module), torch.nn.Module):
        module = inner
    _check_tensors(module, f"{file.name}:{function}")
    if request["weights"]:
        load_weights(module, Path(request["weights"]))
    # Files hold numbers of 32 bits: those of 16 and 64 become such.
    return module.float()


def _wrapped(module: Any) -> Any:
    """What torch.compile or DataParallel wrap; None where they do not."""
    if isinstance(module, torch.nn.DataParallel):
        return module.module
    return getattr(module, "_orig_mod", None)


def _check_tensors(module: Any, name: str) -> None:
    """Refuses weights that are integers already, or on no processor."""
    for layer, one in module.named_modules():
        if type(one).__module__.startswith(_QUANTIZED):
            raise RefusedError(
                f"{name} is quantized already",
                why=f"its layer {layer!r} is a {type(one).__qualname__}",
                fix="return the network as it was before: the zoo quantizes it",
                kind="Unsupported",
            )
    for key, tensor in [*module.named_parameters(), *module.named_buffers()]:
        if tensor.device.type != "cpu":
            raise RefusedError(
                f"{name}: {key} is on the device {str(tensor.device)!r}",
                why="networks are run on the processor here"
                if tensor.device.type != "meta"
                else "weights there have shapes and no numbers",
                fix="make the module on the processor: without .to(…) and torch.device(…)",
                kind="UsageError",
            )


def without_compiled_operators() -> None:
    """Lets torchvision be imported where its compiled operators are of another build of PyTorch.

    They are those of detectors; without their names the import ends in an error.
    """
    for name in ("nms", "qnms"):
        try:
            import torchvision  # noqa: F401
        except RuntimeError:
            signature = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
            torch.library.define(f"torchvision::{name}", signature)


def _called(path: Path, name: str) -> Any:
    found = _imported(path)
    function = getattr(found, name, None)
    if isinstance(function, torch.nn.Module):
        return function
    if not callable(function):
        own = [
            key
            for key, value in vars(found).items()
            if callable(value) and getattr(value, "__module__", "") == found.__name__
        ]
        near = difflib.get_close_matches(name, own, n=3) or own
        raise RefusedError(
            f"{path.name} has no function {name!r}",
            why="it has " + (", ".join(own) or "none"),
            fix=f"name one that returns the module: {path.name}:{near[0] if near else 'build'}",
            kind="UsageError",
        )
    try:
        needed = [
            one.name
            for one in inspect.signature(function).parameters.values()
            if one.default is one.empty and one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)
        ]
    except (TypeError, ValueError):
        needed = []
    if needed:
        raise RefusedError(
            f"{path.name}: {name} needs arguments: {', '.join(needed)}",
            why="it is called without any",
            fix=f"give them defaults, or add a function: def network(): return {name}(…)",
            kind="UsageError",
        )
    try:
        made = function()
    except (Exception, SystemExit) as error:
        raise _raised(path, error, f"{name}()") from error
    if not isinstance(made, torch.nn.Module):
        raise RefusedError(
            f"{path.name}: {name}() returns no torch.nn.Module",
            why=f"it returns {type(made).__name__}",
            fix="return the module itself, with its layers",
            kind="UsageError",
        )
    return made


def _imported(path: Path) -> Any:
    # Behind all others, so that no file beside it stands in for a module of a library.
    sys.path.append(str(path.parent))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise RefusedError(
            f"{path.name} is no Python file", why="its name ends otherwise", fix="name it NAME.py"
        )
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(path.stem, module)
    try:
        spec.loader.exec_module(module)
    except ModuleNotFoundError as error:
        raise RefusedError(
            f"{path.name} imports {error.name!r}, which is not in PyTorch's environment",
            why="it runs there, and not where the zoo is installed",
            fix=f"write the network without it, or install it there: {sys.executable} -m pip "
            "install PACKAGE",
            kind="UsageError",
        ) from error
    except SyntaxError as error:
        raise RefusedError(
            f"{path.name} is no Python of this version",
            why=f"line {error.lineno}: {error.msg}",
            fix=f"check it: {sys.executable} {path.name}",
        ) from error
    except (Exception, SystemExit) as error:
        raise _raised(path, error, "it") from error
    return module


def _raised(path: Path, error: BaseException, what: str) -> RefusedError:
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename) == path]
    place = f", line {own[-1].lineno}" if own else ""
    return RefusedError(
        f"{path.name}{place}: {what} raises {type(error).__name__}",
        why=first_line(error),
        fix="correct it there: it is your code, which runs in PyTorch's environment",
        kind="UsageError",
    )


def load_weights(module: Any, path: Path) -> None:
    """Loads all weights of a module from a state dict; nothing is unpickled but tensors.

    Raises:
        RefusedError: It is none, or of another network.
    """
    own = module.state_dict()
    found = state_of(path, own)
    missing = [key for key in own if key not in found and not key.endswith("num_batches_tracked")]
    more = [key for key in found if key not in own]
    other = [key for key in own if key in found and own[key].shape != found[key].shape]
    if missing or more or other:
        parts = [
            *([f"it lacks {_listed(missing)}"] if missing else []),
            *([f"the network has no {_listed(more)}"] if more else []),
            *(
                f"{key} has shape {tuple(found[key].shape)}, and {tuple(own[key].shape)} is needed"
                for key in other[:1]
            ),
        ]
        raise RefusedError(
            f"{path.name} are not the weights of this network",
            why="; ".join(parts),
            fix="name the weights that were saved of it: torch.save(module.state_dict(), "
            "'weights.pth')",
        )
    module.load_state_dict(found, strict=False)


def state_of(path: Path, own: Iterable[str] = ()) -> dict[str, Any]:
    """The tensors of a file of weights by name; nothing is unpickled but tensors.

    Args:
        path: A state dict, or a checkpoint with one in it.
        own: The network's names. What wrappers put before all of them is left out.

    Raises:
        RefusedError: It is none.
    """
    found = _safetensors(path) if path.suffix.lower() == ".safetensors" else _state_dict(path)
    while found and found.keys().isdisjoint(own):
        prefix = next((one for one in _WRAPPERS if all(key.startswith(one) for key in found)), "")
        if not prefix:
            break
        found = {key.removeprefix(prefix): value for key, value in found.items()}
    return found


def _listed(keys: list[str]) -> str:
    more = f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
    return ", ".join(keys[:_SHOWN]) + more


def _safetensors(path: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    try:
        return dict(load_file(str(path)))
    # Its errors have no common class but this.
    except Exception as error:
        raise RefusedError(
            f"{path.name} is no safetensors file, or is damaged",
            why=first_line(error),
            fix="save it anew: safetensors.torch.save_file(module.state_dict(), 'weights."
            "safetensors')",
        ) from error


def _state_dict(path: Path) -> dict[str, Any]:
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    # UnpicklingError where it holds more than tensors; others where it is damaged.
    except Exception as error:
        why, load = first_line(error), "torch.load('FILE', weights_only=False)"
        if "TorchScript" in why:
            why, load = "it is a TorchScript archive", "torch.jit.load('FILE')"
        elif isinstance(error, pickle.UnpicklingError) and (kind := _GLOBAL.search(str(error))):
            why = f"it holds a pickled {kind[1]}, and opening that would run code"
        raise RefusedError(
            f"{path.name} holds more than weights, or is damaged",
            why=why,
            fix=f"where it was made: torch.save({load}.state_dict(), 'weights.pth')",
        ) from error
    for key in _INSIDE:
        if isinstance(found, Mapping) and isinstance(found.get(key), Mapping):
            found = found[key]
    if not isinstance(found, Mapping) or not all(
        isinstance(value, torch.Tensor) for value in found.values()
    ):
        raise RefusedError(
            f"{path.name} holds no state dict",
            why=f"it holds {type(found).__name__}",
            fix="torch.save(module.state_dict(), 'weights.pth')",
        )
    return dict(found)


def first_channels(module: Any) -> int | None:
    """Channels of images that a module takes: of its first layer, if that is a convolution."""
    for layer in module.modules():
        inner = next(layer.children(), None) is not None
        if not inner and next(layer.parameters(recurse=False), None) is not None:
            return layer.in_channels if isinstance(layer, torch.nn.Conv2d) else None
    return None

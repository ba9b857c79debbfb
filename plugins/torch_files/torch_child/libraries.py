"""Networks of timm and torchvision by name; these libraries download nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from .modules import load_weights, state_of, without_compiled_operators
from .refusal import RefusedError, first_line

LIBRARIES = ("timm", "torchvision")
_LONGEST = 400
#: Families of torchvision that are built for one size, and how that is called there.
_SIZED = {"vit_": "image_size", "maxvit_": "input_size"}
#: Networks that have outputs at their side while they are trained.
_WITH_SIDES = ("googlenet", "inception_v3")


def library_module(request: dict[str, Any]) -> tuple[Any, int]:
    """A network of a library, and how many outputs it has.

    Args:
        request: ``kind`` (the library), ``name``, ``weights`` (a path; None for random ones),
            ``published`` (whether the library knows that file), ``size`` of images, ``resized``
            (whether that is another than usual) and ``classes`` (of other than a user's weights).

    Raises:
        RefusedError: It cannot be made, or the weights are another network's.
    """
    without_compiled_operators()
    make = {"timm": _of_timm, "torchvision": _of_torchvision}[request["kind"]]
    module = make(request).eval()
    return module, _outputs(module, request)


def _of_timm(request: dict[str, Any]) -> Any:
    import timm
    from timm.models import _builder

    name, classes = request["name"], request["classes"]
    if request["weights"] is None:
        with _refusing(request):
            return _sized_timm(request, pretrained=False, num_classes=classes)
    state = state_of(Path(request["weights"]))
    if not request["published"]:
        classes = _classes_of(timm.models.get_pretrained_cfg(name).classifier, state) or classes
    load = _builder.load_pretrained

    def onto_nothing(model: Any, *args: Any, **kwargs: Any) -> None:
        # Some families take files that lack weights, which would stay random.
        _clear(model)
        load(model, *args, **kwargs)

    _builder.load_pretrained = onto_nothing
    # Its own loading renames tensors of older files.
    config = {"state_dict": state, "num_classes": classes, "custom_load": False}
    with _refusing(request):
        module = _sized_timm(
            request, pretrained=True, pretrained_cfg_overlay=config, num_classes=classes
        )
    _check_loaded(module, request)
    return module


def _sized_timm(request: dict[str, Any], **arguments: Any) -> Any:
    """A network of timm for a size; families that take any have no argument for it."""
    import timm

    if request["resized"]:
        try:
            return timm.create_model(request["name"], img_size=request["size"], **arguments)
        except TypeError as error:
            if "img_size" not in str(error):
                raise
    return timm.create_model(request["name"], **arguments)


def _of_torchvision(request: dict[str, Any]) -> Any:
    from torchvision import models

    name, _, tag = request["name"].partition(".")
    build = models.get_model_builder(name)
    sized: dict[str, Any] = {}
    for family, argument in _SIZED.items():
        if request["resized"] and name.startswith(family):
            side = request["size"]
            sized = {argument: side if argument == "image_size" else (side, side)}
    if request["weights"] is None:
        with _refusing(request):
            return build(weights=None, num_classes=request["classes"], **sized)
    path = Path(request["weights"])
    state = state_of(path)
    if request["published"]:
        # It builds some networks otherwise for the weights that it publishes.
        chosen = models.get_model_weights(name)[tag]
        type(chosen).get_state_dict = lambda *_, **__: state
        with _refusing(request):
            return build(weights=chosen, **sized)
    if name in _WITH_SIDES:
        sized["aux_logits"] = any(key.lower().startswith("aux") for key in state)
        sized["init_weights"] = False  # which takes long, and these are replaced
    with _refusing(request):
        module = build(weights=None, **sized)
        classes = _classes_of(_last_layer(module), state)
        if classes is not None:
            module = build(weights=None, num_classes=classes, **sized)
    load_weights(module, path)
    return module


def _last_layer(module: Any) -> str:
    """The name of the layer that answers; others stand behind it that are for training alone."""
    kinds = (torch.nn.Linear, torch.nn.Conv2d)
    names: list[str] = [name for name, layer in module.named_modules() if isinstance(layer, kinds)]
    return [name for name in names if not name.lower().startswith("aux")][-1]


def _classes_of(heads: Any, state: dict[str, Any]) -> int | None:
    """The classes that weights were trained for, by the layers that answer; None if not there."""
    for head in [heads] if isinstance(heads, str) else heads or ():
        if f"{head}.weight" in state:
            return len(state[f"{head}.weight"])
    return None


def _clear(module: Any) -> None:
    for tensor in module.state_dict().values():
        if tensor.is_floating_point():
            tensor.fill_(float("nan"))


def _check_loaded(module: Any, request: dict[str, Any]) -> None:
    for name, tensor in module.state_dict().items():
        if tensor.is_floating_point() and bool(tensor.isnan().any()):
            raise _refused(request, f"it has nothing for {name}")


def _outputs(module: Any, request: dict[str, Any]) -> int:
    """How many numbers it answers for an image."""
    with _refusing(request), torch.inference_mode():
        found = module(torch.zeros((2, 3, request["size"], request["size"])))
    if not isinstance(found, torch.Tensor) or found.ndim != 2:
        several = not isinstance(found, torch.Tensor)
        raise RefusedError(
            f"{_name(request)} is no image classifier",
            why="it has several outputs" if several else f"its output is {tuple(found.shape)}",
            fix=f'`zoo list "{request["kind"]}:*"` lists the classifiers',
            kind="UsageError",
        )
    return int(found.shape[1])


@contextmanager
def _refusing(request: dict[str, Any]) -> Iterator[None]:
    """What a library raises, as a reason to refuse the weights or the size."""
    try:
        yield
    # Whatever it raises where keys, shapes or sizes do not fit.
    except Exception as error:
        lines = [" ".join(line.split()) for line in str(error).splitlines() if line.strip()]
        raise _refused(request, " ".join(lines[1:])[:_LONGEST] or first_line(error)) from error


def _refused(request: dict[str, Any], why: str) -> RefusedError:
    if request["weights"] is None or request["resized"]:
        side = request["size"]
        return RefusedError(
            f"{_name(request)} cannot be made for images of {side}×{side}",
            why=why,
            fix="name another size, or leave it out",
            kind="UsageError",
        )
    return RefusedError(
        f"{Path(request['weights']).name} are not the weights of {_name(request)}",
        why=why,
        fix="name those that were saved of it: torch.save(module.state_dict(), 'weights.pth')",
    )


def _name(request: dict[str, Any]) -> str:
    return f"{request['kind']}:{request['name']}"

"""The network that this program holds: opened, exported as a SavedModel, and asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from zoo.networks.building import leaves

from ...torch_files.torch_child.refusal import RefusedError, refuse_large
from .building import built, keras_and_hub, of_description
from .weights import load_weights


class PresetNetwork:
    """One network.

    Args:
        folder: Where arrays and files are exchanged.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._model: Any = None

    def serve(self, request: dict[str, Any]) -> dict[str, Any]:
        """Does what a request says."""
        commands = {"open": self._open, "answer": self._answer}
        return commands[request["command"]](request)

    def _open(self, request: dict[str, Any]) -> dict[str, Any]:
        """Opens a preset, and writes a SavedModel of it into the folder ``file`` names.

        Args:
            request: ``title``; ``folder`` of the preset, or ``architecture`` of timm without one;
                ``random``, ``classes`` and ``size`` (None for those of the preset), and
                ``parameters`` that the library states; 0 where nothing is to be compared.

        Returns:
            ``version`` of keras-hub.
        """
        keras, hub = keras_and_hub()
        keras.utils.set_random_seed(0)
        title = request["title"]
        if request["folder"] is None:
            model = built(request)
        else:
            folder = Path(request["folder"])
            model = of_description(folder, request["classes"], title)
            if not request["random"]:
                load_weights(model, folder, title)
        _check(model, request)
        self._model = model
        model.export(str(self._folder / request["file"]), format="tf_saved_model", verbose=False)
        return {"version": hub.__version__}

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Its outputs for the arrays of a file, into another; both in the order of their names."""
        with np.load(self._folder / request["inputs"], allow_pickle=False) as file:
            given = [file[name] for name in file.files]
        model = self._model
        if isinstance(model.input, dict):
            fed: Any = dict(zip(sorted(model.input), given, strict=True))
        else:
            fed = given if isinstance(model.input, list | tuple) else given[0]
        made = model(fed, training=False)
        if not isinstance(made, dict):
            several = made if isinstance(made, list | tuple) else [made]
            made = {f"output_{number}": one for number, one in enumerate(several)}
        arrays = [np.asarray(made[name], np.float32) for name in sorted(made)]
        np.savez(self._folder / request["outputs"], *arrays)
        return {}


def _check(model: Any, request: dict[str, Any]) -> None:
    """Refuses networks that hold integers, are too large, or are not what was named."""
    title = request["title"]
    quantized = [one.name for one in leaves(model) if getattr(one, "quantization_mode", None)]
    if quantized:
        raise RefusedError(
            f"{title} is quantized already: its layer {quantized[0]!r} holds integers",
            why="what quantization took away cannot be had back",
            fix="name the preset from before it was quantized",
            kind="Unsupported",
        )
    refuse_large(title, 4 * model.count_params())
    stated = request["parameters"]
    counts = [one.count_params() for one in (model, getattr(model, "backbone", model))]
    if stated and stated not in counts:
        raise RefusedError(
            f"{request['folder']} is not the preset {title}",
            why=f"its backbone has {counts[1]:,} parameters, and keras-hub states {stated:,}",
            fix="name the folder of that preset; one of your own is brought by its folder alone: "
            f"keras-hub:{request['folder']}",
        )

"""The network that this program holds: opened, exported, and asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils import _pytree as nesting

from .archives import opened_archive
from .exporting import exported, refuse_training, write_onnx
from .libraries import LIBRARIES, library_module
from .modules import built_module, first_channels
from .refusal import refuse_large


class Network:
    """One network.

    Args:
        folder: Where arrays and files are exchanged.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._module: Any = None
        self._program: Any = None
        self._name = ""

    def serve(self, request: dict[str, Any]) -> dict[str, Any]:
        """Does what a request says."""
        commands = {"open": self._open, "convert": self._convert, "answer": self._answer}
        return commands[request["command"]](request)

    def _open(self, request: dict[str, Any]) -> dict[str, Any]:
        """Opens what is named.

        Returns:
            ``channels``: of images, where sizes are free and the first layer tells; None where it
            does not; ``outputs``: of a library's network; ``torch``: the version that opened it.
        """
        kind = request["kind"]
        self._name = request.get("title") or Path(request["file"]).name
        self._program = None
        torch.manual_seed(0)
        outputs = 0
        if kind in LIBRARIES:
            module, outputs = library_module(request)
        elif kind == "archive":
            self._program = opened_archive(Path(request["file"]))
            module = self._program.module(check_guards=False)
        else:
            module = built_module(request).eval()
        self._module = module
        tensors = [*module.parameters(), *module.buffers()]
        count = sum(one.numel() * one.element_size() for one in tensors)
        refuse_large(self._name, count)
        return {
            "fixed": self._program is not None,
            "channels": first_channels(module),
            "outputs": outputs,
            "torch": torch.__version__,
        }

    def _convert(self, request: dict[str, Any]) -> dict[str, Any]:
        """Writes an ONNX file of it into the folder; ``shape``: of one input, as it takes it.

        Returns:
            ``torch``: the version that wrote it.
        """
        program = self._program
        if program is None:
            program = exported(self._module, tuple(request["shape"]), self._name)
        refuse_training(program, self._name)
        write_onnx(program, self._folder / request["file"], self._name)
        return {"torch": torch.__version__}

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Its outputs for the arrays of a file, by PyTorch, into another."""
        with np.load(self._folder / request["inputs"], allow_pickle=False) as file:
            given = [torch.from_numpy(file[name]) for name in file.files]
        args, kwargs = (given, {}) if self._program is None else _nested(self._program, given)
        with torch.inference_mode():
            made = nesting.tree_leaves(self._module(*args, **kwargs))
        tensors = [one for one in made if isinstance(one, torch.Tensor)]
        arrays = [one.detach().to(torch.float32).numpy() for one in tensors]
        np.savez(self._folder / request["outputs"], *arrays)
        return {}


def _nested(program: Any, tensors: list[Any]) -> Any:
    """Arguments of a program's module, by place and by name, nested as it was exported with them.

    Args:
        program: An exported program.
        tensors: Its inputs in their order; they get the types that it takes.
    """
    types = {
        node.name: node.meta["val"].dtype
        for node in program.graph.find_nodes(op="placeholder")
        if isinstance(node.meta.get("val"), torch.Tensor)
    }
    waiting = iter(tensors)
    leaves = []
    for spec in program.graph_signature.input_specs:
        if spec.kind == torch.export.graph_signature.InputKind.USER_INPUT:
            dtype = types.get(spec.arg.name)
            # What is no tensor is held in the program.
            leaves.append(spec.arg.value if dtype is None else next(waiting).to(dtype))
    return nesting.tree_unflatten(leaves, program.call_spec.in_spec)

"""Networks of timm and torchvision, built in PyTorch's environment; PyTorch answers for them."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.common.errors import Unsupported, UsageError
from zoo.common.files import no_file
from zoo.contracts import ForeignTensor
from zoo.networks.sources.files import begin_of

from ..imagenet import imagenet_classes
from ..torch_files.opening import converted, opened_by
from ..torch_files.process import TorchProcess
from .references import NameReference, parse
from .references import weights_file as file_of
from .weights import is_published

if TYPE_CHECKING:
    from numpy.typing import NDArray

_IMAGENET_CLASSES = 1000
_NOTE = "its weights are random, as asked for: it answers no better than chance until it is trained"


class NamedTorchNetwork:
    """A network of a library in PyTorch's process; its ONNX file is only made for its layers."""

    in_half = False

    def __init__(
        self, found: NameReference, process: TorchProcess, outputs: int, version: str
    ) -> None:
        self._process, self._size, self._title = process, found.size, found.title
        side = found.size
        self.inputs = (ForeignTensor(name="input", dtype="float32", shape=(None, side, side, 3)),)
        self.outputs = (ForeignTensor(name="output", dtype="float32", shape=(None, outputs)),)
        self.stated = found.network.stated
        named = outputs == _IMAGENET_CLASSES and is_published(found)
        self.classes = imagenet_classes() if named else ()
        random = (_NOTE,) if found.random else ()
        self.notes = (opened_by(version), *random, *found.network.otherwise)

    def with_shape(self, shape: tuple[int, ...]) -> NamedTorchNetwork:
        """Itself: its size is fixed by its name."""
        return self

    @cached_property
    def model(self) -> Any:
        """The network as a `keras.Model`, by way of an ONNX file."""
        return converted(self._process, self._title, (3, self._size, self._size)).model

    def answers(self, batch: NDArray[Any]) -> NDArray[Any]:
        """Its outputs, as float32, computed by PyTorch in eval mode."""
        (found,) = self._process.answers(
            np.ascontiguousarray(batch.transpose(0, 3, 1, 2), np.float32)
        )
        return found


def open_network(reference: str) -> NamedTorchNetwork:
    """Builds a network and loads its weights; it is random only where that was asked for.

    Raises:
        BadFile: The file of weights is none, or another network's.
        UsageError: There is no such file, or PyTorch's environment is not there.
    """
    found, file = parse(reference), file_of(reference)
    if problem := no_file(file):
        raise UsageError(problem, fix="check the path behind weights=")
    if not found.random:
        begin_of(file, 1)
    if file.suffix.lower() not in (".safetensors", ".pth", ".pt", ".bin", ".txt"):
        raise Unsupported(
            f"the published weights of {found.network.reference} are no file of PyTorch",
            why=f"they are {file.name}, of another framework",
            fix="convert them with the library, and name them: ?weights=FILE.safetensors",
        )
    process = TorchProcess(found.title)
    told = process.ask("open", "opened", **_request(found, file))
    return NamedTorchNetwork(found, process, int(told["outputs"]), str(told["torch"]))


def _request(found: NameReference, file: Path) -> dict[str, Any]:
    network = found.network
    return {
        "kind": network.library,
        "name": network.name,
        "title": found.title,
        "weights": None if found.random else str(file.absolute()),
        "published": is_published(found),
        "size": found.size,
        "resized": found.size != network.size,
        "classes": found.classes or network.classes,
    }

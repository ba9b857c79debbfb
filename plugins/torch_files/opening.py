"""Networks of PyTorch: exported as ONNX files by PyTorch, which also answers for them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.common.errors import UsageError
from zoo.common.files import no_file
from zoo.contracts import ForeignTensor, OpenedNetwork
from zoo.networks.sources.files import begin_of

from ..onnx_files.opening import OnnxNetwork
from ..onnx_files.reading import checked_model
from .checkpoints import check_archive, refuse_checkpoint
from .environment import required_python
from .process import TorchProcess
from .references import PYTHON, REFUSED, TorchReference, functions_in, parse, title

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FILE = "network.onnx"


class ModuleNetwork:
    """A module of a Python file whose first layer is a convolution, before its size is known."""

    in_half = False
    stated = ""
    classes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __init__(self, process: TorchProcess, channels: int, origin: str) -> None:
        self._process, self._origin = process, origin
        self.inputs = (
            ForeignTensor(name="input", dtype="float32", shape=(None, None, None, channels)),
        )
        self.outputs = (ForeignTensor(name="output", dtype="float32", shape=(None, None)),)

    def with_shape(self, shape: tuple[int, ...]) -> OpenedNetwork:
        """The network for images of one (height, width, channels)."""
        *size, channels = shape
        return converted(self._process, self._origin, (channels, *size))

    @property
    def model(self) -> Any:
        """Not before its size is known."""
        raise self._sizeless()

    def answers(self, batch: NDArray[Any]) -> NDArray[Any]:
        """Not before its size is known."""
        raise self._sizeless()

    @property
    def as_given(self) -> OpenedNetwork:
        """Not before its size is known."""
        raise UsageError(
            f"{self._origin} has no size yet",
            fix="say it, as PyTorch has it, without the batch: …?shape=3x224x224",
        )

    def _sizeless(self) -> UsageError:
        return UsageError(f"{self._origin} has no size yet", fix="say it: --input 224x224")


def open_network(reference: str) -> OpenedNetwork:
    """Opens a reference.

    Raises:
        ZooError: PyTorch's environment is not there, or the network cannot be used.
    """
    check_reference(reference)
    found, origin = parse(reference), title(reference)
    files = [path for path in (found.file, found.weights) if path is not None]
    process, told = TorchProcess.holding(_request(found, origin), files, origin)
    if told["fixed"] or found.shape is not None:
        return converted(process, origin, found.shape)
    if told["channels"] is None:
        raise UsageError(
            f"what {origin} takes is not in it: its first layer is no convolution of images",
            why="PyTorch's modules do not say the shape of their inputs",
            fix="say it, as PyTorch has it, without the batch: "
            f"{found.file}:{found.function}?shape=1x28x28"
            + (f"&weights={found.weights}" if found.weights else ""),
        )
    return ModuleNetwork(process, told["channels"], origin)


def check_reference(reference: str) -> None:
    """Refuses what no process of PyTorch needs to be asked for.

    Raises:
        ZooError: A file is not here or holds no network, or PyTorch's environment is not there.
    """
    found = parse(reference)
    for path in (found.file, found.weights):
        if path is not None and (problem := no_file(path)):
            raise UsageError(problem, fix="check the path")
    if found.file.suffix.lower() == PYTHON and not found.function:
        known = functions_in(found.file)
        raise UsageError(
            f"{found.file} is a Python file, and no function of it is named that makes the network",
            why=f"it has {', '.join(known[:10]) or 'none that could'}",
            fix=f"name one that returns the module: {found.file}:{known[0] if known else 'build'}",
        )
    if found.file.suffix.lower() in REFUSED:
        raise refuse_checkpoint(found.file)
    if not found.function:
        check_archive(found.file)
    elif found.weights is not None:
        begin_of(found.weights, 1)
    required_python()


def _request(found: TorchReference, origin: str) -> dict[str, Any]:
    file, weights = found.file.absolute(), found.weights
    if not found.function:
        return {"kind": "archive", "file": str(file), "title": origin}
    return {
        "kind": "module",
        "title": origin,
        "file": str(file),
        "function": found.function,
        "weights": None if weights is None else str(weights.absolute()),
    }


def opened_by(version: str) -> str:
    """The note of which PyTorch answers for a network."""
    return f"opened by PyTorch {version}, whose answers are the reference"


def converted(process: TorchProcess, origin: str, shape: tuple[int, ...] | None) -> OnnxNetwork:
    """The network that a process holds, by way of an ONNX file; PyTorch answers for it.

    Args:
        process: It opened the network.
        origin: Names it in messages.
        shape: Of one input, as PyTorch takes it; None of a program, whose shape is in it.
    """
    told = process.ask("convert", "exported", file=_FILE, shape=shape)
    path = Path(process.folder / _FILE)
    model = checked_model(path, origin)
    path.unlink()
    return OnnxNetwork(model, origin, process.answers, (opened_by(told["torch"]),))

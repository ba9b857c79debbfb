"""Presets of keras-hub, opened in a process of it: a SavedModel comes back, and it answers."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.contracts import ForeignTensor

from ..imagenet import imagenet_classes
from ..tflite_files.saved_model import GivenSavedNetwork, SavedNetwork, open_saved_model
from ..tflite_files.saved_model_steps import SavedSteps
from .environment import required_packages
from .image_converter import stated
from .preset_folder import PresetFolder, read_preset
from .process import KerasHubProcess
from .references import PresetReference, fetch_preset, parse

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FILE = "network"
_IMAGENET_CLASSES = 1000
_RANDOM = (
    "its weights are random, as asked for: it answers no better than chance until it is trained"
)


class HubNetwork:
    """A network in keras-hub's process, and a SavedModel that this process wrote of it.

    Args:
        saved: The SavedModel.
        process: Answers for it.
        words: What the preset says of its input.
        classes: Names of its outputs.
        notes: A sentence each.
    """

    def __init__(
        self,
        saved: SavedNetwork,
        process: KerasHubProcess,
        words: str = "",
        classes: tuple[str, ...] = (),
        notes: tuple[str, ...] = (),
    ) -> None:
        self._saved, self._process = saved, process
        self.stated, self.classes, self.notes = words, classes, notes
        self.in_half = False

    @property
    def inputs(self) -> tuple[ForeignTensor, ...]:
        """What it takes."""
        return self._saved.inputs

    @property
    def outputs(self) -> tuple[ForeignTensor, ...]:
        """What it gives."""
        return self._saved.outputs

    @cached_property
    def model(self) -> Any:
        """The network as a `keras.Model`."""
        return self._saved.model

    def with_shape(self, shape: tuple[int, ...]) -> HubNetwork:
        """The same network for inputs of one shape."""
        fixed = self._saved.with_shape(shape)
        return HubNetwork(fixed, self._process, self.stated, self.classes, self.notes)

    def answers(self, batch: NDArray[Any]) -> NDArray[Any]:
        """Its outputs, as float32, computed by keras-hub as outside of training."""
        return self._process.answers(np.asarray(batch, self.inputs[0].dtype))[0]

    @property
    def as_given(self) -> GivenHubNetwork | SavedSteps:
        """The same, with its inputs and outputs by name; one with states answers by TensorFlow."""
        given = self._saved.as_given
        if isinstance(given, SavedSteps):
            return given
        return GivenHubNetwork(given, self._process)


class GivenHubNetwork:
    """A network in keras-hub's process with the inputs and outputs of its SavedModel."""

    in_half = False

    def __init__(self, saved: GivenSavedNetwork, process: KerasHubProcess) -> None:
        self._saved, self._process = saved, process
        self.inputs, self.outputs = saved.inputs, saved.outputs

    @cached_property
    def model(self) -> Any:
        """The network as a `keras.Model`, with inputs of its own types."""
        return self._saved.model

    def with_shapes(self, shapes: Mapping[str, tuple[int, ...]]) -> GivenHubNetwork:
        """The same network for inputs of these shapes."""
        fixed = self._saved.with_shapes(shapes)
        assert isinstance(fixed, GivenSavedNetwork)
        return GivenHubNetwork(fixed, self._process)

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> Mapping[str, NDArray[Any]]:
        """Its outputs by name, as float32, computed by keras-hub."""
        # In the order of their names, in which the SavedModel has them, too.
        given = [np.asarray(inputs[one.name], one.dtype) for one in self.inputs]
        made = self._process.answers(*given)
        return {one.name: values for one, values in zip(self.outputs, made, strict=True)}


def check_reference(reference: str) -> PresetFolder | None:
    """Reads what a reference names as data; None where it names no folder.

    Raises:
        ZooError: It cannot be opened here.
    """
    fetch_preset(reference)
    found = parse(reference)
    read = None if found.folder is None else read_preset(found.folder, weights=not found.random)
    required_packages()
    return read


def open_network(reference: str) -> HubNetwork:
    """Opens a preset; its weights are random only where that was asked for.

    Raises:
        ZooError: It is none, or cannot be brought in, or keras-hub is not here.
    """
    read, found = check_reference(reference), parse(reference)
    files = [] if found.folder is None else sorted(found.folder.iterdir())
    process, told = KerasHubProcess.holding(_request(found), files, found.title)
    saved = open_saved_model(process.folder / _FILE)
    saved.origin = found.title
    words, differences = stated(None if read is None else read.converter)
    if found.size:
        words = f"{found.size}x{found.size} " + " ".join(
            word for word in words.split() if not word[:1].isdigit() or ".." in word
        )
    outputs = saved.outputs[0].shape[-1] if len(saved.outputs) == 1 else None
    named = found.published and not found.random and outputs == _IMAGENET_CLASSES
    notes = (
        f"opened by keras-hub {told['version']}, whose answers are the reference",
        *((_RANDOM,) if found.random else ()),
        *differences,
    )
    return HubNetwork(saved, process, words.strip(), imagenet_classes() if named else (), notes)


def _request(found: PresetReference) -> dict[str, Any]:
    preset = found.preset
    return {
        "title": found.title,
        "folder": None if found.folder is None else str(found.folder.absolute()),
        "architecture": "" if preset is None else preset.architecture,
        "random": found.random,
        "classes": found.classes,
        "parameters": 0 if preset is None else preset.parameters,
        "file": _FILE,
    }

"""Keras files, read as data first, then loaded by Keras."""

from __future__ import annotations

import io
import json
import shlex
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.common.errors import BadFile, Unsupported, first_line
from zoo.common.optional_imports import require
from zoo.contracts import ForeignTensor
from zoo.networks.building import leaves
from zoo.networks.sources.config_check import check_config
from zoo.networks.sources.files import begin_of, check_size
from zoo.networks.sources.graph import computes_in_half

from .as_given import KerasAsGiven, named_tensors
from .stateful import KerasSteps, stateful_layers, with_states

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: The first bytes of archives, and of HDF5.
_ZIP, HDF5 = b"PK\x03\x04", b"\x89HDF\r\n\x1a\n"
_CONFIG, _WEIGHTS = "config.json", "model.weights.h5"
#: A description of a thousand layers takes one megabyte.
_MOST_CONFIG = 64 << 20


@dataclass(kw_only=True)
class KerasNetwork:
    """A Keras model with its tensors; such a file says nothing of preprocessing or classes."""

    inputs: tuple[ForeignTensor, ...]
    outputs: tuple[ForeignTensor, ...]
    model: Any
    stated: str = ""
    classes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    #: Whether a layer of it is stateful; and what its file is called.
    keeps: bool = False
    origin: str = ""

    @property
    def in_half(self) -> bool:
        """Whether any of its layers computes in 16 bits."""
        return computes_in_half(self.model)

    def with_shape(self, shape: tuple[int, ...]) -> KerasNetwork:
        """Itself: Keras builds the graph for each shape anew."""
        return self

    @property
    def states(self) -> Mapping[str, str]:
        """Inputs that states of its layers have become, and the outputs that give them."""
        return self._steps.states if self.keeps else {}

    @cached_property
    def _steps(self) -> KerasSteps:
        return with_states(self._given, self.origin)

    @property
    def as_given(self) -> KerasAsGiven:
        """The network with its inputs and outputs by the names of their layers, or its own keys."""
        return self._steps if self.keeps else self._given

    @property
    def _given(self) -> KerasAsGiven:
        model = self.model
        nested = not isinstance(model, require("keras").Sequential)  # which has no structure
        taken: set[str] = set()
        return KerasAsGiven(
            inputs=named_tensors(model.inputs, model.input if nested else None, taken),
            outputs=named_tensors(model.outputs, model.output if nested else None, taken),
            model=model,
        )

    def answers(self, batch: NDArray[Any]) -> NDArray[Any]:
        """Its outputs, as float32, computed as outside of training."""
        own = batch.astype(self.inputs[0].dtype)
        keras, given = require("keras"), own
        if not isinstance(self.model, keras.Sequential):  # which has no structure of inputs
            given = keras.tree.map_structure(lambda _: own, self.model.input)
        made = keras.tree.flatten(self.model(given, training=False))
        return np.asarray(require("keras.ops").convert_to_numpy(made[0]), np.float32)


def open_network(path: Path) -> KerasNetwork:
    """Opens ``.keras`` and ``.h5``.

    Raises:
        BadFile: Truncated, of another type than its suffix, weights alone, or too large.
        Unsupported: It holds code, or whatever else would have to be trusted.
        UsageError: It has layers of somebody's own.
    """
    config = _description(path)
    check_config(config, path.name)
    keras = require("keras")
    try:
        model = keras.models.load_model(str(path), compile=False, safe_mode=True)
    except MemoryError:
        raise
    # Keras raises whatever its layers, zipfile and HDF5 raise.
    except Exception as error:
        raise BadFile(
            f"{path} cannot be opened by Keras {keras.__version__}",
            why=first_line(error),
            fix="open it where it was made and save it anew, with model.save('my.keras')",
        ) from error
    if not isinstance(model, keras.Model) or not getattr(model, "inputs", None):
        raise Unsupported(
            f"{path} does not say what its inputs are",
            why="it is a model of a class of its own, which is built by its first call",
            fix="save it as a graph: keras.Model(inputs, model(inputs))",
        )
    quantized = [one.name for one in leaves(model) if getattr(one, "quantization_mode", None)]
    if quantized:
        raise Unsupported(
            f"{path} is quantized already: its layer {quantized[0]!r} holds integers",
            why="what quantization took away cannot be had back",
            fix="name the file from before model.quantize(…)",
        )
    return network_of(model, keeps=bool(stateful_layers(model)), origin=path.name)


def network_of(model: Any, **known: Any) -> KerasNetwork:
    """A Keras model as an opened network; `known` is what is stated of it."""
    return KerasNetwork(
        inputs=tuple(_tensor(one) for one in model.inputs),
        outputs=tuple(_tensor(one) for one in model.outputs),
        model=model,
        **known,
    )


def _tensor(tensor: Any) -> ForeignTensor:
    return ForeignTensor(name=tensor.name, dtype=str(tensor.dtype), shape=tuple(tensor.shape))


def _description(path: Path) -> Any:
    """What a file says of its network; refuses what is no whole Keras file."""
    begins = begin_of(path, 8)
    is_zip, is_hdf5 = begins.startswith(_ZIP), begins == HDF5
    suffix = path.suffix.lower()
    if (suffix == ".keras" and is_hdf5) or (suffix != ".keras" and is_zip):
        other = ".h5" if is_hdf5 else ".keras"
        raise BadFile(
            f"{path} is no {suffix} file, whatever its name",
            why=f"it begins as a {other} file does",
            fix=f"name it {path.with_suffix(other).name}",
        )
    if not is_zip and not is_hdf5:
        raise BadFile(
            f"{path} is no file of Keras",
            why="it is empty" if not begins else "it begins neither as a zip archive nor as HDF5",
            fix="save it with model.save('my.keras')",
        )
    return _of_zip(path) if is_zip else _of_hdf5(path)


def _of_zip(path: Path) -> Any:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            names = [entry.filename for entry in entries]
            check_size(path, sum(entry.file_size for entry in entries), "unpacks to")
            if len(set(names)) != len(names):
                raise BadFile(f"{path} is damaged", why="it holds two entries of one name")
            if _CONFIG not in names or _WEIGHTS not in names:
                raise BadFile(
                    f"{path} is no file of Keras",
                    why=f"it is an archive without {_CONFIG} and {_WEIGHTS}",
                    fix="save it with model.save('my.keras')",
                )
            if archive.getinfo(_CONFIG).file_size > _MOST_CONFIG:
                raise BadFile(f"{path} is no file of Keras", why=f"its {_CONFIG} is too large")
            broken = archive.testzip()
            if broken is not None:
                raise BadFile(f"{path} is truncated or damaged", why=f"{broken} is not whole")
            config = json.loads(archive.read(_CONFIG))
            refuse_links(path, io.BytesIO(archive.read(_WEIGHTS)))
    except BadFile:
        raise
    # Beside its own error, zipfile lets pass those of zlib, of seeking and of decoding.
    except Exception as error:
        raise BadFile(f"{path} is truncated or damaged", why=first_line(error)) from error
    return config


def _of_hdf5(path: Path) -> Any:
    h5py = require("h5py")
    try:
        with h5py.File(path, "r") as file:
            text = file.attrs.get("model_config")
            weights = "layer_names" in file.attrs or "layers" in file
            config = None if text is None else json.loads(text)
        refuse_links(path, path)
    except BadFile:
        raise
    # h5py raises OSError, KeyError, RuntimeError and others where bytes are missing or changed.
    except Exception as error:
        raise BadFile(f"{path} is truncated or damaged", why=first_line(error)) from error
    if config is not None:
        return config
    if not weights:
        raise BadFile(f"{path} is HDF5, and no network", fix="save it with model.save('my.keras')")
    raise BadFile(
        f"{path} holds weights alone: it does not say of which network",
        why="it was written by save_weights()",
        fix="build the network in Python, model.load_weights(…), model.save('my.keras'); weights "
        "of one of the zoo's own: "
        f"zoo weights fetch VARIANT --from {shlex.quote(str(path))} --tag NAME",
    )


def refuse_links(path: Path, file: Path | io.BytesIO) -> None:
    """Refuses tensors that lie in other files of this machine, or unpack to too much."""
    h5py = require("h5py")
    with h5py.File(file, "r") as opened:
        whole = 0
        for name, elsewhere, size in _members(opened, h5py):
            whole += size
            check_size(path, whole, "unpacks to")
            if elsewhere:
                raise BadFile(
                    f"{path} is refused: {name} lies in another file",
                    why="a network may not open files of this machine",
                    fix="save it anew, with model.save('my.keras')",
                )


def _members(opened: Any, h5py: Any) -> Iterator[tuple[str, bool, int]]:
    """Tensors and links to other files: name, whether it lies elsewhere, bytes in memory."""
    waiting, seen = [("", opened)], set()
    while waiting:
        prefix, group = waiting.pop()
        # A group may be a member of several, and of itself.
        if group.id in seen:
            continue
        seen.add(group.id)
        for name in group:
            link, where = group.get(name, getlink=True), f"{prefix}/{name}"
            if isinstance(link, h5py.ExternalLink):
                yield where, True, 0
            elif isinstance(link, h5py.HardLink):
                member = group[name]
                if isinstance(member, h5py.Group):
                    waiting.append((where, member))
                else:
                    elsewhere = bool(member.external) or bool(member.is_virtual)
                    yield where, elsewhere, (member.size or 0) * member.dtype.itemsize

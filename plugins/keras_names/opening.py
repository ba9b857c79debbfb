"""Networks of keras.applications, built by Keras, with weights from a file."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from zoo.common.downloads import digests_of
from zoo.common.errors import BadFile, UsageError, first_line
from zoo.common.files import no_file
from zoo.common.optional_imports import require
from zoo.networks.sources.files import begin_of

from ..imagenet import STD, imagenet_classes
from ..keras_files.opening import HDF5, KerasNetwork, network_of, refuse_links
from .references import PREFIX, ApplicationReference, parse, weights_file
from .table import MODES

_CLASSES = 1000


def open_network(reference: str) -> KerasNetwork:
    """Builds a network and loads its weights; it is never left with random ones.

    Raises:
        BadFile: The file of weights is none, or another network's.
        UsageError: There is no such file, or the network takes no images of that size.
    """
    found, file = parse(reference), weights_file(reference)
    if problem := no_file(file):
        raise UsageError(problem, fix="check the path behind weights=")
    _check(file)
    held, by_order = _layout(file)
    application = found.application
    published = found.weights is None or (
        bool(application.hash) and digests_of(file).matches(application.hash)
    )
    model = _built(found)
    wanted = sum(len(layer.weights) for layer in model.layers)
    problem = f"it holds {held} tensors, and the network has {wanted}" if held < wanted else ""
    if problem := problem or _load(model, file, by_order):
        raise BadFile(
            f"{file} are not the weights of {application.name}",
            why=problem,
            fix=f"name those of {application.name} with its head of {_CLASSES:,} classes; what was "
            "changed is brought as a whole: model.save('my.keras')",
        )
    if application.rescaled and (published or _is_rescaled(file)):
        model = _rescaled(model)
    return network_of(
        model,
        stated=MODES[application.mode],
        classes=imagenet_classes() if published else (),
    )


def _check(file: Path) -> None:
    if begin_of(file, len(HDF5)) != HDF5:
        raise BadFile(
            f"{file} is no file of weights",
            why="it does not begin as HDF5",
            fix="write it with model.save_weights('my.weights.h5'); a whole network needs no name: "
            "zoo ship my.keras",
        )


def _built(found: ApplicationReference) -> Any:
    """The network with random weights."""
    build = getattr(require("keras").applications, found.application.name)
    try:
        return build(weights=None, input_shape=(found.size, found.size, 3), classes=_CLASSES)
    except ValueError as error:
        raise UsageError(
            f"{found.application.name} takes no images of {found.size}×{found.size}",
            why=first_line(error),
            fix=f"name another size: {PREFIX}{found.application.name}?size=224",
        ) from error


def _load(model: Any, file: Path, by_order: bool) -> str:
    """Loads all weights of a model; returns why it could not, if so."""
    _clear(model)
    with tempfile.TemporaryDirectory(prefix="zoo-weights-") as folder:
        # Keras tells the layouts apart by the suffix.
        named = Path(folder) / ("net.h5" if by_order else "net.weights.h5")
        named.symlink_to(file.resolve())
        try:
            model.load_weights(named)
        # Whatever Keras and h5py raise where shapes or names differ.
        except Exception as error:
            return first_line(error)
    return _cleared(model)


def _clear(model: Any) -> None:
    """Makes all weights NaN: Keras leaves those that a file lacks as they are, with a warning."""
    for weight in _real(model):
        weight.assign(np.full(weight.shape, np.nan, weight.dtype))


def _cleared(model: Any) -> str:
    """The first weight that is still NaN, in a sentence; empty if none is."""
    left = (w.path for w in _real(model) if np.isnan(np.asarray(w)).any())
    path = next(left, "")
    return f"it has nothing for {path}" if path else ""


def _real(model: Any) -> list[Any]:
    return [weight for weight in model.weights if "float" in str(weight.dtype)]


def _layout(file: Path) -> tuple[int, bool]:
    """The tensors in a file, and whether they stand in the order of layers, as of Keras 2."""
    h5py = require("h5py")
    count = 0

    def visit(name: str, member: Any) -> None:
        nonlocal count
        count += isinstance(member, h5py.Dataset)

    try:
        refuse_links(file, file)
        with h5py.File(file, "r") as opened:
            opened.visititems(visit)
            return count, "layer_names" in opened.attrs or "model_weights" in opened
    except BadFile:
        raise
    # As in files of networks: OSError, KeyError, RuntimeError and others.
    except Exception as error:
        raise BadFile(f"{file} is truncated or damaged", why=first_line(error)) from error


def _is_rescaled(file: Path) -> bool:
    """Whether weights were saved of a network with a second rescaling."""
    with require("h5py").File(file, "r") as opened:
        whole = opened.get("model_weights", opened)
        names = [str(name) for name in whole.attrs.get("layer_names", ())]
        names += list(opened.get("layers", {}))
    return sum("rescaling" in name for name in names) > 1


def _rescaled(model: Any) -> Any:
    """The network with what Keras puts behind its normalization for published weights."""
    keras = require("keras")
    first = next(one for one in model.layers if isinstance(one, keras.layers.Normalization))

    def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
        outputs = layer(*args, **kwargs)
        if layer is not first:
            return outputs
        return keras.layers.Rescaling([1 / math.sqrt(value) for value in STD])(outputs)

    return keras.models.clone_model(model, clone_function=lambda layer: layer, call_function=call)

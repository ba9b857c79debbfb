"""Foreign networks of which nothing but their own answers is known, as weights with their card."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.common.errors import BadData, Unsupported, UsageError, ZooError
from zoo.common.optional_imports import require
from zoo.contracts import (
    Dataset,
    ForeignTensor,
    GivenNetwork,
    OpenedNetwork,
    Source,
    SourceReference,
)
from zoo.contracts.comparison import differs_by_rounding
from zoo.contracts.preprocessing import TensorPreprocessing
from zoo.data.preprocessing.inputs import read_inputs
from zoo.networks.building import count_parameters
from zoo.networks.multiply_adds import count_multiply_adds
from zoo.networks.sources.available import named_network as known_network
from zoo.networks.sources.graph import flattened, rebuilt
from zoo.networks.sources.keeping import keep
from zoo.networks.sources.references import Opening

#: Samples on which the converted network is compared with the original, and in one call.
_COMPARED, _BATCH = 32, 16
#: Fewer make no split for ranges, for choices, and for parity.
_LEAST = 32
#: Largest difference as a share of an output's scale: in float32, half of what a file may be off,
#: so that both together stay within it; and of originals in 16 bits.
_EXACT, _HALF_EXACT = 5e-5, 2e-2


def without_labels(
    opener: Source,
    reference: str,
    sha256: str,
    how: Opening,
    beside: Path,
    dataset: Dataset,
    task: str,
) -> str:
    """Brings in a network of which nothing but its own answers is known; writes its weights.

    Args:
        opener: What opens it.
        reference: As typed.
        sha256: Of its file.
        how: What is known of it.
        beside: Path of the weights without tag and suffix; its name is the variant's.
        dataset: Its samples.
        task: Name of the task that the dataset serves.

    Returns:
        Name of the weights file.
    """
    origin, named = opener.called(reference), known_network(opener, reference)
    for words, flag in ((how.input, "--input"), (how.classes, "--classes")):
        if words:
            raise UsageError(
                f"{flag} says what labelled examples are, and {how.data} has no labels",
                fix="leave it out: samples are given as the network takes them",
            )
    if how.trained:
        raise UsageError(
            f"{origin} cannot be trained on samples without labels",
            fix="leave out --epochs, or give labelled data",
        )
    distinct = {one for split in dataset.splits.values() for one in split.identities or ()}
    if len(distinct) < _LEAST:
        raise BadData(
            f"{how.data} has {len(distinct)} different samples, and {_LEAST} are the fewest",
            why="some are for the ranges of integers, others for comparing files with the network",
            fix="store more: a hundred or more, of what the network will see in use",
        )
    given = as_given(opener.open(reference), origin)
    record = preprocessing_of(given.inputs[0], dataset, origin)
    given = given.with_shape(record.shape)
    model = rebuilt(named_network(given, record, origin), origin)
    # Opened anew, since its layers are in the converted network now, and were changed.
    original = as_given(opener.open(reference), origin).with_shape(record.shape)
    parity = compared(original, model, dataset, record, origin)
    weights = beside.with_name(f"{beside.name}.{opener.name}.safetensors")
    names = [tensor.name for tensor in given.outputs]
    came = SourceReference(
        source=opener.name,
        file=origin,
        sha256=sha256,
        task=task,
        parameters=count_parameters(model),
        multiply_adds=count_multiply_adds(model),
        input=f"as it is: {record.describe()['input']}",
        notes=(parity,),
        outputs={name: tuple(model.output[name].shape[1:]) for name in names},
    )
    if not came.parameters or not came.multiply_adds:
        raise Unsupported(
            f"{origin} multiplies by no weights",
            why="there is nothing in it that could be quantized or timed as a network",
            fix="`zoo bench` times it as it is",
        )
    licence = "unknown" if named is None else named.licence
    keep(model, weights, beside.name, came, record, dataset.classes, licence, opener)
    return weights.name


def as_given(opened: OpenedNetwork, origin: str) -> GivenNetwork:
    """The network with the inputs and outputs that its file has.

    Raises:
        Unsupported: Its source does not tell them, or there are several inputs, or no real numbers.
    """
    given: GivenNetwork | None = getattr(opened, "as_given", None)
    if given is None:
        raise Unsupported(
            f"{origin} cannot be brought in without labels",
            why="what opens it gives answers to labelled examples alone",
            fix="give data with labels, or save it as ONNX, TFLite or with Keras",
        )
    if len(given.inputs) != 1:
        listed = ", ".join(f"{one.name} {one.shape}" for one in given.inputs)
        raise Unsupported(
            f"{origin} has {len(given.inputs)} inputs: {listed}",
            why="only networks with one input can be brought in",
            fix="`zoo bench` times it as it is; save the part of it that has one input",
        )
    (tensor,) = given.inputs
    if not tensor.dtype.startswith(("float", "bfloat", "double")):
        raise Unsupported(
            f"{origin} takes whole numbers: {tensor.name} is {tensor.dtype}",
            why="only networks of real numbers can be brought in",
            fix="`zoo bench` times it as it is; save the part behind the lookup of its table",
        )
    return given


def preprocessing_of(tensor: ForeignTensor, dataset: Dataset, origin: str) -> TensorPreprocessing:
    """The record of an input, its free sizes those of the samples.

    Raises:
        BadData: The samples do not fit.
        UsageError: They have other sizes than the network.
    """
    split = dataset.splits["train"]
    first = split.read(0)
    if first.dtype.names is not None and tensor.name in first.dtype.names:
        first = first[tensor.name]
    sides = tensor.shape[1:]
    shape = tuple(first.shape) if first.dtype.names is None else tuple(s or 1 for s in sides)
    fits = len(shape) == len(sides) and all(
        own in (None, side) for own, side in zip(sides, shape, strict=True)
    )
    if not fits:
        wanted = "×".join("?" if side is None else str(side) for side in sides) or "one number"
        raise UsageError(
            f"{origin} takes {tensor.name} of {wanted}, and samples of {dataset.name} have shape "
            f"{'×'.join(map(str, shape)) or 'of one number'}",
            why="samples are given as the network takes them, in its own order of axes",
            fix="store them as (samples, …), without the batch that the network itself has",
        )
    record = TensorPreprocessing(name=tensor.name, shape=shape, low=0.0, high=1.0)
    values = read_inputs(split, record)
    return TensorPreprocessing(
        name=tensor.name, shape=shape, low=float(values.min()), high=float(values.max())
    )


def named_network(given: GivenNetwork, record: TensorPreprocessing, origin: str) -> Any:
    """The network as one flat graph that gives its outputs by their names.

    Raises:
        Unsupported: Two outputs have one name, or there is nothing to quantize.
    """
    names = [one.name for one in given.outputs]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice or record.name in names:
        raise Unsupported(
            f"{origin} calls two of its inputs and outputs {(twice or [record.name])[0]!r}",
            why="which is which could not be told",
            fix="save it with names of their own",
        )
    model = given.model
    flat = flattened(model, record.shape, record.shape)
    made = require("keras").tree.flatten(flat.output)
    keras = require("keras")
    named = dict(zip(names, made, strict=True))
    shapeless = [n for n, one in named.items() if None in one.shape[1:]]
    if shapeless:
        raise Unsupported(
            f"{origin}: the shape of its output {shapeless[0]} depends on its input",
            why="files for devices have fixed shapes",
            fix="save it so that it gives as many numbers for each input",
        )
    return keras.Model(flat.input, named, name=flat.name)


def compared(
    original: GivenNetwork, model: Any, dataset: Dataset, record: TensorPreprocessing, origin: str
) -> str:
    """Compares the converted network with the original's own answers, output by output.

    Raises:
        ZooError: They differ by more than rounding, are not finite, or differ between two calls.
    """
    split = dataset.splits["train"]
    inputs = read_inputs(split, record, range(min(_COMPARED, len(split))))
    theirs, again = _answers(original, inputs), _answers(original, inputs)
    worst, limit = 0.0, _HALF_EXACT if original.in_half else _EXACT
    for name, values in theirs.items():
        if not np.isfinite(values).all():
            raise ZooError(
                f"{origin} itself answers with NaN or infinity",
                why=f"its output {name} does, to real samples, before anything was done to it",
                fix="check the samples: are they as the network takes them?",
            )
        scale = max(float(np.abs(values).max()), 1e-6)
        if float(np.abs(values - again[name]).max()) > _EXACT * scale:
            raise ZooError(
                f"{origin} answers differently each time",
                why=f"two calls with the same samples give others of {name}: an operator of it is "
                "random, or it keeps a state",
                fix="save it without that operator",
            )
    ours = {
        name: np.asarray(values, np.float64)
        for name, values in model(inputs, training=False).items()
    }
    for name, values in theirs.items():
        apart = noise = np.inf
        if ours[name].shape == values.shape:
            difference = ours[name] - values
            apart = float(np.abs(difference).max()) / max(float(np.abs(values).max()), 1e-6)
            signal = np.square(values - values.mean(axis=0)).mean() or np.square(values).mean()
            noise = float(np.sqrt(np.square(difference).mean() / max(signal, 1e-30)))
        worst = max(worst, apart)
        if not differs_by_rounding(apart, noise, limit):
            raise ZooError(
                f"{origin} could not be brought in: the network that was made of it answers "
                "otherwise",
                why=f"on {len(inputs)} samples {name} differs by {apart:.2g} of its scale",
                fix="please report it, with the file if you may",
            )
    return f"the converted network answers as the original: {worst:.1e} of its scale apart at most"


def _answers(network: GivenNetwork, inputs: NDArray[Any]) -> Mapping[str, NDArray[np.float64]]:
    """The network's own answers by output, of one call after the other."""
    name = network.inputs[0].name
    parts = [network.run({name: inputs[at : at + _BATCH]}) for at in range(0, len(inputs), _BATCH)]
    return {
        one.name: np.concatenate([part[one.name] for part in parts]).astype(np.float64)
        for one in network.outputs
    }

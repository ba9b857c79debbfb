"""Foreign networks of which nothing but their own answers is known, as weights with their card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from zoo.common.errors import BadData, Unsupported, UsageError, ZooError
from zoo.common.named_arrays import each_of, fed_to_keras
from zoo.common.optional_imports import require
from zoo.contracts import (
    Dataset,
    ForeignTensor,
    GivenNetwork,
    OpenedNetwork,
    Preprocessing,
    Source,
    SourceReference,
)
from zoo.contracts.comparison import differs_by_rounding
from zoo.contracts.preprocessing import TensorPreprocessing, TensorsPreprocessing
from zoo.contracts.preprocessing.tensors import ElementName
from zoo.data.preprocessing.inputs import read_inputs
from zoo.networks.building import count_parameters
from zoo.networks.multiply_adds import count_multiply_adds
from zoo.networks.sources.available import named_network as known_network
from zoo.networks.sources.graph import flattened_inputs, rebuilt
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
    record = preprocessing_of(given.inputs, dataset, origin)
    shapes = {one.called: one.input_shape for one in record.parts}
    given = given.with_shapes(shapes)
    model = rebuilt(named_network(given, record, origin), origin)
    # Opened anew, since its layers are in the converted network now, and were changed.
    original = as_given(opener.open(reference), origin).with_shapes(shapes)
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
        Unsupported: Its source does not tell them, an input has no batch, or is of a type that no
            file has.
    """
    given: GivenNetwork | None = getattr(opened, "as_given", None)
    if given is None:
        raise Unsupported(
            f"{origin} cannot be brought in without labels",
            why="what opens it gives answers to labelled examples alone",
            fix="give data with labels, or save it as ONNX, TFLite or with Keras",
        )
    others = [one for one in given.inputs if one.shape[0] not in (None, 1)]
    if others and len({one.shape[0] for one in given.inputs}) > 1:
        raise Unsupported(
            f"{origin} takes {others[0].name} of {_shown(others[0].shape)}: its first side is no "
            "batch, or another than that of others",
            why="the first side of each input is the batch, and files for devices have one of 1",
            fix="save it for a batch of 1, with the batch as the first side of each input",
        )
    for one in given.inputs:
        if _element(one) is None:
            raise Unsupported(
                f"{origin} takes {one.name} of {one.dtype}",
                why=f"files for devices take {', '.join(get_args(ElementName))}",
                fix="save it with an input of one of these types",
            )
    return given


def _shown(shape: Sequence[int | None]) -> str:
    return "×".join("?" if side is None else str(side) for side in shape)


def _element(tensor: ForeignTensor) -> ElementName | None:
    """The type of an input in our files; None where none is its own."""
    if tensor.dtype.startswith(("float", "bfloat", "double")):
        return "float32"
    return next((name for name in get_args(ElementName) if name == tensor.dtype), None)


def preprocessing_of(
    tensors: Sequence[ForeignTensor], dataset: Dataset, origin: str
) -> TensorPreprocessing | TensorsPreprocessing:
    """The record of inputs, their free sizes those of the samples.

    Raises:
        BadData: The samples do not fit.
        UsageError: They have other sizes than the network.
    """
    records = tuple(_measured(tensor, len(tensors), dataset, origin) for tensor in tensors)
    return records[0] if len(records) == 1 else TensorsPreprocessing(tensors=records)


def _measured(
    tensor: ForeignTensor, count: int, dataset: Dataset, origin: str
) -> TensorPreprocessing:
    split = dataset.splits["train"]
    first = split.read(0)
    names = first.dtype.names or ()
    if count > 1 and not names:
        raise BadData(
            f"{dataset.name} has one array, and {origin} takes {count} inputs",
            why="each needs samples of its own",
            fix=f"store an array for each, with the samples first: {tensor.name}, …",
        )
    named = tensor.name in names
    if named:
        first = first[tensor.name]
    sides = tensor.shape[1:]
    # Without such an array, reading says which are there.
    shape = tuple(first.shape) if named or not names else tuple(side or 1 for side in sides)
    fits = len(shape) == len(sides) and all(
        own in (None, side) for own, side in zip(sides, shape, strict=True)
    )
    if not fits:
        raise UsageError(
            f"{origin} takes {tensor.name} of {_shown(sides) or 'one number'}, and samples of "
            f"{dataset.name} have shape {_shown(shape) or 'of one number'}",
            why="samples are given as the network takes them, in its own order of axes",
            fix="store them as (samples, …), without the batch that the network itself has",
        )
    element = _element(tensor) or "float32"
    record = TensorPreprocessing(name=tensor.name, shape=shape, low=0.0, high=1.0, number=element)
    values = read_inputs(split, record)
    return replace(record, low=float(values.min()), high=float(values.max()))


def named_network(given: GivenNetwork, record: Preprocessing, origin: str) -> Any:
    """The network as one flat graph that gives its outputs by their names.

    Raises:
        Unsupported: Two outputs have one name, or there is nothing to quantize.
    """
    names = [one.name for one in given.outputs]
    every = [*(one.name for one in given.inputs), *names]
    twice = sorted({name for name in every if every.count(name) > 1})
    if twice:
        raise Unsupported(
            f"{origin} calls two of its inputs and outputs {twice[0]!r}",
            why="which is which could not be told",
            fix="save it with names of their own",
        )
    keras = require("keras")
    shapes = [(one.input_shape, one.input_shape, str(one.graph_dtype)) for one in record.parts]
    flat = flattened_inputs(given.model, shapes)
    made = keras.tree.flatten(flat.output)
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
    original: GivenNetwork, model: Any, dataset: Dataset, record: Preprocessing, origin: str
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
        for name, values in model(fed_to_keras(inputs), training=False).items()
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
    names, arrays = [one.name for one in network.inputs], each_of(inputs)
    parts = [
        network.run({n: v[at : at + _BATCH] for n, v in zip(names, arrays, strict=True)})
        for at in range(0, len(inputs), _BATCH)
    ]
    return {
        one.name: np.concatenate([part[one.name] for part in parts]).astype(np.float64)
        for one in network.outputs
    }

"""Foreign networks of which nothing but their own answers is known, as weights with their card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_args

from zoo.common.errors import BadData, Unsupported, UsageError
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
from zoo.contracts.preprocessing import (
    CarriedState,
    SteppedPreprocessing,
    TensorPreprocessing,
    TensorsPreprocessing,
)
from zoo.contracts.preprocessing.tensors import ElementName
from zoo.data.preprocessing.inputs import read_inputs
from zoo.networks.building import count_parameters
from zoo.networks.free_sides import free_sides, with_sides
from zoo.networks.multiply_adds import count_multiply_adds
from zoo.networks.sources.available import named_network as known_network
from zoo.networks.sources.comparing import compared, compared_further, with_ranges
from zoo.networks.sources.elements import element_of, shown_shape
from zoo.networks.sources.graph import flattened_inputs, rebuilt
from zoo.networks.sources.keeping import keep
from zoo.networks.sources.references import Opening
from zoo.networks.sources.states import (
    batch_first,
    check_built,
    likely_states,
    states_of,
    with_kept,
)

#: Fewer make no split for ranges, for choices, and for parity.
_LEAST = 32


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
    given, moved = as_given(opener.open(reference), origin, how.states)
    arrays = dataset.splits["train"].read(0).dtype.names or ()
    stated, kept = with_kept(how.states, given)
    states = states_of(stated, given, arrays, origin)
    try:
        record = preprocessing_of(given.inputs, dataset, origin, states)
    except BadData as error:
        pairs = likely_states(given, arrays, [state.input for state in states])
        hint = f"; or, if the network gives it back, add --state {pairs[0]}" if pairs else ""
        raise BadData(error.what, why=error.why, fix=f"{error.fix}{hint}") from error
    shapes = {one.called: one.input_shape for one in record.parts}
    given = given.with_shapes(shapes)
    model = rebuilt(named_network(given, record, origin), origin)
    # Opened anew, since its layers are in the converted network now, and were changed.
    original = as_given(opener.open(reference), origin, how.states)[0].with_shapes(shapes)
    if isinstance(record, SteppedPreprocessing):
        check_built(record, model.output, origin)
    parity = compared(original, model, dataset, record, origin)
    if isinstance(record, SteppedPreprocessing):
        record = with_ranges(record, original, dataset)
    free, notes = free_sides(how.dynamic, record, origin), (*filter(None, (moved, kept)), parity)
    if free:
        open_model = with_sides(model, record, free, origin)
        notes += (
            compared_further(
                lambda sides: as_given(opener.open(reference), origin)[0].with_shapes(sides),
                open_model,
                dataset,
                record,
                free,
                origin,
            ),
        )
    weights = beside.with_name(f"{beside.name}.{opener.name}.safetensors")
    names = [tensor.name for tensor in given.outputs]
    came = SourceReference(
        source=opener.name,
        file=origin,
        sha256=sha256,
        task=task,
        parameters=count_parameters(model),
        multiply_adds=count_multiply_adds(model),
        input=f"as it is: {'; '.join(record.describe().values())}",
        notes=notes,
        outputs={name: tuple(model.output[name].shape[1:]) for name in names},
        free_sides=dict(free),
    )
    if not came.parameters or not came.multiply_adds:
        raise Unsupported(
            f"{origin} multiplies by no weights",
            why="there is nothing in it that could be quantized or timed as a network",
            fix="`zoo bench` times a TFLite or ONNX file as it is",
        )
    licence = "unknown" if named is None else named.licence
    keep(model, weights, beside.name, came, record, dataset.classes, licence, opener)
    return weights.name


def as_given(
    opened: OpenedNetwork, origin: str, states: Sequence[str] = ()
) -> tuple[GivenNetwork, str]:
    """The network with the inputs and outputs that its file has, and a note on their batch.

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
    given, moved = batch_first(given, states)
    others = [one for one in given.inputs if one.shape[:1] not in ((None,), (1,))]
    first = {one.shape[:1] for one in given.inputs}
    if others and (len(first) > 1 or () in first):
        other = next((one for one in others if not one.shape), others[0])
        raise Unsupported(
            f"{origin} takes {other.name} of {shown_shape(other.shape)}: its first side is "
            "no batch, or another than that of others"
            if other.shape
            else f"{origin} takes {other.name}, a single number: it has no batch",
            why="the first side of each input is the batch, and files for devices have one of 1",
            fix=f"{_named_states(given)}save it for a batch of 1, with the batch as the first side "
            "of each input",
        )
    for one in given.inputs:
        if element_of(one) is None:
            raise Unsupported(
                f"{origin} takes {one.name} of "
                + ("text" if one.dtype in ("object", "string") else one.dtype),
                why=f"files for devices take {', '.join(get_args(ElementName))}",
                fix="save it with an input of one of these types",
            )
    return given, moved


def _named_states(given: GivenNetwork) -> str:
    """The advice to name states, whose batch may be another side; empty where there are none."""
    pairs = likely_states(given, [], [])
    words = " ".join(f"--state {pair}" for pair in pairs)
    return f"where it is given back, add {words}; else " if words else ""


def preprocessing_of(
    tensors: Sequence[ForeignTensor],
    dataset: Dataset,
    origin: str,
    states: Mapping[CarriedState, tuple[int, ...]] = MappingProxyType({}),
) -> TensorPreprocessing | TensorsPreprocessing | SteppedPreprocessing:
    """The record of inputs, their free sizes those of the samples.

    Args:
        tensors: The network's inputs.
        dataset: Its samples; where there are states, its sequences.
        origin: Names the network in messages.
        states: From `states_of`.

    Raises:
        BadData: The samples do not fit.
        UsageError: They have other sizes than the network.
    """
    carried = {state.input: shape for state, shape in states.items()}
    count, lengths = len(tensors) - len(carried), dict[str, int]()
    records = []
    for tensor in tensors:
        if tensor.name in carried:
            element, shape = element_of(tensor) or "float32", carried[tensor.name]
            # What its numbers are is known when the network has run: see `with_ranges`.
            own = TensorPreprocessing(
                name=tensor.name, shape=shape, low=0.0, high=0.0, number=element
            )
        else:
            own, lengths[tensor.name] = _measured(tensor, count, dataset, origin, bool(carried))
        records.append(own)
    if not carried:
        return records[0] if len(records) == 1 else TensorsPreprocessing(tensors=tuple(records))
    if len({*lengths.values()}) > 1 or min(lengths.values()) < 2:
        listed = ", ".join(f"{name}: {length}" for name, length in lengths.items())
        raise BadData(
            f"the sequences of {dataset.name} are no two steps long, or not equally long: {listed}",
            why="what is carried to the next step shows in the steps behind the first",
            fix="store each input as (samples, steps, …), with as many steps, two at least",
        )
    steps = min(lengths.values())
    return SteppedPreprocessing(tensors=tuple(records), carried=tuple(states), steps=steps)


def _measured(
    tensor: ForeignTensor, count: int, dataset: Dataset, origin: str, stepped: bool
) -> tuple[TensorPreprocessing, int]:
    """The record of one input, and the steps of sequences where samples are such."""
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
    known = tuple(first.shape) if named or not names else (*[1] * stepped, *(s or 1 for s in sides))
    shape, length = known[stepped:], known[0] if stepped and known else 0
    fits = len(shape) == len(sides) and all(
        own in (None, side) for own, side in zip(sides, shape, strict=True)
    )
    if not fits:
        raise UsageError(
            f"{origin} takes {tensor.name} of {shown_shape(sides) or 'one number'}, and samples of "
            f"{dataset.name} have shape {shown_shape(known) or 'of one number'}",
            why="samples are sequences where a state is carried: their first side is the steps"
            if stepped
            else "samples are given as the network takes them, in its own order of axes",
            fix="store them as (samples, steps, …); a long recording is cut into sequences"
            if stepped
            else "store them as (samples, …), without the batch that the network itself has",
        )
    if 0 in known:
        raise BadData(
            f"the samples of {tensor.name} in {dataset.name} are empty: their shape is "
            f"{shown_shape(known)}",
            fix="store samples as the network takes them",
        )
    element = element_of(tensor) or "float32"
    record = TensorPreprocessing(name=tensor.name, shape=known, low=0.0, high=1.0, number=element)
    values = read_inputs(split, record)
    low, high = float(values.min()), float(values.max())
    return replace(record, shape=shape, low=low, high=high), length


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
            why="which is which could not be determined",
            fix="save it with names of their own",
        )
    keras = require("keras")
    shapes = [(one.input_shape, one.input_shape, str(one.graph_dtype)) for one in record.parts]
    flat = flattened_inputs(given.model, shapes)
    made = keras.tree.flatten(flat.output)
    own = {id(one) for one in keras.tree.flatten(flat.input)}
    # Keras loses an input that is handed on as an output when it calls the model on another.
    handed_on = keras.layers.Identity
    made = [
        handed_on(name=f"handed_on_{number}")(one) if id(one) in own else one
        for number, one in enumerate(made)
    ]
    named = dict(zip(names, made, strict=True))
    shapeless = [n for n, one in named.items() if None in one.shape[1:]]
    if shapeless:
        raise Unsupported(
            f"{origin}: the shape of its output {shapeless[0]} depends on its input",
            why="files for devices have fixed shapes",
            fix="save it so that it gives as many numbers for each input",
        )
    empty = [name for name, one in named.items() if 0 in one.shape[1:]]
    if empty:
        raise Unsupported(
            f"{origin}: its output {empty[0]} has no numbers: its shape is "
            f"{shown_shape(named[empty[0]].shape[1:])}",
            why="there is nothing that files could be held against",
            fix="save it without that output",
        )
    return keras.Model(flat.input, named, name=flat.name)

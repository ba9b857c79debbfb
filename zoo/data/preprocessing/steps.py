"""Sequences through a network or file step by step, its states carried from output to input."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.common.errors import BadData
from zoo.common.named_arrays import fields_of, joined
from zoo.contracts.preprocessing import Preprocessing

Array = NDArray[Any]
#: The outputs of a network or file for its inputs, both as in `zoo.common.named_arrays`.
Answer = Callable[[Array], Array]


def outputs_of(inputs: Array, preprocessing: Preprocessing, answer: Answer) -> Array:
    """The outputs for raw examples; of sequences those of all steps.

    Args:
        inputs: Raw, (examples, …).
        preprocessing: Tells whether they are sequences, and what is carried.
        answer: Called once, or of sequences once for each step, with that step of all of them.

    Returns:
        (examples, …), or (sequences, steps, …) of each output.

    Raises:
        BadData: There is no such output, or it has another shape than the state.
    """
    if not preprocessing.states:
        return answer(preprocessing.taken(inputs))
    made = [fields_of(outputs) for _, outputs in _walk(inputs, preprocessing, answer)]
    return joined({name: np.stack([one[name] for one in made], axis=1) for name in made[0]})


def step_inputs(
    inputs: Array, preprocessing: Preprocessing, answer: Answer, most: int, seed: int
) -> Array:
    """Inputs of single steps, with the states that occur there, drawn from all steps alike.

    Args:
        inputs: Sequences.
        preprocessing: Of the network.
        answer: The network or file that makes the states.
        most: How many at most.
        seed: Of the drawing.
    """
    every = np.concatenate([fed for fed, _ in _walk(inputs, preprocessing, answer)])
    return every[np.random.default_rng(seed).permutation(len(every))[:most]]


def first_step(inputs: Array, preprocessing: Preprocessing) -> Array:
    """What the network takes at the first step of sequences; other raw examples unchanged."""
    if not preprocessing.states:
        return inputs
    return _fed(inputs, preprocessing, 0, zero_states(preprocessing, len(inputs)))


def zero_states(preprocessing: Preprocessing, count: int) -> dict[str, Array]:
    """The states that sequences begin with, by input."""
    carried = {state.input for state in preprocessing.states}
    return {
        part.called: np.zeros((count, *part.input_shape), part.dtype)
        for part in preprocessing.parts
        if part.called in carried
    }


def _walk(
    inputs: Array, preprocessing: Preprocessing, answer: Answer
) -> Iterator[tuple[Array, Array]]:
    """What is fed at each step, and the outputs."""
    states = zero_states(preprocessing, len(inputs))
    for step in range(next(iter(fields_of(inputs).values())).shape[1]):
        fed = _fed(inputs, preprocessing, step, states)
        outputs = answer(fed)
        yield fed, outputs
        named = fields_of(outputs)
        for state in preprocessing.states:
            own = states[state.input]
            given = named.get(state.output, named.get(""))  # a single output has no name
            if given is None or given.shape != own.shape:
                there = "is not there" if given is None else f"is of shape {given.shape[1:]}"
                raise BadData(
                    f"the state {state.input!r} cannot be carried on from {state.output!r}",
                    why=f"that output {there}, and the state is of shape {own.shape[1:]}",
                    fix="export the file again",
                )
            states[state.input] = _as_type(given, own.dtype)


def _fed(
    inputs: Array, preprocessing: Preprocessing, step: int, states: Mapping[str, Array]
) -> Array:
    """One step of all sequences with their states, in the network's order of inputs."""
    given = fields_of(inputs)
    named: dict[str, Array] = {}
    for part in preprocessing.parts:
        name = part.called
        own = given.get(name, given.get(""))
        if name in states:
            named[name] = states[name]
        elif own is not None:
            named[name] = own[:, step]
    return joined(named)


def _as_type(values: Array, dtype: np.dtype[Any]) -> Array:
    """Outputs, which are real numbers, in the type of the input."""
    if dtype.kind == "f":
        return values.astype(dtype)
    with np.errstate(invalid="ignore"):  # what is no number fails the gate by itself
        return np.rint(values).astype(dtype)

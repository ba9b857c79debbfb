"""States of foreign networks: which output is fed to which input at the next step."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from zoo.common.errors import Unsupported, UsageError, nearest
from zoo.contracts import BatchSecond, ForeignTensor, GivenNetwork, StateKeeping
from zoo.contracts.preprocessing import CarriedState, SteppedPreprocessing
from zoo.networks.sources.elements import element_of, shown_shape

_FIX = "write INPUT=OUTPUT: --state h=hn"


def states_of(
    texts: Sequence[str], network: GivenNetwork, samples: Iterable[str], origin: str
) -> dict[CarriedState, tuple[int, ...]]:
    """``("h=hn",)`` → the states of a network, each with its shape for one example.

    Args:
        texts: As they were stated.
        network: Knows its inputs and outputs.
        samples: Names of the arrays that the data have.
        origin: Names the network in messages.

    Raises:
        UsageError: One is no such pair, of names that are not there, or of tensors that differ; an
            input is named twice, or samples are given for it; no input is left for samples.
        Unsupported: A side of it is open.
    """
    inputs = {one.name: one for one in network.inputs}
    outputs = {one.name: one for one in network.outputs}
    given = {*samples}
    found: dict[CarriedState, tuple[int, ...]] = {}
    for text in texts:
        into, out = _pair(text)
        if not into or not out:
            raise UsageError(f"{text!r} names no state", fix=_FIX)
        if into in outputs and into not in inputs and out in inputs:
            raise UsageError(
                f"{into!r} is an output of {origin}, and {out!r} an input",
                why="a state is named by its input first",
                fix=f"write --state {out}={into}",
            )
        taken = _named("input", into, inputs, origin)
        made = _named("output", out, outputs, origin)
        if any(one.input == into for one in found):
            raise UsageError(
                f"the input {into!r} of {origin} is named twice as a state",
                why="it takes what one output gave",
                fix="leave one of them out",
            )
        if into in given:
            raise UsageError(
                f"the samples have an array for {into!r}, which is a state of {origin}",
                why="it is zero where a sequence begins, and then what the step before gave",
                fix="leave the array out"
                + ("" if into in kept_states(network) else f", or leave out --state {text}"),
            )
        found[CarriedState(input=into, output=out)] = _shape(taken, made, origin)
    if texts and len(found) == len(inputs):
        raise UsageError(
            f"all inputs of {origin} are named as states",
            why="then no input is left that samples are given of",
            fix="leave out --state for what samples are given of",
        )
    return found


def kept_states(network: GivenNetwork) -> dict[str, str]:
    """Inputs that a network's file keeps in itself, and the outputs that give them."""
    return {**network.states} if isinstance(network, StateKeeping) else {}


def with_kept(texts: Sequence[str], network: GivenNetwork) -> tuple[list[str], str]:
    """States as they were stated and those that a file keeps in itself, and a note of these."""
    kept = kept_states(network)
    more = [f"{into}={out}" for into, out in kept.items()]
    if not more:
        return [*texts], ""
    others = [text for text in texts if "=".join(_pair(text)) not in more]
    return [*others, *more], (
        f"{', '.join(kept)}: states that the file keeps in variables; they are inputs and "
        f"outputs of all files made of it ({', '.join(more)}). At the beginning of a sequence, "
        "zeros stand for their initial values"
    )


def batch_first(network: GivenNetwork, texts: Sequence[str]) -> tuple[GivenNetwork, str]:
    """A network with the batch first of its inputs and outputs, and a note of those that it moved.

    The batch of files for devices is 1, so that the numbers of a moved tensor keep their order.

    Args:
        network: As its file has it.
        texts: States as they were stated.
    """
    if not texts or not isinstance(network, BatchSecond):
        return network, ""
    made = network.batch_first(dict(map(_pair, texts)))
    pairs = zip((*network.inputs, *network.outputs), (*made.inputs, *made.outputs), strict=True)
    moved = [now.name for before, now in pairs if before.shape != now.shape]
    if not moved:
        return made, ""
    return made, (
        f"{', '.join(moved)}: the batch, which is another side in the network's own file, is the "
        "first in all files made of it; for a batch of 1 the same numbers in the same order"
    )


def _pair(text: str) -> tuple[str, str]:
    """``h = hn`` → the input and the output; empty what is not there."""
    into, _, out = (part.strip() for part in text.partition("="))
    return into, out


def likely_states(
    network: GivenNetwork, samples: Collection[str], stated: Collection[str]
) -> list[str]:
    """``input=output`` of inputs that nobody gives, and outputs that may give them back.

    Args:
        network: Knows its inputs and outputs.
        samples: Names of the arrays that the data have; a single array has none.
        stated: Inputs that are named as states.
    """
    return [
        f"{taken.name}={made.name}"
        for taken in network.inputs
        if taken.name not in samples and taken.name not in stated
        for made in network.outputs
        if taken.shape == made.shape and element_of(taken) == element_of(made)
    ]


def _named(side: str, name: str, tensors: dict[str, ForeignTensor], origin: str) -> ForeignTensor:
    if name not in tensors:
        close = nearest(name, sorted(tensors))
        raise UsageError(
            f"{origin} has no {side} {name!r}",
            why=f"it has {', '.join(tensors)}",
            fix=f"is it {close[0]!r}? {_FIX}" if close else _FIX,
        )
    return tensors[name]


def _shape(taken: ForeignTensor, made: ForeignTensor, origin: str) -> tuple[int, ...]:
    """That of a state without the batch, from both of its sides."""
    sides, others = taken.shape[1:], made.shape[1:]
    fits = len(taken.shape) == len(made.shape) and all(
        None in (own, other) or own == other for own, other in zip(sides, others, strict=True)
    )
    if not fits or element_of(taken) != element_of(made):
        raise UsageError(
            f"{origin} gives {made.name} as {made.dtype} of {shown_shape(made.shape)}, and takes "
            f"{taken.name} as {taken.dtype} of {shown_shape(taken.shape)}",
            why="what is carried from an output to an input has one shape and type",
            fix="name the output that is this input at the next step",
        )
    both = [own or other for own, other in zip(sides, others, strict=True)]
    if None in both:
        raise Unsupported(
            f"{origin} leaves the size of its state {taken.name} open: {shown_shape(taken.shape)}",
            why="no sample shows it: a state begins with zeros",
            fix="save it with a fixed size of that input",
        )
    return tuple(side for side in both if side is not None)


def check_built(record: SteppedPreprocessing, outputs: dict[str, Any], origin: str) -> None:
    """Refuses states whose output has another shape once the graph is built.

    Args:
        record: Of the network.
        outputs: Of the `keras.Model` by name.
        origin: Names the network in messages.
    """
    shapes = {one.name: one.shape for one in record.tensors}
    for state in record.carried:
        made = tuple(outputs[state.output].shape[1:])
        if made != shapes[state.input]:
            raise UsageError(
                f"{origin} gives {state.output} of {shown_shape(made)}, and takes {state.input} of "
                f"{shown_shape(shapes[state.input])}",
                why="what is carried from an output to an input has one shape and type",
                fix="name the output that is this input at the next step",
            )

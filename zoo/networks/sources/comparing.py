"""A converted network beside the original: both answer the same samples, in their own framework."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.common.errors import ZooError
from zoo.common.named_arrays import each_of, fed_to_keras, fields_of, joined
from zoo.contracts import Dataset, GivenNetwork, Preprocessing, StateKeeping
from zoo.contracts.comparison import differs_by_rounding
from zoo.contracts.exporter import FreeSides
from zoo.contracts.preprocessing import SteppedPreprocessing
from zoo.data.preprocessing.inputs import read_inputs
from zoo.data.preprocessing.steps import Answer, outputs_of, step_inputs
from zoo.networks.fixed_sizes import does_not_take, holds_its_size, reason_of
from zoo.networks.free_sides import answers_at, enlarged, names_of, size_along
from zoo.networks.sources.broken_weights import answers_not_finite

#: Samples on which the converted network is compared with the original, and in one call.
_COMPARED, _BATCH = 32, 16
#: And at each further size; an even number, for calls of two.
_FURTHER = 4
#: Largest difference as a share of an output's scale: in float32, half of what a file may be off,
#: so that both together stay within it; and of originals in 16 bits.
_EXACT, _HALF_EXACT = 5e-5, 2e-2


def compared(
    original: GivenNetwork, model: Any, dataset: Dataset, record: Preprocessing, origin: str
) -> str:
    """Compares the converted network with the original's own answers, output by output.

    Raises:
        ZooError: They differ by more than rounding, are not finite, or differ between two calls.
    """
    split = dataset.splits["train"]
    inputs = read_inputs(split, record, range(min(_COMPARED, len(split))))
    names = [one.name for one in original.outputs]
    theirs, again = (_answers(own_answer(original), inputs, record, names) for _ in range(2))
    worst, limit = 0.0, _HALF_EXACT if original.in_half else _EXACT
    for name, values in theirs.items():
        if not np.isfinite(values).all():
            raise answers_not_finite(
                model,
                origin,
                f"its output {name} does, to real samples, before anything was done to it",
                "check the samples: are they as the network takes them?",
            )
        scale = max(float(np.abs(values).max()), 1e-6)
        if float(np.abs(values - again[name]).max()) > _EXACT * scale:
            raise ZooError(
                f"{origin} answers differently each time",
                why=f"two calls with the same samples give others of {name}: an operator of it is "
                "random, or it keeps a state",
                fix="save it without that operator",
            )
    if isinstance(record, SteppedPreprocessing) and isinstance(original, StateKeeping):
        _check_kept(original, theirs, inputs, record, limit, origin)
    ours = _answers(_keras_answer(model, names), inputs, record, names)
    for name, values in theirs.items():
        apart, noise = _distance(values, ours[name])
        worst = max(worst, apart)
        if not differs_by_rounding(apart, noise, limit):
            raise ZooError(
                f"{origin} could not be brought in: the converted network's outputs "
                "differ from the original's",
                why=f"on {len(inputs)} samples {name} differs by {apart:.2g} of its scale",
                fix="please report it, with the file if you may",
            )
    return f"the converted network answers as the original: {worst:.1e} of its scale apart at most"


def _check_kept(
    original: StateKeeping,
    carried: Mapping[str, NDArray[np.float64]],
    inputs: NDArray[Any],
    record: SteppedPreprocessing,
    limit: float,
    origin: str,
) -> None:
    """Compares answers with the state carried from step to step with those of the file as it was.

    Raises:
        ZooError: They differ by more than rounding.
    """
    if not original.states:
        return
    given = [one.name for one in record.given]
    own = original.run_sequences(dict(zip(given, each_of(inputs), strict=True)))
    for name, values in own.items():
        apart, noise = _distance(values.astype(np.float64), carried[name])
        if not differs_by_rounding(apart, noise, limit):
            raise ZooError(
                f"{origin} could not be brought in: with its state carried from step to step, "
                "its outputs differ from the original's",
                why=f"over {record.steps} steps of {len(inputs)} sequences {name} differs by "
                f"{apart:.2g} of its scale: its state is not reset before each sequence, or its "
                "initial values are far from later ones",
                fix="initialize it with zeros where the file is made, or save the network with the "
                "state as an input and an output, and name them: --state INPUT=OUTPUT",
            )


def compared_further(
    opened: Callable[[Mapping[str, tuple[int, ...]]], GivenNetwork],
    model: Any,
    dataset: Dataset,
    record: Preprocessing,
    free: FreeSides,
    origin: str,
) -> str:
    """Compares the converted network with the original at further sizes, along each free side.

    Args:
        opened: Gives the original for shapes of its inputs, without the batch.
        model: The converted network with free sides.
        dataset: Its samples.
        record: Of its inputs.
        free: The free sides.
        origin: Names the network in messages.

    Raises:
        Unsupported: The original does not take such inputs, or the converted network holds a size.
    """
    inputs = read_inputs(dataset.splits["train"], record, range(_FURTHER))
    told, worst = [], 0.0
    for side in names_of(free):
        arrays = enlarged(inputs, free, side)
        try:
            original = opened({name: values.shape[1:] for name, values in arrays.items()})
            theirs = original.run(arrays)
        # Each framework raises its own of a size that a network does not take.
        except Exception as error:
            size = size_along(arrays, free, side)
            raise does_not_take(origin, side, size, reason_of(error, model)) from error
        ours = answers_at(model, arrays, free, side, origin)
        for name, values in theirs.items():
            alike = ours[name].shape == values.shape
            apart, noise = _distance(values.astype(np.float64), ours[name])
            worst = max(worst, apart)
            limit = _HALF_EXACT if original.in_half else 2 * _EXACT
            if not differs_by_rounding(apart, noise, limit):
                raise holds_its_size(
                    origin,
                    side,
                    f"{name} differs by {apart:.2g} of its scale"
                    if alike
                    else f"{name} is {ours[name].shape}, not {values.shape}",
                )
        told.append(f"{side} = {size_along(arrays, free, side)}")
    return (
        f"with free sides it answers as the original, too, at {', '.join(told)}: "
        f"{worst:.1e} apart at most"
    )


def _distance(theirs: NDArray[np.float64], ours: NDArray[Any]) -> tuple[float, float]:
    """What `differs_by_rounding` judges of an output; both infinite where shapes differ.

    Returns:
        The largest difference as a share of the largest value, and the root mean square of all as
        a share of the spread among samples, or of the size where samples are answered alike.
    """
    if ours.shape != theirs.shape:
        return np.inf, np.inf
    difference = ours - theirs
    signal = np.square(theirs - theirs.mean(axis=0)).mean() or np.square(theirs).mean()
    noise = float(np.sqrt(np.square(difference).mean() / max(signal, 1e-30)))
    return float(np.abs(difference).max()) / max(float(np.abs(theirs).max()), 1e-6), noise


def _answers(
    answer: Answer, inputs: NDArray[Any], record: Preprocessing, names: Sequence[str]
) -> Mapping[str, NDArray[np.float64]]:
    """Outputs by name, of sequences those of all steps."""
    made = each_of(outputs_of(inputs, record, answer))
    return {name: one.astype(np.float64) for name, one in zip(names, made, strict=True)}


def own_answer(network: GivenNetwork) -> Answer:
    """The network's own answers as a function of raw inputs, of one call after the other."""
    names = [one.name for one in network.inputs]

    def answer(inputs: NDArray[Any]) -> NDArray[Any]:
        arrays = each_of(inputs)
        parts = [
            network.run({n: v[at : at + _BATCH] for n, v in zip(names, arrays, strict=True)})
            for at in range(0, len(inputs), _BATCH)
        ]
        outputs = [one.name for one in network.outputs]
        return joined({name: np.concatenate([part[name] for part in parts]) for name in outputs})

    return answer


def _keras_answer(model: Any, names: Sequence[str]) -> Answer:
    """A Keras model's answers, in the order of these outputs."""

    def answer(inputs: NDArray[Any]) -> NDArray[Any]:
        made = model(fed_to_keras(inputs), training=False)
        return joined({name: np.asarray(made[name]) for name in names})

    return answer


def with_ranges(
    record: SteppedPreprocessing, original: GivenNetwork, dataset: Dataset
) -> SteppedPreprocessing:
    """The record with the ranges of states as they occur in training sequences."""
    split = dataset.splits["train"]
    inputs = read_inputs(split, record, range(min(_COMPARED, len(split))))
    most = len(inputs) * record.steps
    seen = fields_of(step_inputs(inputs, record, own_answer(original), most, seed=0))
    fed = {state.input for state in record.carried}
    tensors = tuple(
        replace(one, low=float(seen[one.name].min()), high=float(seen[one.name].max()))
        if one.name in fed
        else one
        for one in record.tensors
    )
    return replace(record, tensors=tensors)

"""Free sides of a file that is written: the network with them, and its answers at further sizes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.artifacts.artifact import Artifact
from zoo.artifacts.further_sizes import FurtherOutputs, kept_outputs
from zoo.artifacts.golden_samples import read_golden
from zoo.common.errors import Unsupported, ZooError
from zoo.contracts.exporter import FreeSides
from zoo.data.opening import open_dataset
from zoo.data.preprocessing.inputs import read_inputs
from zoo.execution.device import Device
from zoo.execution.further_sizes import OWN_SIZE, FurtherAnswers, further_answers
from zoo.networks.free_sides import (
    answers_at,
    are_among,
    enlarged,
    free_sides,
    names_of,
    network_with,
)
from zoo.networks.loading import LoadedModel
from zoo.registry import Registry

if TYPE_CHECKING:
    from zoo.artifacts.golden_samples import Golden
    from zoo.common.worker import Children

FURTHER = "further.npz"
#: Examples that the network and its file answer at each further size; an even number, for calls of
#: two; of labelled ones more, since a probability or two may be anything.
_ASKED, _LABELLED = 4, 16


def with_free_sides(
    registry: Registry, loaded: LoadedModel, texts: tuple[str, ...], data: str, folder: Path
) -> tuple[Any, FreeSides]:
    """The network to export, and its free sides; its answers at further sizes go into `folder`.

    Args:
        registry: Finds the dataset.
        loaded: The network.
        texts: As typed for ``--dynamic``.
        data: Dataset, whose validation split has examples.
        folder: Of the step.

    Raises:
        UsageError: What was typed does not fit the network.
        Unsupported: The network, or what it was made from, does not take other sizes.
    """
    name, preprocessing = loaded.card.model_id, loaded.preprocessing
    free = free_sides(texts, preprocessing, name)
    came = loaded.card.network
    known = None if came is None else came.free_sides
    if known is not None and not are_among(free, known):
        raise Unsupported(
            f"files of {name} cannot keep {', '.join(names_of(free))} free: its weights were made "
            "of a network from elsewhere "
            + (f"with {', '.join(names_of(known))} free" if known else "at one size"),
            why="at other sizes the weights can only be compared with the network's own file",
            fix="name its own file in the place of the weights, with the same --dynamic",
        )
    model = network_with(loaded.network, preprocessing, loaded.task, free, name)
    split = open_dataset(registry, data).splits["validation"]
    labelled = not loaded.task.own_names
    most = _LABELLED if labelled else _ASKED
    inputs = read_inputs(split, preprocessing, range(min(most, len(split) // 2 * 2)))
    stored: dict[str, Any] = {}
    for number, side in enumerate((*names_of(free), *[OWN_SIZE] * labelled)):
        arrays = enlarged(inputs, free, side)
        made = answers_at(model, arrays, free, side, name)
        outputs = [made[own] for own in loaded.output_names] if len(made) > 1 else [*made.values()]
        stored |= {f"{number}.in.{place}": one for place, one in enumerate(arrays.values())}
        stored |= {f"{number}.out.{place}": one for place, one in enumerate(outputs)}
    np.savez(folder / FURTHER, **stored)
    return model, free


def read_further(path: Path, free: FreeSides) -> FurtherAnswers:
    """What `with_free_sides` has written: the network's inputs and outputs by side."""
    found = {}
    with np.load(path, allow_pickle=False) as stored:
        for number, side in enumerate((*names_of(free), OWN_SIZE)):
            if f"{number}.in.0" not in stored.files:
                continue
            inputs = {own: stored[f"{number}.in.{place}"] for place, own in enumerate(free)}
            count = sum(name.startswith(f"{number}.out.") for name in stored.files)
            outputs = [stored[f"{number}.out.{place}"] for place in range(count)]
            found[side] = (inputs, outputs)
    return found


def further_outputs(
    artifact: Artifact, golden: Golden | None, runtime: str, device: Device, children: Children
) -> tuple[FurtherOutputs, ...]:
    """What the file answers to golden inputs larger along each free side, for its manifest.

    None where it does not answer, which the gate's check tells.
    """
    free = {} if artifact.manifest is None else artifact.manifest.free_sides
    if golden is None or not free:
        return ()
    inputs = read_golden(golden, artifact.path).inputs[:2]
    found = []
    for side in names_of(free):
        arrays = enlarged(inputs, free, side)
        try:
            outputs = further_answers(artifact, arrays, side, runtime, device, children)
        except ZooError:
            return ()
        found.append(kept_outputs(side, outputs))
    return tuple(found)

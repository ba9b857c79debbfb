"""Part of the gate: which real inputs travel with a file, with the answers it gave to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from zoo.artifacts.artifact import Artifact, require_manifest
from zoo.artifacts.file_chain import FileChain
from zoo.artifacts.golden_answers import golden_answers
from zoo.artifacts.golden_choice import (
    GoldenChoice,
    candidates,
    choose_golden,
    limits_of_boxes,
)
from zoo.artifacts.golden_samples import Golden, GoldenArrays, golden_name, make_golden
from zoo.common.errors import ZooError
from zoo.common.named_arrays import differences
from zoo.common.worker import Children
from zoo.contracts import Precision, Split, Task
from zoo.execution.chain_runner import chain_answers, joined_outputs
from zoo.execution.device import Device
from zoo.execution.runner import FileOutputs, run_inputs

if TYPE_CHECKING:
    from zoo.contracts.task import Array

#: The record without or with its arrays, and the file beside that holds them otherwise.
KeptGolden = tuple[Golden | None, bytes | None]
#: Inputs that are off another way may move outputs farther than those that were tried.
_MARGIN = 2.0
_SEED = 0


def keep_golden(
    chain: FileChain,
    precision: Precision,
    answered: Sequence[FileOutputs],
    examples: Split,
    labels: Array,
    origin: str,
    device: Device,
    children: Children,
    task: Task,
) -> list[KeptGolden]:
    """Chooses the golden inputs of a model and packs them, for each of its files.

    All files have the same examples: what one gave is what the next one takes.

    Args:
        chain: The files that the gate judges.
        precision: Of the files.
        answered: What each answered to `examples`, in their order; where a task kept less than
            all, the candidates are run again.
        examples: What they were judged on.
        labels: Of those that are of the test split.
        origin: ``digits/test``.
        device: Where the files ran.
        children: FinishedSteps when the run is.
        task: Of the network.

    Returns:
        None twice for every file when one answered with what is no number.
    """
    from zoo.data.preprocessing.inputs import read_inputs

    preprocessing, runtime = chain.manifest.preprocessing, answered[0].runtime
    offered = candidates(labels)
    numbers = [number for of_a_class in offered for number in of_a_class]
    inputs = read_inputs(examples, preprocessing, numbers)
    plain = None
    try:
        found = chain_answers(inputs, chain, runtime, device, plain=True, children=children)
        plain = joined_outputs(chain, [one.outputs for one in found])
    except ZooError:  # some operators have no other kernel, and then there is nothing to compare
        pass
    if answered[0].condensed:
        answered = chain_answers(inputs, chain, runtime, device, children=children)
        fast = [one.outputs for one in answered]
    else:
        fast = [one.outputs[numbers] for one in answered]
    tensors = [tensor for artifact in chain.artifacts for tensor in artifact.contents.outputs]
    readings = chain.manifest.readings
    joined = joined_outputs(chain, fast)
    rows = limits_of_boxes(task.outputs, len(chain.manifest.classes))
    chosen = choose_golden(offered, joined, plain, precision, tensors, readings, rows)
    if chosen is None:
        return [(None, None)] * len(chain.artifacts)
    kept = [numbers.index(number) for number in chosen.examples]
    given = inputs[kept]
    packed: list[KeptGolden] = []
    off = 0.0  # how far the inputs of the next file may be off
    for artifact, own, outputs in zip(chain.artifacts, answered, fast, strict=True):
        choice, part = _of_file(chosen, chain, artifact), require_manifest(artifact).part
        taken = require_manifest(artifact).preprocessing.taken(given)
        arrays = GoldenArrays(inputs=taken, outputs=outputs[kept])
        in_chain: dict[str, float] = {}
        if packed:
            moved = _moved(artifact, given, arrays, off, runtime, device, children)
            in_chain = {n: float(f"{choice.limits[n] + moved[n]:.4g}") for n in choice.limits}
        golden = Golden(
            dataset=origin,
            examples=chosen.examples,
            runtime=own.runtime,
            runtime_version=own.runtime_version,
            processor=own.processor,
            max_abs=choice.max_abs,
            tolerance=choice.tolerance,
            limits={name: limit for name, limit in choice.limits.items() if name},
            in_chain=in_chain,
            answers=golden_answers(task, arrays, preprocessing, chain.manifest.classes, part),
        )
        packed.append(make_golden(golden, arrays, golden_name(artifact.path.name)))
        given, off = arrays.outputs, max((in_chain or choice.limits).values())
    return packed


def _of_file(chosen: GoldenChoice, chain: FileChain, artifact: Artifact) -> GoldenChoice:
    if len(chain.artifacts) == 1:
        return chosen
    return chosen.of([tensor.name for tensor in artifact.contents.outputs])


def _moved(
    artifact: Artifact,
    given: Array,
    arrays: GoldenArrays,
    off: float,
    runtime: str,
    device: Device,
    children: Children,
) -> dict[str, float]:
    """How far a file's outputs may be off when its inputs are, by output."""
    import numpy as np

    # Before it is rounded: most whole numbers stay as they are, and some become their neighbours.
    signs = np.random.default_rng(_SEED).choice((-off, off), given.shape)
    inputs = given + signs.astype(given.dtype)
    own = require_manifest(artifact).preprocessing
    found = run_inputs(
        inputs, artifact.path, runtime, device, preprocessing=own, children=children
    ).outputs
    apart = differences(arrays.outputs, found)
    return {name: _MARGIN * float(values.max()) for name, values in apart.items()}

"""Part of the gate: which real inputs travel with a file, with the answers it gave to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.artifacts.artifact import Artifact, require_manifest
from zoo.artifacts.golden_samples import (
    Golden,
    GoldenArrays,
    candidates,
    choose_golden,
    golden_name,
    make_golden,
)
from zoo.common.errors import ZooError
from zoo.common.worker import Children
from zoo.contracts import Precision, Split
from zoo.execution.device import Device
from zoo.execution.runner import FileOutputs, run_inputs

if TYPE_CHECKING:
    from zoo.contracts.task import Array


def keep_golden(
    artifact: Artifact,
    precision: Precision,
    answered: FileOutputs,
    examples: Split,
    labels: Array,
    origin: str,
    device: Device,
    children: Children,
) -> tuple[Golden | None, bytes | None]:
    """Chooses the golden inputs of a file and packs them.

    Args:
        artifact: The file that the gate judges.
        precision: Of the file.
        answered: What it answered to `examples`, in their order.
        examples: What it was judged on.
        labels: Of those that are of the test split.
        origin: ``digits/test``.
        device: Where the file ran.
        children: Ended when the run is.

    Returns:
        The record without or with its arrays, and the file beside that holds them otherwise; None
        twice when the file answered with what is no number.
    """
    from zoo.data.preprocessing.inputs import read_inputs

    manifest = require_manifest(artifact)
    offered = candidates(labels)
    numbers = [number for of_a_class in offered for number in of_a_class]
    inputs = read_inputs(examples, manifest.preprocessing, numbers)
    try:
        plain = run_inputs(
            inputs, artifact.path, answered.runtime, device, plain=True, children=children
        ).outputs
    except ZooError:  # some operators have no other kernel, and then there is nothing to compare
        plain = None
    chosen = choose_golden(
        offered,
        answered.outputs[numbers],
        plain,
        precision,
        artifact.contents.outputs,
    )
    if chosen is None:
        return None, None
    kept = list(chosen.examples)
    golden = Golden(
        dataset=origin,
        examples=chosen.examples,
        runtime=answered.runtime,
        runtime_version=answered.runtime_version,
        processor=answered.processor,
        max_abs=chosen.max_abs,
        tolerance=chosen.tolerance,
        limits={name: limit for name, limit in chosen.limits.items() if name},
    )
    arrays = GoldenArrays(
        inputs=read_inputs(examples, manifest.preprocessing, kept), outputs=answered.outputs[kept]
    )
    return make_golden(golden, arrays, golden_name(artifact.path.name))

"""The network with its weights rounded as in a file: what such a file is to compute.

Rounding may cost a network as much as a fault of the file would. Beside the network as it was
trained, such a fault could hide in what is lost anyway; beside this one it cannot.

Where a file rounds what flows between operators, too, its noise is that of the network that does
so: how much that is was measured on the network itself, but which numbers are rounded up or down
depends on what a runtime fuses.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.artifacts.file_chain import FileChain, chain_of
from zoo.artifacts.file_task import as_file_gives
from zoo.artifacts.gate import compare_outputs, conversion_parity
from zoo.artifacts.reference_outputs import comparison_split
from zoo.common.files import atomic_path
from zoo.common.named_arrays import describe_shapes, fields_of
from zoo.common.progress import Event
from zoo.contracts import Check, Comparison, Precision, Task
from zoo.contracts.precision import Tolerances
from zoo.contracts.rounding import RoundingRequest
from zoo.data.opening import open_dataset
from zoo.data.subset import first_of
from zoo.networks.building import deployed_model, deployed_part
from zoo.networks.loading import Subject, load_model
from zoo.networks.reduced_numbers import with_reduced_numbers
from zoo.pipeline.steps.evaluate import keras_outputs
from zoo.pipeline.steps.step import StepContext
from zoo.registry import load_registry

if TYPE_CHECKING:
    from zoo.contracts.task import Array

#: The check's name.
ROUNDING = "rounding"
#: Its outputs on the inputs that were compared, beside the gate's own.
ROUNDED = "rounded.npz"
#: There: its outputs, and those with results rounded as well.
_OUTPUTS, _RESULTS = "outputs", "results"
#: How many times the noise of rounded results a file may have; honest files: docs/gate.md.
NOISE_FACTOR = 3.0


def judged_beside_rounded(
    context: StepContext,
    subject: Subject,
    data: str,
    chain: FileChain,
    task: Task,
    precision: Precision,
    network: Comparison,
    found: Array,
    labels: Array,
) -> Check:
    """The check of a file beside the network with its weights rounded so.

    Args:
        context: Of the gate's step.
        subject: The network as it was trained.
        data: Dataset whose comparison split was run.
        chain: All files of the model.
        task: Knows what is asked.
        precision: As exported, with `Precision.rounded`.
        network: The file beside the network as it was trained.
        found: Outputs of the file on the first inputs.
        labels: Of these inputs.
    """
    why = context.call(
        rounded_outputs,
        subject=subject,
        data=data,
        files=[artifact.path for artifact in chain.artifacts],
        count=len(labels),
        folder=context.folder,
    )
    if why:
        return unrounded(why, task, precision, network)
    return check_rounding(context.folder, task, precision, found, labels)


def rounded_outputs(
    *,
    subject: Subject,
    data: str,
    files: Sequence[Path],
    count: int,
    folder: Path,
    emit: Callable[[Event], None],
) -> str:
    """Writes the outputs of the rounded network to ``rounded.npz``; for a worker process.

    Args:
        subject: The network.
        data: Dataset whose comparison split is run.
        files: All files of the model, in the order in which they run.
        count: Number of inputs, from the first on.
        folder: Where to write.
        emit: Receives progress.

    Returns:
        Why there is no such network; empty where it was run.
    """
    import numpy as np

    registry, loaded = load_registry(subject.plugins), load_model(subject)
    chain = chain_of(registry, files)
    for artifact, manifest in zip(chain.artifacts, chain.manifests, strict=True):
        round_weights = artifact.exporter.round_weights
        if round_weights is None:
            return f"the format {artifact.exporter.name} does not say how it rounds weights"
        part = loaded.task.part(manifest.part)
        model = deployed_part(loaded.network, loaded.preprocessing, loaded.task, part)
        request = RoundingRequest(
            model=model,
            precision=manifest.precision,
            kept=manifest.kept,
            contents=artifact.contents,
        )
        if why := round_weights(request):
            return why
    examples = first_of(comparison_split(open_dataset(registry, data), count), count)
    precision = registry.precision(chain.manifest.precision)
    results = chain.manifest.precision in chain.first.exporter.rounds_results
    wanted: dict[str, Any] = {_OUTPUTS: None}
    if precision.arithmetic == "float":
        own = deployed_model(loaded.network, loaded.preprocessing, loaded.task, batch=None)
        for name in (_OUTPUTS, *([_RESULTS] if results else [])):
            rounding = name == _RESULTS
            wanted[name] = with_reduced_numbers(own, precision.weights, results=rounding)
    total = len(examples) * len(wanted)
    outputs: dict[str, Any] = {}
    for number, (name, model) in enumerate(wanted.items()):
        before = number * len(examples)
        told = partial(_tell, emit, before, total)
        answered = keras_outputs(loaded, examples, told, model)
        outputs[name] = as_file_gives(registry, chain.manifest, answered)
    with atomic_path(folder / ROUNDED) as temporary, temporary.open("wb") as file:
        np.savez(file, **outputs)
    return ""


def _tell(emit: Callable[[Event], None], before: int, total: int, done: int) -> None:
    emit({"event": "progress", "done": before + done, "total": total})


def unrounded(why: str, task: Task, precision: Precision, network: Comparison) -> Check:
    """The check where there is no rounded network.

    The file is then compared with the network as it was trained, with the precision's own limits,
    where those of the task are wider for what rounding costs.

    Args:
        why: From `rounded_outputs`.
        task: Knows what is asked.
        precision: As exported.
        network: The file beside the network as it was trained.
    """
    value = f"not compared: {why}"
    if task.tolerances(precision) == precision.tolerances:
        return Check(name=ROUNDING, passed=True, value=value, limit="reported")
    found = conversion_parity(task, network, replace(precision, rounded=None))
    return replace(found, name=ROUNDING, value=f"{value}; {found.value} of the network as trained")


def check_rounding(
    folder: Path, task: Task, precision: Precision, found: Array, labels: Array
) -> Check:
    """The file beside the rounded network.

    Args:
        folder: Where `rounded_outputs` wrote.
        task: Knows what is asked.
        precision: As exported, with `Precision.rounded`.
        found: Outputs of the file on the same inputs.
        labels: Of these inputs.
    """
    import numpy as np

    with np.load(folder / ROUNDED, allow_pickle=False) as stored:
        expected = stored[_OUTPUTS]
        results = stored[_RESULTS] if _RESULTS in stored.files else None
    allowed = precision.rounded or precision.tolerances
    if results is None:
        return _beside(task, precision, allowed, expected, found, labels)
    # Each output has its own noise.
    theirs, rounded = fields_of(found), fields_of(results)
    if describe_shapes(expected) != describe_shapes(found):
        return _beside(task, precision, allowed, expected, found, labels)
    checks = {}
    for name, values in fields_of(expected).items():
        own = compare_outputs(task, values, rounded[name], labels)
        limits = noise_limits(own, allowed)
        checks[name] = _beside(task, precision, limits, values, theirs[name], labels)
    return Check.combined(checks) if len(checks) > 1 else next(iter(checks.values()))


def noise_limits(own: Comparison, allowed: Tolerances) -> Tolerances:
    """The limits of an output that rounding results makes so noisy.

    Args:
        own: The rounded network with its results rounded beside itself without.
        allowed: Without that noise. A network whose noise is no number has none beside.
    """
    decibels, noise = own.sqnr_db, own.noise
    if decibels is None or not decibels < math.inf:
        return allowed
    least = decibels - 20.0 * math.log10(NOISE_FACTOR)
    more = NOISE_FACTOR * noise if noise is not None and noise < math.inf else 0.0
    return replace(
        allowed, sqnr_db=min(allowed.sqnr_db, max(least, 1.0)), noise=max(allowed.noise, more)
    )


def _beside(
    task: Task,
    precision: Precision,
    allowed: Tolerances,
    expected: Array,
    found: Array,
    labels: Array,
) -> Check:
    own = replace(precision, tolerances=allowed, rounded=None)
    compared = compare_outputs(task, expected, found, labels)
    return replace(conversion_parity(task, compared, own), name=ROUNDING)

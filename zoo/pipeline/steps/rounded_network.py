"""The network with its weights rounded as in a file: what a file of few bits is to compute.

Four bits may cost a network as much as a fault of the file would. Beside the network as it was
trained, such a fault could hide in what is lost anyway; beside this one it cannot.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.artifacts.file_chain import chain_of
from zoo.artifacts.gate import compare_outputs, conversion_parity
from zoo.artifacts.reference_outputs import comparison_split
from zoo.common.files import atomic_path
from zoo.common.progress import Event
from zoo.contracts import Check, Precision, Task
from zoo.contracts.exporter import RoundingRequest
from zoo.data.opening import open_dataset
from zoo.data.subset import first_of
from zoo.networks.building import deployed_part
from zoo.networks.loading import Subject, load_model
from zoo.pipeline.steps.evaluate import keras_outputs
from zoo.registry import load_registry

if TYPE_CHECKING:
    from zoo.contracts.task import Array

#: The check's name.
ROUNDING = "rounding"
#: Its outputs on the inputs that were compared, beside the gate's own.
ROUNDED = "rounded.npz"


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
    total = len(examples)
    outputs = keras_outputs(
        loaded, examples, lambda done: emit({"event": "progress", "done": done, "total": total})
    )
    with atomic_path(folder / ROUNDED) as temporary, temporary.open("wb") as file:
        np.savez(file, outputs=outputs)
    return ""


def check_rounding(
    why: str, folder: Path, task: Task, precision: Precision, found: Array, labels: Array
) -> Check:
    """The file beside the rounded network.

    Args:
        why: From `rounded_outputs`.
        folder: Where it wrote.
        task: Knows what is asked.
        precision: As exported, with `Precision.rounded`.
        found: Outputs of the file on the same inputs.
        labels: Of these inputs.
    """
    import numpy as np

    if why or precision.rounded is None:
        return Check(name=ROUNDING, passed=True, value=f"not compared: {why}", limit="reported")
    with np.load(folder / ROUNDED, allow_pickle=False) as stored:
        expected = stored["outputs"]
    compared = compare_outputs(task, expected, found, labels)
    own = replace(precision, tolerances=precision.rounded)
    return replace(conversion_parity(task, compared, own), name=ROUNDING)

"""Layer comparison of a file with its float twin, for a worker process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.artifacts.artifact import Artifact, open_artifact, require_manifest
from zoo.common.errors import Unsupported
from zoo.common.progress import Event
from zoo.contracts import LayerComparison, LayerRequest
from zoo.data.opening import open_dataset
from zoo.data.preprocessing.calibration import calibration_inputs
from zoo.data.preprocessing.steps import step_inputs
from zoo.execution.runner import choose_runtime, host_device
from zoo.execution.session import AgentSession
from zoo.execution.waiting import ProcessorTime
from zoo.registry import PluginSettings, Registry, load_registry

if TYPE_CHECKING:
    from numpy.typing import NDArray


def compare_layers(
    *,
    plugins: PluginSettings,
    path: str,
    twin: str,
    data: str,
    split: str,
    samples: int,
    seed: int,
    runs: int,
    emit: Callable[[Event], None],
) -> LayerComparison:
    """Runs both files on real inputs, with all tensors kept; needs no TensorFlow.

    Args:
        plugins: Which plugins to look for.
        path: The file to be explained; must have a manifest.
        twin: The float32 file.
        data: Dataset.
        split: Where inputs are drawn from, each class as often as the others.
        samples: Number of inputs.
        seed: Of the drawing.
        runs: Inferences over which operators are timed; 0 times nothing.
        emit: Receives progress.

    Raises:
        Unsupported: The plugin of this format cannot compare layers.
    """
    registry = load_registry(plugins)
    artifact = open_artifact(registry, Path(path))
    manifest = require_manifest(artifact)
    if artifact.exporter.compare_layers is None:
        raise Unsupported(
            f"the plugin of the format {artifact.exporter.name} cannot compare layers",
            fix="its author can add Exporter.compare_layers: see docs/plugins.md",
        )
    emit({"event": "stage", "text": "reading examples"})
    examples = open_dataset(registry, data).splits[split]
    inputs, _ = calibration_inputs(examples, manifest.preprocessing, samples, seed)
    if manifest.preprocessing.states:
        inputs = with_states(registry, open_artifact(registry, Path(twin)), inputs, samples, seed)
    emit({"event": "stage", "text": "running both files with all tensors kept"})
    before = ProcessorTime.now()
    found = artifact.exporter.compare_layers(
        LayerRequest(
            path=Path(path), baseline=Path(twin), inputs=inputs, layers=manifest.layers, runs=runs
        )
    )
    return replace(found, noise=ProcessorTime.now().disturbances(before)) if runs else found


def with_states(
    registry: Registry, twin: Artifact, sequences: NDArray[Any], count: int, seed: int
) -> NDArray[Any]:
    """Steps of sequences with the states that the float file makes."""
    device = host_device(registry)
    with AgentSession(device.connect(), choose_runtime(twin.exporter, device)) as session:
        session.load(twin.path)
        own = require_manifest(twin).preprocessing
        return step_inputs(sequences, own, session.run, count, seed)

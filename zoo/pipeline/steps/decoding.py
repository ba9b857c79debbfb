"""Part of a training: what the outputs of the trained network are decoded with."""

from __future__ import annotations

from typing import Any

from zoo.contracts import Dataset, Preprocessing, Task
from zoo.data.preprocessing.inputs import truth_of
from zoo.networks.building import deployed_model
from zoo.pipeline.steps.evaluate import model_outputs

_SPLIT = "validation"


def chosen_decoding(
    task: Task, network: Any, preprocessing: Preprocessing, dataset: Dataset
) -> dict[str, float | str]:
    """Chosen by the task on the validation split; empty of tasks that choose nothing.

    Args:
        task: Of the network.
        network: `keras.Model` from normalized inputs to what `task.activation` takes; trained.
        preprocessing: Of the network.
        dataset: Brings the validation split.
    """
    if not task.own_decoding:
        return {}
    model = deployed_model(network, preprocessing, task, batch=None)
    split = dataset.splits[_SPLIT]
    outputs = model_outputs(
        model, preprocessing, task.output_names, split, lambda done: None, task.condensed
    )
    return dict(task.choose_decoding(outputs, truth_of(dataset, _SPLIT, preprocessing)))

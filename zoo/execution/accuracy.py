"""Quality of a file on a whole test split, computed on the device itself."""

from __future__ import annotations

import time
from collections.abc import Callable

from zoo.artifacts.artifact import Artifact, require_manifest
from zoo.artifacts.file_chain import refuse_part
from zoo.artifacts.file_task import task_of
from zoo.contracts import Dataset, Preprocessing, Task
from zoo.data.classes import check_classes
from zoo.execution.runner import (
    FileOutputs,
    check_enough_classes,
    evaluation_of,
    outputs_in_chunks,
)
from zoo.execution.session import AgentSession
from zoo.registry import Registry
from zoo.results.records import Evaluation


def accuracy_measurement(
    registry: Registry, artifact: Artifact, dataset: Dataset, split: str = "test"
) -> Callable[[AgentSession], Evaluation]:
    """What measures the quality in a session that has loaded the file.

    Raises:
        BadFile: The file has no manifest, so nobody knows its preprocessing.
        UsageError: Its classes are not the dataset's; or it is a part of a model.
    """
    refuse_part(
        artifact,
        "its quality is that of all of them",
        f"measure it on this machine: zoo evaluate {artifact.path}",
    )
    from zoo.data.preprocessing.inputs import kind_of

    manifest = require_manifest(artifact)
    task = task_of(registry, manifest)
    check_enough_classes(task, dataset)
    check_classes(manifest.classes, dataset, str(artifact.path))
    kind_of(manifest.preprocessing).check_names(dataset, str(artifact.path))
    return quality_measurement(task, manifest.preprocessing, artifact.path.name, dataset, split)


def quality_measurement(
    task: Task,
    preprocessing: Preprocessing,
    subject: str,
    dataset: Dataset,
    split: str = "test",
) -> Callable[[AgentSession], Evaluation]:
    """The same for anything that is known to fit the dataset."""

    def judge(session: AgentSession) -> Evaluation:
        import numpy as np

        from zoo.data.preprocessing.inputs import truth_of

        started = time.perf_counter()
        examples = dataset.splits[split]
        every = outputs_in_chunks(session, examples, preprocessing, range(len(examples)))
        chunks = [task.condensed(outputs) for outputs in every]
        about = session.describe()
        answered = FileOutputs(
            outputs=np.concatenate(chunks),
            runtime=str(about.get("runtime")),
            runtime_version=str(about.get("runtime_version") or "unknown"),
            processor=str(about.get("cpu")),
            seconds=time.perf_counter() - started,
        )
        truth = truth_of(dataset, split, preprocessing)
        return evaluation_of(task, subject, dataset, split, truth, answered)

    return judge

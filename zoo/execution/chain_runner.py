"""Running the files of a model one after the other: each takes what the one before gave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.artifacts.file_chain import FileChain, open_chain
from zoo.artifacts.file_task import task_of
from zoo.common.named_arrays import fields_of, joined
from zoo.common.progress import OnEvent
from zoo.common.worker import Children
from zoo.contracts import Dataset, Split
from zoo.data.classes import check_classes
from zoo.execution.device import Device
from zoo.execution.runner import (
    FileOutputs,
    Keep,
    as_they_are,
    check_enough_classes,
    choose_runtime,
    evaluation_of,
    host_device,
    run_file,
    run_inputs,
)
from zoo.registry import Registry
from zoo.results.records import Evaluation

if TYPE_CHECKING:
    from zoo.contracts.task import Array


def run_chain(
    chain: FileChain,
    runtime: str,
    device: Device,
    split: Split,
    *,
    emit: OnEvent,
    children: Children | None = None,
    keep: Keep = as_they_are,
) -> tuple[FileOutputs, ...]:
    """Runs every example of a split through the files of a model, one file after the other.

    Args:
        chain: The files.
        runtime: One that the device has.
        device: Where.
        split: Its examples are read as they are needed.
        emit: Receives progress.
        children: Those that are ended when the run is.
        keep: See `run_file`; of several files all is kept, since each takes what another gave.

    Returns:
        What each file gave, in their order; see `combine_outputs`.
    """
    found = [
        run_file(
            chain.first.path,
            runtime,
            device,
            split,
            chain.manifest.preprocessing,
            emit=emit,
            children=children,
            keep=keep if len(chain.artifacts) == 1 else as_they_are,
        )
    ]
    for artifact, manifest in [*zip(chain.artifacts, chain.manifests, strict=True)][1:]:
        inputs, own = found[-1].outputs, manifest.preprocessing
        found.append(
            run_inputs(inputs, artifact.path, runtime, device, preprocessing=own, children=children)
        )
    return tuple(found)


def chain_answers(
    inputs: Array,
    chain: FileChain,
    runtime: str,
    device: Device,
    *,
    plain: bool = False,
    children: Children | None = None,
) -> tuple[FileOutputs, ...]:
    """Like `run_chain`, for raw inputs that are in memory; see `run_inputs`."""
    found: list[FileOutputs] = []
    for artifact, manifest in zip(chain.artifacts, chain.manifests, strict=True):
        given = found[-1].outputs if found else inputs
        found.append(
            run_inputs(
                given,
                artifact.path,
                runtime,
                device,
                preprocessing=manifest.preprocessing,
                plain=plain,
                children=children,
            )
        )
    return tuple(found)


def combine_outputs(chain: FileChain, answered: Sequence[FileOutputs]) -> FileOutputs:
    """What all files of a model gave, as one: every output under its name, all seconds added."""
    if len(answered) == 1:
        return answered[0]
    return replace(
        answered[0],
        outputs=joined_outputs(chain, [one.outputs for one in answered]),
        seconds=sum(one.seconds for one in answered),
    )


def joined_outputs(chain: FileChain, outputs: Sequence[Array]) -> Array:
    """The outputs of all files of a model as one array of named ones; of one file its own."""
    if len(outputs) == 1:
        return outputs[0]
    named: dict[str, Array] = {}
    for artifact, own in zip(chain.artifacts, outputs, strict=True):
        for name, values in fields_of(own).items():
            named[name or artifact.contents.outputs[0].name] = values
    return joined(named)


def evaluate_file(
    registry: Registry, path: Path, dataset: Dataset, split: str, *, emit: OnEvent
) -> Evaluation:
    """Quality of a file on a split; of a part of a model, that of all its files, one by one.

    Raises:
        BadFile: The file has no manifest, or was altered; or another part is not beside it.
        UsageError: Its classes are not the dataset's.
    """
    from zoo.data.preprocessing.inputs import kind_of, truth_of

    chain = open_chain(registry, path)
    manifest = chain.manifest
    check_enough_classes(task_of(registry, manifest), dataset)
    check_classes(manifest.classes, dataset, str(path))
    kind_of(manifest.preprocessing).check_names(dataset, str(path))
    device = host_device(registry)
    runtime = choose_runtime(chain.first.exporter, device)
    task = task_of(registry, manifest)
    answered = run_chain(
        chain, runtime, device, dataset.splits[split], emit=emit, keep=task.condensed
    )
    truth = truth_of(dataset, split, manifest.preprocessing)
    return evaluation_of(task, chain.name, dataset, split, truth, combine_outputs(chain, answered))

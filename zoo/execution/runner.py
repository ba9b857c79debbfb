"""Running a file on real examples, by the agent, in the runtime that users deploy on."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.common.errors import BadData, MissingExtra, ZooError
from zoo.common.progress import OnEvent
from zoo.common.worker import Children
from zoo.contracts import Dataset, Exporter, Preprocessing, Split, Task, Truth
from zoo.execution.device import Device, device_of
from zoo.execution.session import AgentSession
from zoo.registry import Registry
from zoo.results.records import Evaluation
from zoo.tasks.quality import quality_of

if TYPE_CHECKING:
    from zoo.contracts.task import Array

_CHUNK = 512
#: Of outputs that are held before a task keeps what it needs of them.
_CHUNK_BYTES = 1 << 26
_FIRST = 16
_SHARE = 2048
_MOST_AGENTS = 4


#: What is kept of the outputs for some examples.
Keep = Callable[["Array"], "Array"]


def as_they_are(outputs: Array) -> Array:
    """All of the outputs."""
    return outputs


@dataclass(frozen=True, kw_only=True)
class FileOutputs:
    """What a file answered, and in which runtime.

    Attributes:
        outputs: In real numbers, (inputs, …); of several outputs a structured array with their
            names as fields.
        processor: Stands for the processor's model and features, which decide the kernels.
        condensed: Whether outputs are what a task keeps of them, and it keeps not all.
    """

    outputs: Array
    runtime: str
    runtime_version: str
    processor: str
    seconds: float
    condensed: bool = False


@dataclass(frozen=True, kw_only=True)
class _Environment:
    """What computed an answer, as far as it may move the last bit."""

    version: str
    processor: str

    @classmethod
    def of(cls, session: AgentSession) -> _Environment:
        told = session.describe()
        words = [str(told.get(key)) for key in ("machine", "cpu", "flags")]
        return cls(
            version=str(told.get("runtime_version") or "unknown"),
            processor=hashlib.sha256("\n".join(words).encode()).hexdigest()[:16],
        )


def host_device(registry: Registry) -> Device:
    """The device that is this machine: files are judged there before they go anywhere.

    Raises:
        ZooError: No plugin provides one.
    """
    found = next((kind for kind in registry.devices if kind.local), None)
    if found is None:
        raise ZooError(
            "no device is this machine, so no file can be judged",
            fix="`zoo plugins list` shows whether the plugin that provides it is broken or off",
        )
    return device_of(registry, found.name, found)


def choose_runtime(exporter: Exporter, device: Device) -> str:
    """The exporter's preferred runtime among those the device has.

    On another device than this machine, without one of them, the first that runs the format.

    Raises:
        MissingExtra: The device has none of them.
    """
    available = device.runtimes()
    for runtime in (*exporter.runtimes, *device.further_runtimes(exporter.name)):
        if runtime in available:
            return runtime
    raise MissingExtra(exporter.runtimes[0], exporter.extra)


def run_file(
    path: Path,
    runtime: str,
    device: Device,
    split: Split,
    preprocessing: Preprocessing,
    *,
    emit: OnEvent,
    children: Children | None = None,
    keep: Keep = as_they_are,
) -> FileOutputs:
    """Runs every example of a split through a file, large splits by several agents at once.

    Args:
        path: The file.
        runtime: One that the device has.
        device: Where.
        split: Its examples are read as they are needed.
        preprocessing: Of the file.
        emit: Receives progress.
        children: Those that are ended when the run is.
        keep: What is kept of outputs (`OutputDecoding.condensed`), called for some at a time.
    """
    import numpy as np

    started = time.perf_counter()
    children = children or Children()
    progress = _Progress(len(split), emit)

    def run_share(share: range) -> tuple[Array, _Environment, bool]:
        return _run_share(
            path, runtime, device, split, preprocessing, share, progress, children, keep
        )

    shares = _shares(len(split))
    with ThreadPoolExecutor(max_workers=len(shares)) as pool:
        parts = list(pool.map(run_share, shares))
    return FileOutputs(
        outputs=np.concatenate([outputs for outputs, *_ in parts]),
        runtime=runtime,
        runtime_version=parts[0][1].version,
        processor=parts[0][1].processor,
        seconds=time.perf_counter() - started,
        condensed=any(condensed for *_, condensed in parts),
    )


def run_inputs(
    inputs: Array,
    path: Path,
    runtime: str,
    device: Device,
    *,
    preprocessing: Preprocessing | None = None,
    plain: bool = False,
    children: Children | None = None,
) -> FileOutputs:
    """Runs raw inputs that are in memory through a file, one after the other in a fresh agent.

    Args:
        inputs: (inputs, …), of the type and shape that the preprocessing makes.
        path: The file.
        runtime: One that the device has.
        device: Where.
        preprocessing: Of the file: whether inputs are sequences, and what is carried; None where
            they are not.
        plain: Whether the runtime's plain kernels are to answer, not its fast ones.
        children: Those that are ended when the run is.
    """
    from zoo.data.preprocessing.steps import outputs_of

    started = time.perf_counter()
    children = children or Children()
    with AgentSession(device.connect(), runtime) as session, children.registered(session.kill):
        place = _Environment.of(session)
        session.load(path, threads=1, plain_kernels=plain)
        outputs = (
            session.run(inputs)
            if preprocessing is None
            else outputs_of(inputs, preprocessing, session.run)
        )
    return FileOutputs(
        outputs=outputs,
        runtime=runtime,
        runtime_version=place.version,
        processor=place.processor,
        seconds=time.perf_counter() - started,
    )


def _shares(count: int) -> list[range]:
    """Contiguous shares of a split: a second agent pays when it has enough to do."""
    agents = max(1, min(os.cpu_count() or 1, _MOST_AGENTS, count // _SHARE))
    ends = [count * number // agents for number in range(agents + 1)]
    return [range(low, high) for low, high in pairwise(ends)]


class _Progress:
    """Adds up what several agents have done."""

    def __init__(self, total: int, emit: OnEvent) -> None:
        self._done = 0
        self._total = total
        self._emit = emit
        self._lock = threading.Lock()

    def add(self, count: int) -> None:
        with self._lock:
            self._done += count
            self._emit({"event": "progress", "done": self._done, "total": self._total})


def _run_share(
    path: Path,
    runtime: str,
    device: Device,
    split: Split,
    preprocessing: Preprocessing,
    share: range,
    progress: _Progress,
    children: Children,
    keep: Keep,
) -> tuple[Array, _Environment, bool]:
    """What is kept of one agent's outputs, what computed them, and whether that is not all."""
    import numpy as np

    chunks, condensed = [], False
    with AgentSession(device.connect(), runtime) as session, children.registered(session.kill):
        place = _Environment.of(session)
        session.load(path, threads=1)
        for outputs in outputs_in_chunks(session, split, preprocessing, share):
            kept = keep(outputs)
            chunks.append(kept)
            condensed |= kept is not outputs
            progress.add(len(outputs))
    return np.concatenate(chunks), place, condensed


def outputs_in_chunks(
    session: AgentSession, split: Split, preprocessing: Preprocessing, share: range
) -> Iterator[Array]:
    """The outputs of the loaded file for some examples of a split, as many at a time as fit.

    Args:
        session: Has loaded the file.
        split: Where to read.
        preprocessing: Of the file.
        share: Numbers of the examples.
    """
    from zoo.data.preprocessing.inputs import read_inputs
    from zoo.data.preprocessing.steps import outputs_of

    start, size = share.start, _FIRST
    while start < share.stop:
        chunk = range(start, min(start + size, share.stop))
        outputs = outputs_of(read_inputs(split, preprocessing, chunk), preprocessing, session.run)
        start += size
        size = max(1, min(_CHUNK, _CHUNK_BYTES * len(chunk) // max(outputs.nbytes, 1)))
        yield outputs


def evaluation_of(
    task: Task,
    subject: str,
    dataset: Dataset,
    split: str,
    truth: Truth,
    answered: FileOutputs,
    outputs_file: str | None = None,
) -> Evaluation:
    """The record of a file's quality."""
    return Evaluation(
        subject=subject,
        dataset=dataset.name,
        split=split,
        outputs=outputs_file,
        runtime=answered.runtime,
        seconds=answered.seconds,
        **quality_of(task, task.answers(answered.outputs, truth), truth),
    )


def check_enough_classes(task: Task, dataset: Dataset) -> None:
    """Refuses a dataset with too few classes for the task.

    Raises:
        BadData: Names the one that is there.
    """
    if len(dataset.classes) < task.least_classes:
        raise BadData(
            f"{dataset.name} holds only one class: {dataset.classes[0]}",
            why=f"{task.name} needs at least two classes",
            fix="add examples of another class",
        )

"""The outputs of a network or a file for samples without labels."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zoo.artifacts.file_chain import FileChain
from zoo.common.progress import OnEvent
from zoo.contracts import Preprocessing
from zoo.contracts.preprocessing import Sample
from zoo.execution.chain_runner import joined_outputs
from zoo.execution.runner import choose_runtime, host_device
from zoo.execution.session import AgentSession
from zoo.registry import Registry

if TYPE_CHECKING:
    from zoo.contracts.task import Array
    from zoo.data.preprocessing.steps import Answer

    #: Receives numbers of samples and their outputs, (samples, …).
    Take = Callable[[Sequence[int], Array], None]

_CHUNK = 128
#: Fewer samples, unless they are texts, say nothing of the range of their values.
_MANY = 20


@dataclass(frozen=True, kw_only=True)
class SampleOutputs:
    """What was answered, and what could not be read.

    Attributes:
        outputs: In real numbers, (samples, …), of those that could be read; None of none, and where
            parts were handed over one by one.
        kept: Which samples these are.
        problems: The others, with the reasons.
        unlike: Why the inputs are unlike those of the training; empty otherwise.
        runtime: What answered.
        seconds: How long reading and answering took.
    """

    outputs: Array | None
    kept: tuple[int, ...]
    problems: tuple[tuple[int, str], ...]
    unlike: str
    runtime: str
    seconds: float


def outputs_for(
    samples: Sequence[Sample],
    preprocessing: Preprocessing,
    answer: Answer,
    runtime: str,
    *,
    emit: OnEvent,
    take: Take | None = None,
) -> SampleOutputs:
    """Reads samples by parts and has them answered.

    Args:
        samples: Of any number.
        preprocessing: Of the network.
        answer: Raw inputs, (samples, …), to outputs.
        runtime: What answers.
        emit: Receives progress.
        take: Receives the outputs of each part, which are not held then.
    """
    import numpy as np

    from zoo.common.named_arrays import fields_of
    from zoo.data.preprocessing.inputs import kind_of
    from zoo.data.samples.reading import read_samples

    started = time.perf_counter()
    chunks, kept, problems, unlike = [], [], [], ""
    enough = len(samples) >= _MANY or preprocessing.shown_as == "text"
    for start in range(0, len(samples), _CHUNK):
        part = range(start, min(start + _CHUNK, len(samples)))
        inputs, good, bad = read_samples(samples, preprocessing, part)
        problems += bad
        if good:
            unlike = unlike or (kind_of(preprocessing).range_problem(inputs) if enough else "")
            outputs = answer(inputs)
            finite = np.ones(len(good), bool)
            for own in fields_of(outputs).values():
                finite &= np.isfinite(own.reshape(len(own), -1)).all(axis=1)
            problems += [
                (index, "the network answers NaN or infinity")
                for index, own in zip(good, finite.tolist(), strict=True)
                if not own
            ]
            right = [index for index, own in zip(good, finite.tolist(), strict=True) if own]
            if take is None:
                chunks.append(outputs[finite])
            else:
                take(right, outputs[finite])
            kept += right
        emit({"event": "progress", "done": part.stop, "total": len(samples)})
    return SampleOutputs(
        outputs=np.concatenate(chunks) if chunks else None,
        kept=tuple(kept),
        problems=tuple(sorted(problems)),
        unlike=unlike,
        runtime=runtime,
        seconds=time.perf_counter() - started,
    )


def chain_outputs(
    registry: Registry,
    chain: FileChain,
    samples: Sequence[Sample],
    *,
    emit: OnEvent,
    take: Take | None = None,
) -> SampleOutputs:
    """The outputs of a file, or of all files of a model, in the runtime of the format.

    `take` is that of `outputs_for`.

    Raises:
        MissingExtra: The runtime is not installed.
    """
    from zoo.data.preprocessing.steps import outputs_of

    device = host_device(registry)
    runtime = choose_runtime(chain.first.exporter, device)
    with ExitStack() as stack:
        sessions = [
            stack.enter_context(AgentSession(device.connect(), runtime)) for _ in chain.artifacts
        ]
        for session, artifact in zip(sessions, chain.artifacts, strict=True):
            session.load(artifact.path, threads=1)

        def answer(inputs: Array) -> Array:
            found: list[Array] = []
            for session, manifest in zip(sessions, chain.manifests, strict=True):
                given = found[-1] if found else inputs
                found.append(outputs_of(given, manifest.preprocessing, session.run))
            return joined_outputs(chain, found)

        own = chain.manifest.preprocessing
        return outputs_for(samples, own, answer, runtime, emit=emit, take=take)

"""A conversation with one agent process: requests as methods, every failure as an error."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from zoo.common.errors import BadData
from zoo.common.named_arrays import fields_of, with_names
from zoo.contracts import Runtime, Transport
from zoo.execution import plausibility
from zoo.execution.conversation import Conversation
from zoo.execution.driver_guard import GuardedTransport
from zoo.execution.failures import AgentDied, OtherFile
from zoo.execution.figures import MOST_SAMPLES
from zoo.execution.protocol import (
    BenchRun,
    LoadedFile,
    bench_run,
    delegate_of,
    described,
    loaded_file,
    outputs_of,
    pack,
    profile_of,
)
from zoo.results.measurements import Profile

#: Largest request: examples and bytes of one line.
CHUNK_EXAMPLES = 256
CHUNK_BYTES = 4 << 20
#: A chunk that took longer is followed by a smaller one, so that a slow device is no hung one.
CHUNK_SECONDS = 5.0
DEFAULT_TIMEOUT = 120.0
#: A profile runs a large file some hundred times.
PROFILE_TIMEOUT = 900.0
#: What the answer to `load` may contradict, in words.
_ASKED = {
    "sha256": "file",
    "threads": "number of threads",
    "batch": "size of batch",
    "shapes": "shape of inputs",
}


class AgentSession(Conversation):
    """Starts an agent and asks it; a context manager.

    Args:
        transport: Where the agent runs; stays open when the session ends.
        runtime: The runtime that it uses.
        timeout: Seconds to wait for an answer, beyond the time that the work itself is given.
    """

    def __init__(
        self, transport: Transport, runtime: str, timeout: float = DEFAULT_TIMEOUT
    ) -> None:
        super().__init__()
        self._transport = transport
        self._runtime = runtime
        brought = transport.brought if isinstance(transport, GuardedTransport) else ()
        self._brought = next((each for each in brought if each.name == runtime), None)
        self._timeout = timeout
        self._loaded: LoadedFile | None = None
        #: Whether a file was timed in this process.
        self.timed = False

    def __enter__(self) -> Self:
        try:
            self._process = self._transport.start_agent(self._runtime)
        except OSError as error:
            raise AgentDied("the agent could not be started", why=str(error)) from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def describe(self, brought: Sequence[Runtime] = ()) -> dict[str, Any]:
        """The device and its software, as the agent sees them.

        Args:
            brought: Runtimes to look for, in place of the agent's own.
        """
        asked = brought or ([self._brought] if self._brought is not None else [])
        fields = {"runtimes": [each.description for each in asked]} if asked else {}
        answer = self._ask("describe", self._timeout, **fields)
        return self._read(described, answer, "describe")

    def load(
        self,
        path: Path | str,
        threads: int = 1,
        *,
        plain_kernels: bool = False,
        purpose: Literal["outputs", "timing"] = "outputs",
        batch: int | None = None,
        shapes: Sequence[Sequence[int]] | None = None,
        sha256: str = "",
        real_time: bool = True,
    ) -> LoadedFile:
        """Loads a file, in place of the one before.

        Args:
            path: A local `Path`, which is put on the device; or text, a path that is there.
            threads: For one inference.
            plain_kernels: Whether the runtime's plain kernels are to answer: no delegate of the
                processor's, no optimized graph.
            purpose: ``timing`` chooses the call that the runtime's own benchmark times.
            batch: Examples in one inference, where the file leaves them open; None leaves it
                to the file.
            shapes: Of each input with the batch, where the file leaves sizes open.
            sha256: Of the bytes that must be loaded; empty where they are not known.
            real_time: As for `bench`.

        Raises:
            OtherFile: Other bytes were loaded there, or in another way than asked.
        """
        put = self._transport.put(path) if isinstance(path, Path) else path
        fields = {"path": put, "threads": threads, "purpose": purpose}
        if plain_kernels:
            fields["plain_kernels"] = True
        if batch is not None:
            fields["batch"] = batch
        if shapes is not None:
            fields["shapes"] = [list(shape) for shape in shapes]
        if sha256:
            fields["digest"] = True
        if self._brought is not None and self._brought.source is not None:
            source = self._transport.put(self._brought.source)
            fields["runtime"] = {**self._brought.description, "source": source}
        answer = self._ask("load", self._timeout, **fields)
        loaded = self._read(loaded_file, answer, "load")
        if real_time:
            self._require(plausibility.check_load, "load", loaded.load_ns, self.passed)
        asked = {"runtime": self._runtime, "threads": threads}
        asked |= {} if batch is None else {"batch": batch}
        asked |= {"sha256": sha256} if sha256 and loaded.sha256 else {}
        there = [list(tensor.shape) for tensor in loaded.inputs]
        if shapes is not None and there != fields["shapes"]:
            raise self._other("shapes", there, fields["shapes"])
        for name, value in asked.items():
            if (found := getattr(loaded, name)) != value:
                raise self._other(name, found, value)
        self._loaded = loaded
        return loaded

    @property
    def loaded(self) -> LoadedFile | None:
        """The file that was loaded last."""
        return self._loaded

    def run(self, examples: NDArray[Any]) -> NDArray[Any]:
        """The outputs for raw examples, as real numbers.

        Quantization of inputs and outputs is the agent's work; both sides are real numbers.

        Returns:
            float32, (examples, …); of several outputs a structured array with their names as
            fields (see `zoo.common.named_arrays`), as examples of several inputs are.

        Raises:
            BadData: The file has another number of inputs.
        """
        loaded = self._loaded
        if loaded is None:
            return self.run_all([examples])[0]
        given = fields_of(examples)
        if len(loaded.inputs) != len(given):
            raise BadData(
                f"the file has {len(loaded.inputs)} inputs, not "
                f"{'one' if len(given) == 1 else len(given)}",
                fix="use run_all",
            )
        names = [tensor.name for tensor in loaded.inputs]
        own = names if {*names} == {*given} else [*given]
        arrays = self.run_all([np.ascontiguousarray(given[name]) for name in own])
        return with_names(arrays, [tensor.name for tensor in loaded.outputs])

    def run_all(self, inputs: Sequence[NDArray[Any]]) -> list[NDArray[np.float32]]:
        """All outputs for raw examples, one array per input."""
        count = len(inputs[0])
        batch = max(1, self._loaded.batch) if self._loaded else 1
        each = sum(values.nbytes for values in inputs) // max(1, count)
        most = max(batch, min(CHUNK_EXAMPLES, CHUNK_BYTES // max(1, each)))
        size = min(most, 8 * batch)
        parts: list[list[NDArray[Any]]] = []
        start = 0
        while start < count or not parts:
            began = time.monotonic()
            chunk = [pack(values[start : start + size]) for values in inputs]
            answer = self._ask("run", self._timeout, inputs=chunk)
            found = self._read(outputs_of, answer, "run", chunk[0]["shape"][0])
            self._require(_same_outputs, "run", found, parts[:1], self._loaded)
            parts.append(found)
            start += size
            fast = time.monotonic() - began < CHUNK_SECONDS
            size = min(most, size * 2) if fast else max(batch, size // 2)
            size -= size % batch
        return [
            np.concatenate(one).astype(np.float32, copy=False) for one in zip(*parts, strict=True)
        ]

    def bench(
        self,
        *,
        min_runs: int,
        min_seconds: float,
        max_seconds: float,
        warmup_seconds: float,
        inputs: Sequence[NDArray[Any]] | None = None,
        value_range: tuple[float, float] = (0.0, 1.0),
        limits: Sequence[int | None] = (),
        seed: int = 0,
        real_time: bool = True,
    ) -> BenchRun:
        """Times single inferences of the loaded file.

        Args:
            min_runs: At least so many inferences,
            min_seconds: and at least for so long,
            max_seconds: but never longer than this.
            warmup_seconds: Limit of the warm-up, which ends when the times are stable.
            inputs: One raw example per input; None for seeded random numbers.
            value_range: Of those, for inputs that are real numbers; quantized ones take all
                values of their type.
            limits: Of each input of indices, how many there are; None for other inputs.
            seed: Of those.
            real_time: Whether the device's clock ticks as that of this machine does: what it
                reports must then fit into the time that passes here.
        """
        asked = plausibility.BenchRequest(
            min_runs=min_runs, min_seconds=min_seconds, max_seconds=max_seconds
        )
        self.timed = True
        answer = self._ask(
            "bench",
            self._timeout + warmup_seconds + max_seconds,
            min_runs=min_runs,
            min_seconds=min_seconds,
            max_seconds=max_seconds,
            warmup_seconds=warmup_seconds,
            inputs=None if inputs is None else [pack(values) for values in inputs],
            range=list(value_range),
            seed=seed,
            **({"limits": list(limits)} if any(limits) else {}),
        )
        most = plausibility.most_samples(self.passed) if real_time else MOST_SAMPLES
        run = self._read(bench_run, answer, "bench", min(most, MOST_SAMPLES))
        passed = self.passed if real_time else None
        if run.summary is not None:
            self._require(plausibility.check_summary, "bench", run.summary, passed)
            return run
        self._require(plausibility.check_counts, "bench", run, asked)
        if passed is not None:
            self._require(plausibility.check_times, "bench", run, passed)
        return run

    def locate(self) -> dict[str, Any]:
        """Where the operators of the loaded file run; may load it once more to find out.

        Raises:
            AgentRefused: An accelerator was asked for, and none of them runs there.
        """
        return self._read(delegate_of, self._ask("locate", self._timeout), "locate")

    def profile(self, seconds: float = 10.0) -> Profile:
        """What each operator of the loaded file takes.

        Args:
            seconds: About so long at most; a slow file takes longer, since each operator runs.

        Raises:
            AgentRefused: The runtime does not tell.
        """
        answer = self._ask("profile", PROFILE_TIMEOUT + 10 * seconds, seconds=seconds)
        return self._read(profile_of, answer, "profile")

    def _other(self, name: str, found: object, asked: object) -> OtherFile:
        if self._process is not None:
            self._end(self._process)
        return OtherFile(
            f"the agent loaded another {_ASKED.get(name, name)} than asked",
            why=f"{found} in place of {asked}",
            fix="type the same command again; if it stays, see what is in the device's place",
        )


def _same_outputs(
    found: Sequence[NDArray[Any]], before: Sequence[list[NDArray[Any]]], loaded: LoadedFile | None
) -> None:
    """Refuses outputs that are others than those of the chunk before, or than the file has."""
    shapes = [(values.shape[1:], values.dtype) for values in found]
    if before and shapes != [(values.shape[1:], values.dtype) for values in before[0]]:
        raise ValueError("its outputs have another shape than before")
    if loaded is not None and loaded.outputs and len(found) != len(loaded.outputs):
        raise ValueError(f"{len(found)} outputs came of a file with {len(loaded.outputs)}")
    if not found:
        raise ValueError("no outputs came")

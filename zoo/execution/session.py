"""A conversation with one agent process: requests as methods, every failure as an error."""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from zoo.common.errors import BadData
from zoo.common.named_arrays import with_names
from zoo.contracts import AgentProcess, Runtime, Transport
from zoo.execution.driver_guard import GuardedTransport
from zoo.execution.failures import (
    AgentDied,
    AgentGarbled,
    AgentHung,
    AgentMismatch,
    crash_error,
    last_stderr_lines,
    refusal_error,
)
from zoo.execution.protocol import (
    PROTOCOL,
    BenchRun,
    LoadedFile,
    bench_run,
    loaded_file,
    pack,
    profile_of,
    unpack,
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
#: How long the end of a stream may lag behind a torn line.
END_SECONDS = 0.5

Read = TypeVar("Read")


class AgentSession:
    """Starts an agent and asks it; a context manager.

    Args:
        transport: Where the agent runs; stays open when the session ends.
        runtime: The runtime that it uses.
        timeout: Seconds to wait for an answer, beyond the time that the work itself is given.
    """

    def __init__(
        self, transport: Transport, runtime: str, timeout: float = DEFAULT_TIMEOUT
    ) -> None:
        self._transport = transport
        self._runtime = runtime
        brought = transport.brought if isinstance(transport, GuardedTransport) else ()
        self._brought = next((each for each in brought if each.name == runtime), None)
        self._timeout = timeout
        self._number = 0
        self._process: AgentProcess | None = None
        self._loaded: LoadedFile | None = None

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
        return {k: v for k, v in answer.items() if k not in ("ok", "id", "protocol")}

    def load(
        self,
        path: Path | str,
        threads: int = 1,
        *,
        plain_kernels: bool = False,
        purpose: Literal["outputs", "timing"] = "outputs",
        batch: int | None = None,
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
        """
        there = self._transport.put(path) if isinstance(path, Path) else path
        fields = {"path": there, "threads": threads, "purpose": purpose}
        if plain_kernels:
            fields["plain_kernels"] = True
        if batch is not None:
            fields["batch"] = batch
        if self._brought is not None and self._brought.source is not None:
            source = self._transport.put(self._brought.source)
            fields["runtime"] = {**self._brought.description, "source": source}
        answer = self._ask("load", self._timeout, **fields)
        self._loaded = self._read(loaded_file, answer, "load")
        return self._loaded

    @property
    def loaded(self) -> LoadedFile | None:
        """The file that was loaded last."""
        return self._loaded

    def run(self, examples: NDArray[Any]) -> NDArray[Any]:
        """The outputs for raw examples, as real numbers.

        Quantization of inputs and outputs is the agent's work; both sides are real numbers.

        Returns:
            float32, (examples, …); of several outputs a structured array with their names as
            fields (see `zoo.common.named_arrays`).

        Raises:
            BadData: The file has more than one input; `run_all` takes those.
        """
        loaded = self._loaded
        if loaded is None:
            return self.run_all([examples])[0]
        if len(loaded.inputs) != 1:
            raise BadData(
                f"the file has {len(loaded.inputs)} inputs, not one",
                fix="use run_all",
            )
        return with_names(self.run_all([examples]), [tensor.name for tensor in loaded.outputs])

    def run_all(self, inputs: Sequence[NDArray[Any]]) -> list[NDArray[np.float32]]:
        """All outputs for raw examples, one array per input."""
        count = len(inputs[0])
        batch = max(1, self._loaded.inputs[0].shape[0]) if self._loaded else 1
        each = sum(values.nbytes for values in inputs) // max(1, count)
        most = max(batch, min(CHUNK_EXAMPLES, CHUNK_BYTES // max(1, each)))
        size = min(most, 8 * batch)
        parts: list[list[NDArray[Any]]] = []
        start = 0
        while start < count or not parts:
            began = time.monotonic()
            chunk = [pack(values[start : start + size]) for values in inputs]
            answer = self._ask("run", self._timeout, inputs=chunk)
            parts.append(self._read(_arrays, answer, "run"))
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
        seed: int = 0,
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
            seed: Of those.
        """
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
        )
        return self._read(bench_run, answer, "bench")

    def locate(self) -> dict[str, Any]:
        """Where the operators of the loaded file run; may load it once more to find out.

        Raises:
            AgentRefused: An accelerator was asked for, and none of them runs there.
        """
        return self._read(
            lambda told: dict(told["delegate"]), self._ask("locate", self._timeout), "locate"
        )

    def profile(self, seconds: float = 10.0) -> Profile:
        """What each operator of the loaded file takes.

        Args:
            seconds: About so long at most; a slow file takes longer, since each operator runs.

        Raises:
            AgentRefused: The runtime does not tell.
        """
        answer = self._ask("profile", PROFILE_TIMEOUT + 10 * seconds, seconds=seconds)
        return self._read(profile_of, answer, "profile")

    def kill(self) -> None:
        """Ends the agent at once, from any thread; a request under way fails."""
        if self._process is not None:
            self._process.kill()

    def close(self) -> None:
        """Ends the agent; nothing can be asked afterwards."""
        process, self._process = self._process, None
        if process is not None:
            process.stop()

    def _ask(self, command: str, timeout: float, **fields: Any) -> dict[str, Any]:
        process = self._process
        if process is None:
            raise AgentDied(
                f"there is no agent to {command}", fix="use AgentSession in a with statement"
            )
        self._number += 1
        request = {"protocol": PROTOCOL, "id": self._number, "command": command, **fields}
        try:
            # An agent that is gone may have said why, so its stream is read all the same.
            with suppress(BrokenPipeError):
                process.send(json.dumps(request))
            line = process.receive(timeout)
        except TimeoutError as error:
            process.kill()
            self._end(process)
            raise AgentHung(
                f"the agent gave no answer to {command!r} in time and was stopped",
                why=str(error),
                fix="use a smaller model or a longer timeout; check that the device is awake",
            ) from error
        if line is None:
            code = self._end(process)
            raise crash_error(command, code, process.diagnostics())
        return self._check(process, command, line)

    def _check(self, process: AgentProcess, command: str, line: str) -> dict[str, Any]:
        try:
            answer = json.loads(line)
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict) or "ok" not in answer:
            if _process_ended(process):
                # Half a line, then death: the death is what happened.
                raise crash_error(command, self._end(process), process.diagnostics())
            raise self._garbled(command, line, process)
        if answer.get("protocol") != PROTOCOL:
            self._end(process)
            raise AgentMismatch(
                f"the agent speaks protocol {answer.get('protocol')}, edgezoo {PROTOCOL}",
                why="the copy of the agent on the device belongs to another version of edgezoo",
                fix="copy the agent of this version to the device",
            )
        if not answer["ok"]:
            error = answer.get("error") or {}
            raise refusal_error(command, str(error.get("type", "")), str(error.get("message", "")))
        if answer.get("id") != self._number:
            raise self._garbled(command, line, process)
        return answer

    def _read(
        self, reader: Callable[[dict[str, Any]], Read], answer: dict[str, Any], command: str
    ) -> Read:
        try:
            return reader(answer)
        except (KeyError, TypeError, ValueError, AttributeError, zlib.error) as error:
            if self._process is None:
                raise
            raise self._garbled(command, f"{error!r} in it", self._process) from error

    def _garbled(self, command: str, line: str, process: AgentProcess) -> AgentGarbled:
        self._end(process)
        shown = line if len(line) <= 80 else line[:77] + "…"
        return AgentGarbled(
            f"the agent's answer to {command!r} is not one: {shown!r}",
            why=last_stderr_lines(process.diagnostics()) or None,
            fix="something else writes to the agent's stdout, or the line to the device is cut",
        )

    def _end(self, process: AgentProcess) -> int | None:
        self._process = None
        return process.stop()


def _process_ended(process: AgentProcess) -> bool:
    try:
        return process.receive(END_SECONDS) is None
    except TimeoutError:
        return False


def _arrays(answer: dict[str, Any]) -> list[NDArray[Any]]:
    return [unpack(packed) for packed in answer["outputs"]]

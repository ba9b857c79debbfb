"""A child process that runs a library for one network, and every failure of it as an error."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import weakref
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from zoo.common.crashes import MORE_MEMORY
from zoo.common.errors import BadFile, ProcessFailed, Unsupported, UsageError, ZooError
from zoo.common.memory import machine_memory
from zoo.common.shown_text import printable_lines
from zoo.execution.agent_process import PipeProcess
from zoo.execution.failures import last_stderr_lines, signal_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Seconds for one request: an export of a large network on a slow machine.
PATIENCE = 1800.0
#: Of the machine's memory.
_MEMORY_SHARE = 0.7
_KINDS: dict[str, type[ZooError]] = {
    kind.__name__: kind for kind in (BadFile, UsageError, Unsupported)
}
_NO_MEMORY = ("can't allocate memory", "not enough memory", "bad_alloc")


class LibraryProcess:
    """A process of a library that holds one network.

    Attributes:
        library: Its name in messages.
        advice: What to do where it raised an error of its own.
        variables: Of its environment, beside those of this process.
        folder: Where files are exchanged; removed at its end.

    Args:
        origin: Names the network in messages.
        command: In place of `own_command`; gets the folder, too.
        patience: Seconds for each request.
    """

    library: ClassVar[str]
    advice: ClassVar[str]
    variables: ClassVar[Mapping[str, str]] = {}
    _last: ClassVar[tuple[str, Any, dict[str, Any]] | None] = None

    def __init__(
        self, origin: str, *, command: Sequence[str] = (), patience: float = PATIENCE
    ) -> None:
        self._origin, self._patience = origin, patience
        command = command or self.own_command()
        self.folder = Path(tempfile.mkdtemp(prefix="zoo-library-"))
        memory = str(int(machine_memory() * _MEMORY_SHARE))
        # Nothing is downloaded there: what libraries would fetch by themselves is not verified.
        own = {"ZOO_CHILD_MEMORY": memory, "HF_HUB_OFFLINE": "1", "TMPDIR": str(self.folder)}
        environment = {**os.environ, **self.variables, **own}
        self._process = PipeProcess([*command, str(self.folder)], environment)
        self._count = 0
        self.close = weakref.finalize(self, _end, self._process, self.folder)

    @classmethod
    def holding(
        cls, request: Mapping[str, Any], files: Iterable[Path], origin: str
    ) -> tuple[Self, dict[str, Any]]:
        """A process that has opened the network of a request, and its answer.

        A network is opened twice in a row where it is compared with the original: what was opened
        last is kept while its files are as they were.

        Args:
            request: Without its command.
            files: That the network is read from.
            origin: Names the network in messages.
        """
        stamps = [(s.st_mtime_ns, s.st_size, s.st_ino) for s in map(Path.stat, files)]
        key = json.dumps([request, stamps])
        last = cls._last
        if last is None or last[0] != key or not last[1].close.alive:
            process = cls(origin)
            last = cls._last = key, process, process.ask("open", "opened", **request)
        return last[1], last[2]

    def own_command(self) -> list[str]:
        """The program, and its arguments before the folder."""
        raise NotImplementedError

    def ask(self, command: str, doing: str, **fields: Any) -> dict[str, Any]:
        """The answer to a request.

        Args:
            command: Of the program.
            doing: What it does with the network, for messages: ``opened``.
            fields: Of the request.

        Raises:
            ZooError: It refused, died, hung or ran out of memory.
        """
        if not self.close.alive:
            raise ProcessFailed(f"{self.library}'s process for {self._origin} has ended")
        line: str | None = None
        try:
            # A process that is gone may have said why.
            with suppress(BrokenPipeError):
                self._process.send(json.dumps({"command": command, **fields}))
            line = self._process.receive(self._patience)
        except TimeoutError as error:
            self.close()
            raise ProcessFailed(
                f"{self._origin} was not {doing} by {self.library} within {self._patience:g} s",
                why="its process was stopped",
                fix="bring a smaller network, or see that the machine is not busy",
            ) from error
        try:
            answer = json.loads(line) if line is not None else None
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise self._died(doing)
        if answer.get("ok") is not True:
            raise self._refused(answer, doing)
        return answer

    def _died(self, doing: str) -> ZooError:
        code = self._process.stop()
        last = last_stderr_lines(printable_lines(self._process.diagnostics()))
        self.close()
        name = signal_of(code)
        how = f"it was killed by {name}" if name else f"exit code {code}"
        out = name == "SIGKILL" or any(words in last for words in _NO_MEMORY)
        return ProcessFailed(
            f"{self.library}'s process ended while {self._origin} was {doing}",
            why=how + (f"; its last lines: {last}" if last else ""),
            fix="memory was probably short: end other programs, or use a smaller network"
            if out
            else "run it again; if that fails, too, report it, with the network if you may",
        )

    def _refused(self, answer: dict[str, Any], doing: str) -> ZooError:
        told = {key: printable_lines(str(answer.get(key) or ""))[:1000] for key in _SENTENCES}
        if told["kind"] in _KINDS:
            kind = _KINDS[told["kind"]]
            return kind(told["what"], why=told["why"] or None, fix=told["fix"] or None)
        if told["kind"] == "MemoryError" or any(words in told["why"] for words in _NO_MEMORY):
            return ProcessFailed(
                f"{self.library} ran out of memory while {self._origin} was {doing}",
                why=told["why"] or None,
                fix=MORE_MEMORY,
            )
        return ZooError(
            f"{self._origin} could not be {doing} by {self.library}",
            why=told["why"] or None,
            fix=self.advice,
        )

    def answers(self, *batches: NDArray[Any]) -> list[NDArray[np.float32]]:
        """The network's outputs for its inputs, as outside of training."""
        self._count += 1
        names = [f"{what}{self._count}.npz" for what in ("inputs", "outputs")]
        inputs, outputs = (self.folder / name for name in names)
        # Types that numpy does not have itself would be read as bytes: bfloat16.
        plain = [one if one.dtype.isbuiltin == 1 else one.astype(np.float32) for one in batches]
        np.savez(inputs, *plain)
        try:
            self.ask("answer", "run", inputs=names[0], outputs=names[1])
            with np.load(outputs, allow_pickle=False) as file:
                return [np.asarray(file[name], np.float32) for name in file.files]
        finally:
            for path in (inputs, outputs):
                path.unlink(missing_ok=True)


_SENTENCES = ("kind", "what", "why", "fix")


def _end(process: PipeProcess, folder: Path) -> None:
    process.kill()
    process.stop()
    shutil.rmtree(folder, ignore_errors=True)

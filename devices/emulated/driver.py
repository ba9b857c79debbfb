"""Boards whose processor QEMU emulates here: their own kernels answer, bit for bit as theirs do.

The same agent runs in Debian's Python for that processor with the runtimes' real wheels for it.
Its times are those of the emulator, and are called so wherever they are shown.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from zoo.common.errors import ZooError
from zoo.contracts import AgentProcess, Condition, DeviceDriver
from zoo.execution.agent_process import PipeProcess

from ..shared.agent_files import AGENT
from . import root_filesystem as roots
from . import wheels
from .boards import BOARDS, PREFIX, Board, board_folder
from .options import EmulatedOptions
from .qemu import Emulator, find_emulator


class EmulatedTransport:
    """Starts agents on one emulated board; its files are this machine's."""

    def __init__(
        self, board: Board, root: roots.Root, emulator: Emulator, runtimes: Sequence[str]
    ) -> None:
        self._board = board
        self._root = root
        self._emulator = emulator
        self._runtimes = runtimes

    def put(self, local: Path) -> str:
        """The file's own path: programs there see this machine's files."""
        return str(local.resolve())

    def start_agent(self, runtime: str) -> AgentProcess:
        """A fresh emulator with a fresh Python in it."""
        prefix = board_folder(
            self._board,
            self._root.system,
            self._root.folder / "boards" / self._board.name,
            self._emulator.version,
        )
        first = [runtime] if runtime in self._runtimes else []
        others = [name for name in self._runtimes if name != runtime]
        return PipeProcess(
            [
                *(str(self._emulator.program), "-cpu", self._board.cpu, "-L", str(prefix)),
                *(str(self._root.python), str(AGENT), "--runtime", runtime),
            ],
            self._root.environment([*first, *others]),
        )

    def condition(self) -> Condition:
        """What stands in for the board; an emulator has neither heat nor a clock of its own."""
        return Condition(readings={"emulator": self._emulator.version, "cpu": self._board.cpu})

    def close(self) -> None:
        """Nothing is held."""


class EmulatedDriver(DeviceDriver[EmulatedOptions]):
    """One board, emulated."""

    @property
    def board(self) -> Board:
        """Whose processor."""
        return BOARDS[self.options.board]

    @property
    def address(self) -> str:
        """What is emulated."""
        board = self.board
        return f"{board.summary}: {board.core} by QEMU, {board.architecture.name}"

    def connect(self) -> EmulatedTransport:
        """Finds the emulator and the root.

        Raises:
            ZooError: They are not there; says how to set them up.
        """
        ready, emulator = self._prepared()
        root = roots.root_of(self.board.architecture)
        return EmulatedTransport(self.board, root, emulator, list(ready.runtimes))

    def fingerprint(self) -> str:
        """The board, what emulates it, what the root was made of, and the machine below."""
        from ..agent.zoo_agent.machine import fingerprint as machine_fingerprint

        ready, emulator = self._prepared()
        made_of = roots.digest(ready)
        return f"{self.board.name}; {emulator.version}; root {made_of}; on {machine_fingerprint()}"

    def runtimes(self) -> Sequence[str]:
        """The agent's runtimes that answered rightly when the root was built."""
        return list(self._prepared()[0].runtimes)

    def _prepared(self) -> tuple[roots.RootRecord, Emulator]:
        board = self.board
        ready = roots.root_of(board.architecture).ready()
        emulator = find_emulator(board.architecture, roots.emulators())
        if ready is None or emulator is None:
            missing = "its Python and runtimes are" if ready is None else "the emulator is"
            raise ZooError(
                f"the emulated {board.summary} is not set up: {missing} not there",
                why=f"looked in {roots.emulation_folder()}",
                fix=f"type: zoo devices setup {PREFIX}{board.name}",
            )
        return ready, emulator

    @property
    def setup_runtimes(self) -> list[str]:
        """Those that have wheels for some board; which of them run on this one, its setup finds."""
        return [each.name for each in wheels.RUNTIMES]

    def setup(self, tell: Callable[[str], None]) -> str:
        """Fetches QEMU, Debian's Python and the runtimes for the board's processor, once.

        Raises:
            ZooError: Something could not be fetched, or does not run.
        """
        board = self.board

        def check(root: roots.Root, emulator: Emulator, runtime: str) -> str:
            return _try_out(board, root, emulator, runtime)

        ready = roots.build(board.architecture, check, tell)
        emulator = find_emulator(board.architecture, roots.emulators())
        found = ", ".join(f"{name} {version}" for name, version in ready.runtimes.items())
        by = emulator.version if emulator else "an emulator"
        return (
            f"{board.core} by {by} has Python {ready.python} with {found}; its times are emulated"
        )


def _try_out(board: Board, root: roots.Root, emulator: Emulator, runtime: str) -> str:
    """The version of a runtime that answers rightly on the emulated processor.

    Raises:
        RuntimeRefused: It dies, refuses, or errs.
    """
    import numpy as np

    from zoo.execution.failures import AgentRefused
    from zoo.execution.probes import BIAS, PROBES, TOLERANCE, WEIGHTS
    from zoo.execution.session import AgentSession

    inputs = np.random.default_rng(0).normal(size=(4, len(WEIGHTS[0]))).astype(np.float32)
    expected = inputs @ np.asarray(WEIGHTS, np.float32).T + np.asarray(BIAS, np.float32)
    transport = EmulatedTransport(board, root, emulator, [runtime])
    refusals: list[str] = []
    try:
        with AgentSession(transport, runtime) as session:
            for probe in sorted(PROBES.iterdir()):
                try:
                    session.load(probe, purpose="timing")
                    loaded = session.load(probe)
                except AgentRefused as refusal:  # a file of another format
                    refusals.append(refusal.what)
                    continue
                error = float(np.abs(session.run(inputs) - expected).max())
                if not error <= TOLERANCE:
                    raise roots.RuntimeRefused(f"{runtime} errs by {error:.3g} on {board.core}")
                return loaded.runtime_version or "unknown"
    except roots.RuntimeRefused:
        raise
    except ZooError as error:
        raise roots.RuntimeRefused(
            f"{runtime} does not run on {board.core}", why=error.why or error.what
        ) from error
    raise roots.RuntimeRefused(f"{runtime} takes no file on {board.core}", why=refusals[-1])

"""Third-party Python programs run in their own process, with their output captured."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from zoo.common.captured import run_captured
from zoo.common.crashes import signal_name
from zoo.common.memory import machine_memory

#: Of the machine's memory: what a tool of others may write to.
_MEMORY_SHARE = 0.5
#: Bytes that one may print: the answers of a large network, in text.
MOST_PRINTED = 1 << 26
#: Limits itself, then becomes the program: what runs before cannot be limited from outside.
_LIMITED = """
import resource, runpy, sys
limit = int(sys.argv.pop(1))
if sys.platform == "linux":
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
sys.argv.pop(0)
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""


@dataclass(frozen=True, kw_only=True)
class ProgramExit:
    """The result of a program.

    Attributes:
        code: Exit code; negative for the signal that killed it, None where it was ended.
        stdout: Its standard output.
        stderr: The end of its standard error.
        seconds: Its time limit.
        flooded: Whether it was ended for printing more than `MOST_PRINTED`.
    """

    code: int | None
    stdout: str
    stderr: str
    seconds: float
    flooded: bool = False

    @property
    def failure(self) -> str:
        """Why it failed, as a phrase; empty after success."""
        if self.flooded:
            return f"it printed more than {MOST_PRINTED >> 20} MiB and was ended"
        if self.code is None:
            return f"it took more than {self.seconds:g} s and was ended"
        if self.code < 0:
            return f"it was killed by {signal_name(-self.code)}"
        return f"it ended with code {self.code}" if self.code else ""


def run_module(module: str, arguments: Sequence[str], *, seconds: float) -> ProgramExit:
    """Runs a module as ``python -m`` does, with limits on memory and time.

    Args:
        module: Its full name; a package stands for its ``__main__``.
        arguments: In ``sys.argv[1:]`` there; paths must be absolute, since it runs in a folder of
            its own.
        seconds: Time limit.
    """
    limit = str(int(machine_memory() * _MEMORY_SHARE))
    # -P: nothing that lies in the folder may stand in for an installed module.
    command = [sys.executable, "-P", "-c", _LIMITED, limit, module, *arguments]
    with tempfile.TemporaryDirectory(prefix="zoo-tool-") as folder:
        done = run_captured(command, seconds=seconds, folder=Path(folder), most=MOST_PRINTED)
    return ProgramExit(
        code=done.code,
        stdout=done.out,
        stderr=done.err,
        seconds=seconds,
        flooded=done.flooded,
    )

"""Third-party Python programs run in their own process, with their output captured."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from zoo.common.crashes import signal_name
from zoo.common.memory import machine_memory

#: Of the machine's memory: what a tool of others may write to.
_MEMORY_SHARE = 0.5
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
        code: Exit code; negative for the signal that killed it, None after a timeout.
        stdout: Its standard output.
        stderr: Its standard error.
        seconds: Its time limit.
    """

    code: int | None
    stdout: str
    stderr: str
    seconds: float

    @property
    def failure(self) -> str:
        """Why it failed, as a phrase; empty after success."""
        if self.code is None:
            return f"it took more than {self.seconds:g} s and was ended"
        if self.code < 0:
            return f"it died by {signal_name(-self.code)}"
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
        out, said = Path(folder) / "out", Path(folder) / "said"
        with out.open("wb") as stdout, said.open("wb") as stderr:
            try:
                code: int | None = subprocess.run(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=stdout,
                    stderr=stderr,
                    cwd=folder,
                    timeout=seconds,
                    check=False,
                ).returncode
            except subprocess.TimeoutExpired:
                code = None
        return ProgramExit(code=code, stdout=_text(out), stderr=_text(said), seconds=seconds)


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="replace")

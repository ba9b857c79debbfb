"""The process that runs PyTorch for one network."""

from __future__ import annotations

from pathlib import Path

from ..library_process import LibraryProcess
from .environment import required_python

#: Runs the package of a folder, which comes behind all others.
_RUN = (
    "import runpy, sys; sys.path.append(sys.argv.pop(1)); "
    "runpy.run_module('torch_child.main', run_name='__main__', alter_sys=True)"
)


class TorchProcess(LibraryProcess):
    """A process of PyTorch's environment that holds one network."""

    library = "PyTorch"
    advice = (
        "check it where it was made, with the version of PyTorch that `zoo sources setup torch` "
        "installs"
    )

    def own_command(self) -> list[str]:
        """PyTorch's Python, and its program.

        Raises:
            UsageError: The environment is not there.
        """
        python = required_python()
        return [str(python.path), *python.flags, "-c", _RUN, str(Path(__file__).parent)]

"""Progress of calls from Python: in a notebook, on a terminal, or in lines of a log."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

from zoo.common import terminal
from zoo.common.progress import OnStep, quiet
from zoo.report.bench_progress import BenchProgress
from zoo.report.notebook import NotebookOutput, in_notebook
from zoo.report.progress import StepProgress


def shown(function: str, wanted: bool | None) -> AbstractContextManager[OnStep]:
    """What shows the progress of a public function while its block runs.

    Args:
        function: Its name.
        wanted: None shows it on a terminal and in a notebook; True also writes lines elsewhere.
    """
    notebook = in_notebook()
    if wanted is False or not (wanted or notebook or terminal.is_shown()):
        return nullcontext(quiet)
    output = NotebookOutput() if notebook else None
    if function == "bench":
        return BenchProgress(quiet=False, notebook=output)
    return StepProgress(quiet=False, notebook=output)

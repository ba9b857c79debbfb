"""Progress in a notebook: one output below the cell, drawn anew until the work ends."""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from rich.console import Group, RenderableType

from zoo.common import terminal

_WIDTH = 100
#: Lines of what has ended, the newest, and seconds between two drawings.
_LINES, _PAUSE = 60, 0.5


def in_notebook() -> bool:
    """Whether this process is a notebook's kernel; imports nothing."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return getattr(shell, "kernel", None) is not None


class NotebookOutput:
    """An output of the running cell that is replaced as a whole.

    It never fails: a notebook that went away ends the drawing, not the work.
    """

    def __init__(self) -> None:
        self._lines: deque[RenderableType] = deque(maxlen=_LINES)
        self._draw: Callable[[], RenderableType] = lambda: ""
        self._shown = ""
        self._handle: Any = None
        self._ended = threading.Event()
        self._drawing = threading.Thread(target=self._keep_drawing, daemon=True)

    def print(self, line: RenderableType, **_: Any) -> None:
        """Adds a line above what changes."""
        self._lines.append(line)

    def start(self, draw: Callable[[], RenderableType]) -> None:
        """Begins to show what `draw` returns, several times in a second."""
        self._draw = draw
        self._update()
        self._drawing.start()

    def stop(self) -> None:
        """Shows the last state, which stays."""
        self._ended.set()
        self._drawing.join()
        self._update()

    def _keep_drawing(self) -> None:
        while not self._ended.wait(_PAUSE):
            self._update()

    def _update(self) -> None:
        text, html = terminal.drawn(Group(*tuple(self._lines), self._draw()), _WIDTH)
        if html == self._shown:
            return
        self._shown = html
        data = {"text/plain": text, "text/html": html}
        try:
            if self._handle is None:
                display = sys.modules["IPython"].display.display
                self._handle = display(data, raw=True, display_id=True)
            else:
                self._handle.update(data, raw=True)
        except Exception:  # the frontend's; its loss must not cost the run
            self._ended.set()

"""The server that child processes are forked from, started so that no other code gets into it.

Python puts the working folder in front of the folders that modules are imported from: there, a
``random.py`` beside somebody's pictures would be run in place of the standard library's.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import threading
import types
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import forkserver, process, resource_tracker, util
from pathlib import Path
from typing import Any

from zoo.common.extras import installed
from zoo.common.optional_imports import quiet_tensorflow
from zoo.common.paths import socket_parent

#: Imported once by the fork server; imports TensorFlow and the steps.
PRELOAD = "zoo.pipeline.steps.preload"
#: Imported once by a fork server whose children need no TensorFlow; imports the registry and numpy.
LIGHT_PRELOAD = "zoo.artifacts.normalization_in_file"
#: Keeps a Python from putting the working folder, or a script's, in front of `sys.path`.
SAFE_PATH = "PYTHONSAFEPATH"
_STARTING = threading.Lock()


def fork_context(tensorflow: bool = True) -> Any:
    """The fork server's context; importing TensorFlow there begins with the first child.

    A server that began without TensorFlow is replaced when a child needs it, unless children of
    that server still run: every such child would take seconds to import it by itself.
    """
    context = multiprocessing.get_context("forkserver")
    if not tensorflow:
        _preload(context, LIGHT_PRELOAD)
    elif installed("tensorflow"):
        quiet_tensorflow()
        _preload(context, PRELOAD)
    return context


def _preload(context: Any, module: str) -> None:
    server: Any = forkserver._forkserver
    with _STARTING:
        if server._forkserver_pid is not None:
            light = server._preload_modules == [LIGHT_PRELOAD]
            if module == LIGHT_PRELOAD or not light or multiprocessing.active_children():
                return
            stop_server()
            server._stop()  # waits for its end, which the next start would not notice otherwise
        # Apple's frameworks, which numpy and TensorFlow load, end or block a fork of a process that
        # has used them: there each child imports what it needs.
        context.set_forkserver_preload([] if sys.platform == "darwin" else [module])


def warm_up() -> None:
    """Starts the fork server now, so that its imports overlap with other work."""
    fork_context()
    with starting_children():
        forkserver.ensure_running()


def stop_server() -> None:
    """Ends the fork server, so that whoever waits for its imports to end waits no longer.

    The next child starts another one.
    """
    if (pid := getattr(forkserver._forkserver, "_forkserver_pid", None)) is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@contextmanager
def starting_children() -> Iterator[None]:
    """Keeps new children from importing what they should not, and from hearing Ctrl-C.

    multiprocessing re-imports ``__main__`` in each child. Our targets live in the zoo, so a
    script without an ``if __name__ == "__main__"`` guard must not be run a second time. The
    folders that modules are imported from travel, too, without the working folder.
    """
    # Without the lock, two threads that start children could each restore what the other hid.
    with _STARTING:
        _make_socket_folder()
        main, path, safe = sys.modules["__main__"], sys.path, os.environ.get(SAFE_PATH)
        sys.modules["__main__"] = types.ModuleType("__main__")
        os.environ[SAFE_PATH] = "1"
        sys.path = without_working_folder(path)
        # A Ctrl-C goes to the whole group. The fork server ignores it once it is up; until then
        # it inherits that it is held back. The tracker comes first, since its start ends that.
        resource_tracker.ensure_running()
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            sys.modules["__main__"], sys.path = main, path
            if safe is None:
                del os.environ[SAFE_PATH]
            else:
                os.environ[SAFE_PATH] = safe


def _make_socket_folder() -> None:
    """Makes the folder of multiprocessing's sockets where their paths are short, once.

    multiprocessing makes it in TMPDIR and lets nobody choose: this does what its `get_temp_dir`
    does.
    """
    kept = process.current_process()._config  # type: ignore[attr-defined]
    if kept.get("tempdir") is None:
        folder = kept["tempdir"] = tempfile.mkdtemp(prefix="pymp-", dir=socket_parent())
        ignoring = {"ignore_errors": True}
        util.Finalize(None, shutil.rmtree, (folder,), ignoring, exitpriority=-100)


def without_working_folder(path: list[str]) -> list[str]:
    """Folders of `sys.path` but for the working folder, where Python put it by itself.

    What a user named (PYTHONPATH) stays.
    """
    first = {"", "."}
    for folder in (process.ORIGINAL_DIR, _working_folder()):  # type: ignore[attr-defined]
        if folder:
            first.add(str(folder))
    if path and path[0] in first and not sys.flags.safe_path:
        path = path[1:]
    return [entry for entry in path if entry not in ("", ".")]


def _working_folder() -> str | None:
    try:
        return str(Path.cwd())
    except FileNotFoundError:  # removed under our feet
        return None

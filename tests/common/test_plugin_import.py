"""What the import of foreign code changes is undone, and what is remarkable of it is told."""

from __future__ import annotations

import logging
import os
import re
import signal
import sys
import threading
import time

import pytest

from zoo.common import plugin_import
from zoo.common.plugin_import import ForeignImport, foreign_import


def test_what_an_import_changes_is_undone(tmp_path, capfd, monkeypatch):
    monkeypatch.setattr(plugin_import, "SLOW", 600.0)  # a busy machine is
    monkeypatch.setattr(sys, "stdout", os.fdopen(1, "w", closefd=False))  # as in a pipe
    sys.stdout.write("before\n")
    folder, stream, level = os.getcwd(), sys.stdout, logging.getLogger().level  # noqa: PTH109
    handlers = [*logging.getLogger().handlers]
    with foreign_import() as seen:
        os.chdir(tmp_path)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        logging.getLogger().addHandler(logging.StreamHandler())
        logging.getLogger().setLevel(logging.DEBUG)
        logging.disable(logging.CRITICAL)
        sys.stdout.write("printed\n")
        sys.stdout = None
        os.write(1, b"by native code\n")
    assert os.getcwd() == folder  # noqa: PTH109
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert logging.getLogger().handlers == handlers
    assert (logging.getLogger().level, logging.getLogger().manager.disable) == (level, 0)
    assert sys.stdout is stream
    out, err = capfd.readouterr()
    assert out == "before\n"
    assert "printed" in err
    assert "by native code" in err
    assert (seen.interrupted, seen.notes) == (False, [])


def test_a_signal_is_noted_and_does_what_it_does_elsewhere():
    def interrupted() -> None:
        with foreign_import() as seen:
            found.append(seen)
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(10)

    found: list[ForeignImport] = []
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert found[0].interrupted


def test_slowness_and_threads_are_told(monkeypatch):
    monkeypatch.setattr(plugin_import, "SLOW", 0.02)
    done = threading.Event()
    with foreign_import() as seen:
        time.sleep(0.06)
        threading.Thread(target=done.wait, name="mine").start()
        threading.Thread(target=done.wait, name="daemon", daemon=True).start()
    done.set()
    slow, threads = seen.notes
    assert re.match(r"takes \d+\.\d s to load, at every command", slow)
    assert threads == "leaves threads behind that no command ends before: mine"


def test_elsewhere_than_in_the_main_thread_signals_are_left_alone():
    def work() -> None:
        with foreign_import() as seen:
            pass
        found.append(seen)

    found: list[object] = []
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert len(found) == 1

"""What all tests share."""

from __future__ import annotations

import gc
import signal
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from own_folders import own_folder

# A busy machine is slow; no test may fail for that. Whoever tests a change meets the same examples
# as everybody else, so that a failure is the change's own.
settings.register_profile("fixed", deadline=None, derandomize=True, database=None)
# Said in full, since hypothesis takes other defaults where it finds a CI service: the same examples
# each time, too.
settings.register_profile(
    "random", deadline=None, derandomize=False, database=None, max_examples=1000, print_blob=True
)
settings.load_profile("fixed")

# A shell starts its background jobs deaf to Ctrl-C, and they bear deaf children: the programs that
# tests interrupt would never end.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, Any, Any]:
    """Tests and what they import are a million objects that stay: nobody looks for garbage in them.

    Converters do so at each file, which takes a third of a second otherwise.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture
def tmp_path(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """An empty folder of the test's own, in place of pytest's."""
    return own_folder(tmp_path_factory, request.node.name)


#: Folders whose files share a run that takes long.
TOGETHER = ("tests/end_to_end/ship",)
#: Files that take long and whose parameters share nothing: each first parameter goes by itself.
APART = ("tests/testing/test_built_in_families.py", "tests/training/test_photographs.py")
#: Files and folders of few tests that take minutes: they begin first, since workers would otherwise
#: wait at the end for one that has just begun.
FIRST = (
    "tests/end_to_end/test_torch_names_end_to_end.py",
    "tests/end_to_end/test_torch_end_to_end.py",
    "tests/end_to_end/ship",
    "tests/testing/test_squeezenet_example.py",
    "tests/testing/test_scaffold.py",
    "tests/end_to_end/test_nothing_gets_out.py",
    "tests/docs/test_typed_pages.py",
    "tests/training/test_photographs.py",
    "tests/docs/test_notebook.py",
)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With ``--dist loadfile`` a file stays with one worker; some folders do so as a whole, and
    some files in parts."""
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            if file in APART:
                return nodeid.partition("-")[0]
            folder = file.rpartition("/")[0]
            return folder if folder in TOGETHER else file

        def _assign_work_unit(self, node: Any) -> None:
            for scope in [scope for scope in reversed(self.workqueue) if scope.startswith(FIRST)]:
                self.workqueue.move_to_end(scope, last=False)
            super()._assign_work_unit(node)

    return Scheduling(config, log) if config.getoption("dist") == "loadfile" else None

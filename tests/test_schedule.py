"""Which tests stay with one worker of `make test`."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest


@pytest.fixture
def own(pytestconfig: pytest.Config) -> Any:
    """The ``conftest.py`` of all tests."""
    found = [p for p in pytestconfig.pluginmanager.get_plugins() if hasattr(p, "TOGETHER")]
    assert len(found) == 1
    return found[0]


def test_files_stay_with_one_worker_and_some_folders_as_a_whole(own: Any) -> None:
    pytest.importorskip("xdist")
    config = SimpleNamespace(getoption=lambda name: "loadfile", getvalue=lambda name: ["popen"])
    schedule = own.pytest_xdist_make_scheduler(config, None)
    for folder in own.TOGETHER:
        assert schedule._split_scope(f"{folder}/test_a.py::test_b[c/d.py::e]") == folder
    assert schedule._split_scope("tests/data/test_a.py::test_b[c]") == "tests/data/test_a.py"
    other = SimpleNamespace(getoption=lambda name: "load")
    assert own.pytest_xdist_make_scheduler(other, None) is None


def test_each_of_these_folders_has_several_files(own: Any, pytestconfig: pytest.Config) -> None:
    for folder in own.TOGETHER:
        assert len(list((pytestconfig.rootpath / folder).glob("test_*.py"))) > 1

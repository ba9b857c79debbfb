"""Which tests stay with one worker of `make test`."""

from __future__ import annotations

from collections import OrderedDict
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


def test_what_takes_minutes_begins_first(own: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    base = pytest.importorskip("xdist.scheduler").LoadFileScheduling
    config = SimpleNamespace(getoption=lambda name: "loadfile", getvalue=lambda name: ["popen"])
    schedule = own.pytest_xdist_make_scheduler(config, None)
    photographs, ship = "tests/training/test_photographs.py::test_a[b", "tests/end_to_end/ship"
    schedule.workqueue = OrderedDict.fromkeys(["tests/a.py", photographs, "tests/b.py", ship])
    begun = []
    monkeypatch.setattr(base, "_assign_work_unit", lambda self, node: begun.extend(self.workqueue))
    schedule._assign_work_unit(None)
    assert begun == [photographs, ship, "tests/a.py", "tests/b.py"]


def test_files_that_begin_first_are_there(own: Any, pytestconfig: pytest.Config) -> None:
    assert all((pytestconfig.rootpath / path).exists() for path in own.FIRST)


def test_each_of_these_folders_has_several_files(own: Any, pytestconfig: pytest.Config) -> None:
    for folder in own.TOGETHER:
        assert len(list((pytestconfig.rootpath / folder).glob("test_*.py"))) > 1


def test_marks_stand_in_the_files_that_they_have_collected(pytestconfig: pytest.Config) -> None:
    """`make` collects the files of tests that hold a mark, and would miss one that comes from
    elsewhere."""
    names = ("slow", "torch", "keras_hub", "gpu")
    for file in (pytestconfig.rootpath / "tests").rglob("*.py"):
        if not file.name.startswith("test_"):
            text = file.read_text(encoding="utf-8")
            assert not [name for name in names if f"mark.{name}" in text], file

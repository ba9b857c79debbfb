"""A process is known by its number and its start."""

from __future__ import annotations

import os

import pytest

from zoo.common.processes import began, still_runs


def test_this_process_runs() -> None:
    assert still_runs(os.getpid(), began())


def test_another_start_is_another_process() -> None:
    assert not still_runs(os.getpid(), began() - 60.0)


@pytest.mark.parametrize("pid", [0, -1, 1 << 80])
def test_no_process_has_a_foreign_number(pid: int) -> None:
    assert not still_runs(pid, began())

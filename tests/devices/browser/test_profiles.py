"""Folders of browsers: removed with them, or at the next start where their process was killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from zoo.devices.browser.profiles import Profile


@pytest.fixture(autouse=True)
def own_temporary_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def of_killed_process(folder: Path) -> Path:
    """The folder of a process that was killed."""
    code = (
        "import sys, tempfile, time; tempfile.tempdir = sys.argv[1]\n"
        "from zoo.devices.browser.profiles import Profile\n"
        "print(Profile().folder, flush=True); time.sleep(60)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        found = Path(process.stdout.readline().strip())
        assert found.is_dir()
        process.send_signal(signal.SIGKILL)
    return found


def test_what_a_killed_process_left_is_removed_at_the_next_start(tmp_path):
    left = of_killed_process(tmp_path)
    (left / "Default").mkdir()
    assert left.stat().st_mode & 0o077 == 0
    now = Profile()
    assert not left.exists()
    other = Profile()
    assert now.folder.is_dir()
    for each in (now, other):
        each.remove()
    assert not list(tmp_path.glob("zoo-browser-*"))


def test_a_browser_that_outlives_the_command_keeps_its_folder(tmp_path):
    left = of_killed_process(tmp_path)
    browser = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    profile = Profile.__new__(Profile)
    profile.folder, profile._owners = left, json.loads((left / "owners.json").read_text())
    left.mkdir(exist_ok=True)
    profile.used_by(browser.pid)
    Profile().remove()
    assert left.is_dir()
    browser.communicate(b"")
    Profile().remove()
    assert not left.exists()


def test_what_is_not_of_a_dead_process_of_this_user_stays(tmp_path, monkeypatch):
    new = tmp_path / "zoo-browser-new"
    new.mkdir()
    garbage = tmp_path / "zoo-browser-garbage"
    garbage.mkdir()
    (garbage / "owners.json").write_text('{"no": "list"}')
    dead = of_killed_process(tmp_path)
    link = tmp_path / "zoo-browser-link"
    link.symlink_to(dead)
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    Profile().remove()
    assert all(each.exists() for each in (new, garbage, link, dead))

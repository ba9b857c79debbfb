"""Full and closed folders in words: which it is, and what to set in place of it."""

from __future__ import annotations

import errno
import os
import resource
import shutil
from pathlib import Path
from typing import Any

import pytest
from makers import no_privileges

from zoo.common import system_errors
from zoo.common.errors import ZooError
from zoo.common.files import write_bytes
from zoo.common.paths import is_own
from zoo.common.system_errors import system_error
from zoo.common.worker import flatten
from zoo.networks.published.cache import own_weights
from zoo.registry import PluginSettings, load_registry

HOME = "set ZOO_HOME to a folder that can be written"


def of_system(number: int, path: Path | None = None) -> OSError:
    place = () if path is None else (str(path),)
    return OSError(number, os.strerror(number), *place)


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    return tmp_path


def told(error: OSError) -> ZooError:
    found = system_error(error)
    assert found is not None
    failure = flatten(error)  # of a child process: in the same words
    assert (failure.what, failure.why, failure.fix) == (found.what, found.why, found.fix)
    return found


@pytest.mark.parametrize(
    ("place", "fix"),
    [
        ("home/cache/x", HOME),
        ("home", HOME),
        ("tmp/x", "set TMPDIR to a folder that exists, can be written and has room"),
        ("elsewhere", "change its permissions, or name another place"),
    ],
)
def test_the_folder_and_what_to_set(place: str, fix: str, folders: Path) -> None:
    path = folders / place
    for number, what in (
        (errno.EACCES, f"{path} may not be used"),
        (errno.EROFS, f"{path} may not be used"),
        (errno.ENOTDIR, f"{path} cannot be used"),
    ):
        found = told(of_system(number, path))
        assert (found.what, found.why, found.fix) == (what, os.strerror(number), fix)
    for number in (errno.ENOSPC, errno.EDQUOT):
        found = told(of_system(number, path))
        assert found.what == f"the disk of {path} is full"
        assert found.fix == f"free some space: finished steps are kept; or {fix}"


def test_folders_behind_a_link_are_known_by_either_name(
    folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As macOS' /tmp and /var are."""
    (folders / "private").mkdir()
    (folders / "var").symlink_to("private")
    monkeypatch.setattr("tempfile.tempdir", str(folders / "var" / "tmp"))
    monkeypatch.setenv("ZOO_HOME", str(folders / "var" / "home"))
    for name in ("var", "private"):
        told_of = [
            told(of_system(errno.EACCES, folders / name / place)).fix
            for place in ("tmp", "home/cache/x")
        ]
        assert told_of == ["set TMPDIR to a folder that exists, can be written and has room", HOME]
        assert is_own(folders / name / "home" / "cache")
    (folders / "loop").symlink_to("loop")
    assert told(of_system(errno.ELOOP, folders / "loop")).fix.startswith("change its permissions")


def test_a_file_that_is_larger_than_the_shell_allows(folders: Path, tmp_path: Path) -> None:
    """`ulimit -f`; what a library writes has no name in the error."""
    for path, what in (
        (tmp_path / "x", f"{tmp_path}/x is"),
        (None, "a file that was being written is"),
    ):
        found = told(of_system(errno.EFBIG, path))
        assert found.what == f"{what} larger than a file may be here"
        assert "ulimit -f" in str(found.fix)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(
            ZooError, match=r"x was not written: it is larger than a file"
        ) as caught:
            write_bytes(tmp_path / "x", b"0" * 2000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "ulimit -f" in str(caught.value.fix)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_whose_name_the_system_does_not_say(
    folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage: dict[str, Any] = {"free": 1 << 30}
    monkeypatch.setattr(
        shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(1 << 40, 0, usage["free"])
    )
    assert system_error(of_system(errno.ENOSPC)) is None  # what was full has room again
    usage["free"] = 4096
    found = told(of_system(errno.ENOSPC))
    assert found.what.startswith(f"the disk of {folders / 'tmp'} and of {folders / 'home'}")
    assert "set TMPDIR" in str(found.fix)
    # As TensorFlow has it, which could not write the code that it generated.
    failure = flatten(TypeError("'NoneType' object is not callable"))
    assert failure.what == found.what
    assert failure.why == "TypeError: 'NoneType' object is not callable"


def test_a_name_that_is_too_long_is_shown_in_part() -> None:
    with pytest.raises(OSError, match="too long") as caught:
        Path("b" * 300).stat()
    error = system_error(caught.value)
    assert error is not None
    assert error.what == f"a name that begins with {'b' * 40!r} is too long"
    assert error.fix == "choose a shorter one"


def test_no_folder_for_temporary_files(monkeypatch: pytest.MonkeyPatch) -> None:
    error = FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/x']")
    assert told(error).what == "there is no folder for temporary files"
    assert system_error(of_system(errno.ENOENT, Path("a"))) is None
    assert system_error(of_system(errno.ECONNREFUSED)) is None
    assert system_errors._temporary()
    found = told(OSError("AF_UNIX path too long"))
    assert found.fix == "set TMPDIR to a folder with a shorter path"


def test_a_home_that_may_not_be_entered(folders: Path) -> None:
    _, variant = load_registry(PluginSettings(installed=False)).variant("lenet5")
    home = folders / "home"
    home.mkdir(mode=0o000)
    with no_privileges(), pytest.raises(PermissionError) as refused:
        own_weights(variant)
    home.chmod(0o700)
    assert told(refused.value).fix == HOME

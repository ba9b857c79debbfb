"""Environments of Python, made of packages that lie in a local folder."""

from __future__ import annotations

import fcntl
import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from zoo.common import environments
from zoo.common.environments import PythonEnvironment
from zoo.common.errors import ZooError

OWN = (sys.version_info[1],)


def wheel(folder: Path, name: str, text: str = "") -> str:
    """A wheel of one module; its line of a pinned file."""
    path = folder / f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}.py", text)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return f"{name}==1.0 --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.mark.slow
def test_pinned_packages_are_installed_verified_and_renewed(wheels: Path, tmp_path: Path) -> None:
    pinned, further = tmp_path / "pinned.txt", tmp_path / "further.txt"
    line = wheel(wheels, "heavy_one", "answer = 42")
    pinned.write_text(line, encoding="utf-8")
    further.write_text(wheel(wheels, "heavy_two"), encoding="utf-8")
    gone = tmp_path / "gone.txt"
    gone.write_text(line.replace("heavy_one", "heavy_none"), encoding="utf-8")
    environment = PythonEnvironment(name="heavy", pythons=OWN, pinned=(pinned, (gone, further)))
    assert environment.python is None
    told: list[str] = []
    python = environment.make(told.append)
    assert environment.python == python
    code = "import heavy_one, heavy_two; print(heavy_one.answer)"
    done = subprocess.run([python, "-I", "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout == "42\n"
    assert told[1].startswith("installing 1 packages, each verified by its hash")
    assert "heavy_none" in told[3]
    assert told[4].endswith("further.txt")
    assert len(told) == 5
    # What another version of the zoo pins is made anew; so is what was interrupted.
    pinned.write_text(line + "# changed\n", encoding="utf-8")
    assert environment.python is None
    pinned.write_text(line, encoding="utf-8")
    assert environment.python == python
    (environment.folder / "ready").unlink()
    assert environment.python is None
    another = wheel(wheels, "heavy_three")
    further.write_text(another.replace(another.rpartition(":")[2], f"{'0' * 64}\n"), "utf-8")
    with pytest.raises(ZooError, match=r"further\.txt could not be installed") as caught:
        environments._install_first(python, [further], told.append)
    assert "0" * 64 in str(caught.value.why)


def test_two_do_not_make_one_at_the_same_time(tmp_path: Path) -> None:
    environment = PythonEnvironment(name="heavy", pythons=OWN, packages=("none==1",))
    environment.folder.parent.mkdir(parents=True)
    with environment.folder.with_name("heavy.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(ZooError, match="is being made by another process"):
            environment.make(lambda text: None)


def test_no_python_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environments.shutil, "which", lambda name: None)
    old = PythonEnvironment(name="old-one", packages=("none==1",), pythons=(9, 8))
    with pytest.raises(ZooError, match=r"old-one needs Python 3\.9 or older") as caught:
        old.make(lambda text: None)
    assert "python3.9" in str(caught.value.fix)
    monkeypatch.setattr(environments.shutil, "which", lambda name: sys.executable)
    commands: list[list[str]] = []

    def run(command: list[str], what: str) -> None:
        commands.append(command)
        if "pip" in command:
            raise ZooError(what)

    monkeypatch.setattr(environments, "_run", run)
    with pytest.raises(ZooError, match=r"none==1 could not be installed"):
        old.make(lambda text: None)
    assert old.python is None
    assert commands[1][-3:] == [":all:", "--no-index", "none==1"]  # ZOO_OFFLINE is set

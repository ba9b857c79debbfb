"""Code that was changed since a moment: of modules, of folders they come from, of the product."""

from __future__ import annotations

import importlib
import os
import sys
import time
from pathlib import Path

import pytest

from zoo.common import code_changes
from zoo.common.code_changes import code_changed_since


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of a loaded module; the other code of this machine is left out."""
    file = tmp_path / "changing_module.py"
    file.write_text("VALUE = 1")
    monkeypatch.setattr(sys, "path", ["", "/nowhere/python311.zip", str(tmp_path)])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setattr(code_changes, "PACKAGES", ("json",))
    loaded = {"changing_module": importlib.import_module("changing_module")}
    sys.modules.pop("changing_module")
    monkeypatch.setattr(sys, "modules", loaded)
    return file


def test_nothing_has_changed(module: Path) -> None:
    assert not code_changed_since(time.time() + 1)


def test_a_loaded_module_is_edited(module: Path) -> None:
    before = module.stat().st_ctime
    module.write_text("VALUE = 2")
    assert code_changed_since(before)
    assert not code_changed_since(module.stat().st_ctime)


def test_an_installer_keeps_the_times_of_a_package(module: Path, tmp_path: Path) -> None:
    before = time.time()
    time.sleep(0.02)
    new = tmp_path / "new"
    new.write_text("VALUE = 2")
    os.utime(new, (0, 0))
    new.replace(module)
    assert code_changed_since(before)


def test_a_loaded_module_is_removed(module: Path, tmp_path: Path) -> None:
    module.unlink()
    assert code_changed_since(time.time() + 1)


def test_a_package_is_installed(module: Path, tmp_path: Path) -> None:
    before = tmp_path.stat().st_ctime
    (tmp_path / "other.dist-info").mkdir()
    assert code_changed_since(before)


def test_a_file_of_the_product_that_is_not_loaded_is_edited(
    module: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "data.json").write_text("{}")
    monkeypatch.setattr(code_changes, "PACKAGES", ("package",))
    importlib.invalidate_caches()
    before = (package / "data.json").stat().st_ctime
    assert not code_changed_since(before)
    (package / "data.json").write_text("[]")
    assert code_changed_since(before)

"""Plugins that a command names: files, folders and packages."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from makers import (
    plugin_text,
)
from plugin_sites import PACKAGE, row, write_package

from zoo.common.errors import UsageError
from zoo.registry import PluginSettings, load_registry


def test_local_file_and_folder(tmp_path):
    folder = tmp_path / "zoo_plugins"
    folder.mkdir()
    (folder / "one.py").write_text(plugin_text("one"))
    (folder / "two.py").write_text(plugin_text("two"))
    (folder / "notes.txt").write_text("not a plugin")
    registry = load_registry(PluginSettings(paths=(str(folder),)))
    assert registry.variant("one8")[0].name == "one"
    assert registry.variant("two8")[0].name == "two"
    assert row(registry, "one").distribution == str(folder / "one.py")
    assert registry.variant_plugin("one8").source_file == str(folder / "one.py")
    alone = load_registry(PluginSettings(paths=(str(folder / "two.py"),)))
    assert "one" not in alone.architectures.names()


@pytest.mark.parametrize("given", ["zoo_plugins", "zoo_plugins/packed", "."])
def test_local_package(tmp_path, monkeypatch, given):
    folder = write_package(tmp_path / "zoo_plugins" / "packed", "zoo_architectures")
    write_package(tmp_path / "zoo_plugins" / "helpers", "zoo_architectures", **{"__init__.py": ""})
    monkeypatch.chdir(folder if given == "." else tmp_path)
    registry = load_registry(PluginSettings(paths=(given,)))
    local = [p for p in registry.plugins if p.origin == "local"]
    assert [(p.name, p.problem) for p in local] == [("packed", None)]
    assert Path(registry.variant_plugin("packed8").source_file).resolve() == folder


def test_local_packages_of_one_name_keep_their_own_modules(tmp_path):
    """What a package imports only when it is used comes from its own folder."""
    late = {"__init__.py": PACKAGE["__init__.py"] + "def late():\n    from . import mark\n"}
    late["__init__.py"] += "    return mark.MARK\n"
    folders = [
        write_package(tmp_path / side / "packed", "zoo_architectures", **late, **{"mark.py": text})
        for side, text in (("left", "MARK = 1"), ("right", "MARK = 2"))
    ]
    registry = load_registry(PluginSettings(paths=tuple(map(str, folders))))
    modules = [
        module
        for folder in folders
        for module in sys.modules.values()
        if getattr(module, "__file__", None) == str(folder / "__init__.py")
    ]
    assert [module.late() for module in modules] == [1, 2]
    assert len(registry.architectures.conflicts()["packed"]) == 2


def test_local_package_is_read_anew(tmp_path):
    folder = write_package(tmp_path / "packed", "zoo_architectures")
    settings = PluginSettings(paths=(str(folder),))
    assert load_registry(settings).variant("packed8")
    records = folder / "records.py"
    records.write_text(records.read_text().replace("packed8", "packed99"))
    assert load_registry(settings).variant("packed99")


def test_broken_local_package_costs_its_row_alone(tmp_path):
    write_package(tmp_path / "a_torn", "zoo_architectures", **{"records.py": "1 / 0"})
    write_package(tmp_path / "b_late", "zoo_architectures", **{"records.py": "\xff = ("})
    write_package(tmp_path / "packed", "zoo_architectures")
    (tmp_path / "c_bytes").mkdir()
    (tmp_path / "c_bytes" / "__init__.py").write_bytes(b"@hookimpl\n\xff\xfe")
    (tmp_path / "d_torn.py").symlink_to("/proc/self/mem")  # a file whose text cannot be read
    registry = load_registry(PluginSettings(paths=(str(tmp_path),)))
    local = {p.name: p.problem for p in registry.plugins if p.origin == "local"}
    broken = ["a_torn", "b_late", "c_bytes", "d_torn"]
    assert [name for name, problem in local.items() if problem] == broken
    assert "ZeroDivisionError" in local["a_torn"]
    assert registry.variant("packed8")
    assert not [name for name in sys.modules if name.startswith("zoo_local_a_torn")]


def test_local_plugin_that_is_named_twice(tmp_path):
    file = tmp_path / "one.py"
    file.write_text(plugin_text("one"))
    registry = load_registry(PluginSettings(paths=(str(file), str(file))))
    rows = [p for p in registry.plugins if p.name == "one"]
    assert [p.problem is None for p in rows] == [True, False]
    assert "was found before" in rows[1].problem
    assert registry.variant("one8")


@pytest.mark.parametrize("name", ["missing.py", "missing", "empty_folder"])
def test_missing_local_plugin(tmp_path, name):
    (tmp_path / "empty_folder").mkdir()
    with pytest.raises(UsageError, match=name) as caught:
        load_registry(PluginSettings(paths=(str(tmp_path / name),)))
    assert caught.value.fix


def test_local_file_that_is_not_python(tmp_path):
    file = tmp_path / "plugin.txt"
    file.write_text(plugin_text("tiny"))
    registry = load_registry(PluginSettings(paths=(str(file),)))
    assert "is not a Python file" in row(registry, "plugin").problem

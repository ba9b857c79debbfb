"""``zoo plugins new`` writes a plugin that works at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner
from installing import install

from zoo.cli.main import zoo
from zoo.common.errors import UsageError, ZooError
from zoo.registry import PluginSettings, load_registry
from zoo.testing import Conformance, conformance_checks
from zoo.testing.scaffold import write_plugin

REGISTRY = load_registry(PluginSettings(installed=False))


def test_files_and_next_commands(tmp_path) -> None:
    done = CliRunner().invoke(zoo, ["plugins", "new", "tea-pot", "--output", str(tmp_path / "a")])
    assert done.exit_code == 0
    folder = tmp_path / "a" / "zoo-tea-pot"
    assert sorted(path.name for path in folder.iterdir()) == [
        *("README.md", "pyproject.toml", "test_zoo_tea_pot.py", "zoo_tea_pot.py")
    ]
    project = tomllib.loads((folder / "pyproject.toml").read_text())
    assert project["project"]["name"] == "zoo-tea-pot"
    assert project["project"]["entry-points"]["zoo"] == {"tea-pot": "zoo_tea_pot"}
    assert project["tool"]["setuptools"]["py-modules"] == ["zoo_tea_pot"]
    assert "$" not in (folder / "zoo_tea_pot.py").read_text()
    assert f"next     pip install --editable {folder}\n" in done.stdout
    assert "zoo plugins check tea-pot\n" in done.stdout
    assert "zoo ship tea-pot28 --data digits --from-scratch\n" in done.stdout


def test_json(tmp_path) -> None:
    done = CliRunner().invoke(zoo, ["plugins", "new", "pot", "--output", str(tmp_path), "--json"])
    answer = json.loads(done.stdout)
    assert answer["variant"] == "pot28"
    assert answer["next"][1] == "zoo plugins check pot"


@pytest.mark.parametrize(
    "name",
    [
        *("", "Pot", "9pot", "-pot", "pot-", "po--t", "po-_t", "_pot", "pot\n", "tea pot", "pöt"),
        *(
            "../pot",
            "/pot",
            "pot/..",
            "a.b",
            "pot;ls",
            "$name",
            "${name}",
            "~",
            "p" * 41,
            "pot\x00",
        ),
    ],
)
def test_names_that_are_no_names(name, tmp_path) -> None:
    with pytest.raises(UsageError, match="is no usable name for a plugin") as caught:
        write_plugin(name, tmp_path / "here", REGISTRY)
    assert "lower-case letters and digits" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("name", "taken"), [("lenet", "architecture"), ("lenet5", "model")])
def test_names_that_are_taken(name, taken, tmp_path) -> None:
    with pytest.raises(UsageError, match=f"the name '{name}' is taken by another {taken}"):
        write_plugin(name, tmp_path, REGISTRY)
    with pytest.raises(UsageError, match="the name 'convnet' is taken"):
        write_plugin("convnet", tmp_path, REGISTRY)


@pytest.mark.parametrize("kind", ["folder", "file", "dangling link"])
def test_nothing_is_overwritten(kind, tmp_path) -> None:
    target = tmp_path / "zoo-pot"
    if kind == "folder":
        target.mkdir()
    elif kind == "file":
        target.write_text("mine")
    else:
        target.symlink_to(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="zoo-pot is there already"):
        write_plugin("pot", tmp_path, REGISTRY)
    assert [path.name for path in tmp_path.iterdir()] == ["zoo-pot"]


def test_a_folder_that_cannot_be_made(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ZooError, match="cannot be written") as caught:
        write_plugin("pot", tmp_path / "file" / "under", REGISTRY)
    assert "--output" in str(caught.value)


def test_the_new_plugin_keeps_its_promises(tmp_path_factory) -> None:
    """All checks are run where it is installed, below."""
    path = _written(tmp_path_factory) / "zoo_pot.py"
    registry = load_registry(PluginSettings(paths=(str(path),), installed=False))
    kit = Conformance(registry, "pot28", isolated=False)
    for check in ("imports", "info", "build", "record", "head"):
        verdict = kit.check(check)
        assert verdict.status == "passed", verdict


@pytest.mark.slow
def test_the_new_distribution_is_installed_and_passes_its_own_tests(
    tmp_path_factory, tmp_path
) -> None:
    folder = _written(tmp_path_factory)
    site = install(folder, tmp_path / "site")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(folder)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(site), "ZOO_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert f"{len(conformance_checks())} passed" in done.stdout


_FOLDERS: list[Path] = []


def _written(factory) -> Path:
    """One plugin for all tests of this module: those of the exports share its training."""
    if not _FOLDERS:
        _FOLDERS.append(write_plugin("pot", factory.mktemp("new"), REGISTRY).folder)
    return _FOLDERS[0]

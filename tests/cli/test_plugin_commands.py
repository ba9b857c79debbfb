"""An installed distribution brings a command with an option of its own: two files of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from zoo.pipeline.recipe_fields import select

DENSE = Path(__file__).parents[1] / "distributions" / "zoo-dense"


def installed(target: Path, name: str = "zoo-dense", **commands: str) -> None:
    """What pip leaves of the distribution: its package, and its entry points."""
    project = tomllib.loads((DENSE / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    points = {**project["entry-points"], "zoo.commands": commands}
    if not commands:
        points = project["entry-points"]
    shutil.copytree(DENSE / "zoo_dense", target / "zoo_dense", dirs_exist_ok=True)
    about = target / f"{name.replace('-', '_')}-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(
        "".join(
            f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in entries.items())
            for group, entries in points.items()
        )
    )


def typed(target: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "zoo", *words],
        env={**os.environ, "PYTHONPATH": str(target), "ZOO_HOME": str(target / "home")},
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    installed(folder)
    return folder


def test_it_is_listed_and_helped_with(target: Path) -> None:
    assert "weigh  From zoo-dense 1.0" in typed(target, "--help").stdout
    told = typed(target, "weigh", "--help").stdout
    assert "Say how heavy FILE is" in told
    assert "--unit [B|kB]" in told
    # An option of a recipe comes with its help and default from where it is declared.
    assert "--seed INTEGER" in told
    (seed,) = select(["seed"])
    assert f"{seed.option.help} [{seed.format_default}]." in " ".join(told.split())


def test_it_runs_with_its_option_and_the_plugins(target: Path) -> None:
    file = target / "zoo_dense" / "probe.dense"
    done = typed(target, "weigh", str(file), "--unit", "kB", "--seed", "7")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{file.stat().st_size / 1000:g} kB, dense, seed 7\n"


def test_it_is_offered_and_switched_off(target: Path) -> None:
    assert "did you mean: zoo weigh" in typed(target, "weihg").stderr
    for switch in (["--no-plugins"], ["--without", "weigh"]):
        done = typed(target, *switch, "weigh", "x")
        assert done.returncode == 2
        assert "there is no command 'weigh'" in done.stderr
    # Wherever the switch stands.
    for words in (["--no-plugins", "--help"], ["-h", "--no-plugins"], ["-h", "--without", "weigh"]):
        done = typed(target, *words)
        assert done.returncode == 0
        assert "  doctor" in done.stdout
        assert "zoo-dense" not in done.stdout


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("zoo_dense.absent:command", "ModuleNotFoundError"),
        ("zoo_dense.weigh:absent", "AttributeError"),
        ("zoo_dense.weigh:Path", "a click command was expected"),
    ],
)
def test_one_that_cannot_be_used_costs_itself_alone(
    tmp_path: Path, entry: str, message: str
) -> None:
    installed(tmp_path, weigh=entry)
    done = typed(tmp_path, "weigh", "x")
    assert done.returncode == 1
    assert "the command 'weigh' of zoo-dense 1.0 cannot be used" in done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert "From zoo-dense 1.0" in typed(tmp_path, "--help").stdout


def test_two_of_one_name_are_an_error_and_ours_stay(target: Path, tmp_path: Path) -> None:
    installed(tmp_path)
    installed(
        tmp_path, "zoo-other", weigh="zoo_dense.weigh:command", list="zoo_dense.weigh:command"
    )
    done = typed(tmp_path, "weigh", "x")
    assert done.returncode == 1
    assert "brought by zoo-dense 1.0 and zoo-other 1.0" in done.stderr
    assert "lenet5" in typed(tmp_path, "list").stdout


def test_built_in_commands_look_through_no_distributions(monkeypatch, zoo):
    """That takes longer than a light command does."""
    looked = []
    monkeypatch.setattr(
        "zoo.cli.plugin_commands.entry_points", lambda group: looked.append(group) or []
    )
    assert zoo("cache", "show").code == 0
    assert looked == []
    assert zoo("cach").code == 2
    assert looked

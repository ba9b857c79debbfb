"""The hooks' docstrings are the plugin manual, so they are complete and their example works."""

from __future__ import annotations

import inspect
import json
import re
import textwrap
from pathlib import Path

import pytest
from makers import run_python

from zoo import hookspecs
from zoo.common.modules import import_path
from zoo.registry import PluginSettings, load_registry

HOOKS = [
    function
    for name, function in vars(hookspecs).items()
    if inspect.isfunction(function) and name.startswith("zoo_")
]


def test_the_ten_hooks():
    assert [hook.__name__ for hook in HOOKS] == [
        "zoo_architectures",
        "zoo_tasks",
        "zoo_datasets",
        "zoo_exporters",
        "zoo_targets",
        "zoo_runtimes",
        "zoo_devices",
        "zoo_sources",
        "zoo_trackers",
        "zoo_executors",
    ]


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook.__name__)
def test_hook_has_an_example_of_itself(hook):
    text = inspect.getdoc(hook)
    assert text.splitlines()[0].endswith(".")
    example = textwrap.dedent(text.partition("Example::")[2])
    assert re.search(
        rf"@zoo\.hookimpl\ndef {hook.__name__}\(\):\n    yield (?:zoo\.)?\w+\(", example
    )


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook.__name__)
def test_every_hook_is_tried_by_the_registry_tests(hook):
    test_registry = import_path(Path(__file__).with_name("test_registry.py"), "of_hooks_")
    tried = next(
        mark.args[1]
        for mark in test_registry.test_every_hook_reaches_its_names.pytestmark
        if mark.name == "parametrize"
    )
    assert hook.__name__ in [row[0] for row in tried]


@pytest.fixture(scope="module")
def manual():
    """The plugin and the lines of `pyproject.toml` as the manual shows them."""
    blocks = re.findall(r"::\n\n((?:(?:    .*)?\n)+)", hookspecs.__doc__)
    plugin, project = (textwrap.dedent(block).strip() + "\n" for block in blocks)
    return plugin, project


def test_lines_of_pyproject_are_the_entry_point(manual):
    import tomllib

    from zoo.registry import ENTRY_POINT_GROUP

    entry = tomllib.loads(manual[1])["project"]["entry-points"][ENTRY_POINT_GROUP]
    assert manual[0].startswith(f"# {entry['tiny']}.py\n")


def test_command_of_the_manual(manual, tmp_path):
    (tmp_path / "zoo_tiny.py").write_text(manual[0])
    command = re.search(r"`zoo (--plugin zoo_tiny\.py list)`", hookspecs.__doc__)[1]
    code = "from zoo.cli.main import main; main()"
    done = run_python("-c", code, *command.split(), "--json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    row = next(row for row in json.loads(done.stdout) if row["name"] == "tiny28")
    assert (row["parameters"], row["multiply_adds"]) == (16_330, 201_744)


def test_network_of_the_manual(manual, tmp_path):
    """The figures that the example states are those of the network that it builds."""
    pytest.importorskip("tensorflow")
    from zoo.networks.building import build_network, count_parameters
    from zoo.networks.multiply_adds import count_multiply_adds

    file = tmp_path / "zoo_tiny.py"
    file.write_text(manual[0])
    registry = load_registry(PluginSettings(paths=(str(file),)))
    assert [p.problem for p in registry.plugins if p.origin == "local"] == [None]
    family, variant = registry.variant("tiny28")
    network = build_network(family, variant, variant.classes)
    first, second, features = 9 * 16, 9 * 16 * 32, 6 * 6 * 32
    weights = first + 16 + second + 32 + features * 10 + 10
    assert count_parameters(network) == variant.parameters == weights
    products = 13 * 13 * first + 6 * 6 * second + features * 10
    assert count_multiply_adds(network) == variant.multiply_adds == products
    assert network.output_shape == (None, 10)

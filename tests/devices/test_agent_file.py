"""The agent as a file: it goes alone to devices with old Pythons."""

from __future__ import annotations

import ast
import importlib.util
import sys

import pytest

from zoo.devices.local.host import AGENT, MODULES
from zoo.execution.protocol import PROTOCOL

SOURCE = AGENT.read_text(encoding="utf-8")
TREE = ast.parse(SOURCE)


def test_python_3_9_can_read_it() -> None:
    ast.parse(SOURCE, feature_version=(3, 9))
    imports = (node for node in TREE.body if isinstance(node, ast.ImportFrom))
    futures = {
        alias.name for node in imports if node.module == "__future__" for alias in node.names
    }
    assert "annotations" in futures, "new spellings of types would be evaluated"


def test_it_stands_alone() -> None:
    modules = set()
    for node in ast.walk(TREE):
        if isinstance(node, ast.Import):
            modules |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            modules.add((node.module or "").partition(".")[0])
    assert modules - set(sys.stdlib_module_names) == {"numpy"}


def test_no_newer_language_than_python_3_9() -> None:
    calls = [node for node in ast.walk(TREE) if isinstance(node, ast.Call)]
    keywords = {keyword.arg for node in calls for keyword in node.keywords}
    assert "strict" not in keywords, "zip learned it in 3.10"


def test_script_metadata() -> None:
    tomllib = pytest.importorskip("tomllib")
    block = SOURCE.partition("# /// script\n")[2].partition("# ///\n")[0]
    metadata = tomllib.loads("\n".join(line[2:] for line in block.splitlines()))
    assert metadata["requires-python"] == ">=3.9"
    assert [d.partition(">")[0] for d in metadata["dependencies"]] == ["numpy"]


def test_it_is_no_plugin() -> None:
    assert "@hookimpl" not in SOURCE


def test_both_sides_speak_one_protocol() -> None:
    spec = importlib.util.spec_from_file_location("agent_alone", AGENT)
    assert spec is not None
    assert spec.loader is not None
    agent = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(agent)
    assert agent.PROTOCOL == PROTOCOL
    assert set(agent.RUNTIMES) == {*MODULES, agent.REFERENCE}

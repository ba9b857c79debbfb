"""The agent as a folder and as one file: what it may import, and that both are the same program."""

from __future__ import annotations

import ast
import json
import os
import shutil
import sys
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zoo.common.code_fingerprint import installed
from zoo.common.files import sha256_of
from zoo.devices.agent.zoo_agent.common import PROTOCOL as SPOKEN
from zoo.devices.agent.zoo_agent.runtimes.loading import runtime_code
from zoo.devices.agent.zoo_agent.runtimes.table import OWN, REFERENCE
from zoo.devices.runtimes import RUNTIMES
from zoo.devices.shared import agent_files
from zoo.devices.shared.agent_files import AGENT, agent_archive, agent_sources
from zoo.execution.agent_process import PipeProcess
from zoo.execution.figures import array
from zoo.execution.protocol import PROTOCOL, pack

#: Python 3.9 has all of today's standard library but this.
STANDARD = {*sys.stdlib_module_names} - {"tomllib"}
SOURCES = agent_sources()
every_file = pytest.mark.parametrize("name", SOURCES)

#: A runtime that a plugin brings, for files that hold a factor; its module is one that exists.
DOUBLING = """
from zoo_agent.runtimes.base import LoadRequest, Model, Options

MODULE = "json"


def open_model(module, request: LoadRequest, options: Options) -> Model:
    return Scaled(module, request)


class Scaled(Model):
    api = "multiplication"
    load_ns = 1

    def __init__(self, module, request):
        with open(request.path) as file:
            self.factor = module.load(file)
        side = {"shape": [1, 4], "dtype": "float32", "scale": None, "zero_point": None}
        self.inputs, self.outputs = [{"name": "x", **side}], [{"name": "y", **side}]

    def delegate(self):
        return {"name": "none"}

    def write(self, arrays):
        self.given = arrays[0]

    def invoke(self):
        self.made = self.given * self.factor

    def read(self):
        return [self.made]
"""


def ask(agent: PipeProcess, **request: Any) -> dict[str, Any]:
    agent.send(json.dumps({"protocol": PROTOCOL, "id": 1, **request}))
    answer: dict[str, Any] = json.loads(agent.receive(60.0) or "")
    return answer


@pytest.fixture(params=["folder", "archive"])
def started(request: pytest.FixtureRequest) -> Callable[..., PipeProcess]:
    """Starts the agent in both of its forms."""
    program = AGENT if request.param == "folder" else agent_archive()

    def start(*words: str) -> PipeProcess:
        process = PipeProcess([sys.executable, str(program), *words])
        request.addfinalizer(process.stop)
        return process

    return start


@every_file
def test_python_3_9_can_read_it(name: str) -> None:
    tree = ast.parse(SOURCES[name].read_text(encoding="utf-8"), feature_version=(3, 9))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    keywords = {keyword.arg for node in calls for keyword in node.keywords}
    assert "strict" not in keywords, "zip learned it in 3.10"
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    futures = {
        alias.name for node in imports if node.module == "__future__" for alias in node.names
    }
    annotated = any(isinstance(node, (ast.FunctionDef, ast.AnnAssign)) for node in ast.walk(tree))
    assert "annotations" in futures or not annotated, "new spellings of types would be evaluated"


@every_file
def test_it_stands_alone(name: str) -> None:
    modules, depth = set(), name.count("/")
    for node in ast.walk(ast.parse(SOURCES[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level <= depth, "leaves the package"
            if node.level == 0:
                modules.add((node.module or "").partition(".")[0])
    allowed = {"zoo_agent"} if name == "__main__.py" else {"numpy"}
    assert modules - STANDARD <= allowed


def test_every_file_of_the_folder_is_the_agents() -> None:
    """A neighbour would stand in for an installed module of its name."""
    there = {path.relative_to(AGENT).as_posix() for path in AGENT.rglob("*.py")}
    assert there == {*SOURCES, "__init__.py"}


def test_script_metadata() -> None:
    source = SOURCES["__main__.py"].read_text(encoding="utf-8")
    block = source.partition("# /// script\n")[2].partition("# ///\n")[0]
    metadata = tomllib.loads("\n".join(line[2:] for line in block.splitlines()))
    assert metadata["requires-python"] == ">=3.9"
    assert [d.partition(">")[0] for d in metadata["dependencies"]] == ["numpy"]


def test_both_sides_know_one_protocol_and_the_same_runtimes() -> None:
    assert SPOKEN == PROTOCOL
    assert {name: each.distributions for name, each in OWN.items()} == {
        each.name: each.distributions for each in RUNTIMES
    }
    assert [each.name for each in RUNTIMES if each.reference] == [REFERENCE]
    modules = {each.name: runtime_code(OWN[each.name]).MODULE for each in RUNTIMES}
    assert modules == {each.name: each.module for each in RUNTIMES}


def test_a_wheel_holds_it() -> None:
    project = tomllib.loads((AGENT.parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
    folders = {Path("agent", name).parent for name in SOURCES}
    packages = {".".join(("zoo", "devices", *folder.parts)) for folder in folders}
    assert packages <= set(project["tool"]["setuptools"]["packages"])


class TestArchive:
    """One file, whose bytes depend on the sources alone."""

    def test_two_checkouts_give_the_same_bytes(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made = []
        for number, names in enumerate((sorted(SOURCES), sorted(SOURCES, reverse=True))):
            folder = tmp_path / f"checkout{number}"
            for name in names:
                path = folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(SOURCES[name].read_bytes())
                path.chmod(0o755 if number else 0o600)
                os.utime(path, (1e9 + 1e8 * number, 1e9 + 1e8 * number))
            (folder / "zoo_agent" / "__pycache__").mkdir()
            (folder / "zoo_agent" / "__pycache__" / f"main.{number}.pyc").write_bytes(b"x")
            monkeypatch.setenv("ZOO_HOME", str(tmp_path / f"home{number}"))
            monkeypatch.setattr(agent_files, "AGENT", folder)
            made.append(agent_archive())
        first, second = made
        assert first != second
        assert first.name == second.name == f"agent-{sha256_of(first)}.pyz"
        assert first.read_bytes() == second.read_bytes()
        with zipfile.ZipFile(first) as archive:
            assert archive.namelist() == sorted(SOURCES)
            assert {member.compress_type for member in archive.infolist()} == {zipfile.ZIP_STORED}

    def test_a_changed_line_is_another_file(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = agent_archive()
        changed = shutil.copytree(AGENT, tmp_path / "agent")
        with (changed / "zoo_agent" / "runtimes" / "openvino.py").open("a") as file:
            file.write("# changed\n")
        monkeypatch.setattr(agent_files, "AGENT", changed)
        assert agent_archive().name != before.name

    def test_one_that_was_damaged_is_made_anew(self) -> None:
        there = agent_archive()
        whole = there.read_bytes()
        there.write_bytes(whole[:100])
        assert agent_archive() == there
        assert there.read_bytes() == whole


def test_both_forms_tell_what_they_are(started: Callable[..., PipeProcess]) -> None:
    about, again = (ask(started(), command="describe")["agent"] for _ in range(2))
    assert about == again
    assert len(about["sha256"]) == 64


def test_the_archive_names_its_own_bytes() -> None:
    process = PipeProcess([sys.executable, str(agent_archive())])
    assert ask(process, command="describe")["agent"]["sha256"] in agent_archive().name
    process.stop()


def test_only_the_runtime_asked_for_is_imported_and_bytecode_is_kept(
    files: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    ignored = shutil.ignore_patterns("__pycache__")
    copy = shutil.copytree(AGENT, tmp_path / "agent", ignore=ignored)
    process = PipeProcess([sys.executable, str(copy), "--runtime", "onnxruntime"])
    assert ask(process, command="load", path=str(files["onnx"]))["ok"]
    process.stop()
    kept = (copy / "zoo_agent" / "runtimes" / "__pycache__").glob("*.pyc")
    imported = {path.name.partition(".")[0] for path in kept}
    assert imported == {"__init__", "base", "loading", "onnxruntime", "table"}


def test_a_plugin_brings_what_runs_its_files(
    started: Callable[..., PipeProcess], tmp_path: Path
) -> None:
    (tmp_path / "factor.json").write_text("2.5")
    source = tmp_path / "doubling.py"
    source.write_text(DOUBLING)
    runtime = {"name": "doubling", "distributions": ["numpy"], "source": str(source)}
    agent = started("--runtime", "doubling")
    about = ask(agent, command="describe", runtimes=[runtime])
    assert about["runtimes"] == {"doubling": np.__version__}
    assert about["runtime_version"] == np.__version__
    file = str(tmp_path / "factor.json")
    loaded = ask(agent, command="load", path=file, runtime=runtime)
    assert loaded["ok"], loaded
    assert (loaded["runtime"], loaded["api"]) == ("doubling", "multiplication")
    answer = ask(agent, command="run", inputs=[pack(np.ones((3, 4), np.float32))])
    np.testing.assert_array_equal(array(answer["outputs"][0]), np.full((3, 4), 2.5))
    timed = ask(agent, command="bench", min_runs=10, min_seconds=0.0, warmup_seconds=0.01)
    assert timed["samples"]["count"] >= 10


@pytest.mark.parametrize(
    ("code", "words", "kind", "said"),
    [
        ("raise ImportError('no libabc.so')", (), "MissingRuntime", "no libabc.so"),
        ("MODULE = 'no_such_module'", (), "MissingRuntime", "no_such_module"),
        (DOUBLING, ("--gpu", "0"), "NotOnGpu", "doubling runs on no GPU"),
        (DOUBLING, (), "CannotLoad", "doubling cannot load factor.json: JSONDecodeError"),
    ],
)
def test_what_a_plugins_runtime_cannot_do(
    tmp_path: Path, code: str, words: tuple[str, ...], kind: str, said: str
) -> None:
    (tmp_path / "factor.json").write_text("two")
    (tmp_path / "doubling.py").write_text(code)
    runtime = {"name": "doubling", "distributions": [], "source": str(tmp_path / "doubling.py")}
    process = PipeProcess([sys.executable, str(AGENT), *words])
    answer = ask(process, command="load", path=str(tmp_path / "factor.json"), runtime=runtime)
    assert process.stop() == 0
    assert answer["error"]["type"] == kind
    assert said in answer["error"]["message"]


def test_a_runtime_that_nobody_described(tmp_path: Path) -> None:
    process = PipeProcess([sys.executable, str(AGENT), "--runtime", "abc"])
    answer = ask(process, command="load", path="x")
    assert answer["error"]["type"] == "MissingRuntime"
    assert "the agent has no runtime abc" in answer["error"]["message"]
    process.stop()


@pytest.mark.parametrize("kind", ["local", "emulated", "ssh", "adb"])
def test_what_is_timed_depends_on_every_file_of_it(kind: str) -> None:
    reached = installed().reached((AGENT.parent / kind).glob("*.py"))
    assert set(SOURCES.values()) <= reached

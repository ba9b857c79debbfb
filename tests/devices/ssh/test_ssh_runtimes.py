"""What a board by SSH lacks, and what sets it up: Python, runtimes, uv, environments."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from textwrap import dedent

import pytest
from ssh_board import KIND, Connect, driver_of
from ssh_board import connect as connect
from ssh_board import far as far
from ssh_board import own_home as own_home
from ssh_board import server as server
from ssh_server import SshServer, why_not

from zoo.artifacts.artifact import open_unaltered
from zoo.common.errors import ZooError
from zoo.contracts import Runtime
from zoo.execution.device import Device
from zoo.execution.devices import runtime_on
from zoo.execution.failures import AgentRefused
from zoo.execution.session import AgentSession
from zoo.registry import load_registry

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not() or "can be tested")


class TestMissing:
    """What the device lacks is told in its own words."""

    def test_no_python(self, connect: Connect) -> None:
        transport = connect(python="python9")
        with (
            AgentSession(transport, "litert") as session,
            pytest.raises(AgentRefused, match="there is no python9 on the device") as refusal,
        ):
            session.describe()
        assert refusal.value.kind == "MissingRuntime"

    def test_no_numpy(self, connect: Connect, server: SshServer) -> None:
        server.program("bare-python", f'exec "{sys.executable}" -I -S "$@"')
        transport = connect(python="bare-python")
        with (
            AgentSession(transport, "litert") as session,
            pytest.raises(AgentRefused, match="numpy cannot be imported"),
        ):
            session.describe()

    def test_no_such_runtime(self, connect: Connect, files: dict[str, Path]) -> None:
        transport = connect()
        with (
            AgentSession(transport, "tflite-runtime") as session,
            pytest.raises(AgentRefused, match="tflite-runtime cannot be imported") as refusal,
        ):
            session.load(files["dense"])
        assert refusal.value.kind == "MissingRuntime"


def test_uv_gets_the_runtime(server: SshServer, connect: Connect) -> None:
    """A stand-in for uv shows what it is asked; the agent then answers through it."""
    asked = server.folder / "asked"
    script = f"""
        printf '%s\\n' "$@" > {asked}
        while [ "$1" != python ]; do shift; done; shift
        exec {sys.executable} "$@"
    """
    server.program("uv", dedent(script))
    with AgentSession(connect(python="uv"), "onnxruntime") as session:
        assert session.describe()["runtime"] == "onnxruntime"
    words = asked.read_text().splitlines()
    assert words[:9] == [
        *("run", "--quiet", "--no-project", "--python", ">=3.9"),
        *("--with", "numpy", "--with", "onnxruntime"),
    ]


UV_STAND_IN = """
    printf '%%s ' "$@" >> %(asked)s; echo >> %(asked)s
    case "$*" in *"--with zoo-absent "*) echo "error: zoo-absent was not found" >&2; exit 1;; esac
    while [ "$1" != python ]; do shift; done; shift
    exec %(python)s "$@"
"""


def test_uv_gets_the_distribution_of_a_plugins_runtime(
    server: SshServer, far: Path, files: dict[str, Path]
) -> None:
    """Each runtime has an environment of its own; one that uv cannot make is told with its name."""
    asked = server.folder / "asked-of-plugins"
    server.program("uv", dedent(UV_STAND_IN) % {"asked": asked, "python": sys.executable})
    own = {"module": "json", "formats": ("tflite",), "source": Path(__file__)}
    brought = (
        Runtime(name="here", summary="x", distributions=("psutil",), **own),
        Runtime(name="absent", summary="x", distributions=("zoo-absent",), **own),
    )
    options = server.options(far, python="uv")
    device = Device(name="pi", kind=replace(KIND), options=options, plugin_runtimes=brought)
    there = device.runtimes()
    assert "here" in there
    assert "absent" not in there
    starts = asked.read_text().splitlines()
    assert any("--with numpy --with psutil python" in line and "agent" in line for line in starts)
    artifact = open_unaltered(load_registry(), files["dense"])
    wanted = replace(artifact.exporter, runtimes=("absent",))
    with pytest.raises(ZooError, match="a runtime is missing there") as caught:
        runtime_on(wanted, device)
    assert "uv cannot install zoo-absent on the device" in (caught.value.why or "")
    assert "uv run --with zoo-absent python" in (caught.value.why or "")


def test_a_plugins_runtime(connect: Connect, tmp_path: Path) -> None:
    """Its file goes there as model files do, and may be all that the device has of it."""
    source, file = tmp_path / "fixed.py", tmp_path / "net.fixed"
    source.write_text(
        dedent(
            """
            from zoo_agent.runtimes.base import Model

            MODULE = "json"

            class Fixed(Model):
                api, load_ns = "nothing", 1
                inputs = outputs = [{"name": "x", "shape": [1, 4], "dtype": "float32",
                                     "scale": None, "zero_point": None}]

                def delegate(self):
                    return {"name": "none"}

            def open_model(module, request, options):
                return Fixed()
            """
        )
    )
    file.write_bytes(b"")
    transport = connect()
    description = {"name": "fixed", "distributions": [], "source": transport.put(source)}
    with AgentSession(transport, "fixed") as session:
        told = session._ask("load", 60.0, path=transport.put(file), runtime=description)
    assert (told["runtime"], told["api"]) == ("fixed", "nothing")


class TestSetup:
    """A stand-in for Python shows what would be installed."""

    #: Makes environments of which it is the Python itself; pip knows one of the two runtimes.
    PYTHON = """
        echo "$@" >>%(log)s
        case "$*" in
        *"-m venv"*) mkdir -p "$3/bin"; ln -sf %(bin)s/python3 "$3/bin/python";;
        *%(missing)s) echo "ERROR: No matching distribution found" >&2; exit 1;;
        *"-m pip"*) ;;
        *) exec %(python)s "$@";;
        esac
    """

    @pytest.fixture(autouse=True)
    def no_python_again(self, server: SshServer) -> Iterator[None]:
        yield
        (server.bin / "python3").unlink(missing_ok=True)

    def stand_in(self, server: SshServer, log: Path, missing: str) -> None:
        words = {"log": log, "bin": server.bin, "python": sys.executable, "missing": missing}
        server.program("python3", dedent(self.PYTHON) % words)

    def test_one_runtime_without_a_wheel(
        self, server: SshServer, far: Path, tmp_path: Path
    ) -> None:
        log, told = tmp_path / "log", []
        self.stand_in(server, log, "ai-edge-litert")
        options = server.options(far, python="auto")
        ready = driver_of(options).setup(told.append)
        assert ready.endswith(f"has onnxruntime in {far}/venv")
        assert any("ai-edge-litert could not be installed" in line for line in told)
        asked = log.read_text()
        assert f"-m venv {far}/venv" in asked
        assert "--only-binary :all: onnxruntime" in asked
        log.write_text("")
        with AgentSession(driver_of(options).connect(), "onnxruntime") as session:
            assert session.describe()["runtime"] == "onnxruntime"
        assert ".pyz" in log.read_text(), "the environment's Python ran the agent"

    def test_nothing_can_be_installed(self, server: SshServer, far: Path, tmp_path: Path) -> None:
        self.stand_in(server, tmp_path / "log", '"-m pip"*')
        with pytest.raises(ZooError, match="could not be installed") as error:
            driver_of(server.options(far)).setup([].append)
        assert "No matching distribution" in str(error.value)


def test_a_login_shell_that_greets(server: SshServer, connect: Connect, tmp_path: Path) -> None:
    """Lines before the agent's own are passed over."""
    server.program("sh", 'echo "Welcome to the board"; exec /bin/sh "$@"')
    try:
        with AgentSession(connect(), "litert") as session:
            assert session.describe()["cores"] == os.cpu_count()
    finally:
        (server.bin / "sh").unlink()

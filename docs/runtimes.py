"""The runtimes of docs/interoperability.md, each in an environment of its own where need be."""

from __future__ import annotations

import atexit
import hashlib
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from zoo.common.versions import version_of
from zoo.contracts import AgentProcess
from zoo.devices.browser.browsers import find_browser
from zoo.devices.browser.driver import BrowserTransport
from zoo.devices.browser.npm_packages import fetch, packages
from zoo.devices.browser.options import BrowserOptions
from zoo.devices.shared.agent_files import AGENT
from zoo.execution.agent_process import PipeProcess


@dataclass(frozen=True)
class Runtime:
    """A column.

    Attributes:
        name: The agent's name of it, or that of a program of ours.
        formats: What it runs.
        packages: What its environment is made of; none: the environment of this Python.
        python: The Python that its packages need; empty: this one will do.
        browser: Whether it runs in this machine's browser; `zoo devices setup browser` fetches it.
    """

    name: str
    formats: tuple[str, ...]
    packages: tuple[str, ...] = ()
    python: str = ""
    browser: bool = False


RUNTIMES = (
    Runtime("litert", ("tflite",)),
    Runtime(
        "tflite-runtime",
        ("tflite",),
        ("tflite-runtime==2.14.0", "numpy==1.26.4"),
        python="3.11",
    ),
    Runtime("tflite-micro", ("tflite",), ("tflite-micro==0.dev20261023182759", "numpy==2.4.6")),
    Runtime("openvino", ("tflite", "onnx"), ("openvino==2026.4.1", "numpy==2.4.6")),
    Runtime(
        "opencv",
        ("tflite", "onnx"),
        ("opencv-python-headless==5.0.0.93", "numpy==2.4.6"),
    ),
    Runtime("onnxruntime", ("onnx",)),
    Runtime("litert-js", ("tflite",), browser=True),
    Runtime("onnxruntime-web", ("onnx",), browser=True),
)


def environment(runtime: Runtime, folder: Path) -> str:
    """The Python of a runtime's environment, which is made when it is not there."""
    if runtime.browser:
        fetch(lambda words: print(words, flush=True))
    if not runtime.packages:
        return sys.executable
    wanted = json.dumps(runtime.packages)
    place = folder / "environments" / f"{runtime.name}-{short(wanted)}"
    python = place / "bin" / "python"
    mark = place / "ready"
    if mark.is_file():
        return str(python)
    print(f"making an environment for {runtime.name}: {', '.join(runtime.packages)}", flush=True)
    subprocess.run([_python(runtime), "-m", "venv", "--clear", str(place)], check=True)
    pip = [str(python), "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
    subprocess.run([*pip, *runtime.packages], check=True)
    mark.write_text(wanted, encoding="utf-8")
    return str(python)


def _python(runtime: Runtime) -> str:
    """A Python that the runtime's packages are made for."""
    if runtime.python in ("", f"{sys.version_info[0]}.{sys.version_info[1]}"):
        return sys.executable
    found = shutil.which(f"python{runtime.python}")
    if found is None:
        raise SystemExit(f"{runtime.name} needs Python {runtime.python}, which is not installed")
    return found


def runtime_version(runtime: Runtime) -> str:
    """The version that runs: pinned, or what this Python has."""
    if runtime.browser:
        return next(one.version for one in packages() if one.runtime == runtime.name)
    if runtime.packages:
        return runtime.packages[0].rpartition("==")[2]
    names = {"litert": "ai-edge-litert"}
    return version_of(names.get(runtime.name, runtime.name)) or "absent"


@cache
def browser() -> BrowserTransport:
    """This machine's browser, which all files share; it ends with this process."""
    made = BrowserTransport(BrowserOptions(), find_browser(None))
    atexit.register(made.close)
    return made


class Elsewhere:
    """This machine, with the agent in another environment's Python."""

    def __init__(self, python: str) -> None:
        self._python = python

    def put(self, local: Path) -> str:
        """The file's own path: it is there already."""
        return str(local.resolve())

    def start_agent(self, runtime: str) -> AgentProcess:
        """A fresh process of that Python."""
        return PipeProcess([self._python, str(AGENT), "--runtime", runtime])

    def close(self) -> None:
        """Nothing is held."""


def short(text: str) -> str:
    """A name for what has none."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]

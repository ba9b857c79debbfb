"""The machine that edgezoo runs on: files stay where they are, the agent is a child process."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from zoo.contracts import AgentProcess, Condition, DeviceKind, DeviceOptions
from zoo.hookspecs import hookimpl
from zoo.measurement.process import PipeProcess

from .linux import READINGS, condition_of

AGENT = Path(__file__).with_name("agent.py")
#: The module whose presence means that a runtime of the agent can be used.
MODULES = {
    "litert": "ai_edge_litert",
    "tflite-runtime": "tflite_runtime",
    "onnxruntime": "onnxruntime",
    "openvino": "openvino",
    "tflite-micro": "tflite_micro",
}


class HostTransport:
    """Starts the agent in fresh processes of this Python."""

    def put(self, local: Path) -> str:
        """The file's own path: it is there already."""
        return str(local.resolve())

    def start_agent(self, runtime: str) -> AgentProcess:
        """A fresh process each time: warm caches of one file must not serve the next."""
        # -P: the agent's neighbours in this folder must not stand in for installed modules.
        return PipeProcess([sys.executable, "-P", str(AGENT), "--runtime", runtime])

    def condition(self) -> Condition:
        """What the kernel tells of heat and clock, and a Raspberry Pi of throttling."""
        try:
            done = subprocess.run(
                ["sh", "-c", READINGS], capture_output=True, text=True, timeout=10, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            return Condition()  # No such shell: nothing is told.
        return condition_of(done.stdout)

    def close(self) -> None:
        """Nothing is held."""


def connect(options: DeviceOptions) -> HostTransport:
    """The host needs no options."""
    return HostTransport()


def fingerprint(options: DeviceOptions) -> str:
    """The same words about this machine that the agent says."""
    from . import agent  # It imports numpy, which listing devices must not.

    return agent.fingerprint()


def runtimes(options: DeviceOptions) -> Sequence[str]:
    """The agent's runtimes that are installed, found without importing them."""
    return [name for name, module in MODULES.items() if importlib.util.find_spec(module)]


@hookimpl
def zoo_devices() -> Iterable[DeviceKind]:
    """The host, a device that everybody has."""
    yield DeviceKind(
        name="host",
        summary="this machine, in fresh processes",
        connect=connect,
        distributions=(
            *("ai-edge-litert", "tflite-runtime", "onnxruntime"),
            *("openvino", "tflite-micro", "numpy"),
        ),
        local=True,
        fingerprint=fingerprint,
        runtimes=runtimes,
    )

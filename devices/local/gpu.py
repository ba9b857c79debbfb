"""A GPU of this machine: LiteRT's accelerator, ONNX Runtime's CUDA provider, OpenVINO's plugin.

A number counts only when the runtime itself says that operators ran on a GPU; else the agent
refuses it (`NotOnGpu`). Results are read back inside the timer: a call that only hands over work
returns long before the work is done.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.common.errors import ZooError
from zoo.contracts import Condition, DeviceKind, DeviceOptions

from .nvidia import nvidia_condition
from .transport import LocalTransport, python_of, words_of

if TYPE_CHECKING:
    from pydantic import BaseModel

#: The agent's runtimes that know GPUs, and the file that each of them tries.
TRIED = {"litert": "dense.tflite", "onnxruntime": "dense.onnx", "openvino": "dense.onnx"}
IMITATED = "the processor imitates the GPU, so its times say nothing of one"
#: Seconds for a driver to start and compile one layer.
_PATIENCE = 120.0


class NoGpu(ZooError):
    """No runtime here can use a GPU."""


class GpuTransport(LocalTransport):
    """The agent in fresh processes that are to use a GPU."""

    def __init__(self, options: DeviceOptions) -> None:
        named, self._index = options.get("python"), int(options.get("index", 0))
        self._software = bool(options.get("software", False))
        arguments = ["--gpu", str(self._index)]
        arguments += ["--software"] if self._software else []
        arguments += [] if options.get("cpus") is None else ["--cpus", str(options["cpus"])]
        super().__init__(None if named is None else python_of(str(named)), arguments)

    def condition(self) -> Condition:
        """That of the machine, and of an NVIDIA GPU as its driver tells it."""
        machine, gpu = super().condition(), nvidia_condition(self._index)
        faults = (*machine.faults, *gpu.faults, *((IMITATED,) if self._software else ()))
        return replace(machine, readings={**machine.readings, **gpu.readings}, faults=faults)


def connect(options: DeviceOptions) -> GpuTransport:
    """Opens nothing: each agent opens the GPU for itself."""
    return GpuTransport(options)


def address(options: DeviceOptions) -> str:
    """Which GPU."""
    return f"GPU {options.get('index', 0)} of this machine"


def runtimes(options: DeviceOptions) -> Sequence[str]:
    """Runtimes that ran a layer on the GPU; tried out once per command.

    Raises:
        NoGpu: None did; says of each why not.
    """
    ran, refusals = _tried(tuple(sorted(options.items())))
    if not ran:
        raise NoGpu(
            "no runtime here runs anything on a GPU",
            why="; ".join(f"{runtime}: {reason}" for runtime, reason in refusals.items()),
            fix="install the GPU's driver and a runtime for it, then try: zoo devices doctor gpu",
        )
    return list(ran)


def fingerprint(options: DeviceOptions) -> str:
    """The machine, the GPU and the runtimes that can use it."""
    from ..agent.zoo_agent.machine import fingerprint as machine_fingerprint

    ran, _ = _tried(tuple(sorted(options.items())))
    names = [f"{runtime} on {name}" for runtime, name in ran.items()]
    return "; ".join([machine_fingerprint(), *words_of(options), *names])


@functools.lru_cache(maxsize=16)
def _tried(items: tuple[tuple[str, Any], ...]) -> tuple[dict[str, str], dict[str, str]]:
    """Where each runtime ran a layer; and why the others ran none."""
    from zoo.execution.probes import PROBES
    from zoo.execution.session import AgentSession

    transport = GpuTransport(dict(items))
    ran: dict[str, str] = {}
    refusals: dict[str, str] = {}
    for runtime, probe in TRIED.items():
        try:
            with AgentSession(transport, runtime, _PATIENCE) as session:
                session.load(Path(PROBES) / probe, purpose="timing")
                ran[runtime] = str(session.locate()["name"])
        except ZooError as error:
            refusals[runtime] = error.what.removeprefix("the agent could not load: ")
    return ran, refusals


def _options() -> type[BaseModel]:
    from .options import GpuOptions

    return GpuOptions


def kinds() -> Iterator[DeviceKind]:
    """The GPU of this machine."""
    yield DeviceKind(
        name="gpu",
        summary="a GPU of this machine; its times count only where operators ran on it",
        connect=connect,
        fingerprint=fingerprint,
        runtimes=runtimes,
        options=_options,
        address=address,
        distributions=("ai-edge-litert", "onnxruntime-gpu", "openvino", "numpy"),
    )

"""A GPU of this machine: LiteRT's accelerator, ONNX Runtime's providers, OpenVINO's plugin.

A number counts only when the runtime itself says that operators ran on a GPU; else the agent
refuses it (`NotOnGpu`). Results are read back inside the timer: a call that only hands over work
returns long before the work is done.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from zoo.common.errors import ZooError
from zoo.contracts import Condition

from ..runtimes import RUNTIMES
from .environments import ON_GPU, environments, make_all
from .nvidia import nvidia_condition
from .options import GpuOptions
from .transport import LocalDriver, LocalTransport

#: The agent's runtimes that know GPUs, and the file that each of them tries.
GPU_RUNTIMES = {each.name: each.probe for each in RUNTIMES if each.gpu and each.probe is not None}
SOFTWARE_GPU_FAULT = "the processor imitates the GPU, so its times say nothing of one"
#: Seconds for a driver to start and compile one layer.
_PATIENCE = 120.0


class NoGpu(ZooError):
    """No runtime here can use a GPU."""


class GpuTransport(LocalTransport):
    """The agent in fresh processes that are to use a GPU."""

    def __init__(
        self,
        python: Path | None = None,
        arguments: Sequence[str] = (),
        *,
        index: int = 0,
        software: bool = False,
    ) -> None:
        self._index, self._software = index, software
        imitated = ["--software"] if software else []
        apart = environments(ON_GPU) if python is None else {}
        super().__init__(python, ["--gpu", str(index), *imitated, *arguments], apart)

    def condition(self) -> Condition:
        """That of the machine, and of an NVIDIA GPU as its driver tells it."""
        machine, gpu = super().condition(), nvidia_condition(self._index)
        faults = (
            *machine.faults,
            *gpu.faults,
            *((SOFTWARE_GPU_FAULT,) if self._software else ()),
        )
        return replace(machine, readings={**machine.readings, **gpu.readings}, faults=faults)


class GpuDriver(LocalDriver[GpuOptions]):
    """A GPU of this machine; each agent opens it for itself."""

    @property
    def address(self) -> str:
        """Which GPU."""
        return f"GPU {self.options.index} of this machine"

    def connect(self) -> GpuTransport:
        """Opens nothing."""
        options = self.options
        return GpuTransport(
            self.python, self.arguments, index=options.index, software=options.software
        )

    def runtimes(self) -> Sequence[str]:
        """Runtimes that ran a layer on the GPU; tried out once per command.

        Raises:
            NoGpu: None did; says of each why not.
        """
        ran, refusals = self.gpu_support
        if not ran:
            raise NoGpu(
                "no runtime here runs anything on a GPU",
                why="; ".join(f"{runtime}: {reason}" for runtime, reason in refusals.items()),
                fix=f"install the GPU's driver and a runtime for it{self._by_setup()}, then try: "
                "zoo devices doctor gpu",
            )
        return list(ran)

    def fingerprint(self) -> str:
        """The machine, the GPU and the runtimes that can use it."""
        from ..agent.zoo_agent.machine import fingerprint as machine_fingerprint

        names = [f"{runtime} on {name}" for runtime, name in self.gpu_support[0].items()]
        return "; ".join([machine_fingerprint(), *self.words(), *names])

    @property
    def setup_runtimes(self) -> list[str]:
        """Those of GPUs that cannot live beside the others."""
        return [] if self.options.python else [one.name for one in ON_GPU]

    def setup(self, tell: Callable[[str], None]) -> str:
        """Makes an environment for each runtime of GPUs that cannot live beside the others."""
        names = make_all(ON_GPU, self.options.python, tell)
        return f"a GPU of this machine also has {names}, in an environment of its own"

    def _by_setup(self) -> str:
        """What the setup would bring that is not there yet, and for which files."""
        there = environments(ON_GPU)
        absent = [each for each in RUNTIMES if each.name in {*self.setup_runtimes} - {*there}]
        told = [f"{each.name} for {' and '.join(each.formats)} files" for each in absent]
        brings = f"zoo devices setup gpu brings {', '.join(told)}, on GPUs of all makers"
        return f" ({brings})" if told else ""

    @cached_property
    def gpu_support(self) -> tuple[dict[str, str], dict[str, str]]:
        """Where each runtime ran a layer; and why the others ran none."""
        from zoo.execution.session import AgentSession

        transport = self.connect()
        ran: dict[str, str] = {}
        refusals: dict[str, str] = {}
        for runtime, probe in GPU_RUNTIMES.items():
            try:
                with AgentSession(transport, runtime, _PATIENCE) as session:
                    session.load(probe, purpose="timing")
                    ran[runtime] = str(session.locate()["name"])
            except ZooError as error:
                refusals[runtime] = error.what.removeprefix("the agent could not load: ")
        return ran, refusals

"""The contract between the agent and a runtime's module.

A runtime's module is one of this folder, or a file that a plugin brings. The request `load` says
which, as the runtime's record has it::

    {"protocol": 1, "id": 7, "command": "load", "path": "/there/net.abc", "threads": 1,
     "runtime": {"name": "abc", "distributions": ["abc-runtime"], "source": "/there/abc.py"}}

``name``
    What requests and results call the runtime. Without a ``source`` its module is the one of this
    name in this folder, with ``_`` for ``-``.
``distributions``
    The version of the first of them that is installed is the runtime's.
``source``
    Path on the device of a plugin's file, which is put there as model files are
    (`Transport.put`). Without it the runtime is one of the agent's own.

Without ``runtime`` it is the agent's own whose name the command line has. `describe` takes a list
of such descriptions, ``runtimes``, and answers with the versions of those that are installed.

The runtime's module defines::

    MODULE = "abc.interpreter"

    def open_model(module, request: LoadRequest, options: Options) -> Model: ...

``MODULE`` is imported before the file is opened, and given to `open_model`; a failure is the
refusal `MissingRuntime`. Whatever `open_model` raises is the refusal `CannotLoad` with its words,
but an `AgentError` is told as it is. A runtime that can run on a GPU says ``RUNS_ON_GPU = True``
and obeys ``options.gpu``; others are refused where a GPU is asked for.

A plugin's file imports ``from zoo_agent.runtimes.base import LoadRequest, Model, Options``, the
standard library and numpy, and nothing else. Devices may have Python 3.9.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ..common import AgentError, Json

if TYPE_CHECKING:
    from ..arrays import Array

#: So many runs of a profile are enough.
PROFILE_RUNS = 200


class LoadRequest(NamedTuple):
    """A file to open.

    Attributes:
        batch: Examples in one inference, where the file leaves them open; None leaves it to it.
        timing: Whether to use the call that the runtime's own benchmark times.
        shapes: Of each input, with the batch, where the file leaves sides open; None leaves them.
    """

    path: str
    threads: int = 1
    batch: int | None = None
    timing: bool = False
    shapes: list[list[int]] | None = None


class Options(NamedTuple):
    """How the device was set up to run files: the command line of the agent.

    Attributes:
        cpus: Mask of the processors that it may use, in hexadecimal; empty for all.
        xnnpack: Whether TFLite runtimes may use the XNNPACK delegate.
        gpu: Number of the GPU that is to run the operators; None for the processor.
        software: Whether a GPU that the processor imitates will do.
    """

    cpus: str = ""
    xnnpack: bool = True
    gpu: int | None = None
    software: bool = False
    #: Plain kernels: no XNNPACK, and ONNX Runtime does not optimize; as a request asks.
    plain: bool = False


class Model:
    """One file in one runtime; subclasses set the fields and replace the methods.

    Attributes:
        api: The call that runs the file, for people.
        inputs: Of each input ``name``, ``shape`` (None for a free side), ``dtype`` (numpy's name),
            ``scale`` and ``zero_point`` (None unless one of each holds for the whole tensor).
        invoke: Runs the file on the inputs that `write` has set; what is timed.
    """

    api: str
    inputs: list[Json]
    outputs: list[Json]
    load_ns: int
    invoke: Callable[[], object]

    def delegate(self) -> Json:
        """What really executes the operations."""
        raise NotImplementedError

    def locate(self) -> Json:
        """The same, found out at leisure: may load the file once more and run it."""
        return self.delegate()

    def profile(self, seconds: float) -> Json:
        """What each operator takes; at most about `seconds` long."""
        raise AgentError("NoProfile", f"{self.api} does not tell what single operators take")

    #: Whether a call is handed to threads of the runtime's own, even when one computes.
    own_threads = False
    #: Examples per invocation that were asked for; None leaves it to the file.
    asked: int | None = None

    @property
    def batched(self) -> bool:
        """Whether all inputs have the batch as their first side; else an example is a whole call.

        A state beside the examples (layers, batch, units) or a single number has another one.
        """
        firsts = {tensor["shape"][0] if tensor["shape"] else 0 for tensor in self.inputs}
        return 0 not in firsts and (len(firsts) == 1 or firsts == {None, 1})

    @property
    def batch(self) -> int:
        """Examples per invocation; a free batch counts as 1 unless another one is asked for."""
        fixed = [tensor["shape"][0] for tensor in self.inputs if tensor["shape"]]
        given = next((side for side in fixed if side), self.asked)
        return int(given or 1) if self.batched else 1

    def resize(self, shapes: list[list[int]]) -> None:
        """Sets the shapes of all inputs, where the file leaves sides open."""
        fixed = fixed_inputs(self.inputs, shapes)
        if fixed != self.inputs:
            raise AgentError(
                "FixedShape", f"{self.api} cannot set the sizes that a file leaves open"
            )

    def take(self, batch: int) -> None:
        """Sets the examples per invocation, where the file leaves them open."""
        fixed = [t for t in self.inputs if not t["shape"] or t["shape"][0] not in (None, batch)]
        if fixed:
            shape = fixed[0]["shape"]
            own = f"it is fixed at {shape[0]}" if shape else "it has none"
            reason = f"input {fixed[0]['name']} takes no batch of {batch}: {own}"
            raise AgentError("FixedBatch", reason)
        self.asked = batch

    def reset(self) -> None:
        """Forgets the state that fused recurrent kernels keep between invocations."""

    def write(self, arrays: list[Array]) -> None:
        """Sets the inputs."""
        raise NotImplementedError

    def read(self) -> list[Array]:
        """Copies of the outputs."""
        raise NotImplementedError


def fixed_inputs(inputs: list[Json], shapes: list[list[int]]) -> list[Json]:
    """Inputs with the sides that a request sets; refuses what contradicts the file."""
    if len(shapes) != len(inputs):
        raise AgentError("BadRequest", f"{len(shapes)} shapes for {len(inputs)} inputs")
    for tensor, shape in zip(inputs, shapes):  # noqa: B905 - Python 3.9
        own = tensor["shape"]
        fits = len(own) == len(shape) and all(type(side) is int and side > 0 for side in shape)
        if not fits or any(o not in (None, s) for o, s in zip(own, shape)):  # noqa: B905
            has, asked = (
                "x".join("?" if s is None else str(s) for s in one) for one in (own, shape)
            )
            raise AgentError("FixedShape", f"input {tensor['name']} takes {has}, not {asked}")
    return [dict(one, shape=list(shape)) for one, shape in zip(inputs, shapes)]  # noqa: B905


def middle(times: Sequence[float]) -> float:
    """Mean of the middle half: as steady as a median, and finer where clocks tell whole numbers."""
    import statistics

    quarter = len(times) // 4
    return statistics.mean(sorted(times)[quarter : len(times) - quarter])

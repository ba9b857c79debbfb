"""What is to be measured, and how far it has come."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from zoo.benchmark.tiers import Tier
from zoo.common.cache_key import step_key
from zoo.common.code_fingerprint import code_of
from zoo.execution.device import Device
from zoo.execution.session import AgentSession
from zoo.results.measurements import OutputCheck
from zoo.results.records import Evaluation


@dataclass(frozen=True, kw_only=True, eq=False)
class Candidate:
    """A file to measure, and how to run it.

    Attributes:
        tool: Whether that is a vendor's benchmark tool.
        batch: Examples in one inference, where the file leaves them open; None leaves it to it.
        profile: Whether to find out what each operator takes.
        inputs: One raw example per input; None for seeded random numbers.
        value_range: Of those, for inputs that are real numbers.
        limits: Of those, for each input of indices how many there are; None for other inputs.
        shapes: Of all inputs by name, with the batch, where the file leaves sizes open; else empty.
        check: Compares the answers of a session that has loaded the file with those expected,
            before anything is timed; raises `ZooError` when they are others. None compares nothing.
        judge: Measures the quality in such a session, after everything is timed; None does not.
        judged_on: Names what `judge` measures it on.
        reference: Of a network that is measured as it was before its export, the name that results
            call it by; empty for files.
    """

    path: Path
    runtime: str
    tool: bool = False
    threads: int = 1
    batch: int | None = None
    profile: bool = False
    inputs: Sequence[NDArray[Any]] | None = None
    value_range: tuple[float, float] = (0.0, 1.0)
    limits: tuple[int | None, ...] = ()
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    check: Callable[[AgentSession], OutputCheck] | None = None
    judge: Callable[[AgentSession], Evaluation] | None = None
    judged_on: str = ""
    reference: str = ""

    @property
    def name(self) -> str:
        """What results call it."""
        return self.reference or self.path.name

    def key(self, device: Device, tier: Tier, sha256: str) -> str:
        """Stands for what is measured and how, apart from what only the device can tell."""
        options = {
            f.name: getattr(self, f.name)
            for f in fields(self)
            if f.name not in ("path", "inputs", "check", "judge")
        }
        inputs = [[v.dtype.name, list(v.shape), v.tobytes().hex()] for v in self.inputs or ()]
        parameters = {
            "file": sha256,
            "device": [device.name, device.kind.name, device.address],
            "options": options,
            "inputs": inputs if self.inputs is not None else None,
            "tier": asdict(tier),
        }
        return step_key("bench-process", parameters, code=code_of(["zoo.benchmark.measure"]))


@dataclass(frozen=True, kw_only=True)
class Stage:
    """How far one candidate has come; told after each part.

    Attributes:
        doing: ``checking answers``, ``timing``, ``judging``, ``done``, ``failed`` or ``stopped``.
        p50_ms: Median of the last process; None before the first.
        kept: Parts that were there from an unfinished bench.
        noisy: Whether a process was disturbed, again too.
    """

    place: int
    doing: str
    done: int
    total: int
    p50_ms: float | None = None
    kept: int = 0
    noisy: bool = False

"""The agent's side of the conversation as records; `devices/agent` writes what this reads."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from zoo.contracts import TensorInfo, ToolSummary
from zoo.execution import figures
from zoo.results.measurements import OperatorTime, Profile

#: Version of the protocol; an agent with another one is refused.
PROTOCOL = 1
_SUMMARY = TypeAdapter(ToolSummary)
#: What every answer has.
_ENVELOPE = ("ok", "id", "protocol")
#: Letters of a tensor's or operator's name: fused ones are long.
_NAME = 4000
_MOST_RUNTIMES, _MOST_METERS, _MOST_TENSORS = 200, 50, 1000


@dataclass(frozen=True, kw_only=True)
class LoadedFile:
    """A file as a runtime on the device sees it.

    Attributes:
        runtime_version: Its version there; None when unknown.
        inputs: In the file's order.
        outputs: In the file's order.
        threads: As set, never a default.
        load_ns: Time to load the file, from a warm page cache.
        memory_before_bytes: Peak memory of the agent before it loaded the file.
        delegate: What really executes the operations: ``name``, and as far as the runtime tells
            ``partitions``, ``delegated``, ``remaining`` (operations outside), ``providers``,
            ``precision`` (to which it rounds real numbers: ``f32``, ``tf32``, ``f16``, ``bf16``).
        locatable: Whether `locate` can tell more of where it runs.
        sha256: Of the bytes that were loaded there; empty where it is not told.
    """

    runtime: str
    runtime_version: str | None
    api: str
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    threads: int
    load_ns: int
    memory_before_bytes: int
    delegate: dict[str, Any]
    batch: int = 1
    locatable: bool = False
    sha256: str = ""

    @property
    def batched(self) -> bool:
        """Whether the batch is the first side of all inputs; else an example is a whole call."""
        return batched(self.inputs)


@dataclass(frozen=True, kw_only=True, eq=False)
class BenchRun:
    """One timed run in one process.

    Attributes:
        samples: Duration of each inference in nanoseconds; of several in one reading of the clock,
            their mean.
        first_ns: The first inference, before any warm-up.
        warmup: ``runs``, ``seconds`` and whether the times became ``stable``.
        inputs: Where the input came from: ``source`` is ``supplied`` or ``seeded``.
        floors_met: Whether the least number of runs and seconds were reached.
        spin_before_ns: Times of a fixed piece of work just before the samples.
        load_average: Of the last minute, before and after.
        peak_memory_bytes: Of the whole agent, up to the end of the warm-up.
        cpu_seconds: Processor time that the agent used meanwhile; None, as for the next three,
            where the device does not tell.
        involuntary_switches: Times that the kernel took the processor away.
        steal_seconds: Time that a hypervisor gave to others, over all cores.
        throttled_seconds: Time that a quota held the agent back.
        energy: What each meter there counted meanwhile: ``meter``, ``joules``, ``readings``,
            and over how many ``seconds`` and ``inferences``.
        clock_gap_seconds: By how much another clock of the machine disagrees; 0 when it does not.
        accelerated: Whether the work was another processor's, for which the agent only waited.
        thermal_throttles: Times that heat held the processor back meanwhile, as x86 counts them.
        busy_mhz: Clock of the processor just before and just after the samples, at full load;
            empty where it does not tell.
        summary: What a vendor's tool reported; it keeps no samples, and tells nothing of the above.
        own_threads: Whether the runtime hands each inference to threads of its own, even when one
            computes: they wait for each other, and take the processor from each other.
        repeats: Inferences in one sample, where the clock is too coarse for one.
        clock_resolution_ns: Of the clock of the samples; 0 where it is not told.
        dispatch_ns: What the runtime takes for a graph that computes next to nothing; 0 where it is
            not told.
    """

    samples: NDArray[np.int64]
    first_ns: int = 0
    warmup: dict[str, Any] = field(default_factory=dict)
    inputs: dict[str, Any] = field(default_factory=dict)
    floors_met: bool = True
    spin_before_ns: tuple[int, ...] = ()
    spin_after_ns: tuple[int, ...] = ()
    load_average: tuple[float, ...] = ()
    peak_memory_bytes: int = 0
    wall_seconds: float = 0.0
    cpu_seconds: float | None = 0.0
    involuntary_switches: float | None = 0.0
    steal_seconds: float | None = 0.0
    throttled_seconds: float | None = 0.0
    energy: tuple[dict[str, Any], ...] = ()
    clock_gap_seconds: float = 0.0
    accelerated: bool = False
    thermal_throttles: float = 0.0
    busy_mhz: tuple[float, ...] = ()
    own_threads: bool = False
    repeats: int = 1
    clock_resolution_ns: float = 0.0
    dispatch_ns: float = 0.0
    summary: ToolSummary | None = None

    @property
    def median_ms(self) -> float | None:
        """Of its inferences; None where a vendor's tool does not tell it."""
        if self.summary is not None:
            return self.summary.median_ms
        return float(np.median(self.samples)) * 1e-6


def batched(inputs: Sequence[TensorInfo]) -> bool:
    """Whether all inputs have the batch as their first side, fixed or free."""
    firsts = {tensor.shape[0] if tensor.shape else 0 for tensor in inputs}
    return 0 not in firsts and (len(firsts) == 1 or firsts == {-1, 1})


def pack(values: NDArray[Any]) -> dict[str, Any]:
    """An array for a request."""
    little = np.ascontiguousarray(values.astype(values.dtype.newbyteorder("<"), copy=False))
    data = base64.b64encode(little.tobytes()).decode("ascii")
    return {"dtype": values.dtype.name, "shape": list(values.shape), "data": data}


def described(answer: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to `describe`: the device and its software.

    ``fingerprint``, ``python``, ``runtime``, ``runtimes`` and what else the agent reports; values
    are plain and small, and texts without control characters.
    """
    told = figures.table({k: v for k, v in answer.items() if k not in _ENVELOPE}, "its description")
    for key in ("fingerprint", "python", "runtime", "cpu", "os", "machine", "numpy"):
        if key in told:
            figures.word(told, key)
    for key in ("runtime_version", "governor"):
        if key in told:
            figures.optional_word(told, key)
    if told.get("cores") is not None and not 0 < figures.whole(told, "cores") < 1 << 16:
        raise ValueError(f"cores is {told['cores']}")
    if told.get("mhz") is not None:
        figures.number(told, "mhz")
    runtimes = figures.table(told.get("runtimes", {}), "runtimes")
    if len(runtimes) > _MOST_RUNTIMES:
        raise ValueError(f"{len(runtimes)} runtimes")
    for name in runtimes:
        figures.word(runtimes, name)
    return told


def loaded_file(answer: Mapping[str, Any]) -> LoadedFile:
    """The answer to `load`."""
    return LoadedFile(
        runtime=figures.word(answer, "runtime"),
        runtime_version=figures.optional_word(answer, "runtime_version"),
        api=figures.word(answer, "api"),
        inputs=tuple(_tensor(row) for row in figures.rows(answer, "inputs", _MOST_TENSORS)),
        outputs=tuple(_tensor(row) for row in figures.rows(answer, "outputs", _MOST_TENSORS)),
        threads=figures.whole(answer, "threads"),
        load_ns=figures.whole(answer, "load_ns"),
        memory_before_bytes=figures.whole(answer, "memory_before_bytes"),
        delegate=figures.table(answer["delegate"], "delegate"),
        batch=figures.whole({"batch": 1, **answer}, "batch"),
        locatable=figures.flag({"locate": False, **answer}, "locate"),
        sha256=figures.word({"sha256": "", **answer}, "sha256"),
    )


def bench_run(answer: Mapping[str, Any], most: int = figures.MOST_SAMPLES) -> BenchRun:
    """The answer to `bench`.

    Args:
        answer: Of the agent.
        most: Samples of which nobody can have taken more.
    """
    if "summary" in answer:
        summary = _SUMMARY.validate_python(figures.table(answer["summary"], "summary"))
        return BenchRun(samples=np.empty(0, np.int64), summary=summary)
    samples, wall = figures.samples(answer["samples"], most), figures.number(answer, "wall_seconds")
    if (repeats := figures.whole({"repeats": 1, **answer}, "repeats")) < 1:
        raise ValueError("repeats is 0, and must be a whole number from 1")
    if (total := float(samples.sum(dtype=np.float64)) * 1e-9 * repeats) > wall * 1.01 + 0.01:
        raise ValueError(f"a clock that jumped: {total:.3g} s of samples in {wall:.3g} s")
    zeros = ("clock_gap_seconds", "thermal_throttles", "clock_resolution_ns", "dispatch_ns")
    optional = {**dict.fromkeys(zeros, 0.0), "busy_mhz": [], **answer}
    return BenchRun(
        samples=samples,
        first_ns=figures.whole(answer, "first_ns"),
        warmup=figures.table(answer["warmup"], "warmup"),
        inputs=figures.table(answer["inputs"], "inputs"),
        floors_met=figures.flag(answer, "floors_met"),
        spin_before_ns=_spins(answer, "spin_before_ns"),
        spin_after_ns=_spins(answer, "spin_after_ns"),
        load_average=figures.numbers(answer, "load_average"),
        peak_memory_bytes=figures.whole(answer, "peak_memory_bytes"),
        wall_seconds=wall,
        cpu_seconds=figures.optional_number(answer, "cpu_seconds"),
        involuntary_switches=figures.optional_number(answer, "involuntary_switches"),
        steal_seconds=figures.optional_number(answer, "steal_seconds", -1.0),
        throttled_seconds=figures.optional_number(answer, "throttled_seconds", -1.0),
        energy=tuple(
            _energy(told) for told in figures.rows({"energy": [], **answer}, "energy", _MOST_METERS)
        ),
        clock_gap_seconds=figures.number(optional, "clock_gap_seconds", -1e12),
        accelerated=figures.flag({"accelerated": False, **answer}, "accelerated"),
        thermal_throttles=figures.number(optional, "thermal_throttles", -1e12),
        busy_mhz=figures.numbers(optional, "busy_mhz"),
        own_threads=figures.flag({"own_threads": False, **answer}, "own_threads"),
        repeats=repeats,
        clock_resolution_ns=figures.number(optional, "clock_resolution_ns"),
        dispatch_ns=figures.number(optional, "dispatch_ns"),
    )


def _spins(answer: Mapping[str, Any], key: str) -> tuple[int, ...]:
    spins = figures.numbers(answer, key, 1.0)
    if not spins:
        raise ValueError(f"{key} is empty")
    return spins


def _energy(told: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "meter": figures.word(told, "meter"),
        "joules": figures.number(told, "joules"),
        "readings": figures.whole(told, "readings"),
        "seconds": figures.number(told, "seconds", 1e-9),
        "inferences": figures.number(told, "inferences", 1),
    }


def profile_of(answer: Mapping[str, Any]) -> Profile:
    """The answer to `profile`."""
    told = answer["profile"]
    rows = [
        OperatorTime(
            name=figures.word(row, "name", _NAME),
            operator=figures.word(row, "operator", _NAME),
            executor=figures.word(row, "executor", _NAME),
            # A difference of two runs, which below the clock's resolution falls under zero.
            ms=figures.number(row, "ns", -1e18) * 1e-6,
        )
        for row in figures.rows(told, "operators")
    ]
    return Profile(method=figures.word(told, "method"), operators=tuple(rows))


def delegate_of(answer: Mapping[str, Any]) -> dict[str, Any]:
    """The answer to `locate`."""
    return figures.table(answer["delegate"], "delegate")


def outputs_of(answer: Mapping[str, Any], examples: int) -> list[NDArray[Any]]:
    """The answer to `run`: one array per output, an entry for each example."""
    found = [figures.array(packed) for packed in figures.rows(answer, "outputs", _MOST_TENSORS)]
    if any(values.ndim == 0 or len(values) != examples for values in found):
        shapes = [values.shape for values in found]
        raise ValueError(f"outputs of shape {shapes} came for {examples} examples")
    return found


def _tensor(row: Mapping[str, Any]) -> TensorInfo:
    name, zero_point, scale = row["name"], row["zero_point"], row["scale"]
    if not isinstance(name, str) or len(name) > _NAME:
        raise ValueError("the name of an input or output must be a short text")
    if zero_point is not None and (type(zero_point) is not int or abs(zero_point) >= 1 << 31):
        raise ValueError("zero_point must be a whole number")
    return TensorInfo(
        name=name,
        shape=figures.shape(row, open_sides=True),
        dtype=figures.word(row, "dtype"),
        scale=None if scale is None else float(figures.number(row, "scale")),
        zero_point=zero_point,
    )

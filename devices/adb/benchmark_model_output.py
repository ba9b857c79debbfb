"""LiteRT's ``benchmark_model``: how it is asked, and what its words mean.

Written against its source, of which versions since 2018 say the same lines:
https://github.com/google-ai-edge/LiteRT/blob/main/tflite/tools/benchmark/benchmark_model.cc
``benchmark_litert_model`` has the same flags and says the same.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from zoo.common.errors import Unsupported, ZooError
from zoo.contracts import ToolOrder, ToolSummary
from zoo.execution.failures import AgentGarbled, crash_error, last_stderr_lines, signal_of

NAME = "benchmark_model"
#: Exit codes of shells for a file that they may not, or cannot, execute; and for none.
CANNOT_EXECUTE, NOT_FOUND = 126, 127
_NUMBER = r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?"
_PAIR = re.compile(rf"(\w+)=({_NUMBER})(?![\w.])")
_COUNT = re.compile(rf"\bcount=({_NUMBER})")
_TIMINGS = re.compile(
    rf"Inference timings in us: Init: ({_NUMBER}), First inference: ({_NUMBER}), "
    rf"Warmup \(avg\): ({_NUMBER}), Inference \(avg\): ({_NUMBER})"
)
_PEAK = re.compile(rf"Overall peak memory footprint \(MB\)[^:]*: ({_NUMBER})")
_PLACED = re.compile(
    r"Replacing (\d+) out of (\d+) node\(s\) with delegate \(([\w.-]+)\) node, "
    r"yielding (\d+) partitions"
)
#: A table of the profiler, which sums up operations and not inferences.
_PROFILE = "Timings (microseconds)"
_OPERATOR = re.compile(r"Didn't find op for builtin opcode '(\w+)' version '(\d+)'")
_CUSTOM = re.compile(r"Encountered unresolved custom op: (\S+?)\.?(?:\s|$)")
_ERROR = re.compile(r"\b(?:ERROR|FATAL): *(.+)")
#: It cuts each time to whole microseconds. Means below this many may be off by over a tenth.
_LEAST_MEAN = 5.0
#: Microseconds in a millisecond.
_PER_MS = 1000
#: It counts in 2^20 bytes.
_MB = 1.048576
_DELEGATES = {"TfLiteXNNPackDelegate": "XNNPACK"}


def arguments(file: str, order: ToolOrder) -> list[str]:
    """Its flags for one process."""
    return [
        f"--graph={file}",
        f"--num_threads={order.threads}",
        f"--num_runs={order.min_runs}",
        f"--min_secs={order.min_seconds:g}",
        f"--max_secs={order.max_seconds:g}",
        f"--warmup_min_secs={order.warmup_seconds:g}",
        "--use_xnnpack=true",
        # Once per second: the thread that looks would else disturb what is timed.
        "--report_peak_memory_footprint=true",
        "--memory_footprint_check_interval_ms=1000",
    ]


@dataclass(frozen=True)
class _Statistics:
    """One line ``count=50 first=5125 curr=… min=… max=… avg=… std=… p5=… median=… p95=…``."""

    count: int
    values: dict[str, float]

    def of(self, name: str) -> float | None:
        """A figure in milliseconds, if the line has it."""
        value = self.values.get(name, self.values.get("curr") if self._same else None)
        return None if value is None else value / _PER_MS

    @property
    def _same(self) -> bool:
        """Whether all inferences took equally long, which the line then says once."""
        return "avg" not in self.values


def figures(said: str) -> ToolSummary:
    """What the program said, its two streams together.

    Raises:
        AgentGarbled: No figures are in it, or figures that contradict each other.
        ZooError: Inferences are too short for its clock.
    """
    lines = said.splitlines()
    found = [s for line in lines if _PROFILE not in line for s in [_statistics(line)] if s]
    timings = next((m for line in lines for m in [_TIMINGS.search(line)] if m), None)
    if not found or timings is None:
        raise _garbled("reports no figures", said)
    init, first, warmup, mean = (_plain(timings[place]) for place in range(1, 5))
    # The warm-up has a line of its own, before that of the inferences that count.
    regular, before = found[-1], found[-2] if len(found) > 1 else None
    if None in (init, first, warmup, mean) or not _agree(regular, mean):
        raise _garbled("reports figures that contradict each other", said)
    if mean is not None and mean < _LEAST_MEAN:
        raise ZooError(
            f"the network is too fast for {NAME}",
            why=f"it cuts times to whole microseconds, and reports a mean of {mean:g}: inferences "
            f"of less than {_LEAST_MEAN:g} µs cannot be timed so",
            fix="time it in the agent, with LiteRT or ONNX Runtime, which count nanoseconds",
        )
    peak = next((_plain(m[1]) for line in lines for m in [_PEAK.search(line)] if m), None)
    delegate, delegated, operations, partitions = _placement(lines)
    return ToolSummary(
        runs=regular.count,
        mean_ms=(mean or 0.0) / _PER_MS,
        std_ms=regular.values["std"] / _PER_MS if "std" in regular.values else None,
        min_ms=regular.of("min"),
        max_ms=regular.of("max"),
        p5_ms=regular.of("p5"),
        median_ms=regular.of("median"),
        p95_ms=regular.of("p95"),
        init_ms=(init or 0.0) / _PER_MS,
        first_ms=(first or 0.0) / _PER_MS,
        warmup_runs=None if before is None else before.count,
        warmup_mean_ms=(warmup or 0.0) / _PER_MS,
        peak_memory_mb=None if peak is None else peak * _MB,
        delegate=delegate,
        delegated=delegated,
        operations=operations,
        partitions=partitions,
    )


def _statistics(line: str) -> _Statistics | None:
    count = _COUNT.search(line)
    number = _plain(count[1]) if count else None
    if count is None or number is None or number < 1 or number != int(number):
        return None
    pairs = {key: _plain(value) for key, value in _PAIR.findall(line[count.end() :])}
    values = {key: value for key, value in pairs.items() if value is not None}
    return _Statistics(int(number), values) if "curr" in values else None


def _plain(text: str) -> float | None:
    """A number that can be a duration or an amount; None for others."""
    value = float(text)
    return value if math.isfinite(value) and 0 <= value < 1e15 else None


def _agree(regular: _Statistics, mean: float | None) -> bool:
    """Whether the figures are in the order that figures of the same inferences must have."""
    values = regular.values
    low, high = values.get("min", values["curr"]), values.get("max", values["curr"])
    # Means are told in six digits.
    slack = 1e-5 * high + 1e-9
    between = [v for key, v in values.items() if key in ("curr", "avg", "p5", "median", "p95")]
    return all(low - slack <= v <= high + slack for v in [*between, low if mean is None else mean])


def _placement(lines: Sequence[str]) -> tuple[str | None, int | None, int | None, int | None]:
    """Which delegate took how many of how many operations, in how many partitions."""
    for line in lines:
        placed = _PLACED.search(line)
        if placed is not None and len("".join(placed.groups())) < 100:
            taken, of_all, name, partitions = placed.groups()
            shown = _DELEGATES.get(name, name) if int(taken) else "none"
            return shown, int(taken), int(of_all), int(partitions)
    return None, None, None, None


def failure(code: int | None, said: str, file: str) -> ZooError:
    """Why the program ended without success.

    Args:
        code: Its exit code, as a shell tells it; None when the line to the device broke.
        said: Its two streams together.
        file: Name of the file that it was to time.
    """
    missing = _OPERATOR.search(said) or _CUSTOM.search(said)
    if missing is not None:
        version = f" version {missing[2]}" if missing.re is _OPERATOR else ""
        return Unsupported(
            f"{NAME} is too old for {file}: it has no {missing[1]}{version}",
            why=_reason(said),
            fix=f"supply a newer {NAME}, or export for an older runtime",
        )
    if code in (CANNOT_EXECUTE, NOT_FOUND):
        return ZooError(
            f"the device cannot execute {NAME}",
            why=last_stderr_lines(said) or f"exit code {code}",
            fix="supply the program that was built for its processor and system: for most phones "
            "android_aarch64",
        )
    if code is None or signal_of(code) is not None:
        return crash_error(NAME, code, said)
    return ZooError(f"{NAME} could not time {file}", why=_reason(said) or f"exit code {code}")


def _reason(said: str) -> str:
    """Its last error, or else its last words."""
    errors = [m[1].strip() for line in said.splitlines() for m in [_ERROR.search(line)] if m]
    told = [line for line in errors if line != "Benchmarking failed."]
    return " | ".join(told[:3])[:400] if told else last_stderr_lines(said)


def _garbled(what: str, said: str) -> AgentGarbled:
    return AgentGarbled(
        f"{NAME} {what}",
        why=last_stderr_lines(said) or "it said nothing at all",
        fix="check that the program is LiteRT's benchmark_model",
    )

"""What one agent process found out, and its form on disk."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from pydantic import TypeAdapter

from zoo.contracts import Condition, ToolSummary
from zoo.execution.protocol import BenchRun, LoadedFile
from zoo.results.measurements import Samples

_LOADED, _SUMMARY = TypeAdapter(LoadedFile), TypeAdapter(ToolSummary | None)
_DIGEST = hashlib.sha256().digest_size


@dataclass(frozen=True, kw_only=True)
class Window:
    """A stretch of a long run.

    Attributes:
        runs: Inferences.
        p90_ns: 90th percentile of its samples.
        every: Of its samples, every so many are kept.
        noise: Why the window does not count; empty when it does.
    """

    start_seconds: float
    seconds: float
    runs: int
    p50_ns: float
    p90_ns: float
    every: int
    noise: tuple[str, ...] = ()


def counting(windows: Sequence[Window]) -> Sequence[Window]:
    """Those that were not disturbed; all of them if all were."""
    return [window for window in windows if not window.noise] or windows


@dataclass(frozen=True, kw_only=True, eq=False)
class ProcessResult:
    """What one agent process found out.

    Attributes:
        run: What was timed; of a long run, all windows that count, as if they were one.
        attempts: How often it was measured until it counted.
        created: When it ended, ISO 8601, UTC.
        parts: Of a long run, the kept samples of each window that counts.
    """

    about: dict[str, Any]
    loaded: LoadedFile
    run: BenchRun
    noise: tuple[str, ...]
    attempts: int
    conditions: tuple[Condition, Condition]
    created: str
    windows: tuple[Window, ...] = ()
    parts: Samples = field(default_factory=lambda: Samples(()))

    @property
    def samples(self) -> Samples:
        """Everything that is kept of it: one array, or one per window."""
        return self.parts if self.windows else Samples((self.run.samples,))

    @property
    def inferences(self) -> int:
        """How many were timed and count; of a long run only some of their times are kept."""
        if not self.windows:
            return len(self.run.samples) * self.run.repeats
        return sum(window.runs for window in counting(self.windows))

    def encode(self) -> bytes:
        """The process as bytes: SHA-256 of the rest, a line of JSON, the samples."""
        head = {
            "about": self.about,
            "loaded": asdict(self.loaded),
            "run": {
                f.name: getattr(self.run, f.name) for f in fields(BenchRun) if f.name != "samples"
            },
            "noise": self.noise,
            "attempts": self.attempts,
            "conditions": [asdict(condition) for condition in self.conditions],
            "created": self.created,
            "windows": [asdict(window) for window in self.windows],
        }
        content = json.dumps(head, default=asdict).encode() + b"\n" + self.samples.encode()
        return hashlib.sha256(content).digest() + content

    @classmethod
    def decode(cls, content: bytes) -> ProcessResult:
        """The process in such bytes.

        Raises:
            ValueError: They are damaged, or of another version.
        """
        import numpy as np

        digest, content = content[:_DIGEST], content[_DIGEST:]
        line, _, packed = content.partition(b"\n")
        try:
            if hashlib.sha256(content).digest() != digest:
                raise ValueError("it is damaged")
            head = json.loads(line)
            samples = Samples.decode(packed)
            run = {f.name: head["run"][f.name] for f in fields(BenchRun) if f.name != "samples"}
            run = {k: tuple(v) if isinstance(v, list) else v for k, v in run.items()}
            run["summary"] = _SUMMARY.validate_python(run["summary"])
            windows = tuple(
                Window(**{**window, "noise": tuple(window["noise"])}) for window in head["windows"]
            )
            before, after = (
                Condition(readings=c["readings"], faults=tuple(c["faults"]))
                for c in head["conditions"]
            )
            return cls(
                about=dict(head["about"]),
                loaded=_LOADED.validate_python(head["loaded"]),
                run=BenchRun(samples=np.concatenate(samples.processes), **run),
                noise=tuple(head["noise"]),
                attempts=int(head["attempts"]),
                conditions=(before, after),
                created=str(head["created"]),
                windows=windows,
                parts=samples if windows else Samples(()),
            )
        # Another version's may be anything: a missing key, another type.
        except Exception as error:
            raise ValueError(f"not a measured process: {type(error).__name__}: {error}") from error

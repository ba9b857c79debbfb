"""What it costs to drive many devices that work by themselves: the parent's share of one core.

Sixteen devices whose agents are elsewhere (here: programs that sleep as long as the work would
take, and answer) are measured at the same time by the code behind `zoo bench`, with its progress.
The figure is the parent's processor time over the time that it took, with everything imported;
the goal is less than 5 % of one core.

    python benchmarks/idle_devices.py --devices 16 --seconds 20
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from zoo.benchmark.candidate import Candidate
from zoo.benchmark.journal import Journal
from zoo.benchmark.measure import measure_interleaved
from zoo.benchmark.tiers import Tier
from zoo.common.worker import Children
from zoo.contracts import AgentProcess, Condition, DeviceDriver, DeviceKind
from zoo.execution.agent_process import PipeProcess
from zoo.execution.device import Device
from zoo.report.bench_progress import BenchProgress

#: Answers like an agent, after as long as the work would take.
AGENT = """
import base64, json, sys, time, zlib, struct
samples = [1000000 + n % 7 for n in range(1024)]
packed = base64.b64encode(zlib.compress(struct.pack("<1024q", *samples))).decode()
tensor = {"name": "x", "shape": [1, 4], "dtype": "float32", "scale": None, "zero_point": None}
answers = {
    "describe": {"fingerprint": "f" * 16, "python": "3.11", "runtime": "fake"},
    "load": {"runtime": "fake", "runtime_version": "1", "api": "fake", "inputs": [tensor],
             "outputs": [tensor], "threads": 1, "load_ns": 1, "memory_before_bytes": 1,
             "delegate": {"name": "fake"}},
    "bench": {"samples": {"count": 1024, "data": packed}, "first_ns": 1, "warmup": {}, "inputs": {},
              "floors_met": True, "spin_before_ns": [1], "spin_after_ns": [1],
              "load_average": [0.0, 0.0], "peak_memory_bytes": 1, "wall_seconds": 1.1,
              "cpu_seconds": 1.1, "involuntary_switches": 0.0, "steal_seconds": 0.0,
              "throttled_seconds": 0.0},
}
for line in sys.stdin:
    request = json.loads(line)
    if request["command"] == "bench":
        time.sleep(request["min_seconds"])
    answer = {"protocol": 1, "id": request["id"], "ok": True, **answers[request["command"]]}
    print(json.dumps(answer), flush=True)
"""


class Transport:
    """Starts such an agent."""

    def put(self, local: Path) -> str:
        """The file's own path."""
        return str(local)

    def start_agent(self, runtime: str) -> AgentProcess:
        """A fresh process, without what Python imports at its start."""
        return PipeProcess([sys.executable, "-I", "-S", "-c", AGENT])

    def condition(self) -> Condition:
        """Nothing is told."""
        return Condition()

    def close(self) -> None:
        """Nothing is held."""


class Options(BaseModel):
    """Tells the devices apart."""

    number: int


class Driver(DeviceDriver[Options]):
    """Of devices that sleep."""

    @property
    def address(self) -> str:
        """One for each."""
        return str(self.options.number)

    def fingerprint(self) -> str:
        """The same for all."""
        return "f" * 16

    def runtimes(self) -> list[str]:
        """What the agent calls itself."""
        return ["fake"]

    def connect(self) -> Transport:
        """Opens nothing."""
        return Transport()


def drive(devices: int, seconds: float, folder: Path) -> dict[str, object]:
    """Measures on all devices at the same time; the parent's share of one core."""
    import threading

    import numpy  # noqa: F401 - imported before the clock runs

    tier = Tier(
        name="idle", runs=3, seconds=seconds, processes=3, warmup_seconds=0.0, limit_seconds=600.0
    )
    net = folder / "net.fake"
    net.write_bytes(b"weights")
    kind = DeviceKind(
        name="idle",
        summary="sleeps",
        driver=lambda: Driver,
        remote=True,
    )
    cells = [
        {"file": net.name, "device": f"idle{n}", "runtime": "fake", "threads": 1}
        for n in range(devices)
    ]
    failures: list[Any] = []

    def measure(number: int, progress: BenchProgress) -> None:
        device = Device(name=f"idle{number}", kind=kind, options={"number": number})

        def watch(stage: Any) -> None:
            progress("bench", {**vars(stage), "event": "cell", "cell": number})

        (result,) = measure_interleaved(
            device,
            [Candidate(path=net, runtime="fake")],
            tier=tier,
            watch=watch,
            journal=Journal(folder / "journal"),
            children=Children(),
        )
        if isinstance(result, Exception):
            failures.append(result)

    with BenchProgress(quiet=False) as progress:
        progress("bench", {"event": "cells", "cells": cells})
        threads = [
            threading.Thread(target=measure, args=(number, progress)) for number in range(devices)
        ]
        wall, used = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        wall = time.perf_counter() - wall
        now = resource.getrusage(resource.RUSAGE_SELF)
    if failures:
        raise failures[0]
    busy = now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime
    return {
        "devices": devices,
        "processes": 3 * devices,
        "seconds": round(wall, 2),
        "parent_cpu_seconds": round(busy, 3),
        "share_of_one_core": round(busy / wall, 4),
        "goal": "less than 0.05",
    }


def main() -> None:
    """Prints one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--devices", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=20.0, help="of sampling per device")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="zoo-idle-") as folder:
        os.environ["ZOO_HOME"] = folder
        print(json.dumps(drive(options.devices, options.seconds, Path(folder))))


if __name__ == "__main__":
    main()

"""What measurements on devices of workers cost, and that kills lose and double none.

    python benchmarks/executors.py                                         # 1,008 measurements
    python benchmarks/executors.py --commands 3 --small 1 --devices 8      # a look at it

A scheduler and its workers run on this machine, with one cache. The devices answer after `--pause`
seconds without any work. `zoo ship` trains and exports a small network once; then each command
times its files on all devices, with another number of threads. During the second command two
workers are killed and started again, then the scheduler; the command, which ends with an error, is
given again. Commands that time the same files on a fifth of the devices take turns with the larger
ones: what a further job costs is the difference, by their jobs, of the medians, since others may
use this machine, now more and now less. Two commands do the same without workers: what
measures belongs to the command there, and its cost is no cost of the executor. What is left, of
all processes, is the overhead of a job.

Figures are seconds of processors, since others may use this machine, too: of the command with its
start, of the scheduler, and of the workers with the processes of steps. What the agents take, which
elsewhere run on the devices, is left out.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

PRECISIONS = ("float32", "float16", "dynamic-int8")
#: The devices, and what answers in their place. Both are copied: a plugin's fingerprint covers the
#: Python files beside it, which here are the other benchmarks.
PLUGIN, AGENT = (Path(__file__).with_name(f"waiting_{name}.py") for name in ("devices", "agent"))


@dataclass
class Place:
    """A folder with a scheduler, workers and devices."""

    folder: Path
    devices: int
    workers: int
    pause: float
    port: int = 0
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    most: dict[str, int] = field(default_factory=dict)

    def prepare(self) -> None:
        """Writes the plugin, the agent and the names of the devices."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        shutil.copy(PLUGIN, self.folder / "waiting.py")
        shutil.copy(AGENT, self.folder)
        names = self.folder / "home" / "config" / "devices.toml"
        names.parent.mkdir(parents=True)
        Path(self.environment["ENDED_MEASUREMENTS"]).parent.mkdir()
        tables = (f'[d{n}]\nkind = "waiting"\nnumber = {n}\n' for n in range(self.devices))
        names.write_text("\n".join(tables))

    def zoo(self, name: str, *words: str) -> subprocess.Popen[bytes]:
        """Starts a command, whose output goes to a file of that name."""
        program = (sys.executable, "-m", "zoo", "--plugin", str(self.folder / "waiting.py"))
        with (self.folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                [*program, *words],
                cwd=self.folder,
                env={**os.environ, **self.environment},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def few(self) -> int:
        """Devices of the smaller commands, some of each worker."""
        return max(self.workers, self.devices // 5)

    @property
    def environment(self) -> dict[str, str]:
        """Where commands keep what they make."""
        ended = str(self.folder / "agents" / "ended.txt")
        home = str(self.folder / "home")
        told = {"ENDED_MEASUREMENTS": ended, "PAUSE": str(self.pause)}
        return {"ZOO_HOME": home, "ZOO_OFFLINE": "1", **told}

    def start(self, name: str) -> None:
        """Starts the scheduler or a worker."""
        place = f"127.0.0.1:{self.port}"
        words = ("--scheduler", "--listen", place)
        if name != "scheduler":
            number = int(name.removeprefix("worker"))
            own = [f"d{n}" for n in range(number, self.devices, self.workers)]
            words = ("--join", f"dask://{place}", "--device", ",".join(own), "--name", name)
        self.processes[name] = self.zoo(name, "worker", *words)

    def kill(self, name: str) -> None:
        """Ends a scheduler or worker with all of its processes, as a loss of power would."""
        for process in self._family(self.processes[name].pid):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)
        self.processes[name].wait()

    def wait_for(self, name: str, text: str, count: int) -> None:
        """Waits until the log has a text so many times."""
        for _ in range(3000):
            if self.count(name, text) >= count:
                return
            time.sleep(0.1)
        raise TimeoutError((self.folder / f"{name}.log").read_text(errors="replace")[-2000:])

    def seconds(self, name: str) -> float:
        """Seconds of processors that a scheduler or worker has used, with those that ended."""
        total = 0.0
        for process in self._family(self.processes[name].pid):
            with contextlib.suppress(psutil.NoSuchProcess):
                total += sum(process.cpu_times()[:4])
        return total

    def megabytes(self, name: str) -> int:
        """Memory of a scheduler, or of a worker with all of its processes; 0 for one that ended."""
        total = 0
        for process in self._family(self.processes[name].pid):
            with contextlib.suppress(psutil.NoSuchProcess):
                total += process.memory_info().rss
        return total >> 20

    def count(self, name: str, text: str) -> int:
        """How often a log has a text."""
        return (self.folder / f"{name}.log").read_text(errors="replace").count(text)

    def ended(self) -> tuple[int, float]:
        """How many measurements have ended on devices, and seconds of the agents' processors.

        Those are counted that nobody took.
        """
        file = Path(self.environment["ENDED_MEASUREMENTS"])
        lines = file.read_text().splitlines() if file.exists() else []
        seconds = [float(line) for line in lines if line != "measured"]
        return len(lines) - len(seconds), sum(seconds)

    @staticmethod
    def _family(pid: int) -> list[psutil.Process]:
        with contextlib.suppress(psutil.NoSuchProcess):
            first = psutil.Process(pid)
            return [first, *first.children(recursive=True)]
        return []


def ship(place: Place, threads: int, devices: int, *, local: bool = False) -> dict[str, Any]:
    """One command; its exit code, and figures."""
    names = ",".join(f"d{n}" for n in range(devices))
    words = ["ship", "convnet28", "--data", "digits", "--from-scratch", "--epochs", "1"]
    words += ["--set", "filters=[8]", "--set", "hidden=0", "--jit", "off", "--tier", "brief"]
    words += [word for one in PRECISIONS for word in ("--precision", one)]
    words += ["--no-report", "--device", names, "--threads", str(threads)]
    words += ["--executor", "local" if local else f"dask://127.0.0.1:{place.port}"]
    before = {name: place.seconds(name) for name in place.processes}
    (had, agents), began = place.ended(), time.monotonic()
    own = resource.getrusage(resource.RUSAGE_CHILDREN)
    process = place.zoo("command", *words)
    most = 0
    while process.poll() is None:
        with contextlib.suppress(psutil.NoSuchProcess):
            most = max(most, psutil.Process(process.pid).memory_info().rss >> 20)
        time.sleep(0.2)
    wall, now = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    used = now.ru_utime + now.ru_stime - own.ru_utime - own.ru_stime
    jobs, ended = place.ended()
    after = {name: place.seconds(name) for name in place.processes}
    grown = {name: max(0.0, after[name] - before[name]) for name in after}
    if local:  # what measures is a part of the command
        used -= ended - agents
    figures = {
        "threads": threads,
        "local": local,
        "code": process.returncode,
        "jobs": jobs - had,
        "seconds": round(wall, 1),
        "command_cpu": round(used, 2),
        "command_share": round(used / wall, 4),
        "scheduler_cpu": round(grown.pop("scheduler"), 2),
        "workers_cpu": round(sum(grown.values()) - (0 if local else ended - agents), 2),
        "command_megabytes": most,
        "scheduler_megabytes": place.megabytes("scheduler"),
        "workers_megabytes": [place.megabytes(name) for name in grown],
        "load": round(os.getloadavg()[0], 1),
    }
    print(json.dumps(figures), flush=True)
    if process.returncode:
        said = (place.folder / "command.log").read_text(errors="replace")
        print(said[said.rfind("error") :][:800], flush=True)
    return figures


def with_kills(place: Place, threads: int, jobs: int) -> None:
    """The same command, while two workers and then the scheduler are killed."""
    had, _ = place.ended()

    def after(share: float, what: Callable[[], None]) -> None:
        while place.ended()[0] - had < share * jobs:
            time.sleep(0.1)
        what()

    def kills() -> None:
        for number, share in ((0, 0.2), (1, 0.4)):
            after(share, lambda name=f"worker{number}": place.kill(name))
            place.start(f"worker{number}")
        after(0.7, lambda: place.kill("scheduler"))

    killer = threading.Thread(target=kills, daemon=True)
    killer.start()
    code = ship(place, threads, place.devices)["code"]
    killer.join(60)
    print(json.dumps({"killed": ["worker0", "worker1", "scheduler"], "code": code}), flush=True)
    joined = {f"worker{n}": place.count(f"worker{n}", "joined") for n in range(place.workers)}
    place.start("scheduler")
    for name, count in joined.items():
        place.wait_for(name, "joined", count + 1)
    ship(place, threads, place.devices)


def main() -> None:
    """Prints one JSON object a line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--devices", type=int, default=20)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--commands", type=int, default=7, help="on all devices")
    parser.add_argument("--small", type=int, default=7, help="commands on a few devices")
    parser.add_argument("--pause", type=float, default=4.0, help="seconds of each measurement")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="zoo-executors-", ignore_cleanup_errors=True) as folder:
        place = Place(Path(folder), asked.devices, asked.workers, asked.pause)
        place.prepare()
        try:
            measure(place, asked.commands, asked.small)
        finally:
            for name in place.processes:
                place.kill(name)


def measure(place: Place, commands: int, small: int) -> None:
    """All commands."""
    place.start("scheduler")
    place.wait_for("scheduler", "dask://", 1)
    for number in range(place.workers):
        place.start(f"worker{number}")
    for number in range(place.workers):
        place.wait_for(f"worker{number}", "joined", 1)
    first = ship(place, 1, place.devices)
    asked = first["jobs"] * commands
    found: list[dict[str, Any]] = []
    with_kills(place, 2, first["jobs"])
    large, threads = max(0, commands - 2), 2
    while large or small:
        if large:
            large, threads = large - 1, threads + 1
            found.append(ship(place, threads, place.devices))
        if small:
            small, threads = small - 1, threads + 1
            found.append(ship(place, threads, place.few))
            asked += found[-1]["jobs"]
    each = per_job(found)
    print(json.dumps({"per job": each}), flush=True)
    print_records(place, asked)
    place.pause = min(place.pause, 1.2)  # where one follows the other
    alone = [
        ship(place, threads + 1, place.devices, local=True),
        ship(place, threads + 2, place.few, local=True),
    ]
    without = per_job(alone)
    print(json.dumps({"per job without workers": without}))
    if not each or not without:
        return  # all commands had as many jobs
    parts = [each[f"{who}_cpu_ms"] for who in ("command", "scheduler", "workers")]
    overhead = sum(parts) - without["command_cpu_ms"]
    print(json.dumps({"overhead of a job, ms": round(overhead, 1)}))


def print_records(place: Place, asked: int) -> None:
    """Whether each measurement that was asked for is in the store once."""
    os.environ["ZOO_HOME"] = str(place.folder / "home")
    from zoo.results.store import Store

    kept = [s.record for s in Store(None).records() if s.record.kind == "bench"]
    times = Counter((record.key, record.status) for record in kept)
    for reason in sorted({record.reason for record in kept if record.status == "failed"}):
        print(reason)
    print(
        json.dumps(
            {
                "asked": asked,
                "recorded": len(times),
                "passed": sum(status == "passed" for _, status in times),
                "more than once": sum(n > 1 for n in times.values()),
                "ended on devices": place.ended()[0],
            }
        ),
        flush=True,
    )


def per_job(found: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Milliseconds of processors for each further job: between small and large commands."""
    most = max((one["jobs"] for one in found), default=0)
    large = [one for one in found if one["jobs"] == most]
    small = [one for one in found if one["jobs"] < most]
    if not small or not large:
        return {}

    def typical(commands: Sequence[dict[str, Any]], name: str) -> float:
        return statistics.median(float(one[name]) for one in commands)

    jobs = typical(large, "jobs") - typical(small, "jobs")
    parts = ("command_cpu", "scheduler_cpu", "workers_cpu")
    each = {f"{p}_ms": 1000 * (typical(large, p) - typical(small, p)) / jobs for p in parts}
    seconds = typical(large, "seconds") - typical(small, "seconds")
    share = (typical(large, "command_cpu") - typical(small, "command_cpu")) / seconds
    return {**{k: round(v, 1) for k, v in each.items()}, "command_share": round(share, 4)}


if __name__ == "__main__":
    main()

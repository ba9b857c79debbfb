"""Two workers against one on this machine: four networks, each to all formats and precisions.

    python benchmarks/two_workers.py --rounds 2

Four small networks are trained for an epoch. Then four commands run at once, each of which converts
one to all files and judges them. Their steps are performed by one worker, or by two; rounds take
turns, each with a new cache. Where others use this machine meanwhile, seconds are theirs, too:
`cores` is what the workers got of the processors, and `speed` the files of a second.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

NETWORKS = (("convnet28", "[8]"), ("convnet28", "[16]"), ("convnet28", "[8, 8]"), ("lenet5", ""))
PRECISIONS = ("float32", "float16", "dynamic-int8", "int8")


class Cluster:
    """A scheduler and workers with a cache of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.processes = folder, list[subprocess.Popen[bytes]]()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{free.getsockname()[1]}"

    def start(self, log: str, *words: str) -> subprocess.Popen[bytes]:
        """Starts a command of the zoo."""
        home = {"ZOO_HOME": str(self.folder / "home"), "ZOO_OFFLINE": "1"}
        with (self.folder / log).open("wb") as file:
            return subprocess.Popen(
                [sys.executable, "-m", "zoo", *words],
                cwd=self.folder,
                env={**os.environ, **home},
                stdout=file,
                stderr=file,
                start_new_session=True,
            )

    def serve(self, workers: int) -> None:
        """Waits until all have joined."""
        self._begin("scheduler", "listens", "--scheduler", "--listen", self.address)
        for number in range(workers):
            join = ("--join", f"dask://{self.address}", "--name", f"w{number}")
            self._begin(f"w{number}", "joined", *join)

    def _begin(self, log: str, text: str, *words: str) -> None:
        self.processes.append(self.start(log, "worker", *words))
        for _ in range(1200):
            if text in (self.folder / log).read_text(errors="replace"):
                return
            time.sleep(0.1)
        raise TimeoutError((self.folder / log).read_text(errors="replace"))

    def seconds(self) -> float:
        """Of the processors, that the workers and their processes have used."""
        total = 0.0
        for process in self.processes[1:]:
            first = psutil.Process(process.pid)
            for one in (first, *first.children(recursive=True)):
                try:
                    total += sum(one.cpu_times()[:4])
                except psutil.NoSuchProcess:
                    continue
        return total

    def train(self) -> list[Path]:
        """Weights of all networks, made without workers."""
        for number, (model, filters) in enumerate(NETWORKS):
            words = ["finetune", model, "--data", "digits", "--from-scratch", "--epochs", "1"]
            words += ["--jit", "off", "--output", f"trained{number}"]
            words += ["--set", f"filters={filters}", "--set", "hidden=0"] if filters else []
            if self.start(f"training{number}", *words).wait():
                raise RuntimeError((self.folder / f"training{number}").read_text()[-2000:])
        return sorted(self.folder.glob("trained*/**/*.safetensors"))

    def convert(self, weights: Sequence[Path]) -> int:
        """All four commands at once; returns how many files came of them."""
        commands = []
        for number, path in enumerate(weights):
            words = ["export", str(path), "--data", "digits", "--allow-weak"]
            words += [word for one in PRECISIONS for word in ("--precision", one)]
            words += ["--executor", f"dask://{self.address}", "--output", f"out{number}"]
            commands.append(self.start(f"command{number}", *words))
        for number, command in enumerate(commands):
            if command.wait() not in (0, 1):
                raise RuntimeError((self.folder / f"command{number}").read_text()[-2000:])
        found = [p for p in self.folder.glob("out*/**/*") if p.suffix in (".tflite", ".onnx")]
        return len(found)

    def stop(self) -> None:
        """Ends the workers, then the scheduler."""
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def measure(workers: int, weights: Sequence[Path]) -> dict[str, Any]:
    """One round."""
    with tempfile.TemporaryDirectory(prefix="zoo-two-", ignore_cleanup_errors=True) as folder:
        cluster = Cluster(Path(folder))
        try:
            cluster.serve(workers)
            before, began = cluster.seconds(), time.monotonic()
            files = cluster.convert(weights)
            seconds, used = time.monotonic() - began, cluster.seconds() - before
        finally:
            cluster.stop()
    return {
        "workers": workers,
        "files": files,
        "seconds": round(seconds, 1),
        "speed": round(files / seconds, 3),
        "processor_seconds": round(used, 1),
        "cores": round(used / seconds, 2),
        "load": round(os.getloadavg()[0], 1),
    }


def main() -> None:
    """Prints one JSON object a line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=2)
    asked = parser.parse_args()
    found: dict[int, list[float]] = {1: [], 2: []}
    with tempfile.TemporaryDirectory(prefix="zoo-two-", ignore_cleanup_errors=True) as folder:
        weights = Cluster(Path(folder)).train()
        for _ in range(asked.rounds):
            for workers, speeds in found.items():
                one = measure(workers, weights)
                print(json.dumps(one), flush=True)
                speeds.append(one["speed"])
    gain = statistics.median(found[2]) / statistics.median(found[1])
    print(json.dumps({"times as fast": round(gain, 2)}))


if __name__ == "__main__":
    main()

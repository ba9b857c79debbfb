"""Steps on workers of a Dask scheduler: the same results, whatever dies on the way."""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

import zoo
from zoo.common.errors import UsageError, ZooError
from zoo.pipeline.executors.announcing import announced_worker
from zoo.pipeline.executors.connection import driver_of
from zoo.pipeline.options import recipe_from
from zoo.pipeline.search.time_budget import TimeBudget
from zoo.pipeline.search.training_runs import TrainingRuns
from zoo.registry import load_registry
from zoo.results.store import Store

for module in ("tensorflow", "distributed", "sklearn", "onnxruntime"):
    pytest.importorskip(module)

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parents[2] / "examples" / "executors"
TINY: dict[str, Any] = {
    "from_scratch": True,
    "epochs": 1,
    "jit": "off",
    "set": {"filters": [8], "hidden": 0},
    "format": "onnx",
    "precision": "float32",
    "tier": "brief",
    "report": False,
}


@dataclass
class Cluster:
    """A scheduler and two workers on loopback; the first has its own cache, the second a device."""

    folder: Path
    address: str
    processes: dict[str, subprocess.Popen[str]] = field(default_factory=dict)

    @property
    def options(self) -> dict[str, str]:
        return {"executor": self.address, "artifacts": str(self.folder / "store")}

    def start(self, name: str, *arguments: str, home: str = "") -> None:
        environment = {**os.environ, "ZOO_HOME": str(self.folder / (home or name))}
        with (self.folder / f"{name}.log").open("w") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
            )

    def started(self, workers: int) -> None:
        """Waits until so many workers have joined."""
        driver = None
        for _ in range(600):
            try:
                if driver is None:
                    driver = driver_of(load_registry(), self.address)
                    driver.connect()
                if len(driver.workers()) == workers:
                    driver.close()
                    return
            except ZooError:
                driver = None
            time.sleep(0.2)
        logs = [path.read_text() for path in self.folder.glob("*.log")]
        raise AssertionError("\n".join(logs))

    def kill(self, name: str) -> None:
        """Ends the process under the nanny of a worker that performs steps, as a fault would."""
        for child in psutil.Process(self.processes[name].pid).children():
            if "spawn_main" in " ".join(child.cmdline()):
                child.kill()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{free.getsockname()[1]}"
    made = Cluster(tmp_path_factory.mktemp("cluster"), f"dask://{place}")
    made.start("scheduler", "zoo", "worker", "--scheduler", "--listen", place)
    for _ in range(200):
        with socket.socket() as asked:
            if asked.connect_ex((place.split(":")[0], int(place.split(":")[1]))) == 0:
                break
        time.sleep(0.1)
    # As an engine of jobs or containers starts one, by our example for Kubernetes.
    described = yaml.safe_load((EXAMPLES / "kubernetes.yaml").read_text(encoding="utf-8"))
    (container,) = described["spec"]["worker"]["spec"]["containers"]
    dask, worker, *options = container["args"]
    named = [option.replace("$(DASK_WORKER_NAME)", "one") for option in options]
    made.start("one", dask, worker, f"tcp://{place}", "--local-directory", str(made.folder), *named)
    named = ["--name", "two", "--device", "host"]
    made.start("two", "zoo", "worker", "--join", made.address, *named, home="command")
    try:
        made.started(2)
        yield made
    finally:
        for process in made.processes.values():
            process.terminate()
        for process in made.processes.values():
            process.wait(20)


@pytest.fixture(autouse=True)
def home(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_HOME", str(cluster.folder / "command"))
    monkeypatch.setenv("ZOO_OFFLINE", "1")


class Killer:
    """Kills the worker that trains, once its training has begun."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster, self.events, self.killed = cluster, [], ""
        self.driver = driver_of(load_registry(), cluster.address)
        self.driver.connect()

    def __call__(self, step: str, event: dict[str, Any]) -> None:
        self.events.append((step, event))
        if step == "finetune" and event["event"] == "start" and not self.killed:
            self.killed = "soon"
            threading.Thread(target=self.kill, daemon=True).start()

    def kill(self) -> None:
        for _ in range(200):
            for worker in self.driver.workers():
                if any(told["step"] == "finetune" for told in worker.running):
                    self.cluster.kill(worker.name)
                    self.killed = worker.name
                    self.driver.close()
                    return
            time.sleep(0.05)


@pytest.fixture(scope="module")
def shipped(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Killer]:
    killer = Killer(cluster)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_HOME", str(cluster.folder / "command"))
        output = tmp_path_factory.mktemp("runs")
        run = zoo.ship(
            "convnet28", "digits", output=output, on_step=killer, **TINY, **cluster.options
        )
    return run, killer


def test_a_killed_worker_costs_nothing(shipped: tuple[Any, Killer]) -> None:
    run, killer = shipped
    assert killer.killed in ("one", "two")
    assert run.passed
    assert [step.status for step in run.steps] == ["passed"] * 5
    told = [event for step, event in killer.events if step == "finetune"]
    assert "epoch" in [event["event"] for event in told], "events of the training arrive"


def test_results_are_those_of_this_machine(
    shipped: tuple[Any, Killer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    run = zoo.ship("convnet28", "digits", output=tmp_path, **TINY)
    elsewhere = shipped[0]
    assert run.name == elsewhere.name
    assert [s.key for s in run.steps] == [s.key for s in elsewhere.steps]

    def content(made: Any) -> list[str]:
        """Of the weights and of the network in the file, whose manifest has a date."""
        (weights,) = made.folder.glob("*.safetensors")
        exports = [s.result["contents"]["payload_sha256"] for s in made.steps if s.kind == "export"]
        return [hashlib.sha256(weights.read_bytes()).hexdigest(), *exports]

    assert content(run) == content(elsewhere)
    assert len(content(run)) == 2


def test_records_and_samples_are_in_the_store_of_the_command_once(
    shipped: tuple[Any, Killer],
) -> None:
    store = Store(None)
    kinds = [stored.record.kind for stored in store.records(run=shipped[0].name)]
    assert sorted(kinds) == ["bench", "evaluate", "export", "finetune", "gate"]
    (bench,) = (s for s in shipped[0].steps if s.kind == "bench")
    assert store.samples(bench.key)


def test_the_same_command_again_does_nothing(
    cluster: Cluster, shipped: tuple[Any, Killer], tmp_path: Path
) -> None:
    run = zoo.ship("convnet28", "digits", output=tmp_path, **TINY, **cluster.options)
    assert not run.changed


def test_files_are_timed_by_the_worker_that_has_the_device(
    cluster: Cluster, shipped: tuple[Any, Killer]
) -> None:
    (file,) = shipped[0].folder.glob("*.onnx")
    events: list[Any] = []
    (timing,) = zoo.bench(
        [file],
        device="host",
        tier="brief",
        on_step=lambda _, event: events.append(event),
        **cluster.options,
    )
    assert timing.measurement is not None
    assert timing.measurement.answers is not None
    assert timing.measurement.answers.exact
    assert "done" in [event["doing"] for event in events if event["event"] == "cell"]
    (stored,) = Store(None).records(run="bench")
    assert stored.record.status == "passed"
    assert Store(None).samples(stored.record.key)


def test_a_second_worker_with_the_device_is_refused(cluster: Cluster) -> None:
    cluster.started(2)
    registry = load_registry()
    worker = announced_worker(registry, "three", ["host"])
    with pytest.raises(UsageError, match="'host' is announced by two workers") as caught:
        driver_of(registry, cluster.address).work(worker, print)
    assert "two on" in str(caught.value.why)
    assert "three on" in str(caught.value.why)


def test_a_worker_that_does_not_see_the_cache_says_so(cluster: Cluster, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_HOME", str(tmp_path / "third"))
        with pytest.raises(ZooError, match="has another cache folder than the command"):
            zoo.ship(
                "convnet28", "digits", output=tmp_path, seed=1, **TINY, executor=cluster.address
            )


def test_a_training_that_a_search_ends_is_ended_at_the_worker(cluster: Cluster) -> None:
    registry = load_registry()
    runs = TrainingRuns(
        registry=registry,
        store=Store(None),
        run="search",
        on_step=lambda *_: None,
        budget=TimeBudget(seconds=600.0),
    )
    given = {"from_scratch": True, "epochs": 500, "jit": "off", "set": TINY["set"]}
    recipe = recipe_from(model="convnet28", data="digits", **given, **cluster.options)
    found = runs.train(recipe, "trial", on_epoch=lambda number, _: number == 2)
    assert found.ended == "stopped"
    driver = driver_of(registry, cluster.address)
    driver.connect()
    for _ in range(100):
        running = [told for worker in driver.workers() for told in worker.running]
        if not running:
            break
        time.sleep(0.2)
    driver.close()
    assert running == []

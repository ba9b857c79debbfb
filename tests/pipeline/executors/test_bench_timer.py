"""``zoo bench`` on a worker's device: one order for all files, records at the command, kills."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from measured import PLAIN

from zoo.benchmark.candidate import Candidate, Stage
from zoo.benchmark.cells import CellResult
from zoo.benchmark.run import bench
from zoo.common.errors import UsageError, ZooError
from zoo.common.worker import Children
from zoo.contracts.executor import ExecutorDriver, ExecutorWorker, StepOrder
from zoo.pipeline.executors import connection
from zoo.pipeline.executors.announcing import announced_worker
from zoo.pipeline.executors.bench_timer import WorkerTimer
from zoo.pipeline.executors.connection import Connection
from zoo.pipeline.executors.order import OrderedPlan, OrderText
from zoo.pipeline.executors.performing import perform
from zoo.pipeline.recipe import RecipeExecutor
from zoo.pipeline.steps import bench_cells
from zoo.registry import PluginSettings, load_registry
from zoo.results.measurements import Samples
from zoo.results.store import Store
from zoo.testing.offline_analysis import PROBES

REGISTRY = load_registry(PluginSettings(installed=False))
WORKER = announced_worker(REGISTRY, "w", ["host"])


class Near(ExecutorDriver):
    """A worker in this process."""

    orders: ClassVar[list[StepOrder]] = []

    def connect(self) -> None:
        self.orders.clear()

    def workers(self) -> Sequence[ExecutorWorker]:
        return [WORKER]

    def perform(self, order: StepOrder, emit: Any) -> str:
        self.orders.append(order)
        return perform(OrderText.read(order.text), emit, Children()).text()

    def cancel(self, order: StepOrder) -> None:
        raise NotImplementedError


@pytest.fixture(autouse=True)
def worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(connection, "_OPEN", {})
    monkeypatch.setattr(bench_cells, "time_cells", times())
    driver = Near("x")
    driver.connect()
    REGISTRY.executor = Connection(shown="near://x", driver=driver, asked=RecipeExecutor())
    REGISTRY.announced = {"host": WORKER.devices[0]}
    yield
    REGISTRY.executor, REGISTRY.announced = None, {}


def times(broken: str = "") -> Any:
    """In the place of what measures; files of one name fail."""

    def time_cells(registry: Any, device: Any, cells: Any, tier: Any, **given: Any) -> Any:
        found = []
        for number, cell in enumerate(cells):
            given["watch"](number, Stage(place=number, doing="done", done=1, total=1))
            path = cell.artifact.path
            about: dict[str, Any] = {
                "file": path.name,
                "threads": cell.threads,
                "device": device.name,
            }
            result: Any = replace(PLAIN, **about), Samples((np.array([1, 2, 3], np.int64),))
            if path.name == broken:
                result = UsageError("it does not run there", fix="another one")
            candidate = Candidate(path=path, runtime="litert", threads=cell.threads)
            found.append(CellResult(candidate=candidate, result=result, reached=True, key="k"))
        return found

    return time_cells


def files(tmp_path: Path) -> list[Path]:
    """Two of one name, and a third."""
    found = [tmp_path / name for name in ("a/net.tflite", "b/net.tflite", "b/other.tflite")]
    for path in found:
        path.parent.mkdir(exist_ok=True)
        shutil.copyfile(PROBES / "dense.tflite", path)
    return found


def timed(paths: Sequence[Path], tmp_path: Path, **given: Any) -> Any:
    return bench(
        paths,
        device="host",
        threads=(1, 2),
        tier="brief",
        store=f"sqlite:///{tmp_path / 'r.db'}",
        registry=REGISTRY,
        elsewhere=WorkerTimer(registry=REGISTRY),
        **given,
    )


def recorded(tmp_path: Path) -> list[Any]:
    store = Store(f"sqlite:///{tmp_path / 'r.db'}")
    return [(s.record, store.samples(s.record.key)) for s in store.records(kind="bench")]


def test_a_worker_times_all_files_of_a_device(tmp_path: Path) -> None:
    paths, heard = files(tmp_path), list[Any]()
    found = timed(paths, tmp_path, on_step=lambda step, event: heard.append(event))
    assert [(t.file, t.threads) for t in found] == [(p, n) for p in paths for n in (1, 2)]
    assert all(t.measurement is not None and not t.kept for t in found)
    assert [e["cell"] for e in heard if e["event"] == "cell"] == [0, 1, 2, 3, 4, 5]
    assert heard[-1]["status"] == "passed"
    (order,) = Near.orders
    assert (order.device, order.alone) == ("host", True)
    plan = json.loads(OrderedPlan.read(OrderText.read(order.text).plan).steps)["bench"]
    assert str(tmp_path) not in json.dumps(plan), "paths of the command stay there"
    rows = recorded(tmp_path)
    assert {record.status for record, _ in rows} == {"passed"}
    assert all(samples for _, samples in rows)


def test_the_same_command_measures_anew_once_it_has_ended(tmp_path: Path) -> None:
    paths = files(tmp_path)[:1]
    timed(paths, tmp_path)
    timed(paths, tmp_path)
    first, second = Near.orders
    assert first.id != second.id


def test_a_killed_command_takes_what_its_worker_has_measured(tmp_path: Path) -> None:
    paths = files(tmp_path)[:1]

    def die(_: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        timed(paths, tmp_path, on_timing=die)
    found = timed(paths, tmp_path)
    assert len(Near.orders) == 1
    assert [t.kept for t in found] == [True, True]
    assert len(recorded(tmp_path)) == 2, "none twice"
    with pytest.raises(KeyboardInterrupt):
        timed(paths, tmp_path, on_timing=die)
    timed(paths, tmp_path, fresh=True)
    assert len(Near.orders) == 3, "--fresh takes nothing"


def test_a_file_that_fails_costs_itself_and_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench_cells, "time_cells", times(broken="other.tflite"))
    paths = files(tmp_path)
    found = timed(paths[1:], tmp_path)
    assert [t.error is not None for t in found] == [False, False, True, True]
    assert isinstance(found[2].error, UsageError)
    assert found[2].error.what == "host at worker w: it does not run there"
    assert found[2].error.fix == "another one"
    rows = recorded(tmp_path)
    assert sorted(record.status for record, _ in rows) == ["failed", "failed", "passed", "passed"]
    timed(paths[1:], tmp_path)
    assert len({order.id for order in Near.orders}) == 2


def test_what_a_worker_refuses_is_a_record(tmp_path: Path) -> None:
    REGISTRY.announced = {"host": replace(WORKER.devices[0], machine="another one")}
    with pytest.raises(ZooError, match="is another step on"):
        timed(files(tmp_path)[:1], tmp_path)
    assert {record.status for record, _ in recorded(tmp_path)} == {"failed"}


def test_networks_before_their_export_stay_here(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--reference times networks on devices of this machine"):
        timed(files(tmp_path)[:1], tmp_path, reference=True)
    assert not Near.orders

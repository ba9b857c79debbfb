"""Steps whose workers die: the one that does it fails, and those beside or behind it do not."""

from __future__ import annotations

import importlib
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from zoo.common.errors import ProcessFailed, ZooError
from zoo.common.versions import version_of
from zoo.contracts.executor import ExecutorWorker, StepOrder

pytest.importorskip("distributed")

from zoo.pipeline.executors.order import OrderAnswer
from zoo.plugins.dask_executor import driver as driver_module
from zoo.plugins.dask_executor.configuration import prepare
from zoo.plugins.dask_executor.driver import DaskDriver
from zoo.plugins.dask_executor.resources import announcement

OWN = str(version_of("edgezoo"))


def order(id: str, **does: Any) -> StepOrder:
    text = json.dumps({"id": id, "session": "s", "step": {"kind": id}, "run": "r", **does})
    return StepOrder(id=id, name=id, text=text, version=OWN)


#: Of workers: what announces them, and what they are called with in place of `perform_order`.
MODULE = f"""
import json, os, signal, time
from distributed import get_worker
from zoo.contracts.executor import ExecutorWorker
from zoo.plugins.dask_executor.resources import announcement, offered

def dask_setup(worker):
    made = ExecutorWorker(name=str(worker.name), host="h", version={OWN!r}, jobs=2)
    worker.startup_information["zoo"] = lambda _: announcement(made)
    worker.state.total_resources.update(offered(made))
    worker.state.available_resources.update(offered(made))

def perform(text):
    asked = json.loads(text)
    get_worker().log_event("zoo", {{"order": asked["id"], "begun": True}})
    time.sleep(asked.get("seconds", 0.0))
    if asked.get("poison"):
        os.kill(os.getpid(), signal.SIGKILL)
    return "done"
"""


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Two workers with room for two steps each, which a nanny starts again."""
    from distributed import LocalCluster

    (tmp_path / "worker_that_dies.py").write_text(MODULE, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(tmp_path)
    performed = importlib.import_module("worker_that_dies").perform
    monkeypatch.setattr(driver_module, "perform_order", performed)
    prepare()
    with LocalCluster(
        n_workers=2,
        threads_per_worker=2,
        dashboard_address=None,
        local_directory=str(tmp_path),
        memory_limit=0,
        preload=["worker_that_dies"],
    ) as cluster:
        yield cluster.scheduler_address.removeprefix("tcp://")


@pytest.mark.slow
def test_a_step_that_kills_its_workers_takes_no_neighbour(address: str) -> None:
    driver = DaskDriver(address)
    driver.connect()
    answers: dict[str, Any] = {}
    notes: dict[str, list[Any]] = {}

    def ask(given: StepOrder) -> None:
        try:
            answers[given.id] = driver.perform(given, notes.setdefault(given.id, []).append)
        except ZooError as error:
            answers[given.id] = error

    # The neighbour runs beside it on one worker, and is given to the other one with it.
    orders = [order("poison", poison=True, seconds=1.0)]
    orders += [order(f"neighbour{n}", seconds=4.0) for n in range(3)]
    threads = [threading.Thread(target=ask, args=(one,)) for one in orders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    driver.close()
    assert isinstance(answers.pop("poison"), ProcessFailed)
    assert answers == {f"neighbour{n}": "done" for n in range(3)}
    assert any("tried again alone" in str(note) for note in notes["poison"])


class Ended:
    """A client whose orders end at once."""

    status = "running"

    def __init__(self, running: dict[str, str]) -> None:
        made = ExecutorWorker(name="k2", host="h", version=OWN)
        told = {"zoo": announcement(made), "metrics": {"zoo": [running]}}
        self.info = {"workers": {"tcp://h:1": told}}
        self.asked: dict[str, Any] = {}

    def scheduler_info(self) -> dict[str, Any]:
        return self.info

    def submit(self, function: Any, text: str, **asked: Any) -> Any:
        self.asked = asked
        return SimpleNamespace(
            status="finished", result=lambda: "done", add_done_callback=lambda call: call(None)
        )


def test_events_of_other_commands_are_dropped() -> None:
    driver = DaskDriver("a:1")
    driver._listeners["own"] = lambda event: None
    for id in ("own", "other"):
        driver._hear((0.0, {"order": id, "begun": True}))
        driver._hear((0.0, {"order": id, "event": "{}"}))
    assert driver._begun == {"own": 1}
    assert driver._events.qsize() == 1


def test_an_answer_that_was_heard_is_not_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = DaskDriver("a:1")
    driver._client = client = Ended({})
    threading.Thread(target=driver._tell, daemon=True).start()
    submit = client.submit

    def hears(function: Any, text: str, **asked: Any) -> Any:
        driver._hear((0.0, {"order": "train", "answer": "heard"}))
        return submit(function, text, **asked)

    monkeypatch.setattr(client, "submit", hears)
    assert driver.perform(order("train"), lambda event: None) == "heard"
    monkeypatch.undo()
    assert driver.perform(order("train"), lambda event: None) == "done"


@pytest.mark.parametrize(
    ("running", "workers"), [({"order": "train"}, ["k2"]), ({"order": "other"}, None), ({}, None)]
)
def test_what_a_killed_command_had_begun_goes_on_where_it_is(
    running: dict[str, str], workers: list[str] | None
) -> None:
    driver = DaskDriver("a:1")
    driver._client = client = Ended(running)
    threading.Thread(target=driver._tell, daemon=True).start()
    assert driver.perform(order("train"), lambda event: None) == "done"
    assert client.asked["workers"] == workers
    assert client.asked["allow_other_workers"] == (workers is not None)


def test_an_order_that_no_worker_has_begun_is_dropped_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(driver_module, "_LOOK", 60.0)
    driver = DaskDriver("a:1")
    dropped: list[str] = []
    waits = SimpleNamespace(
        status="pending",
        add_done_callback=lambda call: submitted.set(),
        cancel=lambda: dropped.append("train"),
    )
    submitted = threading.Event()
    driver._client = client = Ended({})
    monkeypatch.setattr(client, "submit", lambda *given, **asked: waits)
    monkeypatch.setattr(client, "run", lambda *given, **asked: None, raising=False)
    threading.Thread(target=driver._tell, daemon=True).start()
    answers: list[str] = []
    asks = threading.Thread(
        target=lambda: answers.append(driver.perform(order("train"), lambda event: None))
    )
    asks.start()
    submitted.wait(30)
    while not answers and not dropped:  # the order is known a moment after it was submitted
        driver.cancel(order("train"))
    asks.join(30)
    assert OrderAnswer.read(answers[0]).stopped
    assert dropped

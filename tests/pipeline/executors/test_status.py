"""What ``zoo status`` tells, and devices that are set aside after two failed checks."""

from __future__ import annotations

import multiprocessing

import pytest
from commands import zoo as zoo
from device_kinds import kind_of

from zoo.contracts.executor import AnnouncedDevice, ExecutorWorker
from zoo.execution import health
from zoo.execution.device import Device
from zoo.execution.health import DeviceState, checked_device
from zoo.execution.lock import device_lock, holder_of
from zoo.execution.set_aside import SetAside, health_record, note_check, refuse_set_aside
from zoo.pipeline.executors import status
from zoo.pipeline.executors.announcing import announced_worker
from zoo.pipeline.recipe import RecipeExecutor
from zoo.registry import PluginSettings, load_registry

REGISTRY = load_registry(PluginSettings(installed=False))


@pytest.fixture
def board():
    """A device that nobody needs to reach."""
    kind = kind_of("board", methods={"address": lambda driver: "desk"})
    return Device(name="board", kind=kind)


def test_two_failed_checks_in_a_row_set_a_device_aside_until_one_passes(board, monkeypatch):
    found = iter(["no route", "", "no route", "timed out", "timed out", ""])

    def inspect(registry, device, name):
        problem = next(found)
        return DeviceState(name=name, ok=not problem, problem=problem)

    monkeypatch.setattr(health, "inspect_device", inspect)
    told = []
    for _ in range(6):
        state = checked_device(REGISTRY, board, "board")
        told.append((state.problem, health_record(board).set_aside))
    aside = "timed out; failed {} times in a row, and set aside"
    assert told == [
        *(("no route", False), ("", False), ("no route", False)),
        *((aside.format(2), True), (aside.format(3), True), ("", False)),
    ]


def test_nothing_is_timed_on_a_device_that_is_set_aside_and_no_worker_announces_it(
    board, monkeypatch
):
    with device_lock(board):
        pass
    note_check(board, "no route")
    with device_lock(board):
        pass
    note_check(board, "no route")
    monkeypatch.setattr("zoo.pipeline.executors.announcing.device_named", lambda *a: board)
    for use in (lambda: device_lock(board).__enter__(), lambda: announced(board)):
        with pytest.raises(SetAside, match="'board' is set aside since 2") as caught:
            use()
        assert "2 times in a row: no route" in caught.value.why
        assert "zoo devices doctor board" in caught.value.fix
    note_check(board, "")
    refuse_set_aside(board)
    assert [device.name for device in announced(board).devices] == ["board"]


def announced(board):
    return announced_worker(REGISTRY, "w", [board.name])


def test_a_damaged_record_of_health_is_none(board, own_home):
    note_check(board, "no route")
    (file,) = (own_home / "cache" / "health").iterdir()
    file.write_text("{")
    assert health_record(board) is None
    assert note_check(board, "no route").failures == 1


def hold(board, begun, ended) -> None:
    with device_lock(board):
        begun.set()
        ended.wait(30)


def test_who_holds_a_device_is_told_without_holding_it(board):
    assert holder_of(board) is None
    context = multiprocessing.get_context("fork")
    begun, ended = context.Event(), context.Event()
    process = context.Process(target=hold, args=(board, begun, ended))
    process.start()
    begun.wait(30)
    found = status._of_machine("board", board, None)
    assert (found.state, found.leased_by.split(":")[0]) == ("leased", f"process {process.pid}")
    assert found.since.startswith("2")
    ended.set()
    process.join()
    assert holder_of(board) is None
    assert status._of_machine("board", board, None).state == "free"


class Driver:
    def workers(self):
        running = (
            {"step": "bench tflite int8 pi4", "run": "lenet5-1", "device": "pi4", "since": "2026"},
            {"step": "export onnx int8", "run": "lenet5-1", "device": "", "since": "2026"},
        )
        devices = (AnnouncedDevice(name="pi4", kind="ssh"), AnnouncedDevice(name="p7", kind="adb"))
        yield ExecutorWorker(
            name="w1",
            host="a",
            version="0.1.0",
            labels=("gpu",),
            devices=devices,
            running=running,
        )
        yield ExecutorWorker(name="w2", host="b", version="0.0.9")

    def waiting(self):
        return {"gate": 3, "bench": 1}


def test_workers_devices_and_queue_of_an_executor(monkeypatch, zoo):
    given = {}

    def connect(registry, asked, *, any_workers):
        given["any_workers"] = any_workers
        return type("Connection", (), {"driver": Driver()})

    monkeypatch.setattr(status, "connect", connect)
    found = status.status_of(REGISTRY, RecipeExecutor(address="dask://host:1"))
    assert given["any_workers"]
    assert (found.waiting, found.running) == ({"bench": 1, "gate": 3}, {"bench": 1, "export": 1})
    pi, phone, host = found.devices
    assert (pi.worker, pi.state, pi.leased_by, pi.since) == ("w1", "leased", "lenet5-1", "2026")
    assert (phone.state, phone.health) == ("free", "ok")
    assert (host.name, host.worker, host.state) == ("host", "", "free")
    shown = zoo("status", "--executor", "dask://host:1").out
    for words in ("w2", "0.0.9", "gpu", "export", "leased", "this machine"):
        assert words in shown
    plain = zoo("status", "--executor", "dask://host:1", "--json").json
    assert plain["waiting"] == {"bench": 1, "gate": 3}
    assert [worker["version"] for worker in plain["workers"]] == ["0.1.0", "0.0.9"]


def test_without_an_executor_it_is_this_machine(monkeypatch, zoo):
    monkeypatch.delenv("ZOO_EXECUTOR", raising=False)
    shown = zoo("status").out
    assert "executor: local" in shown
    assert "host" in shown

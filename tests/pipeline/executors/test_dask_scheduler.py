"""The zoo's own Dask scheduler: one worker for each device, and none that is cut off."""

from __future__ import annotations

import asyncio
import socket
import time
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("distributed")

from distributed import Scheduler

from zoo.common.errors import UsageError
from zoo.common.versions import version_of
from zoo.contracts.executor import AnnouncedDevice, ExecutorWorker
from zoo.plugins.dask_executor import worker as dask_worker
from zoo.plugins.dask_executor.configuration import prepare
from zoo.plugins.dask_executor.resources import announcement
from zoo.plugins.dask_executor.scheduler import ZooScheduler


def worker(name: str, *devices: str) -> ExecutorWorker:
    return ExecutorWorker(
        name=name,
        host="h",
        version=str(version_of("edgezoo")),
        devices=tuple(AnnouncedDevice(name=device, kind="ssh") for device in devices),
    )


def scheduler(**workers: SimpleNamespace) -> Any:
    """One that nothing was started of."""
    made: Any = object.__new__(ZooScheduler)
    made.workers, made.worker_ttl = workers, 30.0
    return made


@pytest.mark.parametrize(
    ("name", "devices", "refused"),
    [
        ("second", ("pi4", "phone"), "devices of other workers: pi4"),
        ("second", ("phone",), None),
        ("second", (), None),
        ("first", ("pi4",), None),  # its own entry, which Dask refuses for its name
    ],
)
def test_a_device_lets_in_the_worker_that_came_first(
    name: str, devices: tuple[str, ...], refused: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[dict[str, Any]] = []
    let_in: list[str] = []

    async def write(message: dict[str, Any]) -> None:
        told.append(message)

    async def add_worker(self: Any, comm: Any, **given: Any) -> None:
        let_in.append(given["name"])

    monkeypatch.setattr(Scheduler, "add_worker", add_worker)
    first = SimpleNamespace(name="first", extra={"zoo": announcement(worker("first", "pi4"))})
    there = scheduler(a=first, b=SimpleNamespace(name="foreign", extra={}))
    extra = {"zoo": announcement(worker(name, *devices))}
    comm = SimpleNamespace(write=write)
    asyncio.run(there.add_worker(comm, name=name, extra=extra))
    assert [one["message"] for one in told] == ([] if refused is None else [refused])
    assert let_in == ([name] if refused is None else [])


def test_a_worker_that_was_not_heard_of_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    gone: list[str] = []

    async def remove_worker(self: Any, address: str, *, stimulus_id: str) -> None:
        gone.append(address)

    monkeypatch.setattr(Scheduler, "remove_worker", remove_worker)
    now = time.time()
    ages = {"tcp://a:1": 31.0, "tcp://b:1": 5.0}
    workers = {a: SimpleNamespace(address=a, last_seen=now - age) for a, age in ages.items()}
    asyncio.run(scheduler(**workers).check_worker_ttl())
    assert gone == ["tcp://a:1"]


def test_silent_workers_are_missed_within_a_minute() -> None:
    prepare()
    import dask
    from dask.utils import parse_timedelta

    # Dask looks once in that time.
    assert 2 * parse_timedelta(dask.config.get("distributed.scheduler.worker-ttl")) <= 60


@pytest.mark.parametrize(
    ("answer", "interval"),
    [
        ({"status": "OK", "heartbeat-interval": 0.5}, 2.0),
        ({"status": "OK", "heartbeat-interval": 5.0}, 5.0),
        ({"status": "missing"}, None),
    ],
)
def test_workers_give_fewer_signs_of_life(
    answer: dict[str, Any], interval: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Scheduler, "heartbeat_worker", lambda self, **given: dict(answer))
    found = scheduler().heartbeat_worker(address="a")
    assert found.get("heartbeat-interval") == interval


def test_a_worker_that_came_second_ends_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    joined = {"tcp://h:1": {"zoo": announcement(worker("first", "pi4"))}}
    client = SimpleNamespace(scheduler_info=lambda: {"workers": joined}, close=lambda timeout: None)
    monkeypatch.setattr(dask_worker, "connect", lambda *given, **named: client)
    with pytest.raises(UsageError, match="'pi4' is announced by two workers") as caught:
        dask_worker._check_again("a:1", None, worker("second", "pi4"))
    assert caught.value.why == "first on h, and second on h"
    # One that was cut off, and that is not missed yet.
    dask_worker._check_again("a:1", None, worker("first", "pi4"))


class _Listens(Exception):
    """What ends a scheduler that has told where it listens."""


def test_a_scheduler_listens_at_an_address_of_ipv6() -> None:
    with socket.socket(socket.AF_INET6) as found:
        try:
            found.bind(("::1", 0))
        except OSError:
            pytest.skip("this machine has no IPv6")
        port = found.getsockname()[1]

    def tell(text: str) -> None:
        assert text == f"the scheduler listens at [::1]:{port}"
        raise _Listens

    with pytest.raises(_Listens):
        dask_worker.serve(f"[::1]:{port}", None, tell)

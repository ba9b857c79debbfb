"""From an address to workers that may be given steps; everything else is refused in words."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from commands import zoo as zoo
from makers import registry_with

from zoo.common.errors import UnknownName, UsageError, ZooError
from zoo.contracts.checks import InvalidRecord
from zoo.contracts.executor import (
    AnnouncedDevice,
    Executor,
    ExecutorDriver,
    ExecutorLost,
    ExecutorWorker,
    StepOrder,
)
from zoo.execution.devices import device_named
from zoo.pipeline.executors import connection
from zoo.pipeline.executors.announcing import announced_worker
from zoo.pipeline.executors.connection import connect, driver_of, executor_named
from zoo.pipeline.recipe import RecipeExecutor
from zoo.plugins.dask_executor import worker as dask_worker
from zoo.plugins.dask_executor.configuration import host_and_port
from zoo.plugins.dask_executor.connection import unreachable
from zoo.plugins.dask_executor.resources import announcement, fitting, resources_of, slots
from zoo.registry import PluginSettings, load_registry

REGISTRY = load_registry(PluginSettings(installed=False))
OWN = announced_worker(REGISTRY, "own").version


class Cluster(ExecutorDriver):
    """Workers as a test says."""

    joined: ClassVar[Sequence[ExecutorWorker]] = ()
    connected: ClassVar[int] = 0

    def connect(self) -> None:
        type(self).connected += 1
        if self.address == "nobody":
            raise ExecutorLost("the cluster nobody cannot be reached")

    def workers(self) -> Sequence[ExecutorWorker]:
        return self.joined

    def perform(self, order: StepOrder, emit: Any) -> str:
        raise NotImplementedError

    def cancel(self, order: StepOrder) -> None:
        raise NotImplementedError


def worker(name: str, *devices: str, version: str = OWN, **more: Any) -> ExecutorWorker:
    announced = tuple(AnnouncedDevice(name=d, kind="host", machine="m") for d in devices)
    told = {"host": f"host-of-{name}", "version": version, "devices": announced, **more}
    return ExecutorWorker(name=name, **told)


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    monkeypatch.setenv("ZOO_HOME", str(tmp_path))
    monkeypatch.setattr(connection, "_OPEN", {})
    monkeypatch.setattr(Cluster, "connected", 0)
    for name in ("ZOO_EXECUTOR", "ZOO_ARTIFACTS", "ZOO_TLS"):
        monkeypatch.delenv(name, raising=False)
    made = Executor(name="third", summary="s", argument="NAME", driver=lambda: Cluster)
    local = Executor(name="local", summary="s")
    return registry_with("zoo_executors", local, made)


def test_the_built_in_executors() -> None:
    assert {e.name: (e.argument, e.extra) for e in REGISTRY.executors} == {
        "local": ("", ""),
        "dask": ("HOST:PORT", "dask"),
    }


@pytest.mark.parametrize(
    ("address", "kind", "what", "fix"),
    [
        ("dsk://a:1", UnknownName, "unknown executor 'dsk'", "dask"),
        ("dask", UsageError, "--executor dask is no address", "dask://HOST:PORT"),
        ("dask://", UsageError, "--executor dask:// is no address", "dask://HOST:PORT"),
        ("local://here", UsageError, "is no address", "--executor local"),
        ("127.0.0.1:8786", UsageError, "does not say which engine", "dask://127.0.0.1:8786"),
        ("dask:127.0.0.1:8786", UsageError, "does not say which", "type: --executor dask://127"),
        ("me:word@host:1", UsageError, r"--executor me:\*\*\*@host", r"dask://me:***@host:1"),
    ],
)
def test_addresses_that_are_none(address: str, kind: type, what: str, fix: str) -> None:
    with pytest.raises(kind, match=what) as caught:
        executor_named(REGISTRY, address)
    assert fix in str(caught.value)


@pytest.mark.parametrize("place", ["a:b", "a:0", "a:70000", ":1", "http://a:1", "a b:1", "a:1:2"])
def test_places_that_are_no_scheduler(place: str) -> None:
    with pytest.raises(UsageError, match="is no address of a Dask scheduler"):
        driver_of(REGISTRY, f"dask://{place}").connect()


@pytest.mark.parametrize("place", ["me:word@a:1", "word@a:1", "me:word/x@a"])
def test_a_password_in_a_place_is_not_shown(place: str) -> None:
    with pytest.raises(UsageError, match="knows no users") as caught:
        driver_of(REGISTRY, f"dask://{place}").connect()
    assert "word" not in str(caught.value)


@pytest.mark.parametrize(
    ("place", "parts"),
    [
        ("a", ("a", 8786)),
        ("10.0.0.1:1", ("10.0.0.1", 1)),
        ("[::1]:2", ("::1", 2)),
        ("[fe80::1%eth0]", ("fe80::1%eth0", 8786)),
    ],
)
def test_the_parts_of_a_place(place: str, parts: tuple[str, int]) -> None:
    assert host_and_port(place) == parts


def test_addresses_of_ipv6_stand_in_brackets() -> None:
    with pytest.raises(UsageError, match=r"brackets, such as \[::1\]:8786"):
        host_and_port("::1:8786")


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (ConnectionRefusedError(111, "Connection refused"), "no program listens there"),
        (
            socket.gaierror(-2, "Name not known"),
            "no machine is known by this name (Name not known)",
        ),
        (TimeoutError("timed out"), "no answer within 5 s"),
        (OSError(113, "No route to host"), "No route to host"),
    ],
)
def test_why_nothing_answers_is_said_in_words(error: OSError, why: str) -> None:
    assert unreachable("a:1", error, None).why == why


def test_an_order_alone_takes_a_worker_that_it_may_be_given_to() -> None:
    """One with more jobs, which it may not be given to, would have it wait for ever."""
    fits = worker("a", "pi4", jobs=2, labels=("gpu",))
    others = [worker("b", jobs=8), worker("c", jobs=9, labels=("gpu",), version="0.0.7")]
    told: dict[str, Any] = {"id": "k", "name": "train", "text": "", "version": OWN, "alone": True}
    for more in ({"label": "gpu"}, {"device": "pi4"}):
        order = StepOrder(**told, **more)
        assert fitting(order, [fits, *others]) == [fits]
        assert resources_of(order, lambda: [*others, fits])[slots(OWN)] == 2.0
    assert resources_of(StepOrder(**told), lambda: [*others, fits])[slots(OWN)] == 8.0


def test_a_folder_of_certificates_must_have_them(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"has no ca\.pem"):
        driver_of(REGISTRY, "dask://127.0.0.1:1", str(tmp_path)).connect()


def test_this_machine_needs_no_connection(registry: Any) -> None:
    assert connect(registry, RecipeExecutor()) is None
    assert connect(registry, RecipeExecutor(address="local")) is None
    with pytest.raises(UsageError, match="is this machine itself"):
        driver_of(registry, "local")


def test_the_environment_says_it_for_all_commands(
    registry: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Cluster, "joined", [worker("a", "pi4")])
    monkeypatch.setenv("ZOO_EXECUTOR", "third://x")
    made = connect(registry, RecipeExecutor())
    assert made is not None
    assert made.shown == "third://x"
    assert list(registry.announced) == ["pi4"]
    assert connect(registry, RecipeExecutor()) is made
    assert Cluster.connected == 1
    assert connect(registry, RecipeExecutor(address="local")) is None


@pytest.mark.parametrize("address", ["third://nobody", "nonsense://!!"])
def test_an_error_says_that_the_environment_named_the_executor(
    address: str, registry: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = "the environment variable ZOO_EXECUTOR names it"
    with pytest.raises(ZooError) as given:
        connect(registry, RecipeExecutor(address=address))
    assert said not in str(given.value)
    monkeypatch.setenv("ZOO_EXECUTOR", address)
    with pytest.raises(ZooError, match=said):
        connect(registry, RecipeExecutor())


def test_what_cannot_be_reached_is_told_and_asked_again(registry: Any) -> None:
    for _ in range(2):
        with pytest.raises(ExecutorLost, match="cannot be reached"):
            connect(registry, RecipeExecutor(address="third://nobody"))
    assert Cluster.connected == 2


@pytest.mark.parametrize(
    ("joined", "what", "why"),
    [
        ([], "third://x has no worker", "none has joined"),
        (
            [worker("a", version="0.0.7")],
            f"no worker of third://x has edgezoo {OWN}",
            "a on host-of-a has 0.0.7",
        ),
        (
            [worker("a", "pi4"), worker("b", "pi4")],
            "the device 'pi4' is announced by two workers",
            "a on host-of-a, and b on host-of-b",
        ),
    ],
)
def test_workers_that_cannot_be_given_steps(
    registry: Any, monkeypatch: pytest.MonkeyPatch, joined: Any, what: str, why: str
) -> None:
    monkeypatch.setattr(Cluster, "joined", joined)
    with pytest.raises(ZooError) as caught:
        connect(registry, RecipeExecutor(address="third://x"))
    assert caught.value.what == what
    assert why in str(caught.value.why)


def test_workers_of_other_versions_are_left_out(
    registry: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Cluster, "joined", [worker("a"), worker("b", version="0.0.7")])
    made = connect(registry, RecipeExecutor(address="third://x"))
    assert made is not None
    assert [w.name for w in made.workers()] == ["a"]


def test_a_device_of_a_worker_of_another_version_is_not_said_to_be_unknown(
    registry: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = worker("b", "pi4", "host", version="0.0.7")
    monkeypatch.setattr(Cluster, "joined", [worker("a"), old])
    registry.devices = REGISTRY.devices
    connect(registry, RecipeExecutor(address="third://x"))
    with pytest.raises(UsageError, match="nothing can be timed on 'pi4'") as caught:
        device_named(registry, "pi4")
    assert f"b on host-of-b, which announces it, has edgezoo 0.0.7, and the command has {OWN}" in (
        str(caught.value.why)
    )
    assert device_named(registry, "host").name == "host", "one of this machine, too"
    monkeypatch.setattr(Cluster, "joined", [worker("a", "pi4")])
    connect(registry, RecipeExecutor(address="third://x"))
    assert device_named(registry, "pi4").machine == "m"


@pytest.mark.parametrize(
    "given",
    [
        {"driver": None, "argument": "X"},
        {"driver": lambda: Cluster},
        {"driver": 3, "argument": "X"},
    ],
)
def test_records_that_are_no_executor(given: Any) -> None:
    with pytest.raises(InvalidRecord):
        Executor(**{"name": "e", "summary": "s", **given})


def test_a_driver_of_another_class_is_named() -> None:
    made = Executor(name="e", summary="s", argument="X", driver=lambda: int)  # type: ignore[arg-type, return-value]
    with pytest.raises(InvalidRecord, match=r"must return a class of zoo\.ExecutorDriver"):
        made.driver_class()


def test_analyses_and_unknown_devices_are_not_announced() -> None:
    with pytest.raises(UnknownName):
        announced_worker(REGISTRY, "w", ["nothing-of-that-name"])
    with pytest.raises(UsageError, match="0 steps side by side"):
        announced_worker(REGISTRY, "w", jobs=0)
    found = announced_worker(REGISTRY, "w", ["host", "host"], ["gpu"], 2)
    assert [d.name for d in found.devices] == ["host"]
    assert found.devices[0].machine


def test_half_an_address_of_a_store_is_no_folder(registry: Any) -> None:
    asked = RecipeExecutor(address="third://x", artifacts="s3:/bucket")
    with pytest.raises(UsageError, match="neither a folder nor an address"):
        connect(registry, asked)


def test_a_worker_whose_name_is_taken_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    joined = {"tcp://h:1": {"zoo": announcement(worker("k1"))}, "tcp://h:2": {"nthreads": 1}}
    client = SimpleNamespace(scheduler_info=lambda: {"workers": joined}, close=lambda timeout: None)
    monkeypatch.setattr(dask_worker, "connect", lambda *given, **named: client)
    dask_worker._check("a:1", None, worker("k2"))
    with pytest.raises(UsageError, match="a worker of the name 'k1' has joined already"):
        dask_worker._check("a:1", None, worker("k1"))


@pytest.mark.parametrize("name", ["a b", "tcp://a:1", "\x1b[31m", "", "-x"])
def test_what_no_worker_is_called(name: str, zoo: Any) -> None:
    told = zoo("worker", "--join", "dask://127.0.0.1:1", f"--name={name}")
    assert told.code == 2
    assert "a worker cannot be called" in told.err
    assert "\x1b" not in told.err


@pytest.mark.parametrize("option", ["--device=host", "--label=gpu", "--name=w", "--jobs=1"])
def test_a_scheduler_takes_no_options_of_workers(option: str, zoo: Any) -> None:
    told = zoo("worker", "--scheduler", option)
    assert told.code == 2
    assert f"{option.partition('=')[0]} is for workers" in told.err


def test_a_worker_listens_nowhere(zoo: Any) -> None:
    told = zoo("worker", "--join", "dask://127.0.0.1:1", "--listen=127.0.0.1:8786")
    assert told.code == 2
    assert "--listen is for the scheduler" in told.err


@pytest.mark.parametrize("option", ["artifacts", "tls"])
def test_what_is_for_an_executor_needs_one(
    option: str, registry: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {option: "folder"}
    with pytest.raises(UsageError, match=f"--{option} is for workers of an executor"):
        connect(registry, RecipeExecutor(**given))
    # A recipe whose executor is switched off for once.
    assert connect(registry, RecipeExecutor(address="local", **given)) is None
    monkeypatch.setenv("ZOO_EXECUTOR", "local")
    with pytest.raises(UsageError, match="none was named"):
        connect(registry, RecipeExecutor(**given))


def test_the_status_of_this_machine_takes_no_certificates(zoo: Any) -> None:
    told = zoo("status", "--tls", "certificates")
    assert told.code == 2
    assert "--tls is for workers of an executor" in told.err

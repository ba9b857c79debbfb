"""Steps of a plan that a third executor performs: its orders, its answers, and who takes what."""

from __future__ import annotations

import base64
import json
import platform
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
from job_plans import REGISTRY, job

from zoo.common.clock import utc_now
from zoo.common.errors import ZooError
from zoo.common.worker import Children
from zoo.contracts.executor import (
    AnnouncedDevice,
    ExecutorDriver,
    ExecutorLost,
    ExecutorWorker,
    StepOrder,
)
from zoo.pipeline.engine import Pipeline
from zoo.pipeline.executors import connection
from zoo.pipeline.executors import elsewhere as elsewhere_module
from zoo.pipeline.executors.announcing import announced_worker
from zoo.pipeline.executors.connection import Connection
from zoo.pipeline.executors.elsewhere import Elsewhere
from zoo.pipeline.executors.order import OrderAnswer, OrderedPlan, OrderText
from zoo.pipeline.executors.performing import perform
from zoo.pipeline.plan import PlanScope, make_plan
from zoo.pipeline.recipe import RecipeExecutor
from zoo.pipeline.step_cache import StepCache
from zoo.pipeline.steps.step import FinishedStep
from zoo.results.records import StepRecord
from zoo.results.store import Store

OWN = announced_worker(REGISTRY, "own").version
PI4 = AnnouncedDevice(name="pi4", kind="host", machine="a board")


class Third(ExecutorDriver):
    """Answers as a test says."""

    answer: ClassVar[Callable[[StepOrder], OrderAnswer]]
    orders: ClassVar[list[StepOrder]] = []
    jobs: ClassVar[int] = 1
    labels: ClassVar[tuple[str, ...]] = ("fast",)

    def connect(self) -> None:
        self.orders.clear()

    def workers(self) -> Sequence[ExecutorWorker]:
        told: dict[str, Any] = {"jobs": self.jobs, "labels": self.labels}
        return [ExecutorWorker(name="w", host="h", version=OWN, devices=(PI4,), **told)]

    def perform(self, order: StepOrder, emit: Any) -> str:
        self.orders.append(order)
        emit({"event": "note", "text": "from afar"})
        return type(self).answer(order).text()

    def cancel(self, order: StepOrder) -> None:
        raise NotImplementedError


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(connection, "_OPEN", {})
    yield
    REGISTRY.executor, REGISTRY.announced = None, {}


def plan(*devices: str, **options: Any) -> list[Any]:
    """A plan for this machine whose steps then go to the third executor."""
    driver = Third("x")
    driver.connect()
    REGISTRY.announced = {"pi4": PI4}
    made = job(format=("onnx",), precision=("float32",), device=devices or ("host",), **options)
    REGISTRY.executor = Connection(shown="third://x", driver=driver, asked=RecipeExecutor())
    REGISTRY.announced = {"pi4": PI4}
    return make_plan(made, Path("c"), PlanScope())


def failing(order: StepOrder) -> OrderAnswer:
    record = StepRecord(
        step=order.name, kind="finetune", key=order.id, status="failed", reason="it rained"
    )
    return OrderAnswer(record=record)


def run(steps: list[Any], tmp_path: Path, store: Store | None = None) -> Any:
    heard: list[Any] = []
    pipeline = Pipeline(
        cache=StepCache(tmp_path / "steps"),
        store=store,
        run="r",
        on_step=lambda *t: heard.append(t),
    )
    return pipeline.execute(steps), heard


def test_steps_reach_an_executor_as_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Third, "answer", failing, raising=False)
    store = Store(f"sqlite:///{tmp_path / 'r.sqlite'}")
    steps = plan()
    records, heard = run(steps, tmp_path, store)
    assert [r.status for r in records] == ["failed"] + ["skipped"] * (len(records) - 1)
    assert records[0].reason == "it rained"
    assert ("finetune", {"event": "note", "text": "from afar"}) in heard
    assert [s.record.reason for s in store.records()] == ["it rained"]
    (order,) = Third.orders
    assert (order.id, order.version, order.device) == (steps[0].key, OWN, "")
    told = OrderText.read(order.text)
    assert told.step == steps[0].id
    recipe = json.loads(OrderedPlan.read(told.plan).steps)["recipe"]
    assert recipe["model"] == "lenet5"
    assert "executor" not in recipe


def test_keys_do_not_depend_on_the_executor() -> None:
    here = [s.key for s in make_plan(job(format=("onnx",)), Path("c"), PlanScope())]
    plan()
    there = [s.key for s in make_plan(job(format=("onnx",)), Path("c"), PlanScope())]
    assert here == there


def test_a_refusal_is_the_steps_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refusal = {"what": "no", "why": "another version", "fix": "install it"}
    answer = lambda order: OrderAnswer(refusal=refusal)  # noqa: E731
    monkeypatch.setattr(Third, "answer", answer, raising=False)
    records, _ = run(plan(), tmp_path)
    assert records[0].reason == "no\n  why: another version\n  fix: install it"


def test_what_failed_on_another_machine_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusal = {"what": "the disk of pi is full", "why": None, "fix": None}
    for given, reason in (
        ({"worker": "cellar"}, "on cellar: it rained"),
        ({"worker": platform.node()}, "it rained"),
        ({"worker": "pi", "record": None, "refusal": refusal}, "the disk of pi is full"),
        ({"worker": "rpi", "record": None, "refusal": refusal}, "on rpi: the disk of pi is full"),
    ):
        answer = lambda order: replace(failing(order), **given)  # noqa: B023, E731
        monkeypatch.setattr(Third, "answer", answer, raising=False)
        records, _ = run(plan(), tmp_path)
        assert records[0].reason == reason


def test_what_failed_on_a_device_names_it_and_its_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unplugged in the middle of a step, say, where an agent knows no more than that it ended."""
    refusal = {"what": "it does not answer", "why": None, "fix": None}
    steps = plan("pi4")
    (timing,) = (step for step in steps if step.id.kind == "bench")
    cache = StepCache(tmp_path / "steps")
    told = Pipeline(cache=cache, store=None, run="r", on_step=lambda *_: None)
    for other in timing.waits_for:
        record = StepRecord(step=other.name, kind=other.id.kind, key=other.key, status="skipped")
        told.finished[other.id] = FinishedStep(record=record, folder=tmp_path)
    there = Elsewhere(REGISTRY.executor, REGISTRY, {})
    monkeypatch.setattr(Third, "answer", failing, raising=False)
    assert there.perform(timing, told).reason == "pi4 at worker w: it rained"
    answer = lambda order: replace(failing(order), worker="cellar")  # noqa: E731
    monkeypatch.setattr(Third, "answer", answer)
    assert there.perform(timing, told).reason == "on cellar: pi4 at worker w: it rained"
    monkeypatch.setattr(Third, "answer", lambda order: OrderAnswer(refusal=refusal))
    with pytest.raises(ZooError, match="pi4 at worker w: it does not answer"):
        there.perform(timing, told)


def test_a_worker_without_the_folder_of_artifacts_refuses_before_it_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = order_of(plan()[0], monkeypatch, tmp_path)
    shared = replace(OrderedPlan.read(order.plan), artifacts=str(tmp_path / "unmounted"))
    answer = perform(replace(order, plan=shared.text()), lambda _: None, Children())
    assert answer.refusal is not None
    assert f"is not on {platform.node()}" in str(answer.refusal["what"])
    assert not (tmp_path / "unmounted").exists()


def test_results_that_do_not_arrive_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = lambda order: replace(  # noqa: E731
        failing(order), record=replace(failing(order).record, status="passed", result={})
    )
    monkeypatch.setattr(Third, "answer", answer, raising=False)
    records, _ = run(plan(), tmp_path)
    assert "the results of finetune did not arrive" in records[0].reason


def test_a_training_on_a_gpu_asks_for_a_worker_with_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Third, "answer", failing, raising=False)
    records, _ = run(plan(accelerators=("gpu:0",)), tmp_path)
    assert records[0].reason.startswith("no worker of third://x has the label 'gpu'")
    assert "finetune asks for one; labels: w has fast" in records[0].reason
    assert not Third.orders
    monkeypatch.setattr(Third, "labels", ("fast", "gpu"))
    records, _ = run(plan(accelerators=("gpu:0",)), tmp_path)
    assert records[0].reason == "it rained"
    assert [order.label for order in Third.orders] == ["gpu"]
    run(plan(accelerators=("cpu:0",)), tmp_path)
    assert [order.label for order in Third.orders] == [""]


def test_a_lost_executor_ends_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(order: StepOrder) -> OrderAnswer:
        raise ExecutorLost("the cluster is gone")

    monkeypatch.setattr(Third, "answer", lost, raising=False)
    store = Store(f"sqlite:///{tmp_path / 'r.sqlite'}")
    with pytest.raises(ExecutorLost, match="the cluster is gone"):
        run(plan(), tmp_path, store)
    assert store.records() == [], "a lost executor is no failure of a step"


def test_who_takes_what(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = plan("host", "pi4")
    there = Elsewhere(REGISTRY.executor, REGISTRY, {})
    by_kind = {(s.id.kind, s.id.device): s for s in steps}
    here, board = by_kind["bench", "host"], by_kind["bench", "pi4"]
    assert not there.takes(here), "a device that no worker announces hangs on this machine"
    assert there.takes(board)
    assert board.place.machine == "a board", "the worker told which machine it is"
    first, second = steps[0], steps[1]
    assert there.starts(first)
    assert not there.starts(second), "one worker, one step"
    assert there.starts(board), "beside one on a device"
    assert not there.starts(board), "a device is one file's at a time"
    there.ended(first)
    there.ended(board)
    there.ended(here)
    assert there.starts(second)
    assert there.starts(board)


def test_samples_are_recorded_once_whoever_takes_the_step(tmp_path: Path) -> None:
    cache, store = StepCache(tmp_path / "steps"), Store(f"sqlite:///{tmp_path / 'r.sqlite'}")
    step = plan()[0]
    record = StepRecord(step=step.name, kind="bench", key=step.key, status="rejected", created="t")
    cache.commit(cache.begin(step.key), step.key, record)
    for _ in range(2):
        cache.keep_samples(step.key, base64.b64decode("AAEC"))
        pipeline = Pipeline(cache=cache, store=store, run="r", on_step=lambda *_: None)
        assert pipeline.kept(step) is not None
    assert len(store.records()) == 1
    assert store.samples(step.key) == b"\x00\x01\x02"
    assert cache.samples(step.key) is None


def test_what_workers_did_is_dated_by_its_arrival(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the clock of the worker says."""
    later = "2999-01-01T00:00:00+00:00"
    store, steps = Store(f"sqlite:///{tmp_path / 'r.sqlite'}"), plan()
    cache = StepCache(tmp_path / "steps")
    kept = StepRecord(
        step=steps[1].name, kind="bench", key=steps[1].key, status="rejected", created=later
    )
    cache.commit(cache.begin(kept.key), kept.key, kept)
    cache.keep_samples(kept.key, None)
    ahead = lambda order: OrderAnswer(record=replace(failing(order).record, created=later))  # noqa: E731
    monkeypatch.setattr(Third, "answer", ahead, raising=False)
    before = utc_now()
    records, _ = run(steps[:1], tmp_path, store)
    pipeline = Pipeline(cache=cache, store=store, run="r", on_step=lambda *_: None)
    found = pipeline.kept(steps[1])
    assert found is not None
    dates = [records[0].created, found.record.created, *(s.record.created for s in store.records())]
    assert len(dates) == 4
    assert all(before <= date <= utc_now() for date in dates)


def order_of(step: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> OrderText:
    monkeypatch.setattr(Third, "answer", failing, raising=False)
    run([step], tmp_path)
    return OrderText.read(Third.orders[0].text)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"version": "9.9"}, f"this worker has edgezoo {OWN}, and the command has 9.9"),
        ({"mark": "nowhere"}, "has another cache folder than the command"),
        ({"id": "0" * 64}, "finetune is another step on"),
    ],
)
def test_what_a_worker_refuses(
    changes: dict[str, Any], what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = replace(order_of(plan()[0], monkeypatch, tmp_path), **changes)
    answer = perform(order, lambda _: None, Children())
    assert answer.refusal is not None
    assert what in str(answer.refusal["what"])


def test_a_difference_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order = order_of(plan()[0], monkeypatch, tmp_path)
    own = order.origin
    first = next(iter(own.parameters))
    for changed, words in [
        (replace(own, code="x"), "the code of edgezoo or of a plugin is not the same"),
        (replace(own, versions={"keras": "9"}), "keras is 9 at the command and"),
        (replace(own, parameters={**own.parameters, first: "x"}), ""),
        (replace(own, parameters={**own.parameters, "origin": "x"}), "the dataset, or the network"),
        (own, "a step that it waits for differs"),
    ]:
        assert words in changed.differences(own)


def test_a_worker_finds_what_was_done_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole way of an order on a worker, but for the work itself."""
    from zoo.pipeline.step_cache import step_cache

    step = plan()[0]
    order = order_of(step, monkeypatch, tmp_path)
    record = StepRecord(step=step.name, kind="finetune", key=step.key, status="failed")
    step_cache().keep(step.key, record)
    answer = perform(order, lambda _: None, Children())
    assert answer.refusal is None
    assert answer.cached
    assert answer.record is not None
    assert answer.record.key == step.key


def test_a_plugin_that_no_worker_has_is_told_before_an_order_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(elsewhere_module, "installed_plugins", lambda plugins: {"zoo-mynet": "1"})
    records, _ = run(plan(), tmp_path)
    assert records[0].status == "failed"
    assert "third://x has the plugins that the command uses: zoo-mynet 1" in records[0].reason
    assert Third.orders == []

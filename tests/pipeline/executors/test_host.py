"""Processes of a worker: one that dies costs its own order alone, and that only the second time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from zoo.pipeline.executors import host as hosts
from zoo.pipeline.executors.host import OrderHost
from zoo.pipeline.executors.order import OrderAnswer, OrderedPlan, OrderText, StepOrigin
from zoo.pipeline.steps.step import StepId
from zoo.registry import PluginSettings

PLAN = OrderedPlan(steps="{}", plugins=PluginSettings(), inputs=({"kind": "data"},))
#: Answers with what its run says: it dies of it, dies of it once, waits, or is done.
CHILD = """
import json, os, pathlib, sys, threading
answers, waiting = sys.stdout, {}
for line in sys.stdin:
    message = json.loads(line)
    if "cancel" in message:
        text = json.dumps({"stopped": True})
        print(json.dumps({"id": message["cancel"], "answer": text}), flush=True)
        continue
    order = json.loads(message["order"])
    first = waiting.setdefault("session", order["session"])
    if order["run"] == "outdated" and first != order["session"]:
        print(json.dumps({"id": order["id"], "outdated": True}), flush=True)
        continue
    mark = pathlib.Path(order["mark"])
    tries = len(mark.read_text()) if mark.exists() else 0
    if order["run"] in ("poison", "once"):
        mark.write_text("x" * (tries + 1))
        if order["run"] == "poison" or tries == 0:
            os.kill(os.getpid(), 9)
    print(json.dumps({"id": order["id"], "event": {"event": "epoch"}}), flush=True)
    if order["run"] != "wait":
        text = json.dumps({"worker": str(os.getpid())})
        print(json.dumps({"id": order["id"], "answer": text}), flush=True)
"""


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OrderHost]:
    child = tmp_path / "child.py"
    child.write_text(CHILD)
    monkeypatch.setattr(hosts, "CHILD", (str(child),))
    made = OrderHost()
    yield made
    made.close()


def order(id: str, run: str = "", marks: Path | None = None, **changes: Any) -> str:
    return OrderText(
        **{
            "id": id,
            "session": "s",
            "version": "1",
            "plan": PLAN.text(),
            "folder": "",
            "step": StepId(kind="bench"),
            "origin": StepOrigin(code="", versions={}, parameters={}),
            "run": run,
            "mark": str((marks or Path()) / f"{id}.tries"),
            **changes,
        }
    ).text()


def test_an_order_is_read_as_it_was_written() -> None:
    text = order("a", run="r", device="pi4")
    assert OrderText.read(text).text() == text
    assert OrderedPlan.read(OrderText.read(text).plan) == PLAN
    with pytest.raises(ValueError, match="id"):
        OrderText.read("{}")
    with pytest.raises(ValueError, match="steps"):
        OrderedPlan.read("{}")


def process_of(host: OrderHost, id: str, run: str = "", **changes: Any) -> str:
    """Which process performed an order."""
    return OrderAnswer.read(host.perform(order(id, run, **changes), lambda _: None)).worker


def test_orders_of_all_commands_share_a_process_in_turn(host: OrderHost) -> None:
    heard: list[Any] = []
    first, second = (
        OrderAnswer.read(host.perform(order(id), heard.append)).worker for id in ("a", "b")
    )
    other = OrderAnswer.read(host.perform(order("c", session="t"), heard.append)).worker
    assert first == second == other
    assert heard == [{"event": "epoch"}] * 3


def test_a_process_stays_in_its_working_folder(host: OrderHost, tmp_path: Path) -> None:
    first = process_of(host, "a")
    assert process_of(host, "b", folder=str(tmp_path)) != first
    with pytest.raises(ProcessLookupError):  # it made room
        os.kill(int(first), 0)


@pytest.mark.parametrize("device", ["", "pi4"])
def test_an_order_goes_to_a_new_process_where_the_old_one_s_code_has_changed(
    host: OrderHost, device: str
) -> None:
    first = process_of(host, "a", device=device)
    second = process_of(host, "b", "outdated", session="t", device=device)
    assert second != first
    assert process_of(host, "c", "outdated", session="t", device=device) == second


def test_a_process_tells_that_its_code_has_changed(tmp_path: Path) -> None:
    """Of a folder that modules are imported from, as it changes when a package is installed."""
    folder = tmp_path / "modules"
    folder.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    began = time.time()
    with subprocess.Popen(
        [sys.executable, "-P", *hosts.CHILD, str(began)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
        text=True,
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None

        def answer(id: str, session: str) -> dict[str, Any]:
            told = {"order": order(id, session=session, version="9.9")}
            print(json.dumps(told), file=child.stdin, flush=True)
            return json.loads(child.stdout.readline())

        assert "answer" in answer("a", "s")
        assert "answer" in answer("b", "t")
        (folder / "installed.py").touch()
        assert "answer" in answer("c", "t")  # a command under way keeps what it began with
        assert answer("d", "u") == {"id": "d", "outdated": True}
        child.stdin.close()


def test_a_process_that_dies_once_costs_nothing(host: OrderHost, tmp_path: Path) -> None:
    answer = OrderAnswer.read(host.perform(order("a", "once", tmp_path), lambda _: None))
    assert answer.refusal is None
    assert (tmp_path / "a.tries").read_text() == "xx"


@pytest.mark.parametrize("device", ["", "pi4"])
def test_a_poisoned_order_is_tried_twice_and_neighbours_are_unharmed(
    host: OrderHost, tmp_path: Path, device: str
) -> None:
    answers: dict[str, OrderAnswer] = {}

    def perform(id: str, run: str) -> None:
        text = order(id, run, tmp_path, device=device)
        answers[id] = OrderAnswer.read(host.perform(text, lambda _: None))

    names = [("poisoned", "poison"), *((f"n{number}", "") for number in range(4))]
    threads = [threading.Thread(target=perform, args=each) for each in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    poisoned = answers.pop("poisoned")
    assert poisoned.refusal is not None
    assert "SIGKILL" in str(poisoned.refusal["what"])
    assert "its process ended twice" in str(poisoned.refusal["why"])
    assert (tmp_path / "poisoned.tries").read_text() == "xx"
    assert [a.refusal for a in answers.values()] == [None] * 4


def test_a_cancelled_order_ends(host: OrderHost) -> None:
    begun = threading.Event()
    answers: list[OrderAnswer] = []

    def perform() -> None:
        text = host.perform(order("a", "wait"), lambda _: begun.set())
        answers.append(OrderAnswer.read(text))

    thread = threading.Thread(target=perform)
    thread.start()
    assert begun.wait(30)
    host.cancel("nothing")
    host.cancel("a")
    thread.join(30)
    assert answers[0].stopped


def test_the_real_process_refuses_another_version(tmp_path: Path) -> None:
    host = OrderHost()
    try:
        answer = OrderAnswer.read(host.perform(order("a", version="9.9"), lambda _: None))
    finally:
        host.close()
    assert answer.refusal is not None
    assert "the command has 9.9" in str(answer.refusal["what"])
    assert json.loads(answer.text())["record"] is None

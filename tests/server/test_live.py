"""What runs now, runs held against each other, and a file over time."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from stored_results import FILE, LATER, RUN

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")
pytest.importorskip("starlette")

from zoo.common.errors import UsageError
from zoo.common.paths import cache_folder
from zoo.pipeline.running import RunningPlan, RunningSteps, running_plans
from zoo.server.page import trend_path
from zoo.server.serving import listen
from zoo.server.site import Site


def data(site: Site, path: str, **query: str) -> Any:
    page = site.page(path, query)
    assert page is not None
    assert site.html(page)
    return json.loads(site.json(page))


def test_runs_are_compared_by_their_names_alone(site: Site, tmp_path: Path) -> None:
    told = data(site, "compare/", first=RUN, second=LATER)
    assert [pair["verdict"] for pair in told["comparisons"]] == ["slower"]
    file = tmp_path / "net.tflite"
    file.write_bytes(b"x")
    for other in ("", "nobody", str(file), "last", str(tmp_path)):
        with pytest.raises(UsageError, match=r"no run|two runs"):
            data(site, "compare/", first=RUN, second=other)


def test_a_file_over_time_has_verdicts(site: Site) -> None:
    (place,) = data(site, trend_path(FILE))["places"]
    assert place["where"].startswith("host")
    assert [one["p50_ms"] for one in place["latencies"]] == [0.1, 0.2]
    assert [one["against_the_one_before"] for one in place["latencies"]] == [None, "slower"]
    assert site.page(trend_path("nothing.tflite"), {}) is None


def plan_with(store: str, told: Callable[[RunningPlan], bool]) -> RunningPlan:
    """What is announced of the one plan of a store, once it is so: it is written now and then."""
    for _ in range(500):
        for plan in running_plans(store):
            if told(plan):
                return plan
        time.sleep(0.02)
    raise AssertionError(running_plans(store))


def test_what_runs_is_told_while_it_runs(site: Site) -> None:
    heard: list[str] = []
    steps = RunningSteps(run="net-1", store=site.store, on_step=lambda s, e: heard.append(s))
    steps("finetune", {"event": "start", "kind": "finetune"})
    plan = plan_with(site.store, lambda plan: bool(plan.steps))
    assert (plan.run, plan.pid, plan.ended) == ("net-1", os.getpid(), 0)
    steps("finetune", {"event": "progress", "done": 3, "total": 10})
    plan_with(site.store, lambda plan: plan.steps[0].done == 3)
    (running,) = data(site, "runs/")["running"]
    assert [(s["step"], s["done"], s["total"]) for s in running["steps"]] == [("finetune", 3, 10)]
    steps("finetune", {"event": "end", "status": "passed"})
    assert not plan_with(site.store, lambda plan: plan.ended == 1).steps
    assert running_plans("another") == ()
    steps.close()
    assert running_plans() == ()
    assert heard == ["finetune"] * 3


def test_steps_in_quick_succession_cost_few_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[int] = []
    write = RunningSteps._write
    monkeypatch.setattr(RunningSteps, "_write", lambda s: (written.append(1), write(s)))
    steps = RunningSteps(run="net-1", store="many", on_step=lambda s, e: None)
    for number in range(2000):
        steps(f"step {number}", {"event": "start"})
        steps(f"step {number}", {"event": "end"})
    assert not plan_with("many", lambda plan: plan.ended == 2000).steps
    steps.close()
    steps("late", {"event": "start"})  # of a thread that ends later than the plan
    assert running_plans("many") == ()
    assert len(written) < 200


def test_files_of_ended_processes_and_of_others_are_left_out() -> None:
    folder = cache_folder() / "running"
    steps = RunningSteps(run="net-1", store="s", on_step=lambda s, e: None)
    steps("finetune", {"event": "start"})
    plan_with("s", lambda plan: True)
    (path,) = folder.glob("*.json")
    told = json.loads(path.read_text())
    ended = folder / "1-ended.json"
    ended.write_text(json.dumps({**told, "began": psutil.boot_time() - 5.0}))
    for number, text in enumerate(["", "[]", "{", '{"pid": "x"}', "[" * 5000]):
        (folder / f"{number}-other.json").write_text(text)
    assert len(running_plans()) == 1
    assert not ended.exists()


def test_a_taken_port_is_told() -> None:
    with listen("127.0.0.1", 0) as first:
        number = first.getsockname()[1]
        with pytest.raises(UsageError, match=f"port {number} is taken"):
            listen("127.0.0.1", number)

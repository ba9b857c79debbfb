"""How long plans of thousands of steps take to be made and carried out, and their runs to be shown.

    python benchmarks/large_plans.py                 # 10,000 steps, 500 files
    python benchmarks/large_plans.py --steps 1000 --files 50

Steps have no work here: what is timed is the program itself. A plan is made of a real recipe with
nine files for many devices, and of many recipes with two files each, as a search has them; keys are
computed, since nothing starts without. Steps that do nothing are carried out in an empty cache,
again from the cache, and without the results store. Limits: 5 s for a plan, 10 s for a page, 25 s
to carry out a plan and 4 s to find it carried out, by the clock of the processor, since others may
use it, too. By the clock on the wall, each record in the store waits for the disk once.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

PLAN_SECONDS, PAGE_SECONDS = 5.0, 10.0
CARRY_OUT_SECONDS, FIND_SECONDS = 25.0, 4.0


@contextmanager
def timed(what: str, limit: float) -> Iterator[None]:
    """Prints how long the block took, on the clock and on processors."""
    began, processor = time.perf_counter(), time.process_time()
    yield
    seconds, own = time.perf_counter() - began, time.process_time() - processor
    judged = "  ok" if own <= limit else "  SLOW"
    print(f"{what}: {seconds:.2f} s, {own:.2f} s of a processor{judged}", flush=True)


def main() -> None:
    """Times everything in an empty folder."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--files", type=int, default=500)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="zoo-plans-") as folder:
        os.environ["ZOO_HOME"] = folder
        make_plans(asked.steps, Path(folder))
        carry_out(asked.steps, Path(folder))
        show(asked.files)


def make_plans(steps: int, folder: Path) -> None:
    """One recipe with many devices, and many recipes."""
    from zoo.pipeline.job import Job, make_job
    from zoo.pipeline.options import recipe_from
    from zoo.pipeline.plan import PlanScope, make_plan
    from zoo.registry import load_registry

    registry = load_registry()

    def job(**given: Any) -> Job:
        return make_job(recipe_from(model="lenet5", data="digits", **given), registry)

    def keys(some: Sequence[Any]) -> int:
        return len({step.key for step in some})

    whole = job(precision=("float32", "float16", "dynamic-int8", "int8", "int16x8"))
    one = make_plan(replace(whole, devices=_devices(whole, 1)), folder, PlanScope())
    files = sum(step.id.kind == "bench" for step in one)
    count = max(1, steps // files)
    with timed(f"a plan of {files} files on {count:,} devices", PLAN_SECONDS):
        plan = make_plan(replace(whole, devices=_devices(whole, count)), folder, PlanScope())
        print(f"{len(plan):,} steps with {keys(plan):,} keys; ", end="")
    made = 0
    with timed("plans of many recipes", PLAN_SECONDS):
        seed = 0
        while made < steps:
            plan = make_plan(job(seed=seed, epochs=1), folder, PlanScope())
            made, seed = made + keys(plan), seed + 1
        print(f"{seed:,} recipes with {made:,} keys; ", end="")


def _devices(job: Any, count: int) -> tuple[Any, ...]:
    from zoo.execution.devices import device_named

    host = device_named(job.registry, None)
    return tuple(
        replace(host, name=f"board-{number}", machine=f"machine {number}")
        for number in range(count)
    )


def carry_out(steps: int, folder: Path) -> None:
    """Steps that do nothing: one training, then files that are exported, judged and timed."""
    from zoo.pipeline.engine import Pipeline
    from zoo.pipeline.step_cache import StepCache
    from zoo.results.store import Store

    step = _idle_step()
    plan = [step("train")]
    for number in range((steps - 1) // 3):
        made = step(f"export {number}", plan[0])
        judged = step(f"gate {number}", made)
        plan += [made, judged, step(f"bench {number}", judged, alone=True)]
    runs = {"in an empty cache": True, "from the cache": True, "from the cache, no store": False}
    for what, stored in runs.items():
        store = Store(f"sqlite:///{folder / 'results.db'}") if stored else None
        cache = StepCache(folder / "steps")
        limit = FIND_SECONDS if "from the cache" in what else CARRY_OUT_SECONDS
        with timed(f"{len(plan):,} steps that do nothing, {what}", limit):
            records = Pipeline(
                cache=cache, store=store, run="large", on_step=lambda name, event: None
            ).execute(plan)
        assert {record.status for record in records} == {"passed"}


def _idle_step() -> Any:
    from zoo.pipeline.steps.step import NOT_IN_KEY, Outcome, Step, StepContext, StepId

    @dataclass(frozen=True, kw_only=True)
    class Nothing:
        name: str

    @dataclass(frozen=True, kw_only=True, eq=False)
    class Idle(Step[Nothing]):
        before: tuple[Step[Any], ...] = field(metadata=NOT_IN_KEY)
        alone: bool = False
        result_type = Nothing
        code = ""

        @property
        def needs(self) -> tuple[Step[Any], ...]:
            return self.before

        @property
        def exclusive(self) -> bool:  # type: ignore[override]
            return self.alone

        def run(self, context: StepContext) -> Outcome[Nothing]:
            return Outcome(result=Nothing(name=self.name))

    def made(name: str, *before: Step[Any], alone: bool = False) -> Step[Any]:
        kind, _, device = name.partition(" ")
        return Idle(id=StepId(kind=kind, device=device), before=before, alone=alone)

    return made


def show(files: int) -> None:
    """The page of a run with many files, a row each."""
    sys.path.append(str(Path(__file__).parents[1] / "tests" / "support"))
    from report_views import row, run, sample

    from zoo.report.pages.html import render
    from zoo.report.remarks import remarks

    rows = tuple(
        row(
            ("float32", "float16", "dynamic-int8", "int8", "int16x8")[number % 5],
            0.02 + number / 10_000,
            file=f"net.digits.{number}.tflite",
            format=("tflite", "onnx")[number % 2],
        )
        for number in range(files)
    )
    answers = {each.file: ("7", 0.97) for each in rows}
    confusions = {each.file: [[33, 3], [1, 35]] for each in rows}
    with timed(f"the page of {files:,} files", PAGE_SECONDS):
        page = render(
            run(
                rows=rows,
                remarks=remarks(rows),
                confusions={"lenet5.digits": [[34, 2], [1, 35]], **confusions},
                samples=tuple(sample("7", **answers) for _ in range(24)),
            )
        )
        print(f"{len(page) / 1e6:.1f} MB; ", end="")


if __name__ == "__main__":
    main()

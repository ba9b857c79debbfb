"""Steps that hold what was timed against the recipe's budgets."""

from __future__ import annotations

from zoo.common.cache_key import step_key
from zoo.common.code_fingerprint import code_of
from zoo.pipeline.engine import Outcome, Step, Work
from zoo.pipeline.job import Job
from zoo.pipeline.planning.timing import Place
from zoo.pipeline.steps.budget import budget


def budget_step(job: Job, judge: Step, bench: Step, place: Place) -> Step:
    """Whether one file keeps the budgets of one device."""
    limits = dict(job.recipe.budgets[place.device.name])

    def work(work: Work) -> Outcome:
        judged = work.needs[judge.name].record.result or {}
        timed = work.needs[bench.name].record.result or {}
        return budget(limits, timed, size=judged.get("bytes"), device=place.device.name)

    return Step(
        name=bench.name.replace("bench", "budget", 1),
        kind="budget",
        key=step_key(
            "budget",
            {"limits": limits},
            needs=[bench.key, judge.key],
            code=code_of(["zoo.pipeline.steps.budget"]),
        ),
        work=work,
        needs=(bench.name, judge.name),
        # Its key depends on the machine, as that of the timing does.
        exclusive=True,
    )

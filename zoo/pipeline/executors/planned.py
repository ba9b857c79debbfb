"""Plans as text: what a worker makes the steps of a command from, and what it needs for that."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from zoo.common.paths import cache_folder
from zoo.common.progress import quiet
from zoo.pipeline.content_store.inputs import send_data, send_inputs
from zoo.pipeline.content_store.store import ContentStore
from zoo.pipeline.executors.bench_plan import BENCH, asked_of, bench_steps
from zoo.pipeline.executors.connection import LOCAL
from zoo.pipeline.job import make_job
from zoo.pipeline.plan import PlanScope, make_plan
from zoo.pipeline.recipe import RecipeExecutor, make_recipe
from zoo.pipeline.starting_network import with_network_here
from zoo.pipeline.steps.step import Step
from zoo.registry import Registry


def steps_of(planned: str, registry: Registry) -> list[Step[Any]]:
    """The steps of a plan, on the machine of a worker.

    Raises:
        ZooError: It cannot be followed here.
    """
    plan = json.loads(planned)
    if BENCH in plan:
        return [*bench_steps(registry, plan[BENCH])]
    recipe = make_recipe({**plan["recipe"], "executor": {"address": LOCAL}})
    job = make_job(with_network_here(recipe, registry, quiet), registry)
    return make_plan(job, cache_folder() / "checkpoints", PlanScope(**plan["scope"]))


def devices_of(planned: str) -> Sequence[str]:
    """Names of the devices of a plan."""
    plan = json.loads(planned)
    if BENCH in plan:
        return (plan[BENCH]["device"],)
    return tuple(plan["recipe"].get("devices", ()))


def inputs_of(
    planned: str, registry: Registry, store: ContentStore, executor: RecipeExecutor
) -> tuple[dict[str, Any], ...]:
    """Puts data and weights of a plan into a store, and tells where they are there.

    Raises:
        ZooError: They cannot be read or stored.
    """
    plan = json.loads(planned)
    if BENCH in plan:
        asked = asked_of(plan[BENCH])
        names = filter(None, (asked.data, asked.accuracy))
        found = [send_data(store, registry, name) for name in dict.fromkeys(names)]
        return tuple(asdict(one) for one in found if one is not None)
    recipe = make_recipe(plan["recipe"]).model_copy(update={"executor": executor})
    return tuple(asdict(one) for one in send_inputs(store, make_job(recipe, registry)))

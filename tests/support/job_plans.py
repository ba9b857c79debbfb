"""What tests of jobs and runs share: jobs of a packaged network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zoo.pipeline.job import Job, make_job
from zoo.pipeline.options import recipe_from
from zoo.pipeline.plan import PlanScope, make_plan
from zoo.registry import PluginSettings, load_registry

REGISTRY = load_registry(PluginSettings(installed=False))


def job(**changes: Any) -> Job:
    values = {"model": "lenet5", "data": "digits", "format": ("onnx", "tflite")}
    return make_job(recipe_from(**{**values, "from_scratch": True, **changes}), REGISTRY)


def keys(**changes: Any) -> dict[str, str]:
    return {step.name: step.key for step in make_plan(job(**changes), Path("c"), PlanScope())}

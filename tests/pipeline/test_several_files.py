"""A network that is deployed as several files: its plan, and what a recipe cannot ask of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from zoo.common.errors import UsageError
from zoo.pipeline.job import make_job
from zoo.pipeline.options import recipe_from
from zoo.pipeline.plan import PlanScope, make_plan
from zoo.pipeline.steps.repair import RepairStep
from zoo.registry import PluginSettings, load_registry

pytest.importorskip("sklearn")

PLUGIN = Path(__file__).parents[1] / "distributions" / "zoo-codec" / "zoo_codec"


@pytest.fixture(scope="module")
def registry() -> Any:
    return load_registry(PluginSettings(paths=(str(PLUGIN),), installed=False))


def job(registry: Any, **options: Any) -> Any:
    given = {"model": "codec8", "data": "pictures", "from_scratch": True, **options}
    budgets = given.pop("budgets", {})  # of recipes alone
    recipe = recipe_from(**given).model_copy(update={"budgets": budgets})
    return make_job(recipe, registry)


def test_plan(registry: Any) -> None:
    steps = make_plan(job(registry, format=("tflite",)), Path("c"), PlanScope())
    assert [step.name for step in steps] == [
        *("finetune", "evaluate keras"),
        *("export tflite float32 encoder", "export tflite float32 decoder", "gate tflite float32"),
        *("export tflite int8 encoder", "export tflite int8 decoder", "gate tflite int8"),
        *("bench tflite float32 encoder host", "bench tflite float32 decoder host"),
        *("bench tflite int8 encoder host", "bench tflite int8 decoder host"),
    ]
    assert len({step.key for step in steps}) == len(steps)
    (gate,) = (step for step in steps if step.name == "gate tflite int8")
    assert [step.name for step in gate.needs] == [
        *("export tflite int8 encoder", "export tflite int8 decoder", "evaluate keras")
    ]
    assert not any(isinstance(step, RepairStep) for step in steps)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"qat": True}, "quantization-aware training is for models of one file"),
        ({"keep_float": ("head",)}, "layers that stay in float are chosen for models of one file"),
        ({"budgets": {"host": {"p90": "5ms"}}}, "budgets are for models of one file"),
    ],
)
def test_what_is_for_models_of_one_file(registry: Any, options: Any, said: str) -> None:
    with pytest.raises(UsageError) as raised:
        job(registry, **options)
    assert said in raised.value.what
    assert "encoder, decoder" in str(raised.value.why)

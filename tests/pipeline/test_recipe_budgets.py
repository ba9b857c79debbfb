"""Budgets in a recipe: per device, checked before anything is done, judged once files are timed."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from measured import PLAIN
from report_budget_rows import step

from zoo.common.errors import UnknownName, UsageError
from zoo.pipeline.job import make_job
from zoo.pipeline.options import recipe_from
from zoo.pipeline.plan import PlanScope, make_plan
from zoo.pipeline.rows import ArtifactRow, with_budgets
from zoo.pipeline.steps.budget import BudgetStep
from zoo.pipeline.steps.step import StepId
from zoo.registry import PluginSettings, load_registry
from zoo.report.table import budget_lines, budget_summary

HEAD = 'model = "lenet5.fashion_mnist"\ndata = "digits"\nformats = ["tflite"]\n'
EMULATED = """
import zoo
from zoo.devices import local

@zoo.hookimpl
def zoo_devices():
    from dataclasses import replace
    (real,) = [kind for kind in local.zoo_devices() if kind.local]
    yield replace(real, name="slowmo", clock="emulated", local=False)
"""


def recipe_of(folder: Path, text: str):
    path = folder / "recipe.toml"
    path.write_text(HEAD + text)
    return recipe_from(recipe=path)


def test_limits_are_read(tmp_path: Path) -> None:
    recipe = recipe_of(tmp_path, '[budgets.host]\np90 = "20ms"\nsize = "100 kB"\n')
    assert recipe.budgets == {"host": {"p90": "20ms", "size": "100 kB"}}
    assert recipe_of(tmp_path, "").budgets == {}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[budgets.host]\np9 = "20ms"', "budgets.host: unknown quantity of a budget 'p9'; did you"),
        (
            '[budgets.host]\np90 = "20"',
            "budgets.host: the limit '20' of p90 has no unit; write 20ms",
        ),
        (
            "[budgets.host]\np90 = 20",
            'budgets.host: p90 must be text with a unit, such as p90 = "20',
        ),
        ('[budgets]\np90 = "20ms"', "budgets.p90: must be a table"),
        ('budgets = "p90<=20ms"', "budgets: must be a table"),
    ],
)
def test_wrong_ones_name_the_key(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        recipe_of(tmp_path, text)
    assert told in caught.value.what


def test_a_device_that_the_recipe_does_not_use(tmp_path: Path) -> None:
    registry = load_registry(PluginSettings(installed=False))
    recipe = recipe_of(tmp_path, '[budgets.hots]\np90 = "20ms"\n')
    with pytest.raises(UnknownName, match="did you mean 'host'"):
        make_job(recipe, registry)


def test_emulated_times_keep_no_budget(tmp_path: Path) -> None:
    plugin = tmp_path / "slowmo.py"
    plugin.write_text(EMULATED)
    registry = load_registry(PluginSettings(paths=(str(plugin),), installed=False))
    devices = 'devices = ["slowmo"]\n'
    timed = recipe_of(tmp_path, devices + '[budgets.slowmo]\nsize = "1MB"\np90 = "20ms"\n')
    with pytest.raises(UsageError, match=r"budgets.slowmo.p90: times of 'slowmo' are emulated"):
        make_job(timed, registry)
    sized = recipe_of(tmp_path, devices + '[budgets.slowmo]\nsize = "1MB"\n')
    assert make_job(sized, registry).recipe.budgets


def test_each_timing_of_a_device_with_budgets_is_judged(tmp_path: Path) -> None:
    registry = load_registry(PluginSettings(installed=False))

    def keys(text: str) -> dict[str, str]:
        job = make_job(recipe_of(tmp_path, text), registry)
        return {s.name: s.key for s in make_plan(job, tmp_path, PlanScope())}

    without = keys("")
    loose = keys('[budgets.host]\np90 = "20ms"\n')
    tight = keys('[budgets.host]\np90 = "10ms"\n')
    assert set(loose) - set(without) == {"budget tflite float32 host", "budget tflite int8 host"}
    same = {name for name in without if without[name] == loose[name]}
    assert {"finetune", "export tflite int8"} <= same, "nothing is trained or exported again"
    assert loose["budget tflite int8 host"] != tight["budget tflite int8 host"]


def judged(limits: dict[str, str], **changes) -> object:
    step = BudgetStep(
        id=StepId(kind="budget", device="pi4"), bench=SimpleNamespace(gate="gate"), limits=limits
    )
    timed, size = replace(PLAIN, **changes), SimpleNamespace(bytes=1000)
    before = SimpleNamespace(
        of=lambda other: SimpleNamespace(result=size if other == "gate" else timed)
    )
    return step.run(SimpleNamespace(before=before))


def test_outcomes() -> None:
    within = judged({"p90": "2ms", "size": "1kB"})
    assert (within.status, within.reason) == ("passed", "")
    over = judged({"p90": "2ms", "size": "1B"})
    assert over.status == "rejected"
    assert over.reason == "size<=1B on pi4: over: size is 1 kB"
    noisy = judged({"p90": "1ms"}, quiet=False, noise=("steal",))
    assert noisy.status == "skipped"
    assert "can't tell" in noisy.reason


def test_rows_tell_what_the_budgets_came_to() -> None:
    row = ArtifactRow(file="a.tflite", format="tflite", precision="int8", verdict="passed")
    within, over, noisy = (
        with_budgets(row, [step(outcome)])
        for outcome in (
            judged({"p90": "2ms"}),
            judged({"p90": "1ms"}),
            judged({"p90": "1ms"}, quiet=False, noise=("steal",)),
        )
    )
    assert [budget_summary(r) for r in (row, within, over, noisy)] == [
        "–",
        "within",
        "over",
        "can't tell",
    ]
    assert [r.verdict for r in (within, over, noisy)] == ["passed", "rejected", "passed"]
    assert (within.reason, over.reason.startswith("p90<=1ms on pi4: over")) == ("", True)
    (line,) = budget_lines([over])
    assert (line.device, line.budget, line.badge) == ("pi4", "p90<=1ms", "rejected")
    assert asdict(over)["budgets"][0][1]["verdict"] == "over", "as --json has it"


def test_a_timing_that_failed_has_no_budget() -> None:
    row = ArtifactRow(file="a.tflite", format="tflite", precision="int8", verdict="passed")
    done = step(judged({"p90": "2ms"}))
    record = replace(done.record, status="skipped", result=None, reason="why")
    skipped = replace(done, record=record, value=None)
    assert with_budgets(row, [skipped]) == row

"""The networks whose files are sabotaged, and their honest files, made by the pipeline itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from zoo.common.paths import cache_folder
from zoo.common.progress import OnStep
from zoo.pipeline.job import make_job
from zoo.pipeline.options import recipe_from
from zoo.pipeline.plan import PlanScope, make_plan
from zoo.pipeline.run import execute
from zoo.pipeline.steps.gate import GateStep
from zoo.pipeline.steps.step import FinishedSteps
from zoo.registry import PluginSettings, Registry, load_registry

HERE = Path(__file__).parent
PLUGINS = (
    HERE / "datasets.py",
    HERE.parent / "plugins" / "stdlib_sequences.py",
    HERE.parent / "support" / "digit_answers.py",
)


@dataclass(frozen=True, kw_only=True)
class Family:
    """A network to export.

    Attributes:
        model: Packaged weights, or a variant to train from scratch.
        data: What its files are judged on.
        options: Of the recipe.
        precisions: Of its files, where none are asked for.
        answers: What they are (`answer_kinds.KINDS`).
        again: Whether it is trained a second time, for the weights of another training.
    """

    name: str
    model: str
    data: str
    options: dict[str, Any]
    precisions: tuple[str, ...] = ("float32", "dynamic-int8", "int8")
    answers: str = "classes"
    again: bool = False


FORMATS = ("tflite", "onnx")
FOUR_BITS = ("int4-blocks", "int4-weights")
ALL = ("float32", "float16", "dynamic-int8", "int8", "int16x8", *FOUR_BITS)
FAMILIES = (
    Family(
        name="cnn",
        model="lenet5",
        data="few_coloured",
        options={"from_scratch": True, "channels": 3, "epochs": 3},
        precisions=ALL,
    ),
    Family(
        name="residual",
        model="resnet8.fashion_mnist",
        data="few_pictures",
        options={},
        precisions=("float32", "dynamic-int8", "int8", *FOUR_BITS),
    ),
    Family(name="lstm", model="lstm_small.fashion_mnist_rows", data="few_rows", options={}),
    Family(
        name="tagger",
        model="lstm_tagger",
        data="stdlib_tags",
        options={"from_scratch": True, "learning_rate": 0.01, "epochs": 3},
    ),
    Family(
        name="generator",
        model="dcgan28.fashion_mnist",
        data="few_pictures",
        options={},
        answers="pictures",
    ),
    *(
        Family(
            name=answers,
            model="lenet5",
            data=f"digit_{answers}",
            options={"from_scratch": True, "learning_rate": 0.002, "epochs": 8, "patience": 0},
            precisions=ALL[:4],
            answers=answers,
            again=True,
        )
        for answers in ("targets", "labels")
    ),
)


@dataclass(frozen=True, kw_only=True)
class Honest:
    """An honest file: the steps that made and judged it, and how they ended.

    Attributes:
        other: The same file of another training, as the exporter wrote it.
    """

    family: str
    gate: GateStep
    finished: FinishedSteps
    other: Path | None = None

    @property
    def format(self) -> str:
        return self.gate.id.format

    @property
    def precision(self) -> str:
        return self.gate.id.precision

    @property
    def exported(self) -> Path:
        """As the exporter wrote it, before the gate."""
        made = self.finished.of(self.gate.export)
        return made.folder / made.result.file

    @property
    def judged(self) -> Path:
        """As it ships."""
        done = self.finished.of(self.gate)
        return done.folder / done.result.file

    @property
    def passed(self) -> bool:
        return self.finished.of(self.gate).passed


def family_named(name: str) -> Family:
    return next(family for family in FAMILIES if family.name == name)


def registry_of_families() -> Registry:
    return load_registry(PluginSettings(paths=tuple(map(str, PLUGINS))))


def cells_of(registry: Registry) -> list[str]:
    """All files of the suite, ``cnn tflite int8``, in the order of its page."""
    return [
        f"{family.name} {name} {precision}"
        for family in FAMILIES
        for name in FORMATS
        for precision in family.precisions
        if precision in registry.exporters.get(name).precisions
    ]


def honest_files(
    registry: Registry,
    family: Family,
    formats: Sequence[str],
    precisions: Sequence[str],
    output: Path,
    on_step: OnStep,
) -> Iterator[Honest]:
    """The files of a network in each format and precision that there is."""
    for name in formats:
        exporter = registry.exporters.get(name)
        wanted = [one for one in precisions if one in exporter.precisions]
        own = {"epochs": 0, **family.options}
        made = list(_made(registry, family, name, wanted, output, on_step, own))
        others: dict[str, Path] = {}
        if family.again:
            again = _made(registry, family, name, wanted, output, on_step, {**own, "seed": 1})
            others = {one.precision: one.exported for one in again}
        for one in made:
            yield replace(one, other=others.get(one.precision))


def _made(
    registry: Registry,
    family: Family,
    format_name: str,
    precisions: Sequence[str],
    output: Path,
    on_step: OnStep,
    options: dict[str, Any],
) -> Iterator[Honest]:
    recipe = recipe_from(
        model=family.model,
        data=family.data,
        format=[format_name],
        precision=precisions,
        allow_weak=True,
        **options,
    )
    job = make_job(recipe, registry)
    scope = PlanScope(bench=False)
    run = execute(
        job,
        scope=scope,
        output=output,
        named=True,
        store_url=f"sqlite:///{output.absolute()}/records.sqlite",
        on_step=on_step,
    )
    for step in make_plan(job, cache_folder() / "checkpoints", scope):
        if isinstance(step, GateStep) and run.finished.of(step).judged:
            yield Honest(family=family.name, gate=step, finished=run.finished)

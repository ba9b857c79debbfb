"""Whose source decides what a step finds: parts of the content addresses of steps."""

from __future__ import annotations

from pathlib import Path

from zoo.contracts import DeviceKind
from zoo.job import Job
from zoo.pipeline import Step

NETWORK = ("zoo.networks", "zoo.weights", "zoo.contracts.preprocessing")
TRAINING = (
    *("zoo.training", "zoo.optimizer", "zoo.jit_trial", "zoo.layer_groups", "zoo.reshape"),
    *("zoo.fused_norm", "zoo.feed", "zoo.batch_progress"),
    *("zoo.steps.finetune", "zoo.data.augment", "zoo.data.stream"),
)
DATA = tuple(
    f"zoo.data.{name}"
    for name in (
        *("inputs", "images", "series", "tokens", "latents"),
        *("splits", "hashing", "arrays", "rows", "image_files", "npz_arrays", "query", "tables"),
        *("recordings", "windows", "class_folders", "text_examples", "text_files"),
        *("conll_files", "hf_splits"),
    )
)
#: What tasks share; the file of the task itself comes from the registry.
TASKS = tuple(
    f"zoo.tasks.{name}"
    for name in (
        *("classification", "proportions", "clusters"),
        *("adversarial", "frechet_metric", "features", "distances", "likeness"),
    )
)
EXPORT = ("zoo.steps.export", "zoo.artifact", "zoo.data.calibration", "zoo.fitness")
#: What decides which layers of an integer file stay in float.
REPAIR = (
    *("zoo.mixed", "zoo.culprits", "zoo.steps.repair", "zoo.steps.layers", "zoo.data.subset"),
    *("zoo.running", "zoo.gate", *TASKS),
)
#: What decides a file's verdict and what travels with it.
JUDGES = (
    *("zoo.gate", "zoo.steps.gate", "zoo.steps.keep_golden", "zoo.golden", "zoo.running"),
    "zoo.measurement.session",
)
MEASUREMENT = tuple(
    f"zoo.measurement.{name}"
    for name in (
        *("bench", "session", "statistics", "quietness", "tiers", "records", "process"),
        *("measured", "result", "windows", "answers", "profile"),
    )
)
QAT_CODE = (
    *(
        f"zoo.qat.{name}"
        for name in ("distillation", "files", "graph", "kernels", "layers", "logits")
    ),
    *("zoo.qat.lowering", "zoo.qat.network", "zoo.steps.qat", "zoo.distillation"),
)


def training_parts(job: Job) -> tuple[tuple[str, ...], list[str | None]]:
    """The modules, and the files of plugins, whose code decides what a training brings."""
    modules = (*TRAINING, *NETWORK, *DATA, *TASKS)
    return modules, [*variant_sources(job), task_source(job), data_source(job)]


def variant_sources(job: Job) -> list[str | None]:
    """The plugin file of the network."""
    return [job.registry.variant_source(job.variant.name)]


def data_source(job: Job) -> str | None:
    """The plugin file of the dataset."""
    return job.registry.datasets.provider(job.recipe.data.partition(":")[0]).source_file


def device_sources(job: Job, kind: DeviceKind) -> list[str | None]:
    """The driver and what lies beside it: the programs that it starts on the device."""
    return with_neighbours(job.registry.devices.provider(kind.name).source_file)


def with_neighbours(source: str | None) -> list[str | None]:
    """A plugin's file or package, and what lies beside it, which it may import."""
    if source is None:
        return []
    place = Path(source)
    if not place.is_dir():
        return [str(p) for p in sorted(place.parent.glob("*.py"))]
    # A package beside nothing but strangers, as in site-packages, imports only itself.
    return [str(place.parent if (place.parent / "__init__.py").is_file() else place)]


def task_source(job: Job) -> str | None:
    """The plugin file of the task."""
    return job.registry.tasks.provider(job.variant.task).source_file


def depends_on(job: Job) -> dict[str, str]:
    """What else decides how the task judges, by content."""
    depends = job.registry.tasks.get(job.variant.task).depends
    if depends is None:
        return {}
    begun = job.checkpoint is not None and not job.recipe.training.from_scratch
    own = job.checkpoint.preprocessing if job.checkpoint and begun else job.variant.preprocessing
    return dict(depends(own))


def qat_code(learnt: Step | None) -> tuple[str, ...]:
    """The modules of training for integers, where a step builds on it."""
    return () if learnt is None else QAT_CODE

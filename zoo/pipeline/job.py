"""A recipe whose names were all found: what is to be done, before anything is done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from zoo.artifacts.not_weights import weights_of_exported_files
from zoo.benchmark.compare.budgets import budgets_of
from zoo.benchmark.tiers import tier_named
from zoo.common.brief import Brief
from zoo.common.errors import UnknownName, UsageError
from zoo.contracts import Architecture, Exporter, Target, Tracker, Variant
from zoo.contracts.options import declared_options
from zoo.contracts.precision import TRAINABLE
from zoo.contracts.training import check_training
from zoo.data.naming import tag_of
from zoo.data.opening import check_task, data_for_task, open_dataset
from zoo.execution.device import Device
from zoo.execution.devices import device_named
from zoo.networks.backbone_weights import backbone_checkpoint, no_weights_fit
from zoo.networks.checkpoints import Checkpoint, check_tied, resolve
from zoo.networks.hyperparameters import check_hyperparameters
from zoo.networks.published.cache import sources_of
from zoo.networks.resizing import check_resizing
from zoo.networks.retasking import variant_for
from zoo.networks.weights import verify
from zoo.pipeline.dynamic_files import check_dynamic
from zoo.pipeline.end_to_end_files import check_end_to_end
from zoo.pipeline.executors.connection import connect
from zoo.pipeline.recipe import Recipe
from zoo.pipeline.several_files import check_several_files
from zoo.pipeline.tracking import trackers_of
from zoo.registry import Registry
from zoo.targets import target_named


@dataclass(frozen=True, kw_only=True, repr=False)
class Job(Brief):
    """A recipe whose names were all found.

    Attributes:
        checkpoint: Where training begins; None when from scratch, or on a backbone.
        backbone: Whose weights the backbone begins with; None where that is nothing apart.
        exporters: In the recipe's order.
        target: The kind of processor that the files are for.
        trained_exporters: Formats of which files with trained ranges are asked for, too.
        left_out: Files that are asked for and that their format cannot hold, in words.
        trackers: Who is told of the run, with what follows the colon.
        parts: Names of the files that the network is deployed as; one, without a name, mostly.
    """

    recipe: Recipe
    registry: Registry
    architecture: Architecture
    variant: Variant
    checkpoint: Checkpoint | None
    backbone: Checkpoint | None = None
    exporters: tuple[Exporter, ...]
    export_options: dict[str, dict[str, Any]]
    target: Target
    devices: tuple[Device, ...]
    precisions: tuple[str, ...]
    trained_exporters: tuple[Exporter, ...]
    tag: str
    left_out: tuple[str, ...] = ()
    parts: tuple[str, ...] = ("",)
    trackers: tuple[tuple[Tracker, str], ...] = ()

    @property
    def model_id(self) -> str:
        """Of the weights that the run makes."""
        return f"{self.variant.name}.{self.tag}"

    def precisions_of(self, exporter: Exporter) -> tuple[str, ...]:
        """The precisions asked for that a format has, in their order."""
        return tuple(p for p in self.precisions if p in exporter.precisions)


def make_job(recipe: Recipe, registry: Registry) -> Job:
    """Finds everything a recipe names, before anything is done.

    Raises:
        UnknownName: A model, dataset, format, precision, device or tier that nothing provides.
        UsageError: Hyper-parameters that the network does not have; no weights to start from.
    """
    registry.executor = connect(registry, recipe.executor)
    with weights_of_exported_files(registry, recipe.model):
        architecture, variant, checkpoint = resolve(registry, recipe.model)
    variant = variant_for(registry, architecture, variant, recipe.data)
    about = (registry, architecture, variant, recipe.hyperparameters)
    apart = recipe.training.backbone
    if checkpoint is None and apart is None and not recipe.training.from_scratch:
        raise UsageError(
            f"{variant.name!r} has no pretrained weights to start from",
            why=no_weights_fit(*about) or None,
            fix=_starting_checkpoint(architecture, variant),
        )
    backbone = None if apart is None else backbone_checkpoint(*about, apart)
    given = dict(recipe.hyperparameters)
    if recipe.training.dropout is not None:
        given["dropout"] = recipe.training.dropout
    check_hyperparameters(architecture, given)
    task = registry.tasks.get(variant.task)
    check_training(recipe.training, variant, task)
    check_several_files(recipe, task)
    check_dynamic(recipe, task)
    check_end_to_end(recipe, registry, task, variant.preprocessing)
    check_resizing(variant, recipe.training)
    data = data_for_task(registry, recipe.data, variant.task)
    recipe = recipe.model_copy(update={"data": data})
    asked = variant.name
    if checkpoint is not None and recipe.model == str(checkpoint.path):
        asked += f", as {checkpoint.card_path} says"
    check_task(registry, recipe.data, variant.task, asked)
    formats = recipe.formats or [exporter.name for exporter in registry.exporters]
    asked_for = tuple(registry.exporters.get(name) for name in dict.fromkeys(formats))
    exporters = _exporters_with_cells(asked_for, recipe.precisions, registry)
    devices = tuple(device_named(registry, name) for name in dict.fromkeys(recipe.devices))
    tier_named(recipe.bench.tier)
    _check_budgets(recipe, devices or (device_named(registry, None),))
    start = None if recipe.training.from_scratch or backbone is not None else checkpoint
    if backbone is not None:
        _check_new_head(recipe, variant, backbone)
        verify(backbone, backbone.card().sha256)
    if start is not None:
        check_tied(start, given)
        _check_head(recipe, variant, start)
        verify(start, start.card().sha256)
        _check_data(recipe, registry, start)
    return Job(
        recipe=recipe,
        registry=registry,
        architecture=architecture,
        variant=variant,
        checkpoint=start,
        backbone=backbone,
        exporters=exporters,
        export_options=_export_options(recipe, registry, exporters),
        target=target_named(registry, recipe.export.target),
        devices=devices or (device_named(registry, None),),
        precisions=tuple(
            sorted(dict.fromkeys(recipe.precisions), key=lambda p: registry.precision(p).order)
        ),
        trained_exporters=_trained_exporters(recipe, exporters),
        left_out=_left_out(asked_for, recipe.precisions),
        tag=tag_of(registry, recipe.data),
        parts=tuple(part.name for part in task.parts),
        trackers=trackers_of(registry, recipe.track),
    )


def _exporters_with_cells(
    exporters: Sequence[Exporter], precisions: Sequence[str], registry: Registry
) -> tuple[Exporter, ...]:
    """The formats that have one of the precisions.

    Raises:
        UnknownName: A precision that no format has, or of several formats none has any.
    """
    for precision in precisions:
        registry.precision(precision)
    found = tuple(e for e in exporters if not {*e.precisions}.isdisjoint(precisions))
    for exporter in exporters:
        for precision in precisions:
            if precision not in exporter.precisions and not found:
                raise UnknownName(f"precision of {exporter.name}", precision, exporter.precisions)
    return found


def _left_out(exporters: Sequence[Exporter], precisions: Sequence[str]) -> tuple[str, ...]:
    missing = {e.name: [p for p in precisions if p not in e.precisions] for e in exporters}
    return tuple(
        f"the format {name} has no {' and no '.join(lacking)}: left out"
        for name, lacking in missing.items()
        if lacking
    )


def _check_budgets(recipe: Recipe, devices: Sequence[Device]) -> None:
    """Budgets are for devices of the recipe, and times that are not real keep or exceed none."""
    by_name = {device.name: device for device in devices}
    for name, limits in recipe.budgets.items():
        if name not in by_name:
            raise UnknownName("device with budgets, among those of the recipe,", name, by_name)
        if by_name[name].kind.analysis:
            raise UsageError(
                f"budgets.{name}: nothing is timed on {name!r}",
                why=f"devices of kind {by_name[name].kind.name!r} are analyses",
                fix="their limits are options of the device, such as flash and ram",
            )
        clock = by_name[name].clock
        timed = [b.quantity for b in budgets_of(limits) if b.dimension == "time"]
        if clock != "real" and timed:
            raise UsageError(
                f"budgets.{name}.{timed[0]}: times of {name!r} are {clock}",
                why="they say nothing about how fast the real device is",
                fix="limit what does not depend on time there: size, peak_memory",
            )


def _check_head(recipe: Recipe, variant: Variant, checkpoint: Checkpoint) -> None:
    """Weights of another task than the data's get a new head, which is to be trained."""
    own = checkpoint.task
    if recipe.training.epochs == 0 and own != variant.task:
        raise UsageError(
            f"{checkpoint.model_id} was trained for {own}, and {recipe.data} is for {variant.task}",
            why="that takes a new head, and 0 epochs were asked for",
            fix=f"fine-tune it: zoo finetune {recipe.model} --data {recipe.data}",
        )


def _check_new_head(recipe: Recipe, variant: Variant, backbone: Checkpoint) -> None:
    if recipe.training.epochs == 0:
        raise UsageError(
            f"{variant.name!r} needs a new head on the backbone of {backbone.model_id}",
            why="a new head must be trained, and 0 epochs were asked for",
            fix=f"train it: --epochs 5 or more, with --backbone {recipe.training.backbone}",
        )


def _check_data(recipe: Recipe, registry: Registry, checkpoint: Checkpoint) -> None:
    """Weights that are not trained further must fit the data; asked before TensorFlow is."""
    card = checkpoint.card()
    reshaped = recipe.training.input_size is not None or recipe.training.channels is not None
    if recipe.training.epochs > 0 or recipe.data == card.dataset or reshaped:
        return
    from zoo.networks.compatibility import check_fits

    dataset = open_dataset(registry, recipe.data)
    check_fits(card, checkpoint.preprocessing, dataset, recipe.data, recipe.model)


def _export_options(
    recipe: Recipe, registry: Registry, exporters: tuple[Exporter, ...]
) -> dict[str, dict[str, Any]]:
    given = recipe.export.options
    for name in given:
        registry.exporters.get(name)  # one that is not used today may still be in a recipe
    return {
        e.name: declared_options(e.options, given.get(e.name, {}), f"the format {e.name}")
        for e in exporters
    }


def _trained_exporters(recipe: Recipe, exporters: tuple[Exporter, ...]) -> tuple[Exporter, ...]:
    """The exporters of files with trained ranges; refuses a training that makes none."""
    if not recipe.qat.enabled:
        return ()
    if TRAINABLE.name not in recipe.precisions:
        raise UsageError(
            f"quantization-aware training makes {TRAINABLE.name} files, and none is asked for",
            why=f"the precisions are {', '.join(recipe.precisions)}",
            fix=f"add --precision {TRAINABLE.name}, or leave --qat out",
        )
    if recipe.export.keep:
        raise UsageError(
            "layers that stay in float and quantization-aware training do not go together",
            why="converters quantize what lies between trained ranges, whatever its name",
            fix="leave out --qat, or --keep-float",
        )
    able = tuple(e for e in exporters if e.takes_trained and TRAINABLE.name in e.precisions)
    if not able:
        raise UsageError(
            "no format takes the ranges of quantization-aware training",
            why=f"{', '.join(e.name for e in exporters)}: the exporter measures its own",
            fix="choose another --format, or leave --qat out",
        )
    return able


def _starting_checkpoint(architecture: Architecture, variant: Variant) -> str:
    official = [source.model_id for source in sources_of(architecture, variant).values()]
    scratch = "start from random weights: add --from-scratch"
    return f"name official ones: {', '.join(official)}; or {scratch}" if official else scratch

"""Searches, from Python: for a file within limits, for hyper-parameters, and for a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.api.runs import require_report
from zoo.common.progress import OnStep, quiet
from zoo.pipeline.options import listed, recipe_from, takes_recipe_keywords
from zoo.pipeline.recipe_fields import CHOICE, SEARCH, TRAINING
from zoo.pipeline.search.optimize import SearchResult, find_file, limits_of, search_options_of
from zoo.registry import Registry, load_registry

if TYPE_CHECKING:
    from zoo.pipeline.search.choice import Choice
    from zoo.pipeline.search.tune import TuneResult


@takes_recipe_keywords(*SEARCH)
def optimize(
    model: str,
    data: str | None = None,
    *,
    max_size: str | int | None = None,
    max_download: str | int | None = None,
    max_latency: str | float | None = None,
    max_drop: float | None = None,
    device: str | None = None,
    format: str | Sequence[str] | None = None,
    precision: str | Sequence[str] | None = None,
    width: Sequence[float] | None = None,
    prune: Sequence[float] | None = None,
    epochs: int = 4,
    budget_time: str | float | None = None,
    thorough: bool = False,
    output: str | Path = "optimized",
    store: str | None = None,
    report: bool = True,
    command: str | None = None,
    on_step: OnStep = quiet,
    progress: bool | None = None,
    registry: Registry | None = None,
    **options: Any,
) -> SearchResult:
    """Searches formats, precisions, calibrations, widths and pruning for the file that fits.

    Args:
        model: Model id or weights file.
        data: Calibrates, judges, and trains where something is trained; None for the dataset on
            the weights' card.
        max_size: Of the file: ``"300kB"``, or bytes.
        max_download: Of the file after gzip, likewise.
        max_latency: Median on the device: ``"5ms"``, or milliseconds.
        max_drop: Points of quality that the file may lose against the model.
        device: Where files are timed; None for this machine.
        format: None for all.
        precision: None for all of each format.
        width: Factors of narrower networks to train, 0 to 1; None only if nothing else fits; an
            empty sequence never.
        prune: Shares of weights to remove, 0 to 1; likewise.
        epochs: Of each training.
        budget_time: Nothing but the first stage begins after so long: ``"30min"``, or seconds.
        thorough: Try everything, even after a point fits.
        output: Parent of the search's folder.
        store: URL of the results store; None for the user's own.
        report: Whether to write ``report.html``.
        command: Shown in the report.
        on_step: Receives progress.
        progress: Whether it is shown where no `on_step` is given; None: on a terminal and in a
            notebook. Commands show their own.
        registry: None discovers plugins anew.
        **options: Others that `zoo.export` takes and that do not train.

    Raises:
        ZooError: The input is wrong, or the model could not be read or evaluated.
    """
    require_report(report)
    registry = registry or load_registry()
    found = find_file(
        registry,
        model,
        data,
        limits=limits_of(max_size, max_download, max_latency, max_drop),
        wishes=search_options_of(
            registry,
            formats=listed(format),
            precisions=listed(precision),
            width=width,
            prune=prune,
            epochs=epochs,
            budget_time=budget_time,
            thorough=thorough,
        ),
        device=device,
        output=Path(output),
        store_url=store,
        on_step=on_step,
        options=options,
    )
    if report:
        from zoo.report.pages.search import write_search

        write_search(found.folder / "report.html", found, command or f"zoo.optimize({model!r})")
    return found


@takes_recipe_keywords(*TRAINING)
def tune(
    model: str | None = None,
    data: str | None = None,
    *,
    trials: int | None = None,
    budget: str | float | None = None,
    space: Mapping[str, Any] | Sequence[str] = (),
    only: bool = False,
    objective: str | None = None,
    prune: bool = True,
    then: str | None = None,
    format: str | None = None,
    precision: str | None = None,
    output: str | Path = "tuned",
    recipe: str | Path | None = None,
    store: str | None = None,
    report: bool = True,
    command: str | None = None,
    on_step: OnStep = quiet,
    progress: bool | None = None,
    registry: Registry | None = None,
    **options: Any,
) -> TuneResult:
    """Searches for hyper-parameters of a network and of its training.

    Args:
        model: Variant, model id, or weights file; may stand in the recipe.
        data: Dataset; may stand in the recipe. Trials are compared on its validation split; its
            test split is read once, when the best is held against the default.
        trials: How many at most; 30 where no `budget` is given either.
        budget: Time for all trainings: ``"40min"``, or seconds.
        space: Parameter → what it may be: ``{"learning_rate": "1e-4..1e-1:log"}``, or a list of
            values; in the place of what the network and the training declare.
        only: Whether nothing varies but what `space` names.
        objective: ``loss``, or the metric of validation; None for the metric.
        prune: Whether trials that fall behind are ended.
        then: ``"latency@DEVICE"`` or ``"size"``: also make files of the different networks among
            the trials, and find the front.
        format: Of these files; None for the first that is installed.
        precision: Of these files; None for float32.
        output: Parent of the search's folder.
        recipe: TOML file; arguments win over it.
        store: URL of the results store; None for the user's own.
        report: Whether to write ``report.html``.
        command: Shown in the report.
        on_step: Receives progress.
        progress: Whether it is shown where no `on_step` is given; None: on a terminal and in a
            notebook. Commands show their own.
        registry: None discovers plugins anew.
        **options: The default that trials depart from; what is given is not varied, unless
            `space` names it.

    Raises:
        ZooError: The input is wrong, or the default could not be trained.
        MissingExtra: Optuna is not installed.
    """
    from zoo.pipeline.search.tune import tune_network, tune_options_of

    require_report(report)
    registry = registry or load_registry()
    asked = tune_options_of(
        trials=trials,
        space=space,
        budget=budget,
        only=only,
        objective=str(objective or ""),
        prune=prune,
        then=str(then or ""),
        format=format,
        precision=precision,
    )
    found = tune_network(
        registry,
        recipe_from(
            recipe=None if recipe is None else Path(recipe), model=model, data=data, **options
        ),
        asked,
        output=Path(output),
        store_url=store,
        on_step=on_step,
    )
    if report:
        from zoo.report.pages.tuning import write_tuning

        write_tuning(
            found.folder / "report.html", found, command or f"zoo.tune({found.model_id!r})"
        )
    return found


@takes_recipe_keywords(*CHOICE)
def choose(
    data: str,
    models: str | Sequence[str] | None = None,
    *,
    max_latency: str | float | None = None,
    max_size: str | int | None = None,
    max_arena: str | int | None = None,
    device: str | None = None,
    budget: str | float | None = None,
    format: str | None = None,
    precision: str | Sequence[str] | None = None,
    finalists: int = 3,
    seeds: int = 3,
    curve: bool = True,
    output: str | Path = "chosen",
    store: str | None = None,
    report: bool = True,
    command: str | None = None,
    on_step: OnStep = quiet,
    progress: bool | None = None,
    registry: Registry | None = None,
    **options: Any,
) -> Choice:
    """Compares networks on your data and device by experiment, and chooses one.

    Args:
        data: Dataset that the networks are to learn. They are compared on its validation split; its
            test split is read once, at the end.
        models: Variants, model ids, weights files, networks from elsewhere; None for every network
            of the data's task.
        max_latency: Median on the device: ``"5ms"``, or milliseconds.
        max_size: Of the file: ``"300kB"``, or bytes.
        max_arena: Tensor arena in a microcontroller's interpreter: ``"64kB"``, or bytes.
        device: Where files are timed; None for this machine.
        budget: Time for all trainings: ``"1h"``, or seconds.
        format: Of the files; None for the first that is installed.
        precision: Of the files; None for float32 and int8.
        finalists: How many networks are trained whole.
        seeds: On how many seeds each of these at most: on one more where that could still tell it
            from the best.
        curve: Whether the chosen one is trained on a quarter and a half of the data, too.
        output: Parent of the search's folder.
        store: URL of the results store; None for the user's own.
        report: Whether to write ``report.html``.
        command: Shown in the report.
        on_step: Receives progress.
        progress: Whether it is shown where no `on_step` is given; None: on a terminal and in a
            notebook. Commands show their own.
        registry: None discovers plugins anew.
        **options: Others that `zoo.finetune` takes, and of `zoo.ship` target, tier, threads and
            calibration_samples; the same for all networks.

    Raises:
        ZooError: The input is wrong, or no network could be trained.
    """
    from zoo.pipeline.search.choose import choose_network, choose_options_of

    require_report(report)
    registry = registry or load_registry()
    asked = choose_options_of(
        models=tuple(listed(models) or ()),
        budget=budget,
        max_size=max_size,
        max_latency=max_latency,
        max_arena=max_arena,
        finalists=finalists,
        seeds=seeds,
        curve=curve,
        format=format,
        precisions=None if precision is None else tuple(listed(precision) or ()),
        device=device,
    )
    found = choose_network(
        registry,
        data,
        lambda model: recipe_from(model=model, data=data, **options),
        asked,
        output=Path(output),
        store_url=store,
        on_step=on_step,
    )
    if report:
        from zoo.report.pages.choice import write_choice

        write_choice(found.folder / "report.html", found, command or f"zoo.choose({data!r})")
    return found

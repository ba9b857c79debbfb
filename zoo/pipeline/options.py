"""From keyword arguments and recipe files to one validated recipe."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo.common.errors import UsageError
from zoo.contracts.training import Training
from zoo.pipeline.recipe import Recipe, make_recipe, read_recipe

_TRAINING = frozenset(Training.model_fields)


def recipe_from(
    *,
    recipe: Path | None = None,
    model: str | None = None,
    data: str | None = None,
    formats: Sequence[str] | None = None,
    precisions: Sequence[str] | None = None,
    devices: Sequence[str] | None = None,
    seed: int | None = None,
    hyperparameters: Mapping[str, Any] | None = None,
    recurrent: str | None = None,
    task_options: Mapping[str, Any] | None = None,
    calibration_samples: int | None = None,
    calibration_split: str | None = None,
    calibration_method: str | None = None,
    target: str | None = None,
    keep: Sequence[str] | None = None,
    repair: str | None = None,
    export_options: Mapping[str, Mapping[str, Any]] | None = None,
    time_limit: float | None = None,
    memory_limit: float | None = None,
    max_drop: float | None = None,
    qat: bool | None = None,
    qat_epochs: int | None = None,
    tier: str | None = None,
    threads: int | None = None,
    **training: Any,
) -> Recipe:
    """Puts a recipe together: the file first, arguments over it, defaults under it.

    Args:
        recipe: TOML file.
        model: Variant, model id or weights file.
        data: Dataset.
        formats: Exporters.
        precisions: For each of them.
        devices: Where files are timed.
        seed: Of everything random.
        hyperparameters: Of the network.
        recurrent: The form of recurrent layers in files.
        task_options: Of the training, as the network's task declares them.
        calibration_samples: Real inputs for integer ranges.
        calibration_split: Where they are drawn from.
        calibration_method: How ranges follow from them.
        target: The kind of processor that the files are for.
        keep: Layers that stay in float in integer files.
        repair: Whether integer files that lose too much keep layers in float: ``auto``, ``none``.
        export_options: Format → options of its own.
        time_limit: Seconds of one conversion.
        memory_limit: Gigabytes of one conversion.
        max_drop: Points that a file may lose.
        qat: Whether to train for int8 files; with `max_drop` only where calibration loses more.
        qat_epochs: Passes over the training split for that.
        tier: How thoroughly to time.
        threads: Of the runtime.
        **training: Keys of the recipe's ``training`` table; None leaves the recipe's value.

    Raises:
        UsageError: Names each wrong key, and what it may be.
    """
    values: dict[str, Any] = read_recipe(recipe) if recipe is not None else {}
    _put(values, model=model, data=data, devices=devices, seed=seed)
    _put(values, formats=formats or None, precisions=precisions or None)
    _put(values, hyperparameters=dict(hyperparameters) if hyperparameters else None)
    unknown = sorted(set(training) - _TRAINING)
    if unknown:
        raise TypeError(f"unexpected keyword argument {unknown[0]!r}")
    _put(_table(values, "training"), **training)
    _put(_table(values, "export"), recurrent=recurrent, target=target, keep=keep or None)
    _put(_table(values, "export"), repair=repair)
    formats_table = _table(_table(values, "export"), "options")
    for name, own in (export_options or {}).items():
        _put(_table(formats_table, name), **own)
    _put(_table(_table(values, "training"), "task"), **(task_options or {}))
    _put(_table(values, "calibration"), samples=calibration_samples, split=calibration_split)
    _put(_table(values, "calibration"), method=calibration_method)
    _put(_table(values, "limits"), seconds=time_limit, memory_gb=memory_limit)
    _put(_table(values, "gate"), max_drop=max_drop)
    _put(_table(values, "qat"), enabled=qat, epochs=qat_epochs)
    if qat_epochs is not None and not _table(values, "qat").get("enabled"):
        raise UsageError(
            "--qat-epochs was given, but no quantization-aware training was asked for",
            fix="add --qat",
        )
    _put(_table(values, "bench"), tier=tier, threads=threads)
    where = str(recipe) if recipe is not None else "what was asked"
    return make_recipe(values, where)


def _put(table: dict[str, Any], **given: Any) -> None:
    table.update({key: value for key, value in given.items() if value is not None})


def _table(values: dict[str, Any], name: str) -> dict[str, Any]:
    table = values.setdefault(name, {})
    # A wrong type is reported by validation, with the key's name.
    return table if isinstance(table, dict) else {}


def parse_hyperparameters(
    pairs: Sequence[str], option: str = "--set", example: str = "activation=relu"
) -> dict[str, Any]:
    """``("activation=relu", "blocks=3")`` → values with TOML's types, else text.

    Args:
        pairs: As typed.
        option: The option that they were given to, for messages.
        example: A right one.

    Raises:
        UsageError: A pair without ``=``.
    """
    parsed: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals or not key.strip():
            raise UsageError(
                f"{option} {pair!r} is not KEY=VALUE", fix=f"for example: {option} {example}"
            )
        try:
            read = tomllib.loads(f"value = {text}")
        # Too many digits are a plain ValueError, too many brackets a RecursionError.
        except (ValueError, RecursionError):
            read = {}
        parsed[key.strip()] = read["value"] if set(read) == {"value"} else text
    return parsed


def parse_export_options(pairs: Sequence[str]) -> dict[str, dict[str, Any]]:
    """``("onnx.opset=18",)`` → ``{"onnx": {"opset": 18}}``.

    Raises:
        UsageError: Not ``FORMAT.KEY=VALUE``.
    """
    parsed: dict[str, dict[str, Any]] = {}
    for key, value in parse_hyperparameters(pairs, "--export-option", "onnx.opset=18").items():
        owner, dot, name = key.partition(".")
        if not (dot and owner and name):
            raise UsageError(
                f"--export-option {key!r} does not say whose option it is",
                fix="write FORMAT.KEY=VALUE, for example: --export-option onnx.opset=18",
            )
        parsed.setdefault(owner, {})[name] = value
    return parsed

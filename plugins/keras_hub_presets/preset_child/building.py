"""Networks of keras-hub from the description in a preset, or from an architecture alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from zoo.common.errors import ZooError, first_line
from zoo.networks.sources.config_check import check_config

from ...torch_files.torch_child.refusal import RefusedError
from ..preset_folder import EXPORT, without_preprocessor
from ..references import BACKBONE, TASK


def keras_and_hub() -> tuple[Any, Any]:
    """Keras and keras-hub.

    Raises:
        RefusedError: They do not go together.
    """
    import keras

    try:
        import keras_hub
    except (ImportError, AttributeError) as error:
        raise RefusedError(
            f"keras-hub cannot be used with Keras {keras.__version__}",
            why=first_line(error),
            fix="zoo sources setup keras-hub; it needs Keras 3.15 or later: "
            "pip install --upgrade keras",
            kind="UsageError",
        ) from error
    return keras, keras_hub


def of_description(folder: Path, classes: int | None, title: str) -> Any:
    """The network of a preset's folder, with random weights; what prepares inputs is not made.

    Args:
        folder: Of the preset; its descriptions may be anything.
        classes: In place of those of the description; None for these.
        title: Names it in messages.

    Raises:
        RefusedError: It names what keras-hub does not have, or cannot be built.
    """
    keras, hub = keras_and_hub()
    task = folder / TASK
    file = task if task.is_file() else folder / BACKBONE
    config = without_preprocessor(json.loads(file.read_text(encoding="utf-8")))
    try:
        check_config(config, f"{folder.name}/{file.name}")
    except ZooError as error:
        kind = type(error).__name__
        fix = EXPORT if kind == "UsageError" else error.fix or ""
        raise RefusedError(error.what, why=error.why or "", fix=fix, kind=kind) from error
    _check_kind(config, file, task=file is task)
    if file is task and "preprocessor" in _arguments_of(config):
        config["config"]["preprocessor"] = None
    if classes is not None:
        config["config"]["num_classes"] = classes
    try:
        # Weights of 16 bits are loaded into those of 32, as keras-hub itself does it.
        for part in (config, config["config"].get("backbone")):
            if isinstance(part, dict):
                _in_32_bits(part["config"])
        model = keras.saving.deserialize_keras_object(config, safe_mode=True)
    # Whatever Keras and keras-hub raise on a description that fits nothing.
    except Exception as error:
        raise RefusedError(
            f"{title} cannot be built by keras-hub {hub.__version__}",
            why=first_line(error),
            fix="save it anew with that version: model.save_to_preset('folder')",
        ) from error
    if not getattr(model, "inputs", None):
        raise RefusedError(
            f"{title} does not say what its inputs are",
            why="it is not a functional or sequential model",
            fix=EXPORT,
            kind="Unsupported",
        )
    return model


def _arguments_of(config: dict[str, Any]) -> tuple[str, ...]:
    import inspect

    import keras

    made = keras.saving.get_registered_object(config.get("registered_name"))
    return tuple(inspect.signature(made).parameters) if made is not None else ()


def _check_kind(config: dict[str, Any], file: Path, *, task: bool) -> None:
    """Refuses descriptions whose outermost class is none of keras-hub's networks."""
    import keras
    import keras_hub

    made = keras.saving.get_registered_object(config.get("registered_name"))
    kind = keras_hub.models.Task if task else keras.Model
    plain = not task and config.get("registered_name") in ("Functional", "Sequential")
    if not plain and not (isinstance(made, type) and issubclass(made, kind)):
        raise RefusedError(
            f"{file} describes no network of keras-hub",
            why=f"it is a {config.get('class_name')}",
            fix="name a folder that keras-hub saved: model.save_to_preset('folder')",
        )


def _in_32_bits(config: dict[str, Any]) -> None:
    """Takes the plain type of a description away, so that numbers have 32 bits."""
    dtype = config.get("dtype")
    inner = dtype.get("config") if isinstance(dtype, dict) else None
    name = inner.get("name") if isinstance(inner, dict) else dtype
    if name in ("float16", "bfloat16", "mixed_float16", "mixed_bfloat16"):
        del config["dtype"]


def built(request: dict[str, Any]) -> Any:
    """A classifier with random weights, of an architecture that keras-hub builds by itself."""
    from keras_hub.models import ImageClassifier
    from keras_hub.src.utils.preset_utils import find_subclass
    from keras_hub.src.utils.timm.preset_loader import TimmPresetLoader

    loader = TimmPresetLoader("", {"architecture": request["architecture"]})
    kind = loader.check_backbone_class()
    backbone = loader.load_backbone(kind, load_weights=False)
    task = find_subclass(request["title"], ImageClassifier, kind)
    return task(backbone=backbone, num_classes=request["classes"])

"""A preset's weights: all of them, or none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from zoo.common.errors import first_line

from ...torch_files.torch_child.refusal import RefusedError
from ..preset_folder import TASK_WEIGHTS


def load_weights(model: Any, folder: Path, title: str) -> None:
    """Loads the weights of a network and of its head.

    Raises:
        RefusedError: They are another network's, or lack one.
    """
    from keras_hub.src.utils.preset_utils import get_preset_loader

    _clear(model)
    head = folder / TASK_WEIGHTS
    backbone = getattr(model, "backbone", model)
    try:
        if backbone is not model and head.is_file():
            model.load_task_weights(str(head))
        get_preset_loader(str(folder))._load_backbone_weights(backbone)
    # Whatever Keras and h5py raise where shapes or names differ.
    except Exception as error:
        raise _refused(title, folder, first_line(error)) from error
    left = (one.path for one in _real(model) if np.isnan(np.asarray(one)).any())
    if path := next(left, ""):
        raise _refused(title, folder, f"{path} is missing")


def _refused(title: str, folder: Path, why: str) -> RefusedError:
    return RefusedError(
        f"the weights in {folder} are not those of {title}",
        why=why,
        fix="copy the whole folder again, or save it anew: model.save_to_preset('folder')",
    )


def _clear(model: Any) -> None:
    """Makes all weights NaN: Keras leaves those that a file lacks as they are, with a warning."""
    for weight in _real(model):
        weight.assign(np.full(weight.shape, np.nan, weight.dtype))


def _real(model: Any) -> list[Any]:
    return [weight for weight in model.weights if "float" in str(weight.dtype)]

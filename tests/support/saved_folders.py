"""SavedModels whose description was changed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any


def changed(plain: Path, folder: Path, change: Callable[[Any], object]) -> Path:
    """A copy whose description was changed."""
    from tensorflow.core.protobuf import saved_model_pb2

    shutil.copytree(plain, folder)
    file = folder / "saved_model.pb"
    model = saved_model_pb2.SavedModel.FromString(file.read_bytes())
    change(model)
    file.write_bytes(model.SerializeToString())
    return folder

"""Worker: a network before its export, as TensorFlow saves it, with answers to made-up inputs."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zoo.common.files import atomic_path
from zoo.common.named_arrays import fed_to_keras, joined
from zoo.common.progress import Event
from zoo.contracts import Preprocessing
from zoo.networks.building import deployed_model
from zoo.networks.loading import Subject, load_model

if TYPE_CHECKING:
    from zoo.contracts.task import Array

#: Inputs that the network is asked.
_COUNT = 3
_SEED = 0


def write_reference(
    *, subject: Subject, archive: str, answers: str, emit: Callable[[Event], None]
) -> None:
    """Writes the network, raw inputs to the task's outputs, as a SavedModel in one zip.

    Args:
        subject: The weights.
        archive: The zip; its members are stored as they are. It is written last, so that what
            belongs to it is there when it is.
        answers: An ``.npz`` file with raw ``inputs`` and the Keras network's ``outputs``.
        emit: Receives progress.
    """
    emit({"event": "stage", "text": "saving the network"})
    loaded = load_model(subject)
    # TensorFlow's own form: the number of examples is left open.
    model = deployed_model(loaded.network, loaded.preprocessing, loaded.task, batch=None)
    inputs = _seeded_inputs(loaded.preprocessing)
    given = fed_to_keras(inputs.astype(loaded.preprocessing.graph_dtype))
    made = model(given, training=False)
    named = made if isinstance(made, dict) else {"": made}
    # In the order of their names, as the runtime has them.
    outputs = joined({name: np.asarray(named[name]) for name in sorted(named)})
    with atomic_path(Path(answers)) as temporary, temporary.open("wb") as file:
        np.savez(file, inputs=inputs, outputs=outputs)
    with tempfile.TemporaryDirectory(prefix="zoo-reference-") as folder:
        model.export(folder, format="tf_saved_model", verbose=False)
        with atomic_path(Path(archive)) as temporary:
            _pack(Path(folder), temporary)


def _seeded_inputs(preprocessing: Preprocessing) -> Array:
    """Raw examples over the whole range of values, of the type that the preprocessing makes."""
    if len(preprocessing.parts) > 1:
        return joined({one.called: _seeded_inputs(one) for one in preprocessing.parts})
    random = np.random.default_rng(_SEED)
    low, high = preprocessing.value_range
    shape, dtype = (_COUNT, *preprocessing.input_shape), np.dtype(preprocessing.dtype)
    if dtype.kind in "iub":
        return random.integers(int(low), int(high), shape, endpoint=True).astype(dtype)
    return random.uniform(low, high, shape).astype(dtype)


def _pack(folder: Path, archive: Path) -> None:
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as packed:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                packed.write(path, path.relative_to(folder).as_posix())

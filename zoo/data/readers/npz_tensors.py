"""Samples without labels: inputs of any network, as arrays of these names in ``.npz`` files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.common.array_files import load_arrays
from zoo.common.errors import BadData
from zoo.common.named_arrays import joined
from zoo.contracts.dataset import Dataset
from zoo.data.readers.hashing import example_hashes
from zoo.data.readers.in_memory import dataset_of, memory_split
from zoo.data.splits import SHARES, require_distinct, split_by_content

#: The only class that samples without labels have.
UNLABELLED = "no labels"


def read_tensors(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of a file by name, each with the samples first; never unpickled.

    Raises:
        BadFile: Truncated, altered, or no ``.npz`` file.
        BadData: No arrays, other numbers of samples, no numbers, or NaN among them.
    """
    import psutil

    free = psutil.virtual_memory().available
    arrays = load_arrays(
        path,
        str(path),
        free,
        why=f"only {free / 1e9:.1f} GB of memory are free",
        fix="store fewer samples",
    )
    for name, values in arrays.items():
        if values.ndim == 0 or values.dtype.kind not in "uifb":
            raise BadData(
                f"{name} in {path} is no array of samples",
                why=f"it is of type {values.dtype} and shape {values.shape}",
                fix="store numbers of shape (samples, …), each sample as the network takes it",
            )
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            place = tuple(int(n) for n in np.argwhere(~np.isfinite(values))[0])
            raise BadData(
                f"{name} in {path} holds {values[place]} at index {place}",
                fix="repair the array, or leave these samples out",
            )
    counts = {name: len(values) for name, values in arrays.items()}
    if len(set(counts.values())) != 1 or 0 in counts.values():
        listed = ", ".join(f"{name}: {count}" for name, count in counts.items())
        raise BadData(
            f"the arrays in {path} are not about the same samples: {listed or 'none is there'}",
            fix="store one array for each input of the network, with as many samples each",
        )
    return arrays


def open_tensors(path: Path, name: str) -> Dataset:
    """Samples as a dataset without labels, split by content.

    Raises:
        BadFile: As `read_tensors`.
        BadData: Likewise, or too few different samples.
    """
    arrays = read_tensors(path)
    records = joined(arrays)
    hashes = example_hashes(records)
    fix = "store more, of what the network will see in use"
    require_distinct(hashes, SHARES, f"different samples in {path}", fix)
    labels = np.zeros(len(records), np.int64)
    divided = split_by_content(hashes, labels, (UNLABELLED,))
    return dataset_of(
        name,
        (UNLABELLED,),
        {split: memory_split(records, labels, hashes, own) for split, own in divided.items()},
        source=path.name,
        notes=("no labels: how good the network's answers are is not measured",),
    )

"""What the conversions of one network share that differ in kept layers or in the method alone.

A search for the layers that stay in float converts the same network up to a dozen times. Its float
graph and the histograms of its tensors are the same each time, and most of the time goes there.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from zoo.common.files import write_bytes

from .histograms import Histogram

Key = TypeVar("Key", str, int)


def reused(folder: Path | None, name: str, make: Callable[[], bytes]) -> bytes:
    """The bytes that `make` returned when the folder was first asked for this name.

    Args:
        folder: `ExportRequest.reuse`; None makes them.
        name: Of a file in the folder.
        make: Is called where there is no such file.
    """
    if folder is None:
        return make()
    path = folder / name
    if path.is_file():
        return path.read_bytes()
    made = make()
    write_bytes(path, made)
    return made


def reused_histograms(
    folder: Path | None, name: str, observe: Callable[[], Mapping[Key, Histogram]]
) -> Mapping[Key, Histogram]:
    """The same of histograms by tensor."""
    if folder is None:
        return observe()
    path = folder / name
    if path.is_file():
        return _read(path)
    seen = observe()
    write_bytes(path, _written(seen))
    return seen


def _written(seen: Mapping[Key, Histogram]) -> bytes:
    held = [*seen.values()]
    stream = io.BytesIO()
    np.savez(
        stream,
        keys=np.array([*seen]),
        counts=np.array([one.counts for one in held]),
        limits=np.array([one.limit for one in held]),
        sizes=np.array([len(one.lows) for one in held]),
        lows=np.array([low for one in held for low in one.lows]),
        highs=np.array([high for one in held for high in one.highs]),
    )
    return stream.getvalue()


def _read(path: Path) -> Mapping[Any, Histogram]:
    found: dict[Any, Histogram] = {}
    with np.load(path, allow_pickle=False) as stored:
        ends = np.cumsum(stored["sizes"])[:-1]
        lows, highs = (np.split(stored[name], ends) for name in ("lows", "highs"))
        of_each = zip(
            stored["keys"].tolist(), stored["counts"], stored["limits"], lows, highs, strict=True
        )
        for key, counts, limit, low, high in of_each:
            found[key] = one = Histogram()
            one.counts, one.limit = counts, float(limit)
            one.lows, one.highs = low.tolist(), high.tolist()
    return found

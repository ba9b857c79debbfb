"""What the front end of a file makes of raw inputs, against the steps outside of a graph."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.contracts import Check
from zoo.contracts.network_entry import NetworkEntry

Array = NDArray[Any]
Read = Callable[[Path, Array, bool], NetworkEntry]
NAME = "preprocessing"
#: Said of what was measured inside a file, and of nothing else.
IN_FILE = "in the file"
#: What roundings of float32 may add up to in a network's raw input: bands of a pure tone hold
#: little else, and the logarithm shows it.
FRONT_END_MAX_ABS = 2e-3


def behind_front_end(read: Read, given: Array) -> Read:
    """`Exporter.network_entry` by the network's raw inputs.

    Args:
        read: Takes inputs of the file.
        given: Those of which the network's raw inputs are made; some of these, from the first on,
            are what the returned function is called with.
    """
    return partial(_read_behind, read, given)


def _read_behind(read: Read, given: Array, path: Path, raw: Array, results: bool) -> NetworkEntry:
    return read(path, given[: len(raw)], results)


def same_inputs(one: Array, other: Array) -> int:
    """How many inputs are the same in both, from the first on."""
    both = zip(one, other, strict=False)
    return sum(1 for _ in takewhile(lambda pair: np.array_equal(*pair), both))


def front_end_problem(made: Array, raw: Array) -> Check | None:
    """The gate's check where a front end makes other inputs of the network; else None.

    Args:
        made: By the file, (inputs, …).
        raw: Outside of a graph, by the record of the file.
    """
    apart = float(np.abs(made - raw).max()) if made.shape == raw.shape else np.inf
    if apart <= FRONT_END_MAX_ABS:
        return None
    return Check(
        name=NAME,
        passed=False,
        value=f"max |Δ| {apart:.2g} {IN_FILE} on {len(raw)} inputs, in what the front end makes",
        limit=f"max |Δ| <= {FRONT_END_MAX_ABS:g}",
        reason="what the file's front end makes of its inputs is not what the record says",
    )

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
from zoo.contracts.preprocessing import InputKind

Array = NDArray[Any]
Read = Callable[[Path, Array, bool], NetworkEntry]
NAME = "preprocessing"
#: Said of what was measured inside a file, and of nothing else.
IN_FILE = "in the file"
#: How far a network's raw input may be off however steady it is.
FRONT_END_MAX_ABS = 2e-3
#: Mean size of a rounding of float32, as a share of the number.
_ROUNDING = 2.0**-25


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


def roundings(kind: InputKind[Any], given: Array, raw: Array) -> Array:
    """How far roundings of float32 may take a network's raw inputs, float64 (inputs,).

    Bands of a pure tone hold little but roundings, and a logarithm shows it. So the file's inputs
    are changed by what as many roundings as they have values come to, and what is made of these is
    compared. Silence stays what it is.

    Args:
        kind: Reads the file's inputs.
        given: Those, (inputs, …).
        raw: What `kind` makes of them.
    """
    if given.dtype.kind != "f":
        return np.zeros(len(given))
    share = _ROUNDING * np.sqrt(given[0].size)
    random = np.random.default_rng(0)
    changed = given * (1.0 + share * random.choice((-1.0, 1.0), given.shape))
    apart = np.abs(kind.network_inputs(changed.astype(given.dtype)) - raw)
    return _largest(apart)


def front_end_problem(made: Array, raw: Array, explained: Array) -> Check | None:
    """The gate's check where a front end makes other inputs of the network; else None.

    Args:
        made: By the file, (inputs, …).
        raw: Outside of a graph, by the record of the file.
        explained: How far each input may be off by roundings alone; see `roundings`.
    """
    apart = _largest(np.abs(made - raw)) if made.shape == raw.shape else np.full(len(raw), np.inf)
    allowed = FRONT_END_MAX_ABS + explained
    sound = apart <= allowed  # NaN is not
    if sound.all():
        return None
    worst = int(np.argmax(np.where(sound, -np.inf, np.nan_to_num(apart - allowed, nan=np.inf))))
    return Check(
        name=NAME,
        passed=False,
        value=f"max |Δ| {apart[worst]:.2g} {IN_FILE} on {len(raw)} inputs, in what the front end "
        "makes",
        limit=f"max |Δ| <= {allowed[worst]:.2g}",
        reason="what the file's front end makes of its inputs is not what the record says",
    )


def _largest(values: Array) -> Array:
    return np.asarray(values.reshape(len(values), -1).max(axis=1), np.float64)

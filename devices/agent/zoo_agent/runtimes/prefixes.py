"""What each operator of a TFLite file takes, found by cutting the file after each of them."""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ..common import AgentError, Json, clock
from ..running import seeded_inputs
from .flatbuffer import Flatbuffer

if TYPE_CHECKING:
    from .base import Model

#: So many passes are enough.
PROFILE_PASSES = 3
#: At least so long and so often is a piece of a network run, to learn what it takes.
PIECE_NS, PIECE_RUNS = 10_000_000, 5


def profile_by_prefixes(
    path: str, again: Callable[[str], Model], kinds: list[tuple[str, str]], seconds: float
) -> Json:
    """What each operator of a TFLite file adds to the time of those before it.

    TFLite's Python interface has no profiler. So the file is cut after each operator in turn; the
    difference of two neighbours' times is what the operator adds, with whatever a delegate fuses
    as it does in the whole file. Differences below zero say that the clock cannot tell.

    Args:
        path: Of the file.
        again: Loads a file.
        kinds: Of each operator, and what executes it.
        seconds: About so long at most, unless one pass takes longer.
    """
    data = Path(path).read_bytes()
    file = Flatbuffer(data)
    made = file.operators()
    if len(made) != len(kinds) or not all(made):
        raise AgentError("NoProfile", "the runtime runs other operators than the file holds")
    ends = [int(file.vector(file.graph, 1, "i")[0]), *(tensors[0] for tensors in made)]
    least: list[float] = [float("inf")] * len(ends)
    limit = clock() + int(seconds * 1e9)
    with tempfile.TemporaryDirectory(prefix="zoo-prefix-") as folder:
        piece = Path(folder) / "prefix.tflite"
        piece.write_bytes(data)
        for number in range(PROFILE_PASSES):
            for count, end in enumerate(ends):
                if number and clock() > limit:
                    break
                with piece.open("r+b") as changed:
                    for place, bytes_ in file.prefix(count, end).items():
                        changed.seek(place)
                        changed.write(bytes_)
                model = again(str(piece))
                least[count] = min(least[count], piece_time(model))
                del model
                gc.collect()
    rows = [
        {
            "name": file.name(ends[count + 1]),
            "operator": kind,
            "executor": executor,
            "ns": least[count + 1] - least[count],
        }
        for count, (kind, executor) in enumerate(kinds)
    ]
    return {
        "method": "the file cut after each operator, differences of the fastest runs",
        "call_ns": least[0],
        "operators": rows,
    }


def piece_time(model: Model) -> float:
    """The fastest of a few invocations in nanoseconds: what neighbours disturb least."""
    model.write(seeded_inputs(model, 0, 0.0, 1.0))
    for _ in range(2):
        model.reset()
        model.invoke()
    times: list[int] = []
    began = clock()
    while len(times) < PIECE_RUNS or clock() - began < PIECE_NS:
        model.reset()
        started = clock()
        model.invoke()
        times.append(clock() - started)
    return float(min(times))

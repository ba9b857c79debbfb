"""What golden outputs are decoded into, where a manifest says by what they are decoded.

A threshold that somebody changed leaves every output as it was; the answers become others.
"""

from __future__ import annotations

from functools import partial

from zoo.artifacts.golden_samples import GoldenArrays
from zoo.contracts import Preprocessing, Task


def golden_answers(
    task: Task,
    arrays: GoldenArrays,
    preprocessing: Preprocessing,
    classes: tuple[str, ...],
    part: str = "",
) -> tuple[str, ...]:
    """The answer to each golden input, in words; empty of tasks that choose nothing to decode with.

    Args:
        task: With what the manifest decodes with.
        arrays: Golden inputs and outputs.
        preprocessing: Of the file.
        classes: Names, in the order of the outputs.
        part: Of several files, which one gave the outputs: the task gets these alone, by name.
    """
    if not task.own_decoding:
        return ()
    import numpy as np

    outputs = arrays.outputs
    if part and outputs.dtype.names is None:
        (name,) = task.part(part).outputs
        named = np.empty(len(outputs), [(name, outputs.dtype, outputs.shape[1:])])
        named[name] = outputs
        outputs = named
    return tuple(
        task.decoded_beside(
            output, partial(arrays.inputs.__getitem__, index), preprocessing, classes, len(classes)
        ).answer
        for index, output in enumerate(outputs)
    )

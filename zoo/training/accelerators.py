"""The accelerators that a training runs on, set up in the process that trains."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

from zoo.common.errors import UnknownName, ZooError
from zoo.common.optional_imports import require
from zoo.contracts.accelerators import CPUS, KINDS, PROCESSOR, kind_and_index


def accelerators_here(kind: str) -> list[str]:
    """Names of the accelerators of a kind on this machine; needs TensorFlow."""
    found = len(require("tensorflow").config.list_physical_devices(KINDS[kind]))
    return [f"{kind}:{number}" for number in range(CPUS if kind == PROCESSOR else found)]


def check_present(names: Sequence[str], emit: Any = None) -> None:
    """Refuses accelerators that this machine lacks.

    Args:
        names: Of one kind.
        emit: Receives nothing: it makes this a function for child processes.

    Raises:
        UnknownName: One is not there; tells those that are.
    """
    for name in names:
        kind = kind_and_index(name)[0]
        here = accelerators_here(kind)
        if name in here:
            continue
        there = here or accelerators_here(PROCESSOR)
        shown = ", ".join(there) if len(there) < 3 else f"{there[0]} to {there[-1]}"
        first = f"the nearest is {here[-1]}" if here else f"TensorFlow finds no {KINDS[kind]} here"
        raise UnknownName("accelerator", name, there, fix=f"{first}; there are: {shown}")


@contextmanager
def on_accelerators(names: Sequence[str]) -> Iterator[None]:
    """Within the block, networks are made on these accelerators and trained on them.

    To be entered before TensorFlow has begun to compute in this process. One accelerator is all
    that TensorFlow sees then; of several each gets a copy of all variables (MirroredStrategy), and
    a `Trainer` divides every batch among them. Without names nothing is done.

    Raises:
        UnknownName: One is not there.
        ZooError: TensorFlow has begun to compute already, with other accelerators.
    """
    if not names:
        yield
        return
    check_present(names)
    kind = kind_and_index(names[0])[0]
    _show_only(kind, [kind_and_index(name)[1] for name in names])
    scope: Any = nullcontext()
    if len(names) > 1:
        tf = require("tensorflow")
        # In the order that was given, which is how TensorFlow numbers what it sees.
        made = [f"{KINDS[kind]}:{number}" for number in range(len(names))]
        scope = tf.distribute.MirroredStrategy(made).scope()
    with scope:
        yield


def _show_only(kind: str, numbers: Sequence[int]) -> None:
    config = require("tensorflow").config
    try:
        for other in KINDS:
            if kind != other != PROCESSOR:
                config.set_visible_devices([], KINDS[other])
        there = config.list_physical_devices(KINDS[kind])
        if kind == PROCESSOR:
            parts = [config.LogicalDeviceConfiguration() for _ in numbers]
            config.set_logical_device_configuration(there[0], parts)
        else:
            config.set_visible_devices([there[number] for number in numbers], KINDS[kind])
    except RuntimeError as error:
        raise ZooError(
            "accelerators cannot be chosen any more",
            why=f"TensorFlow has begun to compute in this process: {error}",
            fix="choose them in a new process, before anything is computed",
        ) from error

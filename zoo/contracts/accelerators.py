"""Names of the accelerators that a training is divided among: ``gpu:0``, ``cpu:1``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

#: The processor stands in for so many accelerators, ``cpu:0`` onwards: all are the same cores.
CPUS = 8
#: The kind that every machine has.
PROCESSOR = "cpu"
#: Kinds, and what TensorFlow calls them.
KINDS = {"gpu": "GPU", PROCESSOR: "CPU"}
#: What shells offer; which of them are there, TensorFlow alone knows.
OFFERED = tuple(f"{kind}:{number}" for kind in KINDS for number in range(CPUS))
_NAME = re.compile(r"(gpu|cpu):(0|[1-9][0-9]{0,2})")


def read_accelerators(value: Any) -> Any:
    """``"gpu:0"`` means ``("gpu:0",)``, and ``"GPU:0"`` the same; validation judges the rest."""
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list | tuple):
        return value
    return tuple(name.strip().lower() if isinstance(name, str) else name for name in names)


def kind_and_index(name: str) -> tuple[str, int]:
    """``gpu:1`` → ``("gpu", 1)``."""
    kind, _, number = name.partition(":")
    return kind, int(number)


def label_of(names: Sequence[str]) -> str:
    """What a worker is labelled with that has accelerators of a kind; empty where every one has."""
    kind = kind_and_index(names[0])[0] if names else PROCESSOR
    return "" if kind == PROCESSOR else kind


def check_accelerators(names: Sequence[str]) -> None:
    """Refuses names that are none, or that do not go together; asks no library what is there.

    Raises:
        ValueError: In words.
    """
    for name in names:
        if not _NAME.fullmatch(name):
            kind = name.partition(":")[0]
            near = f"{kind if kind in KINDS else 'gpu'}:0"
            raise ValueError(
                f"{name!r} names no accelerator: a name is gpu:NUMBER or cpu:NUMBER, such as {near}"
            )
    doubled = next((name for number, name in enumerate(names) if name in names[:number]), None)
    if doubled is not None:
        raise ValueError(f"{doubled!r} is named twice: each accelerator gets one part of a batch")
    if len({kind_and_index(name)[0] for name in names}) > 1:
        raise ValueError(
            f"{' and '.join(names)} are of different kinds: every step waits for the slowest, so "
            "that a processor would hold up the GPUs; name accelerators of one kind"
        )

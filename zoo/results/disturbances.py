"""How disturbances of a measurement are written."""

from __future__ import annotations

import re
from collections.abc import Iterable

_NUMBER = re.compile(r"\d+(?:\.\d+)?")


def worst_of_each(noise: Iterable[str]) -> tuple[str, ...]:
    """Each kind of disturbance once, with its largest figure.

    Args:
        noise: As the processes of one or several measurements recorded it. Texts that differ in
            figures alone are of one kind.
    """
    worst: dict[str, tuple[float, str]] = {}
    for reason in noise:
        numbers = [float(n) for n in _NUMBER.findall(reason)]
        kind = _NUMBER.sub("", reason)
        worst[kind] = max(worst.get(kind, (-1.0, "")), (max(numbers, default=0.0), reason))
    return tuple(reason for _, reason in worst.values())

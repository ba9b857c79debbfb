"""Choice of the calibration method whose file has the least output error."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from numpy.typing import NDArray

from zoo.contracts import ExportRequest
from zoo.contracts.layers import EXACT_DB

from .quantization_error import NoisePower
from .ranges import METHODS

Built = TypeVar("Built")
#: Multiply-adds that all trials of one file may take together.
_WORK = 1 << 33


def choose_method(
    request: ExportRequest,
    build: Callable[[str], Built],
    answers: Callable[[Built, NDArray[Any]], Sequence[NDArray[Any]]],
    expected: Callable[[NDArray[Any]], Sequence[NDArray[Any]]],
) -> tuple[Built, str, tuple[str, ...]]:
    """Builds with the requested method, or with each, and keeps the best.

    Args:
        request: Names the method, and holds the inputs to choose on.
        build: Makes a file with a method.
        answers: Computes all of a file's outputs of raw inputs (examples, …), in real numbers; the
            best has the least error in the worst of them.
        expected: Computes those of the float network.

    Returns:
        What was built, the method, and remarks.
    """
    if request.method != "auto":
        return build(request.method), request.method, ()
    inputs = _inputs(request)
    wanted = expected(inputs)
    found: dict[str, float] = {}
    kept: tuple[str, Built] | None = None
    for method in METHODS:  # one after the other: of a large network, all files are much memory
        one = build(method)
        found[method] = worst(wanted, answers(one, inputs))
        if kept is None or found[method] > found[kept[0]]:
            kept = method, one
    assert kept is not None
    best, built = kept
    return built, best, (_remark(best, found, inputs, held_out=request.held_out is not None),)


def _inputs(request: ExportRequest) -> NDArray[Any]:
    """Held-out inputs; fewer for networks that take long."""
    from zoo.networks.multiply_adds import count_multiply_adds

    inputs = request.calibration if request.held_out is None else request.held_out
    assert inputs is not None  # the core never asks for integers without
    affordable = _WORK // max(count_multiply_adds(request.model), 1)
    return inputs[: max(affordable, 32)]


def _remark(best: str, found: Mapping[str, float], inputs: NDArray[Any], *, held_out: bool) -> str:
    others = ", ".join(f"{m} {db:.1f}" for m, db in found.items() if m != best)
    whose = "held-out" if held_out else "calibration"
    return (
        f"The ranges of integers follow from {best}: on {len(inputs)} {whose} inputs its answers "
        f"are the closest to the network's ({found[best]:.1f} dB; {others})."
    )


def worst(expected: Sequence[NDArray[Any]], found: Sequence[NDArray[Any]]) -> float:
    """The least ratio of all outputs."""
    return min(decibels(ours, theirs) for ours, theirs in zip(expected, found, strict=True))


def decibels(expected: NDArray[Any], found: NDArray[Any]) -> float:
    """Signal-to-quantization-noise ratio of outputs, -200 to 200 dB."""
    power = NoisePower()
    power.add(expected, found)
    return -EXACT_DB if power.decibels is None else power.decibels

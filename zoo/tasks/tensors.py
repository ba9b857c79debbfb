"""Networks without labels or a task of ours: files answer as the network does, and no more is said.

What the outputs mean is not known, so nothing is said of how good they are. Of each output the
signal to quantization noise is measured: the power of the network's own answers about their mean,
over the power of the file's differences from them. About the mean, since a large offset would hide
an output that is scaled.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from zoo.common.errors import UsageError, ZooError
from zoo.common.named_arrays import describe_shapes, fields_of
from zoo.contracts import Check, Comparison, Metric, Output, Precision, Task, Truth
from zoo.contracts.comparison import differs_by_rounding
from zoo.contracts.precision import Tolerances
from zoo.contracts.prediction import DecodedOutput, named_outputs, plain_numbers
from zoo.hookspecs import hookimpl
from zoo.results.formatting import number
from zoo.tasks.image_similarity import MOST_DB

if TYPE_CHECKING:
    from zoo.contracts.task import Array

#: Least signal to noise of files that compute in integers.
_INTEGERS_DB = 20.0
#: What half precision may cost: honest files have 47 dB and more, and 0.017 of a component's spread
#: at most. That a file computes what it should is for the check beside the rounded network to say.
_ROUNDED_DB, _ROUNDED_NOISE = 40.0, 0.03
#: An input is answered alike where its own outputs have so little noise.
_ALIKE_DB = 20.0
#: Of an output so many numbers are shown.
_SHOWN = 8


def compare(reference: Array, candidate: Array) -> Comparison:
    """Noise of each output, by name.

    Raises:
        ZooError: Names or shapes differ.
    """
    ours, theirs = fields_of(reference), fields_of(candidate)
    if describe_shapes(reference) != describe_shapes(candidate):
        raise ZooError(
            f"the file's outputs are {describe_shapes(candidate)}, "
            f"the network's {describe_shapes(reference)}",
            why="the converter changed an output, or the file belongs to another network",
        )
    found = {name: _compared(values, theirs[name]) for name, values in ours.items()}
    if len(found) == 1:
        return next(iter(found.values()))
    known = [one.sqnr_db for one in found.values() if one.sqnr_db is not None]
    whole = Comparison.combined(found)
    return replace(whole, sqnr_db=min(known), relative=max(o.relative or 0 for o in found.values()))


def _compared(reference: Array, candidate: Array) -> Comparison:
    import numpy as np

    count = len(reference)
    ours = reference.reshape(count, -1).astype(np.float64)
    difference = candidate.reshape(count, -1).astype(np.float64) - ours
    # Several targets may be of different size: how far they are from each other is no signal.
    signal = np.square(ours - ours.mean(axis=0))
    if not signal.any():  # the same answer to every sample
        signal = np.square(ours)
    noise = np.square(difference)
    power = max(float(signal.mean()), 1e-30)
    rows = noise.mean(axis=1) <= power * 10 ** (-_ALIKE_DB / 10)
    scale = max(float(np.abs(ours).max()), 1e-12)
    largest = float(np.abs(difference).max())
    return Comparison(
        count=count,
        max_abs=largest,
        mean_abs=float(np.abs(difference).mean()),
        agreement=float(rows.mean()),
        sqnr_db=_decibels(power, float(noise.mean())),
        relative=largest / scale,
    )


def _decibels(signal: float, noise: float) -> float:
    if math.isnan(noise):
        return math.nan
    if noise == 0:
        return MOST_DB
    return max(-MOST_DB, min(MOST_DB, 10.0 * math.log10(signal / noise)))


class UnlabelledOutputs(Task):
    """Outputs of which nothing is known but what the network answers."""

    compare = staticmethod(compare)

    def activation(self, outputs: Any) -> Any:
        """What the network returns, by the names that its author gave it."""
        return outputs

    def compile(self, model: Any, optimizer: Any, options: Any) -> str:
        """Nothing to prepare where nothing is trained.

        Raises:
            UsageError: Epochs are asked for, and there is nothing to learn from.
        """
        if not options.epochs:
            model.compile(optimizer=optimizer, jit_compile=False)
            return "nothing"
        raise UsageError(
            "samples without labels train nothing",
            why=f"the task {self.name} has no labels",
            fix="leave out --epochs and --qat, or give labelled data of another task",
        )

    def parity(self, comparison: Comparison, precision: Precision) -> Check:
        """Each output by its own noise; in float32 by the largest difference as well."""
        outputs = comparison.outputs or {"": comparison}
        return (
            Check.combined({n: self._parity_of(one, precision) for n, one in outputs.items()})
            if (len(outputs) > 1)
            else self._parity_of(comparison, precision)
        )

    def tolerances(self, precision: Precision) -> Tolerances:
        """What rounding real numbers costs a network, where files are judged beside that, too."""
        own = precision.tolerances
        if precision.rounded is None or precision.arithmetic != "float":
            return own
        return replace(own, sqnr_db=_ROUNDED_DB, noise=_ROUNDED_NOISE)

    def beside_rounded(self, precision: Precision) -> bool:
        """In every precision that can be: without labels nothing else tells what rounding costs."""
        return precision.rounded is not None

    def _parity_of(self, one: Comparison, precision: Precision) -> Check:
        tolerances = self.tolerances(precision)
        exact = tolerances.max_abs < math.inf
        noise, apart = (
            math.nan if figure is None else figure for figure in (one.sqnr_db, one.relative)
        )
        # Half, since the network that was made of the source may be as far from it again.
        most = tolerances.max_abs / 2
        # Of integers a tenth: an output times 0.9 has as much noise, and that of its steps beside.
        least = tolerances.sqnr_db
        least = min(least, _INTEGERS_DB) if precision.arithmetic == "integer" else least
        # Written so that a NaN, which compares false to everything, fails.
        share = 10.0 ** (-noise / 20.0)
        passed = differs_by_rounding(apart, share, most) if exact else noise >= least
        limit = f"max |Δ| <= {most:g} of its scale" if exact else f">= {least:g} dB"
        limit += " (of single values more at 100 dB)" if exact else ""
        reason = ""
        if not passed:
            what = (
                f"{apart:.2g} of its scale apart" if exact else f"only {noise:.1f} dB above noise"
            )
            reason = f"it does not answer as the network: {what}"
        return Check(
            name="parity",
            passed=passed,
            value=f"{noise:.1f} dB on {one.count} inputs, max |Δ| {apart:.2g} of its scale",
            limit=limit,
            reason=reason,
        )

    def evaluate(self, answers: Array, truth: Truth) -> tuple[Metric, ...]:
        """Nothing: there are no labels."""
        return ()

    def accuracy(
        self, truth: Truth, reference: Array, candidate: Array, max_drop: float
    ) -> Check | None:
        """Nothing: there are no labels."""
        return None

    def class_labels(self, labels: Array) -> Array | None:
        """None: samples have no classes."""
        return None

    def details(self, answers: Array, truth: Truth) -> Mapping[str, Any]:
        """That there are no labels."""
        return {"labels": "no labels"}

    def describe_answer(self, answer: Any, classes: tuple[str, ...]) -> tuple[str, float | None]:
        """That there are none: samples have no labels."""
        return "no labels", None

    def decoded(
        self, output: Any, classes: tuple[str, ...], most: int, steps: Sequence[str] = ()
    ) -> DecodedOutput:
        """Every number; in words the shapes of the outputs and their first numbers."""
        named = named_outputs(output)
        told = "; ".join(f"{name} {_shown(values)}" for name, values in named.items())
        return DecodedOutput(answer=told, numbers=plain_numbers(output))


def _shown(values: Array) -> str:
    """``(2×3): 0.1, -2, …``."""
    first = ", ".join(number(float(value), 4) for value in values.reshape(-1)[:_SHOWN].tolist())
    sides = "×".join(map(str, values.shape))
    more = ", …" if values.size > _SHOWN else ""
    return f"({sides}): {first}{more}" if sides else first


@hookimpl
def zoo_tasks() -> Iterable[Task]:
    """Yields the task."""
    yield UnlabelledOutputs(
        name="tensors",
        summary="Whatever a network from elsewhere answers; no labels",
        outputs=(Output(name="output"),),
        least_classes=1,
        min_parity_inputs=16,
        own_names=True,
    )

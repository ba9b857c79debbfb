"""The same bits on the device: a file's answers there against those that are expected of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.common.errors import ZooError
from zoo.contracts.precision import HALF_TOLERANCE
from zoo.contracts.task import Check
from zoo.execution.session import AgentSession
from zoo.results.measurements import OutputCheck

#: How far off outputs from 0 to 1 may be where real numbers are rounded so: to ten bits after the
#: point, as in float16 files, or to seven.
_ROUNDED = {"f16": HALF_TOLERANCE, "tf32": HALF_TOLERANCE, "bf16": 8e-3}


class OutputsDiffer(ZooError):
    """A file answers otherwise on a device than it should; its times there mean nothing."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ExpectedOutputs:
    """What a file should answer.

    Attributes:
        inputs: Raw examples, one array per input, (examples, …).
        outputs: In real numbers, one array per output, (examples, …).
        limits: Largest absolute difference of a right answer, one per output.
        decide: Judges all outputs as the file's task does; None where that is not known.
        run: Gives a session's outputs for inputs, where that is more than one call: those of
            sequences, step by step. None for a call.
    """

    reference: str
    inputs: Sequence[NDArray[Any]]
    outputs: Sequence[NDArray[Any]]
    limits: Sequence[float]
    decide: Callable[[Sequence[NDArray[Any]]], Check] | None = None
    run: Callable[[AgentSession, Sequence[NDArray[Any]]], list[NDArray[Any]]] | None = None

    def check(self, session: AgentSession) -> OutputCheck:
        """Compares the answers of a session that has loaded the file.

        In one that has timed it, the inputs come backwards: answers that were recorded before do
        not fit.

        Raises:
            OutputsDiffer: They are others than a right answer may be.
            ZooError: The file does not run there.
        """
        step = -1 if session.timed else 1
        inputs = [values[::step] for values in self.inputs]
        answered = self.run(session, inputs) if self.run else session.run_all(inputs)
        found = [values[::step] for values in answered]
        differ = self._differ_after if session.timed else self._differ
        shapes = [values.shape for values in found]
        expected = [values.shape for values in self.outputs]
        if shapes != expected:
            raise differ(f"outputs are of shape {shapes}, not {expected}")
        exact, apart = True, 0.0
        limits = self._limits(session)
        for values, right, limit in zip(found, self.outputs, limits, strict=True):
            with np.errstate(invalid="ignore"):  # infinity minus infinity
                difference = np.abs(values.astype(np.float64) - right.astype(np.float64))
            # Two infinities of one sign, or two NaN, are the same answer.
            difference[(values == right) | (np.isnan(values) & np.isnan(right))] = 0.0
            largest = float(difference.max(initial=0.0))
            if not largest <= limit:
                raise differ(f"off by up to {largest:.3g}; a right answer is within {limit:g}")
            exact, apart = exact and not difference.any(), max(apart, largest)
        if self.decide is not None and not exact:
            verdict = self.decide(found)
            if not verdict.passed:
                raise differ(verdict.reason or verdict.value)
        return OutputCheck(
            reference=self.reference,
            inputs=len(self.inputs[0]),
            exact=exact,
            max_abs=apart,
            limit=max(limits),
        )

    def _limits(self, session: AgentSession) -> list[float]:
        """Wider ones where a device rounds real numbers, as GPUs do; `decide` judges as ever."""
        delegate = {} if session.loaded is None else session.loaded.delegate
        rounded = _ROUNDED.get(str(delegate.get("precision")), 0.0)
        return [
            max(limit, rounded * max(1.0, float(np.nan_to_num(np.abs(right)).max(initial=0.0))))
            for limit, right in zip(self.limits, self.outputs, strict=True)
        ]

    def _differ_after(self, why: str) -> OutputsDiffer:
        return OutputsDiffer(
            "it answers otherwise after it was timed than before: its times mean nothing",
            why=f"{why} (compared with {self.reference})",
            fix="try another runtime there; if it stays, report it to whoever makes the runtime",
        )

    def _differ(self, why: str) -> OutputsDiffer:
        return OutputsDiffer(
            "it was not timed: its answers there are not those that it should give",
            why=f"{why} (compared with {self.reference})",
            fix="try another runtime there; `zoo verify FILE` tells whether it is right here",
        )


def unchecked(why: str) -> Callable[[AgentSession], OutputCheck]:
    """A check that compares nothing, and says so."""
    return lambda session: OutputCheck(why_not=why)

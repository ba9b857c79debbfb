"""The choice whether XLA compiles the training step, by a trial in long trainings.

On some processors and networks the compiled step is twice as fast, on others half; only a
measurement shows which. It is made where the training is long enough for it to cost little.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

#: Trainings that are expected to be shorter are not worth a trial: compiling takes ten seconds
#: or more.
WORTH_SECONDS = 600.0
#: Fewer steps cannot take that long; not even the uncompiled step is timed then.
WORTH_STEPS = 1000
_ROUNDS = 5
#: XLA must win by so much: its steps round differently, and a tie should not decide that.
_CLEARLY = 1.05


@dataclass(frozen=True, kw_only=True)
class XlaTrial:
    """The outcome of the trial.

    Attributes:
        jit: Whether XLA compiles the step.
        note: How that came about, in words; empty when nothing was tried.
    """

    jit: bool
    note: str = ""


def use_jit(model: Any, wish: str, batches: Any, variables: Sequence[Any], steps: int) -> XlaTrial:
    """Decides whether XLA compiles the training step.

    Args:
        model: A compiled `keras.Model`.
        wish: ``on``, ``off``, or ``auto``: try it, if the training is long enough.
        batches: A `tf.data.Dataset` to try it on.
        variables: What the trial must leave as it was.
        steps: Training steps still to come.

    Returns:
        The decision; the model and all `variables` are as before.
    """
    if wish != "auto":
        return XlaTrial(jit=wish == "on")
    if steps < WORTH_STEPS:
        return XlaTrial(jit=False)
    before = [variable.numpy() for variable in variables]
    try:
        return _run_trial(model, batches, steps)
    finally:
        for variable, value in zip(variables, before, strict=True):
            variable.assign(value)
        model.reset_metrics()


def _run_trial(model: Any, batches: Any, steps: int) -> XlaTrial:
    plain = _CompiledStep(model, batches, jit=False)
    plain.run()
    expected = steps * plain.run()
    if expected < WORTH_SECONDS:
        return XlaTrial(jit=False)
    try:
        started = time.perf_counter()
        compiled = _CompiledStep(model, batches, jit=True)
        compiled.run()
        seconds = time.perf_counter() - started
    # TensorFlow raises many types of error for operations that cannot be compiled.
    except Exception as error:
        plain.use()
        return XlaTrial(jit=False, note=f"jit: XLA cannot compile this training: {_short(error)}")
    # They take turns, so that a busy moment hits both.
    pairs = [(plain.run(), compiled.run()) for _ in range(_ROUNDS)]
    ratio = statistics.median(p for p, _ in pairs) / statistics.median(c for _, c in pairs)
    won = ratio > _CLEARLY
    verdict = "won" if won else "lost"
    (compiled if won else plain).use()
    return XlaTrial(
        jit=won,
        note=f"jit: tried, {verdict}: {ratio:.2f} × the speed of the uncompiled step, "
        f"compiled in {seconds:.0f} s",
    )


class _CompiledStep:
    """The training function, compiled by XLA or not, with a stream of batches."""

    def __init__(self, model: Any, batches: Any, *, jit: bool) -> None:
        self._model = model
        self._jit = jit
        model.jit_compile = jit
        model.make_train_function(force=True)
        # A first call by way of fit: it also builds the metrics.
        model.fit(batches.take(model.steps_per_execution), epochs=1, verbose=0, shuffle=False)
        self._function = model.train_function
        self._batches = iter(batches.repeat())

    def use(self) -> None:
        """Installs it as the model's training function."""
        self._model.jit_compile = self._jit
        self._model.train_function = self._function

    def run(self) -> float:
        """Seconds of one step."""
        started = time.perf_counter()
        outputs = self._function(self._batches)
        # Steps may still be under way when the call returns.
        logs = outputs.get_value() if hasattr(outputs, "get_value") else outputs
        for value in logs.values():
            value.numpy()
        return (time.perf_counter() - started) / float(self._model.steps_per_execution)


def _short(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:160]

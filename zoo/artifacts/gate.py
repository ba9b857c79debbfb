"""The gate: every check that a file must pass before it counts, each with its reason."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from zoo.common.named_arrays import described, fields_of
from zoo.contracts import Check, Comparison, FileContents, Task, Truth

if TYPE_CHECKING:
    from zoo.contracts.task import Array

#: Precisions that promise integer arithmetic throughout.
INTEGER_PRECISIONS = frozenset({"int8", "int16x8"})
#: Precisions that promise 8-bit weights, and products of integers behind ranges found on the fly.
HYBRID_PRECISIONS = frozenset({"dynamic-int8"})
#: Precisions that promise weights of that very type.
HALF_PRECISIONS = frozenset({"float16"})
#: Largest difference of the normalization in the graph from the same formula in float64.
PREPROCESSING_MAX_ABS = 1e-4


def compare_outputs(task: Task, reference: Array, candidate: Array, labels: Array) -> Comparison:
    """The task's comparison, of what is relevant: steps that are padding are no answers.

    Args:
        task: Knows how outputs are compared.
        reference: Outputs of the Keras model.
        candidate: Outputs of the file on the same inputs.
        labels: Of these inputs.

    Returns:
        Its count is that of the inputs.
    """
    if described(reference) == described(candidate):
        reference, candidate = (task.relevant(o, labels) for o in (reference, candidate))
    return replace(task.compare(reference, candidate), count=len(labels))


def judge(
    *,
    task: Task,
    precision: str,
    contents: FileContents,
    parity: Comparison,
    preprocessing: Comparison,
    truth: Truth,
    reference: Array,
    outputs: Array,
    max_drop: float | None,
    twin: Array | None,
) -> tuple[Check, ...]:
    """Runs every check on one file.

    Args:
        task: Knows how outputs are compared.
        precision: As exported.
        contents: What the file really contains.
        parity: File against the Keras network on the same raw inputs.
        preprocessing: Normalization in the graph against the formula.
        truth: Of the whole test split.
        reference: Outputs of the Keras model on that split.
        outputs: Outputs of the file on that split, from its deployment runtime.
        max_drop: Points that may be lost; None for the task's own limit.
        twin: Outputs of the float32 file of the same format, when there is one; the paired test
            is then against what the user would ship otherwise.
    """
    allowed = max_drop if max_drop is not None else task.max_drop.get(precision, 1.0)
    return (
        finite(outputs),
        enough_inputs(task.parity(parity, precision), parity.count, task.min_parity_inputs),
        preprocessing_parity(preprocessing),
        task.accuracy(
            truth, task.decode(reference if twin is None else twin), task.decode(outputs), allowed
        ),
        placement(contents, precision),
        stock_operators(contents),
        static_shapes(contents),
    )


def conversion(task: Task, twins: Comparison, precision: str) -> Check:
    """Whether a file of trained ranges computes what the network that rounds computes.

    Args:
        task: Knows what is asked.
        twins: File against the network that was trained to be quantized.
        precision: As exported.
    """
    found = enough_inputs(task.parity(twins, precision), twins.count, task.min_parity_inputs)
    return replace(found, name="conversion")


def enough_inputs(check: Check, count: int, least: int) -> Check:
    """Agreement on a handful of inputs proves nothing."""
    if count >= least:
        return check
    reason = f"only {count} real inputs were there to compare; add examples to the dataset"
    return replace(check, passed=False, limit=f"{check.limit}, {least} inputs", reason=reason)


def finite(outputs: Array) -> Check:
    """No output is NaN or infinite."""
    import numpy as np

    wrong = [~np.isfinite(o.reshape(len(outputs), -1)).all(1) for o in fields_of(outputs).values()]
    bad = int(np.logical_or.reduce(wrong).sum())
    return Check(
        name="finite",
        passed=bad == 0,
        value=f"{bad} of {len(outputs)} outputs are NaN or infinite",
        limit="none",
        reason=f"{bad} outputs are NaN or infinite: some value overflowed" if bad else "",
    )


def preprocessing_parity(comparison: Comparison) -> Check:
    """The normalization baked into the graph is the formula on the record."""
    passed = comparison.max_abs <= PREPROCESSING_MAX_ABS
    return Check(
        name="preprocessing",
        passed=passed,
        value=f"max |Δ| {comparison.max_abs:.2g} on {comparison.count} inputs",
        limit=f"max |Δ| <= {PREPROCESSING_MAX_ABS:g}",
        reason="" if passed else "the graph normalizes differently from its record",
    )


def placement(contents: FileContents, precision: str) -> Check:
    """What share of the computing operators works on integers, and which do not.

    Each precision promises something that can be read back from the file.
    """
    total = contents.integer_operators + contents.float_operators
    value = f"{contents.integer_operators} of {total} operators are integer"
    if contents.hybrid_operators:
        value += f", {contents.hybrid_operators} hybrid"
    if contents.float_islands:
        islands = sorted(set(contents.float_islands))
        value += f"; float: {', '.join(islands)}"
    if precision in INTEGER_PRECISIONS:
        passed = contents.integer_operators > 0
        limit = "integer operators do the work"
        reason = "nothing was quantized: the file computes in float throughout"
    elif precision in HYBRID_PRECISIONS:
        passed = contents.integer_operators + contents.hybrid_operators > 0
        limit = "operators multiply by 8-bit weights"
        reason = "no operator multiplies by 8-bit weights: the file computes in float throughout"
    elif precision in HALF_PRECISIONS:
        half = contents.weight_types.get(precision, 0)
        value += (
            f"; {half:,} of {sum(contents.weight_types.values()):,} weight bytes are {precision}"
        )
        passed, limit = half > 0, f"weights are {precision}"
        reason = f"no weight is {precision}"
    else:
        passed, limit, reason = True, "reported", ""
    return Check(
        name="placement",
        passed=passed,
        value=value,
        limit=limit,
        reason="" if passed else reason,
    )


def stock_operators(contents: FileContents) -> Check:
    """A runtime as installed from its registry has every operator."""
    custom = contents.custom_operators
    return Check(
        name="operators",
        passed=not custom,
        value=f"custom or Flex: {', '.join(custom)}" if custom else "all stock",
        limit="no Flex or custom operators",
        reason=f"no stock runtime has {', '.join(custom)}" if custom else "",
    )


def static_shapes(contents: FileContents) -> Check:
    """Every tensor has its size before the first input arrives."""
    dynamic = contents.dynamic_tensors
    named = ", ".join(re.sub(r"\s+", " ", name) for name in dynamic[:3])
    return Check(
        name="shapes",
        passed=not dynamic,
        value=f"{len(dynamic)} tensors without a static shape" if dynamic else "all static",
        limit="static",
        reason=f"not static: {named}" if dynamic else "",
    )


def reasons(checks: tuple[Check, ...]) -> str:
    """Why a file was rejected, in one line; empty when it was not."""
    return "; ".join(f"{check.name}: {check.reason}" for check in checks if not check.passed)

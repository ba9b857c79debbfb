"""The gate: the checks that every file must pass, each with its reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from zoo.artifacts import closeness
from zoo.artifacts.file_chain import FileChain
from zoo.artifacts.free_shapes import static_shapes
from zoo.common.named_arrays import describe_shapes, fields_of
from zoo.contracts import Check, Comparison, FileContents, Precision, Task, Truth
from zoo.contracts.exporter import FreeSides
from zoo.contracts.precision import BASELINE
from zoo.networks.layer_names import LayerNames

if TYPE_CHECKING:
    from zoo.contracts.task import Array

#: What work is counted in.
WORK = "multiply-adds"
#: Least share of operators on integers, 0 to 1, in files whose work was not counted.
_LEAST_OPERATORS = 0.5
#: Largest difference of the normalization in the graph from the same formula in float64.
PREPROCESSING_MAX_ABS = 1e-4


def compare_outputs(
    task: Task, reference: Array, candidate: Array, labels: Array, rounding: float = 0.0
) -> Comparison:
    """The task's comparison of relevant outputs; padded steps are left out.

    Args:
        task: Knows how outputs are compared.
        reference: Outputs of the Keras model.
        candidate: Outputs of the file on the same inputs.
        labels: Of these inputs.
        rounding: See `closeness.compare`.

    Returns:
        Its count is that of the inputs.
    """
    if describe_shapes(reference) == describe_shapes(candidate):
        reference, candidate = (task.relevant(o, labels) for o in (reference, candidate))
    return replace(closeness.compare(task, reference, candidate, rounding), count=len(labels))


def run_checks(
    *,
    task: Task,
    precision: Precision,
    static: Sequence[Check],
    parity: Comparison,
    preprocessing: Check,
    truth: Truth,
    reference: Array,
    outputs: Array,
    max_drop: float | None,
    baseline: Array | None,
) -> tuple[Check, ...]:
    """Runs every check on one file, or on all files of one model together.

    Args:
        task: Knows how outputs are compared.
        precision: As exported.
        static: What the bytes alone answer; from `file_checks` or `chain_checks`.
        parity: File against the Keras network on the same raw inputs.
        preprocessing: Normalization in the file against the formula, as `normalization_in_file`
            measures it.
        truth: Of the whole test split.
        reference: Outputs of the Keras model on that split.
        outputs: Outputs of the file on that split, from its deployment runtime.
        max_drop: Points that may be lost; None for the task's own limit.
        baseline: Outputs of the float32 file of the same format, when there is one; the paired test
            is then against what the user would ship otherwise.
    """
    allowed = max_drop if max_drop is not None else task.allowed_loss(precision)
    before = task.answers(reference if baseline is None else baseline, truth)
    after = task.answers(outputs, truth)
    by_class = task.class_loss(truth, before, after)
    paired = task.accuracy(truth, before, after, allowed)
    return (
        finite_outputs(outputs),
        require_inputs(
            closeness.parity(task, parity, precision), parity.count, task.min_parity_inputs
        ),
        preprocessing,
        *(() if paired is None else (paired,)),
        *(() if by_class is None else (by_class,)),
        *task.probability_checks(truth, reference, outputs, precision),
        *static,
    )


def file_checks(
    contents: FileContents,
    precision: Precision,
    kept: Sequence[str] = (),
    layers: Sequence[str] = (),
    free: FreeSides | None = None,
    *,
    decoded: bool = False,
) -> tuple[Check, ...]:
    """The checks that a file's bytes answer, without running it.

    Args:
        contents: What the file really contains.
        precision: As exported.
        kept: Names of the Keras layers that were kept in float on purpose.
        layers: Names of all layers of the network, in its order.
        free: Sides of its inputs that are free; None for none.
        decoded: Whether it decodes its outputs itself.
    """
    return (
        placement(contents, precision, kept, layers),
        stock_operators(contents),
        static_shapes(contents, free, decoded=decoded),
    )


def own_names(contents: FileContents, inputs: Sequence[str], outputs: Sequence[str]) -> Check:
    """Whether inputs and outputs are called as the network's author called them, in that order."""
    wanted = [*inputs, "→", *outputs]
    found = [*(t.name for t in contents.inputs), "→", *(t.name for t in contents.outputs)]
    return Check(
        name="names",
        passed=found == wanted,
        value=" ".join(found),
        limit=" ".join(wanted),
        reason="" if found == wanted else "inputs or outputs are called otherwise in the network",
    )


def chain_checks(chain: FileChain, precision: Precision) -> tuple[Check, ...]:
    """The `file_checks` of a model: of several files, each check passes where it does for all."""
    found = [
        file_checks(
            artifact.contents,
            precision,
            manifest.kept,
            manifest.layers,
            manifest.free_sides,
            decoded=manifest.end_to_end,
        )
        for artifact, manifest in zip(chain.artifacts, chain.manifests, strict=True)
    ]
    if len(found) == 1:
        return found[0]
    return tuple(
        Check.combined(dict(zip(chain.names, same, strict=True)))
        for same in zip(*found, strict=True)
    )


def conversion_parity(task: Task, twins: Comparison, precision: Precision) -> Check:
    """Parity of a quantization-aware trained file with its rounding twin.

    Args:
        task: Knows what is asked.
        twins: File against the rounding twin.
        precision: As exported.
    """
    found = closeness.parity(task, twins, precision)
    found = require_inputs(found, twins.count, task.min_parity_inputs)
    return replace(found, name="conversion")


def require_inputs(check: Check, count: int, least: int) -> Check:
    """The check, failed where it rests on fewer than `least` inputs."""
    if count >= least:
        return check
    reason = f"only {count} real inputs were there to compare; add examples to the dataset"
    return replace(check, passed=False, limit=f"{check.limit}, {least} inputs", reason=reason)


def finite_outputs(outputs: Array) -> Check:
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
    """Parity of the normalization in the network's own graph with the reference formula."""
    passed = comparison.max_abs <= PREPROCESSING_MAX_ABS
    return Check(
        name="preprocessing",
        passed=passed,
        value=f"max |Δ| {comparison.max_abs:.2g} on {comparison.count} inputs",
        limit=f"max |Δ| <= {PREPROCESSING_MAX_ABS:g}",
        reason="" if passed else "the graph normalizes differently from its record",
    )


def placement(
    contents: FileContents,
    precision: Precision,
    kept: Sequence[str] = (),
    layers: Sequence[str] = (),
) -> Check:
    """Whether the file's operators compute in its precision, read back from its bytes.

    An integer precision is judged by work: the share of multiply-adds in integer arithmetic. What
    no runtime of the format computes in integers, and layers kept in float on purpose, are told
    and left out. Where a format counts no multiply-adds, half of the operators must be integer.

    Args:
        contents: Of the file.
        precision: As exported.
        kept: Names of the Keras layers that were kept in float on purpose.
        layers: Names of all layers of the network, in its order.
    """
    total = contents.integer_operators + contents.float_operators
    value = f"{contents.integer_operators} of {total} operators are integer"
    if contents.hybrid_operators:
        value += f", {contents.hybrid_operators} hybrid"
    if contents.float_islands:
        islands = sorted(set(contents.float_islands))
        value += f"; float: {', '.join(islands)}"
    passed, limit, reason = True, "reported", ""
    if precision.arithmetic == "integer":
        least, counted = precision.integer_work, WORK
        share, told = integer_work(contents, kept, layers)
        if not any(contents.multiply_adds.values()):
            least, counted = _LEAST_OPERATORS, "operators"
            share = contents.integer_operators / max(1, total)
        value += told
        passed = contents.integer_operators > 0 and share >= least
        limit = f"at least {least:.0%} of the {counted} are integer"
        reason = (
            f"only {share:.1%} of the {counted} that should be integer are: the rest computes in "
            "float; name layers that should (--keep-float), or choose another precision"
        )
        if not contents.integer_operators:
            reason = "nothing was quantized: the file computes in float throughout"
    elif precision.arithmetic == "hybrid":
        if work := sum(contents.multiply_adds.values()):
            small = work - contents.multiply_adds["float"]
            value += f"; {small / work:.1%} of {work:,} {WORK} are by {precision.weights}"
        stored = contents.weight_types
        if stored:
            value += _weight_share(contents, precision)
        passed = contents.integer_operators + contents.hybrid_operators > 0
        passed = passed and (not stored or precision.weights in stored)
        limit = f"operators multiply by {precision.weights} weights"
        reason = f"no operator multiplies by {precision.weights} weights"
        if not contents.integer_operators + contents.hybrid_operators:
            reason += ": the file computes in float"
    elif precision.weights != BASELINE.weights:
        value += _weight_share(contents, precision)
        passed, limit = (
            contents.weight_types.get(precision.weights, 0) > 0,
            f"weights are {precision.weights}",
        )
        reason = f"no weight is {precision.weights}"
    return Check(
        name="placement",
        passed=passed,
        value=value,
        limit=limit,
        reason="" if passed else reason,
    )


def _weight_share(contents: FileContents, precision: Precision) -> str:
    own, total = (
        contents.weight_types.get(precision.weights, 0),
        sum(contents.weight_types.values()),
    )
    return f"; {own:,} of {total:,} weight bytes are {precision.weights}"


def integer_work(
    contents: FileContents, kept: Sequence[str] = (), layers: Sequence[str] = ()
) -> tuple[float, str]:
    """The share of multiply-adds in integer arithmetic, 0 to 1, and words for what was left out."""
    work = sum(contents.multiply_adds.values())
    if not work:
        return 0.0, ""
    integer = contents.multiply_adds["integer"]
    told = f"; {integer / work:.1%} of {work:,} {WORK} are integer"
    lacking = contents.without_integer_kernel
    if lacking:
        told += (
            f", {sum(lacking.values()) / work:.1%} lack an integer kernel ({', '.join(lacking)})"
        )
    unasked = unasked_float(contents, kept, layers)
    on_purpose = sum(contents.float_products.values()) - sum(unasked.values())
    if kept:
        told += f", {on_purpose / work:.1%} were kept in float on purpose ({', '.join(kept)})"
    if unasked:
        told += f", {_share(contents, unasked)} stayed in float, which nobody asked for"
    asked = work - sum(lacking.values()) - on_purpose
    return integer / asked if asked else 1.0, told


def unasked_float(
    contents: FileContents, kept: Sequence[str] = (), layers: Sequence[str] = ()
) -> dict[str, int]:
    """Layers that compute in float beside integer ones though nobody asked: name → multiply-adds.

    Args:
        contents: Of the file.
        kept: Names of the Keras layers that were kept in float on purpose.
        layers: Names of all layers of the network, in its order.
    """
    names, found = LayerNames(layers, contents.float_products), Counter[str]()
    for name, products in contents.float_products.items():
        own = names.of(name)
        # Converters leave some results without a name.
        if products and not (kept and (not own or {*own} & {*kept})):
            found[" and ".join(own) or "an operator without a name"] += products
    return dict(found)


def left_in_float(
    contents: FileContents, precision: Precision, kept: Sequence[str], layers: Sequence[str]
) -> str:
    """What an integer file leaves in float unasked, ``3.2% (conv1)``; empty for other files."""
    unasked = unasked_float(contents, kept, layers) if precision.arithmetic == "integer" else {}
    return _share(contents, unasked) if unasked else ""


def _share(contents: FileContents, unasked: Mapping[str, int]) -> str:
    share = sum(unasked.values()) / sum(contents.multiply_adds.values())
    return f"{share:.1%} ({', '.join(unasked)})"


def stock_operators(contents: FileContents) -> Check:
    """Whether the file has only operators of unmodified runtimes."""
    custom = contents.custom_operators
    return Check(
        name="operators",
        passed=not custom,
        value=f"custom or Flex: {', '.join(custom)}" if custom else "all stock",
        limit="no Flex or custom operators",
        reason=f"no stock runtime has {', '.join(custom)}" if custom else "",
    )


def reasons(checks: tuple[Check, ...]) -> str:
    """Why a file was rejected, in one line; empty when it was not."""
    return "; ".join(f"{check.name}: {check.reason}" for check in checks if not check.passed)

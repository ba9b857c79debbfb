"""The normalization that a file computes behind its input, against the formula of its record.

A converter may leave it as operators of its own, or fold it into the first layer's weights. Where
it is there, what the first layers read is compared with the formula; where it is not, what these
layers make of raw inputs is compared with what the network's own layers make of them. It may be
there for some layers, and folded into others.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from zoo.artifacts.artifact import open_artifact, require_manifest
from zoo.artifacts.built_inputs import built_inputs
from zoo.artifacts.entry_order import added_up, channel_axis, channels_last, factor_of, in_order
from zoo.artifacts.front_end_in_file import (
    IN_FILE,
    NAME,
    behind_front_end,
    front_end_problem,
    roundings,
    same_inputs,
)
from zoo.artifacts.gate import PREPROCESSING_MAX_ABS
from zoo.artifacts.nearest_layer import NearestLayer, nearest_given, nearest_result
from zoo.common.errors import MissingExtra
from zoo.common.progress import Event
from zoo.contracts import Check, Exporter, Precision, Preprocessing
from zoo.contracts.network_entry import EntryTensor, NetworkEntry
from zoo.data.preprocessing.inputs import kind_of, normalize
from zoo.networks.leading_layers import LeadingResults
from zoo.registry import PluginSettings, load_registry

Array = NDArray[Any]
_OFF_NETWORK = "off the network"
#: Built inputs beside the real ones: of grey pictures, exchanged channels do not show.
_BUILT = 16
#: Built numbers are multiplied by this before they are rounded to whole ones.
_WIDER = 4
#: So many values of large inputs are measured, and so many inputs whatever their size.
_MOST_VALUES, _LEAST = 2_000_000, 4
#: What roundings of float32 and of half precision may add up to, as a share of what is added.
_FLOAT, _HALF = 2.0**-22, 2.0**-10
#: Integer steps that rounding before, within and behind the operators may add up to.
_STEPS = 1.5
#: What integer steps explain at most, however coarse they are, as a share of the formula's range.
_MOST_BY_STEPS = 0.05
#: Share of the values of real inputs that integers may be too few for, as ranges are measured on
#: others; and of built inputs, where there are no real ones: these have extremes more often.
_MOST_CLIPPED, _MOST_CLIPPED_OF_BUILT = 0.05, 0.3
#: How far a first layer's result may be off, as a share of its own mean square, by weights.
_RESULTS = {"float32": 1e-3, "float16": 1e-2}
_INTEGER_RESULTS = 0.05


@dataclass(frozen=True, kw_only=True)
class NormalizationFinding:
    """What a file's own graph makes of raw inputs.

    Attributes:
        kind: ``formula``: what the first layers read was compared with the record's formula;
            ``network``: it, or what these layers make of it, with the network; ``unknown``: it is
            not the formula's, and only the network would tell whether that is right; ``none``:
            there is nothing to measure.
        check: Of the gate. One whose kind is ``unknown`` has not passed.
    """

    kind: Literal["formula", "network", "unknown", "none"]
    check: Check


def measure(
    *,
    path: Path,
    plugins: PluginSettings,
    inputs: Array,
    leading: Path | None,
    emit: Callable[[Event], None],
) -> NormalizationFinding:
    """Runs a file up to its first layers; for a worker process that needs no TensorFlow.

    Args:
        path: The file; it has a manifest.
        plugins: Which plugins to look for.
        inputs: Raw real inputs.
        leading: Where `LeadingResults` of the network are; None where they are not known.
        emit: Receives progress.
    """
    registry = load_registry(plugins)
    artifact = open_artifact(registry, path)
    manifest = require_manifest(artifact)
    try:
        return check_normalization(
            artifact.exporter,
            path,
            manifest.preprocessing,
            registry.precision(manifest.precision),
            inputs,
            None if leading is None else LeadingResults.load(leading),
        )
    except MissingExtra as error:
        return _none(error.what)


def check_normalization(
    exporter: Exporter,
    path: Path,
    preprocessing: Preprocessing,
    precision: Precision,
    inputs: Array,
    leading: LeadingResults | None = None,
) -> NormalizationFinding:
    """Measures the normalization in a file; see `measure`."""
    if exporter.network_entry is None:
        return _none(f"the format {exporter.name} shows no inner tensors")
    if len(preprocessing.parts) > 1:
        return _none("its inputs are taken as they are")
    fits = max(_LEAST, _MOST_VALUES // int(np.prod(preprocessing.input_shape)))
    inputs = inputs[:fits]
    built = built_inputs(preprocessing, min(_BUILT, fits))
    raw = np.concatenate([inputs, built])
    read = exporter.network_entry
    if preprocessing.of_network is not preprocessing:
        # The network reads what the file's front end makes of its inputs.
        read = behind_front_end(read, raw)
        given, kind = raw, kind_of(preprocessing)
        raw = kind.network_inputs(given)
        preprocessing = preprocessing.of_network
        leading = None if leading is None else leading.first(same_inputs(leading.inputs, raw))
        entry = read(path, raw, False)
        if entry.made is not None:
            problem = front_end_problem(entry.made, raw, roundings(kind, given, raw))
            if problem is not None:
                return NormalizationFinding(kind="formula", check=problem)
            raw = entry.made.astype(raw.dtype)
    else:
        entry = read(path, raw, False)
    if np.dtype(preprocessing.graph_dtype).kind in "iu":
        return _whole_numbers(entry, raw)
    if not entry.tensors:
        return _none("no layer reads what depends on the input")
    compared = [_compared(tensor, raw, len(inputs), preprocessing) for tensor in entry.tensors]
    if raw.dtype.kind == "f" and any(tensor.whole for tensor in entry.tensors):
        # Fractions and negative numbers are no input of networks that look whole numbers up.
        raw = inputs if len(inputs) else np.abs(np.rint(_WIDER * built))
        if np.array_equal(raw, np.rint(raw)):
            again = read(path, raw, False).tensors
            compared = [
                _compared(tensor, raw, len(inputs), preprocessing) if tensor.whole else one
                for tensor, one in zip(again, compared, strict=True)
            ]
    worst = max(compared, key=lambda one: one.excess)
    if worst.excess <= 0:
        return NormalizationFinding(kind="formula", check=worst.check())
    others = {t.name for t, one in zip(entry.tensors, compared, strict=True) if one.excess > 0}
    found = leading and _held_to_network(read, path, preprocessing, precision, leading, others)
    if found:
        return found
    if any(tensor.operators for tensor in entry.tensors):
        reason = f"what its first layers read is not what the record says: {worst.where}"
    else:
        reason = (
            "the file computes nothing between its input and its first layer: the normalization "
            "is folded into that layer's weights, or missing"
        )
    return NormalizationFinding(kind="unknown", check=worst.check(reason))


def by_formula(value: str) -> bool:
    """Whether a check of this value compared what a file computes with the formula."""
    return IN_FILE in value and _OFF_NETWORK not in value


def _none(why: str) -> NormalizationFinding:
    check = Check(name=NAME, passed=True, value=f"none to measure: {why}", limit="reported")
    return NormalizationFinding(kind="none", check=check)


@dataclass(frozen=True, kw_only=True)
class _Difference:
    """How far a tensor that first layers read is off the formula.

    Attributes:
        where: The tensor, and the operators in front of it.
        count: Of inputs.
        most: The largest distance.
        excess: By how much the worst value is off beyond what rounding explains; above zero where
            one is.
        allowed: The greatest distance that rounding explains.
        step: The coarsest integer step, in normalized values.
        clipped: Share of the values that integers cannot hold, or that are off, 0 to 1.
    """

    where: str
    count: int
    most: float
    excess: float
    allowed: float = PREPROCESSING_MAX_ABS
    step: float = 0.0
    clipped: float = 0.0

    def check(self, reason: str = "") -> Check:
        """The gate's check."""
        steps = f" (integer steps of {self.step:.2g})" if self.step else ""
        clipped = f", {self.clipped:.1%} clipped" if self.clipped and not reason else ""
        return Check(
            name=NAME,
            passed=not reason,
            value=f"max |Δ| {self.most:.2g} {IN_FILE} on {self.count} inputs{clipped}",
            limit=f"max |Δ| <= {self.allowed:.2g}{steps}",
            reason=reason,
        )


def _compared(
    tensor: EntryTensor, raw: Array, real: int, preprocessing: Preprocessing
) -> _Difference:
    """A tensor that first layers read against the formula; the first `real` inputs are real."""
    where = f"{tensor.name}, behind {', '.join(tensor.operators) or 'nothing'}"
    whole = channels_last(raw.astype(np.float64), preprocessing)
    held = np.clip(whole, tensor.input_low, tensor.input_high)
    formulas = (normalize(whole, preprocessing), normalize(held, preprocessing))
    formula, right, added = (
        in_order(values, preprocessing, tensor.values.shape[-1])
        for values in (*formulas, added_up(whole, preprocessing))
    )
    if right.shape != tensor.values.shape:
        return _Difference(where=where, count=len(raw), most=np.inf, excess=np.inf)
    right = np.clip(right, tensor.low, tensor.high)
    rounding = PREPROCESSING_MAX_ABS + (_HALF if tensor.half else _FLOAT) * added
    step = tensor.input_step * factor_of(preprocessing)
    integer = min(_STEPS * tensor.step + step, _MOST_BY_STEPS * float(np.ptp(formula)))
    allowed = rounding + integer
    distances = np.abs(tensor.values - right)
    if tensor.clipped is not None:
        # Between two operators, too, it may have been more than integers hold.
        distances = np.where(tensor.clipped, np.minimum(distances, allowed), distances)
    judged = slice(real or None)
    lost = float((np.abs(tensor.values - formula) > allowed)[judged].mean())
    excess = distances - allowed
    sound = (
        lost <= (_MOST_CLIPPED if real else _MOST_CLIPPED_OF_BUILT) and not np.isnan(excess).any()
    )
    explained = float(rounding.max()) if tensor.half else PREPROCESSING_MAX_ABS
    return _Difference(
        where=where,
        count=len(raw),
        most=float((distances if sound else np.abs(tensor.values - formula)).max()),
        excess=float(excess.max()) if sound else np.inf,
        allowed=explained + integer,
        step=max(tensor.step, step),
        clipped=lost,
    )


def _whole_numbers(entry: NetworkEntry, raw: Array) -> NormalizationFinding:
    """Word numbers, which no normalization may change: some layer reads them as they are."""
    right = raw[..., np.newaxis]
    same = any(
        tensor.values.shape == right.shape and np.array_equal(tensor.values, right)
        for tensor in entry.tensors
    )
    check = Check(
        name=NAME,
        passed=same,
        value=f"whole numbers, {'unchanged' if same else 'changed'} {IN_FILE} on {len(raw)} inputs",
        limit="unchanged",
        reason="" if same else "no layer of the file reads its inputs as they are",
    )
    return NormalizationFinding(kind="formula" if same else "unknown", check=check)


def _held_to_network(
    read: Callable[[Path, Array, bool], NetworkEntry],
    path: Path,
    preprocessing: Preprocessing,
    precision: Precision,
    leading: LeadingResults,
    others: Collection[str],
) -> NormalizationFinding | None:
    """What first layers read, or else give, against the network's; None where it is not that.

    `others` are the names of the tensors that they read and that are not the formula's.
    """
    layers = _behind_normalization(leading, preprocessing).results
    inputs = np.moveaxis(leading.inputs, -1, channel_axis(preprocessing))
    entry = read(path, inputs, True)
    factor = factor_of(preprocessing)

    def own_rounding(tensor: EntryTensor, size: float) -> float:
        # It was not multiplied by weights: its own roundings are all that it may be off by.
        share = _RESULTS["float16" if tensor.half else "float32"]
        steps = max(tensor.step, tensor.input_step * factor) / size
        return share + min(steps, _INTEGER_RESULTS)

    weights = _RESULTS.get(precision.weights, _INTEGER_RESULTS)
    found: list[tuple[NearestLayer, float, str]] = []
    for tensor in entry.tensors:
        if tensor.name not in others:
            continue
        near = nearest_result(tensor, layers)
        limit = own_rounding(tensor, near.size)
        if near.off <= limit:
            found.append((near, limit, "behind"))
            continue
        readers = [one for one in entry.results if not one.reads or tensor.name in one.reads]
        gives = [nearest_given(one, layers) for one in readers]
        if not gives or not all(near.off <= weights for near in gives):
            return None
        found += [(near, weights, "folded into") for near in gives]
    if not found:
        return None
    worst, limit, what = max(found, key=lambda one: one[0].off)
    check = Check(
        name=NAME,
        passed=True,
        value=f"{worst.off:.2%} {_OFF_NETWORK} {IN_FILE}, {what} {worst.layer}, "
        f"on {len(inputs)} inputs",
        limit=f"{limit:.1%} off",
    )
    return NormalizationFinding(kind="network", check=check)


def _behind_normalization(leading: LeadingResults, preprocessing: Preprocessing) -> LeadingResults:
    """Results of the network's own layers: those of a part of the normalization prove nothing."""
    normal = normalize(leading.inputs.astype(np.float64), preprocessing)
    flat = normal.reshape(len(normal), -1)
    for count, result in enumerate(leading.results, 1):
        if result.shape != normal.shape[1:]:
            continue
        right = flat[:, result.places]
        off = np.square(result.values - right).mean() / max(np.square(right).mean(), 1e-30)
        if off <= _RESULTS["float32"] ** 2:
            return replace(leading, results=leading.results[count:])
    return leading

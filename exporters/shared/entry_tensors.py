"""Which tensors of a graph the network's first layers read, and where each value came from."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from math import inf, prod
from typing import Any, Generic, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from zoo.contracts.network_entry import EntryPath, EntryTensor, FirstResult

from ..quantization.quantization_error import IntegerMapping

Array = NDArray[Any]
Key = TypeVar("Key", bound=Hashable)
Kind = Literal[
    "values",
    "comparison",
    "conversion",
    "reshape",
    "transpose",
    "concatenate",
    "pad",
    "none",
    "layer",
]


@dataclass(frozen=True, kw_only=True)
class GraphStep(Generic[Key]):
    """An operator as far as it moves values; tensors by any key.

    Attributes:
        kind: ``values`` computes on each value by itself, ``comparison`` gives a truth value for
            each, ``conversion`` changes the type alone, ``none`` gives nothing that depends on
            values, such as a shape; ``layer`` is every operator that is none of the others.
        name: The operator's kind in the format's words.
        reads: Inputs that are no constants.
        makes: Outputs.
        shape: Of the output.
        axes: Order of the axes of a transposition; the axis of a concatenation.
        pads: Of padding, (before, after) for each axis.
        integers: Of the output, where it is quantized.
        half: Whether the output is in half precision.
        whole: Whether real numbers become whole ones, which have no fractions.
    """

    kind: Kind
    name: str
    reads: tuple[Key, ...]
    makes: tuple[Key, ...]
    shape: tuple[int, ...] = ()
    axes: tuple[int, ...] = ()
    pads: tuple[tuple[int, int], ...] = ()
    integers: IntegerMapping | None = None
    half: bool = False
    whole: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class Trace(EntryPath, Generic[Key]):
    """A tensor that holds values of the input, moved and computed on one by one.

    Attributes:
        places: Of the tensor's shape: where in the input, flat, each value came from, times
            `copies`, plus which copy it is; -1 for what was added.
        copies: How often each value is repeated.
        origin: Key of the input.
        rounded: Quantized tensors on the way, behind the first operator.
        compared: Of truth values alone: the tensors that comparisons made them of. A layer that
            reads these, such as one with a mask, stands for one that reads those.
    """

    origin: Key
    places: Array
    copies: int = 1
    rounded: tuple[Key, ...] = ()
    compared: tuple[Key, ...] = ()

    def ordered(self, values: Array, shape: tuple[int, ...]) -> Array:
        """A tensor's values, (examples, …), in the order of `EntryTensor.values`."""
        flat = np.full((len(values), prod(shape) * self.copies), np.nan)
        kept = self.places.ravel() >= 0
        flat[:, self.places.ravel()[kept]] = values.reshape(len(values), -1)[:, kept]
        return flat.reshape(len(values), *shape, self.copies)

    def at_an_end(self, values: Array, shape: tuple[int, ...]) -> Array:
        """Whether values of this quantized tensor are at an end of what it can hold."""
        ordered = self.ordered(values, shape)
        half = self.step / 2
        ends: Array = (ordered >= self.high - half) | (ordered <= self.low + half)
        return ends

    def on(self, integers: IntegerMapping | None, half: bool) -> Trace[Key]:
        """The same behind an operator that rounds to integers, or to half precision."""
        found = replace(self, half=self.half or half)
        if integers is None:
            return found
        low, high = integers.range
        if not self.operators:
            return replace(
                found,
                input_step=max(self.input_step, integers.scale),
                input_low=max(self.input_low, low),
                input_high=min(self.input_high, high),
            )
        return replace(
            found,
            step=max(self.step, integers.scale),
            low=max(self.low, low),
            high=min(self.high, high),
        )


@dataclass(frozen=True, kw_only=True)
class LayerResult(Generic[Key]):
    """The place of a `FirstResult` in a graph.

    Attributes:
        key: Of the result.
        reads: Keys of the entry tensors that its operator reads.
        behind: Key of what the operator behind it makes of it alone; None where there is none.
    """

    key: Key
    reads: tuple[Key, ...]
    behind: Key | None

    @property
    def keys(self) -> tuple[Key, ...]:
        """Of all its tensors."""
        return (self.key,) if self.behind is None else (self.key, self.behind)

    def record(self, name: Callable[[Key], str], of: Callable[[Key], FirstResult]) -> FirstResult:
        """The record.

        Args:
            name: Of a tensor, inside the file.
            of: The record of one tensor by itself.
        """
        reads = tuple(name(key) for key in self.reads)
        behind = None if self.behind is None else of(self.behind)
        return replace(of(self.key), reads=reads, behind=behind)


@dataclass(kw_only=True, eq=False)
class EntryTraces(Generic[Key]):
    """The traces of a graph.

    Attributes:
        found: Tensors that hold values of the input alone.
        read: Those among them that a layer reads, or that are results of the graph.
        layers: The operators that read them.
        steps: All operators of the graph.
    """

    steps: Sequence[GraphStep[Key]]
    found: dict[Key, Trace[Key]] = field(default_factory=dict)
    read: list[Key] = field(default_factory=list)
    layers: list[GraphStep[Key]] = field(default_factory=list)

    @property
    def measured(self) -> list[Key]:
        """Tensors whose values an entry needs: those read, and quantized ones on the way."""
        on_the_way = [key for read in self.read for key in self.found[read].rounded]
        return list(dict.fromkeys((*self.read, *on_the_way)))

    def sources(self, keys: Iterable[Key]) -> tuple[Key, ...]:
        """Those that are traced; in place of truth values, the tensors that were compared."""
        known = [key for key in keys if key in self.found]
        return tuple(dict.fromkeys(k for one in known for k in self.found[one].compared or (one,)))

    def results(self, readable: Callable[[Key], bool]) -> list[LayerResult[Key]]:
        """What the layers make, as far as it can be read.

        Args:
            readable: Whether a tensor holds real numbers, or integers that stand for such.
        """
        made = []
        for layer in self.layers:
            if len(layer.makes) != 1 or not readable(layer.makes[0]):
                continue
            readers = [step for step in self.steps if layer.makes[0] in step.reads]
            behind = None
            if len(readers) == 1 and {*readers[0].reads} == {*layer.makes}:
                behind = readers[0].makes[0] if len(readers[0].makes) == 1 else None
            made.append(
                LayerResult(
                    key=layer.makes[0],
                    reads=self.sources(layer.reads),
                    behind=behind if behind is not None and readable(behind) else None,
                )
            )
        return made

    def entry(
        self, key: Key, name: str, values: Mapping[Key, Array], shape: tuple[int, ...]
    ) -> EntryTensor:
        """The record of a tensor that a layer reads.

        Args:
            key: Of the tensor.
            name: Inside the file.
            values: Real numbers of those that are `measured`, (examples, …).
            shape: Of the input, without the batch.
        """
        trace = self.found[key]
        clipped: Array | None = None
        for other in trace.rounded:
            ends = self.found[other].at_an_end(values[other], shape)
            clipped = ends if clipped is None else clipped | ends
        return EntryTensor(
            name=name,
            values=trace.ordered(values[key], shape),
            clipped=clipped,
            **{one.name: getattr(trace, one.name) for one in fields(EntryPath)},
        )


def trace_entries(
    inputs: Iterable[tuple[Key, tuple[int, ...], IntegerMapping | None]],
    steps: Sequence[GraphStep[Key]],
    outputs: Iterable[Key],
) -> EntryTraces[Key]:
    """Follows the values of the inputs up to the first layers.

    Args:
        inputs: Key, shape and integers of each.
        steps: The graph's operators in an order in which they can run.
        outputs: Keys of the graph's results.
    """
    traces = EntryTraces[Key](steps=steps)
    for key, shape, integers in inputs:
        places = np.arange(prod(shape)).reshape(shape)
        traces.found[key] = Trace(origin=key, places=places).on(integers, False)
    for step in steps:
        known = [key for key in step.reads if key in traces.found]
        if not known or step.kind == "none":
            continue
        given = [traces.found[key] for key in known]
        made = _moved(step, given, len(known) == len(step.reads))
        if made is None:
            traces.layers.append(step)
            traces.read += [key for key in traces.sources(known) if key not in traces.read]
            continue
        made = made.on(step.integers, step.half)
        if step.kind == "comparison":
            made = replace(made, compared=traces.sources(known))
        if step.whole and not made.compared:
            made = replace(made, whole=True)
        if step.integers is not None and made.operators:
            made = replace(made, rounded=(*made.rounded, step.makes[0]))
        traces.found[step.makes[0]] = made
    traces.read += [key for key in traces.sources(outputs) if key not in traces.read]
    return traces


def _moved(step: GraphStep[Key], given: list[Trace[Key]], all_known: bool) -> Trace[Key] | None:
    """The trace of an operator's result; None when it is a layer."""
    alike = all(_same(given[0], other) for other in given[1:])
    first = _together(given)
    if step.kind == "layer" or not all_known or not alike:
        return None
    places = first.places
    if step.kind in ("values", "comparison", "conversion"):
        if step.kind != "conversion":
            used = dict.fromkeys(name for one in given for name in one.operators)
            # A result may hold other numbers than what it was made of.
            first = replace(first, operators=(*used, step.name), low=-inf, high=inf)
        return _broadcast(first, step.shape)
    if step.kind == "reshape" and prod(step.shape) == places.size:
        return replace(first, places=places.reshape(step.shape))
    if step.kind == "transpose" and sorted(step.axes) == list(range(places.ndim)):
        return replace(first, places=places.transpose(step.axes))
    if step.kind == "concatenate" and first.copies == 1:
        axis, count = step.axes[0], len(step.reads)
        parts = [np.where(places < 0, -1, places * count + n) for n in range(count)]
        return replace(first, places=np.concatenate(parts, axis), copies=count)
    if step.kind == "pad" and len(step.pads) == places.ndim:
        return replace(first, places=np.pad(places, step.pads, constant_values=-1))
    return None


def _together(given: list[Trace[Key]]) -> Trace[Key]:
    """The first of several traces, with the roundings of all and the range of the widest."""
    if len(given) == 1:
        return given[0]
    return replace(
        given[0],
        operators=tuple(dict.fromkeys(name for one in given for name in one.operators)),
        rounded=tuple(dict.fromkeys(key for one in given for key in one.rounded)),
        step=max(one.step for one in given),
        input_step=max(one.input_step for one in given),
        half=any(one.half for one in given),
        whole=any(one.whole for one in given),
        compared=tuple(dict.fromkeys(key for one in given for key in one.compared))
        if all(one.compared for one in given)
        else (),
        low=min(one.low for one in given),
        high=max(one.high for one in given),
        input_low=min(one.input_low for one in given),
        input_high=max(one.input_high for one in given),
    )


def _same(one: Trace[Key], other: Trace[Key]) -> bool:
    same = one.origin == other.origin and one.copies == other.copies
    return same and np.array_equal(one.places, other.places)


def _broadcast(trace: Trace[Key], shape: tuple[int, ...]) -> Trace[Key] | None:
    """The trace after an operation with a constant that may have repeated values."""
    places = trace.places
    if shape == places.shape:
        return trace
    if len(shape) < places.ndim:
        return None
    places = places.reshape((1,) * (len(shape) - places.ndim) + places.shape)
    wider = [n for n, (a, b) in enumerate(zip(places.shape, shape, strict=True)) if a != b]
    if not wider:
        return replace(trace, places=places)
    if len(wider) > 1 or places.shape[wider[0]] != 1 or trace.copies > 1:
        return None
    count = shape[wider[0]]
    along = np.arange(count).reshape([-1 if n == wider[0] else 1 for n in range(len(shape))])
    return replace(trace, places=np.where(places < 0, -1, places * count + along), copies=count)

"""Layer comparison: a file and its float32 baseline, operator by operator."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # lists and help must not wait for numpy
    from numpy.typing import NDArray

#: What operators compute on: integers; real numbers with integer weights; real numbers.
ARITHMETICS = ("integer", "hybrid", "float")


@dataclass(frozen=True, kw_only=True, eq=False)
class LayerRequest:
    """The input of `Exporter.compare_layers`.

    Attributes:
        path: The file to be explained.
        baseline: The float32 file of the same network and format.
        inputs: Raw real inputs, shape (examples, …), of the network's input type.
        layers: Names of the Keras layers in the network's order; empty when unknown, and
            names are then read out of the file's own as well as they can be.
        runs: Inferences over which operators are timed; 0 times nothing.
    """

    path: Path
    baseline: Path
    inputs: NDArray[Any]
    layers: tuple[str, ...] = ()
    runs: int = 0


@dataclass(frozen=True, kw_only=True)
class OperatorRecord:
    """One computing operator of a file, beside the same of its float32 baseline.

    Figures of signal to quantization noise compare real numbers of the baseline with those that the
    file's stand for, over all inputs; None where there is nothing to compare, or nothing was
    different from zero. `zoo.contracts.layers.EXACT_DB` stands for no difference at all.

    Attributes:
        kind: As the format names it: ``CONV_2D``, ``Conv``.
        name: Of its output in the file.
        node: By which viewers of graphs know it in `LayerComparison.graph`; empty when unknown.
        twin: Of the same in the baseline; None when it has no such tensor.
        layers: The Keras layers that it computes, in the network's order; several when fused.
        arithmetic: One of `ARITHMETICS`.
        sources: Places, in the comparison, of the operators whose results it reads.
        sqnr_db: Of its output while the whole file runs: what has gathered up to here.
        own_sqnr_db: Of its output when it gets the baseline's values as inputs: its own error.
        input_sqnr_db: Of the baseline's output when only the inputs are rounded as the file rounds
            them: the part of its own that comes from the ranges of its inputs.
        output_sqnr_db: Of the baseline's output rounded as the file rounds it: the part that comes
            from the range of the output.
        weight_sqnr_db: Of its weights.
        low: Least value of the baseline's output.
        high: Greatest value of the baseline's output.
        range_low: Least value that the file's output can hold; None for real numbers.
        range_high: Greatest value that the file's output can hold; None for real numbers.
        clipped: Share of the baseline's values beyond that range, 0 to 1.
        weight_scales: Number of scales that its integer weights have: 1 when all channels share
            one; None for real weights.
        weight_bits: Bits of each of its weights where they are integers; None for real weights.
        weight_spread: Greatest weight of the largest channel over that of the smallest which is
            not all zeros, in the baseline.
        weight_bytes: Bytes of its constants in the file.
        twin_weight_bytes: The same in the baseline.
        microseconds: Median time of one run of it; None where the runtime does not report it.
        twin_microseconds: The same in the baseline.
        executor: The delegate or execution provider that computes it; ``built-in`` for kernels of
            the runtime itself beside a delegate; None where the runtime does not report it.
        faster: An option of ``zoo export`` with its value that writes these layers in a form which
            is known to run faster on some processors, such as ``--recurrent unrolled``; empty when
            there is none.
    """

    kind: str
    name: str
    twin: str | None
    layers: tuple[str, ...]
    arithmetic: str
    sources: tuple[int, ...] = ()
    sqnr_db: float | None = None
    own_sqnr_db: float | None = None
    input_sqnr_db: float | None = None
    output_sqnr_db: float | None = None
    weight_sqnr_db: float | None = None
    low: float | None = None
    high: float | None = None
    range_low: float | None = None
    range_high: float | None = None
    clipped: float | None = None
    weight_scales: int | None = None
    weight_bits: int | None = None
    weight_spread: float | None = None
    weight_bytes: int = 0
    twin_weight_bytes: int = 0
    microseconds: float | None = None
    twin_microseconds: float | None = None
    executor: str | None = None
    faster: str = ""
    node: str = ""


#: Stands for outputs that do not differ at all.
EXACT_DB = 200.0


@dataclass(frozen=True, kw_only=True)
class LayerComparison:
    """A file and its float32 baseline, operator by operator.

    Attributes:
        runtime: What ran both: ``litert``, ``onnxruntime``.
        runtime_version: Of its distribution.
        examples: Number of inputs.
        operators: Of the file, in its order; those that only move or convert values left out.
        overhead: Of operators that only move or convert values: kind → microseconds, 0.0 where
            they were not timed.
        twin_overhead: The same in the baseline.
        notes: Remarks on how the figures were made, in sentences.
        noise: What disturbed the times; empty when the machine was quiet.
        graph: Name of the file's graph that holds the operators, as viewers of graphs show it;
            empty when unknown.
    """

    runtime: str
    runtime_version: str
    examples: int
    operators: tuple[OperatorRecord, ...]
    overhead: dict[str, float]
    twin_overhead: dict[str, float]
    notes: tuple[str, ...] = ()
    noise: tuple[str, ...] = ()
    graph: str = ""

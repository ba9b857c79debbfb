"""Exporters: a file format's writer, reader and manifest storage."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.common.errors import BadData
from zoo.common.named_arrays import each_of
from zoo.contracts.checks import check, check_name, check_words
from zoo.contracts.precision import CALIBRATIONS, RECURRENT_FORMS, Precision, check_precisions

if TYPE_CHECKING:  # lists and help must not wait for numpy
    from numpy.typing import NDArray
    from pydantic import BaseModel

    from zoo.contracts.front_end import FrontEnd
    from zoo.contracts.graph_decoder import GraphDecoder
    from zoo.contracts.layers import LayerComparison, LayerRequest
    from zoo.contracts.network_entry import NetworkEntry
    from zoo.contracts.rounding import RoundingRequest
    from zoo.contracts.target import Target
    from zoo.contracts.usage import Usage, UsageRequest


#: Names of the sides of each input that stay free in a file, by the input's name and with the
#: batch; empty text for a side of one size. Sides of one name have the same size.
FreeSides = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, kw_only=True)
class TensorInfo:
    """An input or output of a file.

    Attributes:
        name: Name inside the file.
        shape: With -1 for a dimension that is not static.
        dtype: numpy's name of the element type.
        scale: Quantization step; None for real numbers.
        zero_point: The integer that stands for 0.0; None for real numbers.
        layout: Of an image, ``nhwc`` or ``nchw``; empty where the file has no such information.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: float | None = None
    zero_point: int | None = None
    layout: str = ""


@dataclass(frozen=True, kw_only=True)
class FileContents:
    """What a file really contains, read back from its bytes.

    Attributes:
        inputs: In the file's order.
        outputs: In the file's order.
        operators: Operator name → count.
        integer_operators: Number of computing operators that work on integers.
        float_operators: Number of computing operators that work on real numbers, hybrid ones
            among them.
        float_islands: Names of the float operators, hybrid ones left out, in a file that also has
            integer or hybrid ones.
        conversions: Number of quantize and dequantize operators.
        custom_operators: Operators that a stock runtime does not have (custom, Flex, foreign
            domains).
        dynamic_tensors: Names of tensors without a static shape.
        weight_bytes: Bytes of constant tensors.
        payload_bytes: Size of the model itself, without its manifest.
        payload_sha256: SHA-256 of the model itself, without its manifest.
        hybrid_operators: Number of computing operators that take and give real numbers but
            multiply by 8-bit weights.
        weight_types: Bytes of constant tensors by element type.
        keeps_state: Whether something is remembered from one invocation to the next, so that
            whoever runs the file must reset its variables before each input.
        remarks: Further properties that matter when choosing the file, in sentences.
        side_files: Files in its folder or below, with a part of the model, by their paths from
            there; they count in its bytes and in its SHA-256.
        multiply_adds: Of convolutions, dense and recurrent layers in one inference, counted as in
            `Variant.multiply_adds`, by what they are computed on: one of
            `zoo.contracts.layers.ARITHMETICS`; empty where nobody counted.
        without_integer_kernel: Those among them that are computed on real numbers, or behind
            ranges found on the fly, since no runtime of the format has an integer kernel, though
            weights and what they multiply are integers in the file: operator name → multiply-adds.
        float_products: Those of each other operator that computes on real numbers in a file with
            integer ones: names that identify its layers → multiply-adds.
        small_weights: Weights of fewer than 8 bits: names that identify the layers of an operator
            that multiplies by them → their type and what shares a scale, ``int4, blocks of 32``.
        attachments: What else is in the file beside the model and its manifest: name → SHA-256.
        index_limits: Of inputs that choose rows of a table of the file, how many rows it has: input
            name → rows. Other whole numbers mean what only the network's author knows.
        class_names: Of the outputs, for programs that do not read manifests, each on one line;
            empty where the format has no place for them.
    """

    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    operators: dict[str, int]
    integer_operators: int
    float_operators: int
    float_islands: tuple[str, ...]
    conversions: int
    custom_operators: tuple[str, ...]
    dynamic_tensors: tuple[str, ...]
    weight_bytes: int
    payload_bytes: int
    payload_sha256: str
    hybrid_operators: int = 0
    weight_types: dict[str, int] = field(default_factory=dict)
    keeps_state: bool = False
    remarks: tuple[str, ...] = ()
    side_files: tuple[str, ...] = ()
    multiply_adds: dict[str, int] = field(default_factory=dict)
    without_integer_kernel: dict[str, int] = field(default_factory=dict)
    float_products: dict[str, int] = field(default_factory=dict)
    small_weights: dict[str, str] = field(default_factory=dict)
    attachments: dict[str, str] = field(default_factory=dict)
    class_names: tuple[str, ...] = ()
    index_limits: dict[str, int] = field(default_factory=dict)

    @property
    def integer_share(self) -> float:
        """Share of computing operators that multiply integers, hybrid ones among them, 0 to 1."""
        return integer_share([self])


def integer_share(files: Sequence[FileContents]) -> float:
    """That share over all operators of several files."""
    total = sum(file.integer_operators + file.float_operators for file in files)
    integer = sum(file.integer_operators + file.hybrid_operators for file in files)
    return integer / total if total else 0.0


@dataclass(frozen=True, kw_only=True, eq=False)
class ExportRequest:
    """The input of an export.

    Attributes:
        model: A built Keras model; input float32 (1, …) raw values, output as the task exports.
        path: The file to write; what has no room in it may go into others beside it, which
            `FileContents.side_files` then names.
        precision: One of the exporter's.
        calibration: Raw inputs, shape (examples, …), of the model's input type; of several inputs a
            structured array of them by name; None unless the precision is calibrated.
        input_name: Name to give the input.
        output_names: Names to give the outputs, in the order that the file is to have them; of
            several they are the keys of what the model returns.
        output_contents: What each of them holds, for metadata: `Output.content`.
        integer_input: Whether raw inputs are whole numbers from 0 to 255, so that an integer file
            may take uint8; files for other inputs take and give float32 at every precision.
        real_outputs: Whether outputs are in units of their own, so that integer files give them as
            real numbers where the target has such: 8 bits from zero on may leave nothing of them.
        axes: What each axis of the input is, the batch left out: ``height``, ``time``, …
        sample_rate: `Preprocessing.sample_rate` of the input.
        recurrent: How the loop over time of recurrent layers is written; one of `RECURRENT_FORMS`.
        target: The processor that the file is for; None where none is given, and the exporter's own
            choices stand.
        method: How ranges follow from the calibration; one of `CALIBRATIONS`.
        held_out: Raw inputs like those of the calibration, but none of them: on these, exporters
            measure what is best; None when nothing is to be chosen.
        keep: Names of Keras layers that stay in float in an integer file.
        options: Those that the exporter declares, complete.
        name: Model id, ``variant.tag``.
        task: Name of the task.
        classes: Names in the order of the outputs; empty where outputs are none.
        licence: SPDX identifier of the weights.
        input_names: Names to give several inputs, in the order that the model and the file have
            them; empty where there is one.
        examples: Whether the input is an example; else it is what another file gave (`Task.parts`),
            and keeps the order of axes that it has there, whatever the options say of examples.
        trained: Whether the model was trained to be quantized: it holds fake quantization (of 8
            bits, with constant limits), and its limits are to be the ranges of the file.
        free_sides: Sides of inputs that are to stay free in the file, in the order of the model's
            inputs, which has None there; empty where all have one size.
        data_shapes: Of each input with the batch, where sides are free: sizes that the data have.
        whole_input: Whether the input holds whole numbers, which integer files take as they are: by
            steps of one, where 8 bits hold them.
        whole_outputs: Whether the outputs are rounded to whole numbers by whoever runs the file, so
            that integer files give these: likewise.
        reuse: A folder that outlives the request, for what would be the same for others that differ
            in `keep` and `method` alone; None where there are no others.
        decoder: What becomes the last part of the file, in float behind a network of any precision:
            the file returns its outputs in place of those above; None for none.
        front_end: What becomes the first part of the file, in float before a network of any
            precision: the file takes its input in place of that above; None for none.
    """

    model: Any
    path: Path
    precision: str
    calibration: NDArray[Any] | None
    input_name: str
    output_names: tuple[str, ...]
    integer_input: bool
    real_outputs: bool = False
    axes: tuple[str, ...] = ()
    sample_rate: int = 0
    recurrent: str = "auto"
    target: Target | None = None
    method: str = "minmax"
    held_out: NDArray[Any] | None = None
    keep: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""
    task: str = ""
    classes: tuple[str, ...] = ()
    licence: str = ""
    output_contents: tuple[str, ...] = ()
    trained: bool = False
    examples: bool = True
    input_names: tuple[str, ...] = ()
    free_sides: FreeSides = field(default_factory=dict)
    data_shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    whole_input: bool = False
    whole_outputs: bool = False
    reuse: Path | None = None
    decoder: GraphDecoder | None = None
    front_end: FrontEnd | None = None

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names to give all inputs, in the order that the model and the file have them."""
        return self.input_names or (self.input_name,)

    @property
    def outputs(self) -> list[Any]:
        """The model's output tensors in the order of `output_names`."""
        made = self.model.output
        return [made[n] for n in self.output_names] if isinstance(made, dict) else [made]

    def __post_init__(self) -> None:
        known = self.recurrent in RECURRENT_FORMS
        check(known, self.precision, f"unknown form of recurrent layers {self.recurrent!r}")
        known = self.method in CALIBRATIONS
        check(known, self.precision, f"unknown method of calibration {self.method!r}")
        if self.calibration is not None:
            _check_finite(self.calibration)


@dataclass(frozen=True, kw_only=True)
class Written:
    """What an exporter reports about a file that it wrote.

    Attributes:
        remarks: How it was written, in sentences that the manifest keeps.
        method: The method of calibration that the ranges follow from; empty for files without,
            or where it is the one that was asked for.
        kept: Names of Keras layers that stayed in float on purpose beside those of
            `ExportRequest.keep`.
    """

    remarks: tuple[str, ...] = ()
    method: str = ""
    kept: tuple[str, ...] = ()


def _check_finite(calibration: NDArray[Any]) -> None:
    """Refuses NaN, on which converters crash, and infinity, which quantizes all else to zero."""
    import numpy as np

    finite = [np.isfinite(one.reshape(len(one), -1)).all(axis=1) for one in each_of(calibration)]
    bad = np.flatnonzero(~np.logical_and.reduce(finite))
    if len(bad):
        raise BadData(
            f"{len(bad)} of {len(calibration)} calibration inputs hold NaN or infinity",
            why=f"the first is number {bad[0]} of the sample; no range can be measured on it",
            fix="remove or repair such examples in the training split of the dataset",
        )


@dataclass(frozen=True, kw_only=True)
class Exporter:
    """One file format.

    Attributes:
        name: ``tflite``; also what the user types for ``--format``.
        summary: One line for lists.
        suffix: ``.tflite``.
        precisions: Names of those it can write: built-in ones, and those that it declares.
        declares: Precisions of its own, beside `zoo.contracts.precision.PRECISIONS`.
        export: Writes ``request.path``; may return remarks on how, which the manifest keeps, by
            themselves or with more that is to be told. Raises `Unsupported` for a network that the
            format cannot hold at that precision.
        inspect: Reads a file back.
        read_manifest: The embedded manifest as text; None when the file has none.
        write_manifest: ``write_manifest(path, text)`` replaces the embedded manifest in place.
        recognises: Whether the first bytes of a file (16 at least) are of this format.
        extra: The extra of the distribution that brings its dependencies.
        distributions: Distributions whose versions change what it writes.
        options: Returns the pydantic model whose fields are options of this format alone
            (``[export.options.<name>]`` in recipes, ``--export-option <name>.KEY=VALUE``); None
            when it has none.
        runtimes: Names of the runtimes that files are judged and timed in, preferred first; what
            else runs them, when asked for by name, says so itself (`Runtime.formats`).
        sparse: Those of its options with which the zeros of a pruned network take little room;
            empty when it stores them like other weights.
        mixes: Precisions in which it leaves the layers of `ExportRequest.keep` in float.
        compare_layers: Runs a file and its float32 baseline with all tensors kept, and reports each
            operator's error, range, bytes and time; None where unsupported.
        network_entry: ``network_entry(path, inputs, results)`` runs a file on raw inputs
            (examples, …) up to the first layers of its network, and reports what they read and,
            with `results`, give; None where the format shows no inner tensors, and then the gate
            cannot measure the normalization in its files.
        round_weights: Rounds the weights of the Keras network as those of a file are, where the
            precision has `Precision.rounded`; returns why that cannot be done, empty where it is.
            None where the exporter does not say how it rounds: the gate then tells so in the check.
        rounds_results: Those of its precisions in whose files what flows between operators is
            rounded to the type of the weights, too.
        takes_trained: Whether it honours `ExportRequest.trained`.
        takes_decoder: Whether it honours `ExportRequest.decoder`.
        takes_front_end: Whether it honours `ExportRequest.front_end`.
        usage: Writes programs that run a file, for the folder that ``zoo bundle`` makes; None when
            the format has none.
        also_called: Other words for it, in lower case; no command takes them, but an error for
            them offers the name.
    """

    name: str
    summary: str
    suffix: str
    precisions: tuple[str, ...]
    export: Callable[[ExportRequest], Written | Sequence[str] | None]
    inspect: Callable[[Path], FileContents]
    read_manifest: Callable[[Path], str | None]
    write_manifest: Callable[[Path, str], None]
    recognises: Callable[[bytes], bool]
    runtimes: tuple[str, ...]
    extra: str
    declares: tuple[Precision, ...] = ()
    distributions: tuple[str, ...] = ()
    options: Callable[[], type[BaseModel]] | None = None
    sparse: Mapping[str, Any] = field(default_factory=dict)
    mixes: tuple[str, ...] = ()
    compare_layers: Callable[[LayerRequest], LayerComparison] | None = None
    network_entry: Callable[[Path, NDArray[Any], bool], NetworkEntry] | None = None
    round_weights: Callable[[RoundingRequest], str] | None = None
    rounds_results: tuple[str, ...] = ()
    takes_trained: bool = False
    takes_decoder: bool = False
    takes_front_end: bool = False
    usage: Callable[[UsageRequest], Usage] | None = None
    also_called: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_name("exporter", self.name)
        check_words(self.name, self.also_called)
        check(self.suffix.startswith("."), self.name, "suffix must begin with a dot")
        check_precisions(self.name, self.precisions, self.declares)
        check({*self.mixes} <= {*self.precisions}, self.name, "mixes a precision it cannot write")
        known = {*self.rounds_results} <= {*self.precisions}
        check(known, self.name, "rounds_results has a precision it cannot write")
        check(len(self.precisions) > 0, self.name, "claims no precision")
        check(len(self.runtimes) > 0, self.name, "names no runtime")
        for field_name in ("export", "inspect", "read_manifest", "write_manifest", "recognises"):
            check(callable(getattr(self, field_name)), self.name, f"{field_name} must be callable")

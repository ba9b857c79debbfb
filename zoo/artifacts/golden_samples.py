"""Golden samples: three real inputs with a file's outputs, for checks on other machines.

They travel in the manifest, or, when they are large, in an ``.npz`` file beside the model whose
SHA-256 the manifest holds. Reading them executes nothing.
"""

from __future__ import annotations

import base64
import hashlib
import io
import math
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.common.array_files import load_arrays
from zoo.common.errors import BadData, BadFile
from zoo.common.files import read_file
from zoo.common.named_arrays import fields_of, joined
from zoo.contracts import Precision, TensorInfo

if TYPE_CHECKING:
    from zoo.contracts.task import Array

#: Golden inputs of one file.
COUNT = 3
#: Real inputs among which each of them is chosen.
CANDIDATES = 8
#: Characters of packed arrays that a manifest takes; more go into a file beside.
MOST_EMBEDDED = 64_000
SUFFIX = ".golden.npz"
#: A difference that this machine's kernels make may be twice as large on another.
_MARGIN = 2.0
#: Bytes that golden arrays may unpack to.
_MOST_BYTES = 256 << 20
_DTYPES = frozenset(
    {"uint8", "int8", "uint16", "int16", "int32", "int64", "float16", "float32", "float64"}
)
_BARE_NAME = re.compile(r"[^/\\\0]+")


@dataclass(frozen=True, kw_only=True)
class PackedArray:
    """An array as text.

    Attributes:
        dtype: numpy's name of the element type.
        shape: Golden inputs first.
        data: Base64 of the zlib-compressed little-endian bytes, the last axis fastest.
    """

    dtype: str
    shape: tuple[int, ...]
    data: str


@dataclass(frozen=True, kw_only=True)
class Golden:
    """The golden samples in a manifest.

    Attributes:
        dataset: Where they come from: ``digits/test``.
        examples: Their numbers in that split.
        runtime: What gave the outputs.
        runtime_version: Its version.
        processor: Stands for the kind of processor; where runtime, version and this are the same,
            correct outputs are equal bit for bit.
        max_abs: Tolerance of the outputs on any machine, as absolute difference; of several
            outputs, the largest.
        tolerance: In words, why as much as that.
        inputs: Raw, (inputs, …); None when they lie beside the file.
        outputs: In real numbers, (inputs, …), of several outputs by name; None when they lie
            beside the file.
        file: Name of the file beside, which holds both; empty when they are here.
        sha256: Of that file.
        limits: `max_abs` of each output by name, where there are several.
        in_chain: Of a part that takes what another file gave: how far its outputs may be off, by
            name, where that one's own answers are its inputs; empty for a file that takes examples.
    """

    dataset: str
    examples: tuple[int, ...]
    runtime: str
    runtime_version: str
    processor: str
    max_abs: float
    tolerance: str
    inputs: PackedArray | None = None
    outputs: PackedArray | dict[str, PackedArray] | None = None
    file: str = ""
    sha256: str = ""
    limits: dict[str, float] = field(default_factory=dict)
    in_chain: dict[str, float] = field(default_factory=dict)

    def limit(self, output: str) -> float:
        """The tolerance of one output, as absolute difference."""
        return self.limits.get(output, self.max_abs)

    def in_chain_limit(self, output: str) -> float:
        """That tolerance where the input is what another file gave on the same machine."""
        single = self.in_chain.get("", self.limit(output))
        return self.in_chain.get(output, single)


@dataclass(frozen=True, kw_only=True, eq=False)
class GoldenArrays:
    """The arrays themselves: raw inputs, and outputs in real numbers.

    Several outputs are a structured array (see `zoo.common.named_arrays`).
    """

    inputs: Array
    outputs: Array


def candidates(labels: Array) -> list[list[int]]:
    """Candidate examples for each golden input, by number.

    Args:
        labels: Of the examples (see `zoo.contracts.Split`).

    Returns:
        At most `COUNT` lists, each of one class, the classes spread over those that there are;
        of examples without a class of their own, evenly spread over the split.
    """
    import numpy as np

    count = len(labels)
    wanted = min(COUNT, count)
    each = min(CANDIDATES, count // max(1, wanted))
    fields = fields_of(labels).values()
    own = next((one for one in fields if one.ndim == 1 and one.dtype == np.int64), None)
    if own is not None:
        classes = np.unique(own)
        chosen = classes[np.linspace(0, len(classes) - 1, wanted).round().astype(int)]
        members = [np.flatnonzero(own == label).tolist() for label in chosen]
    else:
        members = [list(range(number * count // wanted, count)) for number in range(wanted)]
    found: list[list[int]] = []
    taken: set[int] = set()
    for offered in members:
        # A class that is chosen twice may be used up.
        free = [n for n in offered if n not in taken] or [n for n in range(count) if n not in taken]
        found.append(free[:each])
        taken.update(free[:each])
    return found


def least_tolerance(precision: Precision, output: TensorInfo) -> tuple[float, str]:
    """The least tolerance of an output, and its reason."""
    if output.scale is not None:
        return output.scale * 1.001, "one step of the integer output"
    return (
        precision.tolerances.output,
        f"what other processors round differently in {precision.name}",
    )


@dataclass(frozen=True, kw_only=True)
class GoldenChoice:
    """The chosen golden examples, with the tolerance of each output and its reason."""

    examples: tuple[int, ...]
    limits: dict[str, float]
    reasons: dict[str, str]

    @property
    def max_abs(self) -> float:
        """The greatest tolerance of any output."""
        return max(self.limits.values())

    @property
    def tolerance(self) -> str:
        """Why as much as that, in words."""
        return "; ".join(f"{name}: {why}" if name else why for name, why in self.reasons.items())

    def of(self, outputs: Sequence[str]) -> GoldenChoice:
        """That of one of several files, which has these outputs; a single one has no name there."""
        named = {name: name if len(outputs) > 1 else "" for name in outputs}
        return GoldenChoice(
            examples=self.examples,
            limits={own: self.limits[name] for name, own in named.items()},
            reasons={own: self.reasons[name] for name, own in named.items()},
        )


def choose_golden(
    offered: Sequence[Sequence[int]],
    outputs: Array,
    plain: Array | None,
    precision: Precision,
    described: Sequence[TensorInfo],
) -> GoldenChoice | None:
    """Chooses one example of each list: sensitive to the weights, stable across kernels.

    Outputs near 0 and 1 stay there whatever happens to the weights; outputs in between move. So
    the example with the most in between is taken among those on which the kernels of this machine
    agree.

    Args:
        offered: From `candidates`.
        outputs: Of all of these, one list behind the other, by the runtime's fast kernels.
        plain: By its plain kernels; None when it has none.
        precision: Of the file.
        described: The file's outputs.

    Returns:
        None when an output is not finite.
    """
    import numpy as np

    fields = fields_of(outputs)
    if not all(np.isfinite(values).all() for values in fields.values()):
        return None
    tolerances = [least_tolerance(precision, tensor) for tensor in described]
    between, worst = np.zeros(len(outputs)), np.zeros(len(outputs))
    others = {} if plain is None else fields_of(plain)
    apart: dict[str, Array] = {}
    for (name, values), (least, _) in zip(fields.items(), tolerances, strict=True):
        flat = values.reshape(len(values), -1).astype(np.float64)
        between += np.clip(flat * (1.0 - flat), 0.0, None).sum(axis=1)
        other = others.get(name)
        apart[name] = np.zeros(len(flat))
        if other is not None and other.shape == values.shape and np.isfinite(other).all():
            apart[name] = np.abs(flat - other.reshape(flat.shape)).max(axis=1)
        worst = np.maximum(worst, apart[name] / least)
    chosen, numbers, start = [], [], 0
    for examples in offered:
        places = range(start, start + len(examples))
        start += len(examples)
        steady = [place for place in places if worst[place] <= 1.0]
        best = (
            max(steady, key=lambda place: between[place])
            if steady
            else min(places, key=lambda place: worst[place])
        )
        chosen.append(best)
        numbers.append(examples[best - places[0]])
    limits, reasons = {}, {}
    for (name, own), (least, why) in zip(apart.items(), tolerances, strict=True):
        measured = _MARGIN * float(own[chosen].max())
        if measured > least:
            least, why = measured, "twice what the kernels of one machine differ by on these inputs"
        limits[name] = float(f"{least:.4g}")
        reasons[name] = why
    return GoldenChoice(examples=tuple(numbers), limits=limits, reasons=reasons)


def golden_name(file: str) -> str:
    """Name of the file beside a model that holds its golden arrays."""
    return file + SUFFIX


def make_golden(golden: Golden, arrays: GoldenArrays, name: str) -> tuple[Golden, bytes | None]:
    """Packs the arrays.

    Args:
        golden: Without arrays.
        arrays: What is to be packed.
        name: Of the file beside, in case they are too large for the manifest.

    Returns:
        The record, and the content of the file beside; None when there is none.
    """
    import numpy as np

    inputs = _packed(arrays.inputs)
    outputs = {name: _packed(values) for name, values in fields_of(arrays.outputs).items()}
    if len(inputs.data) + sum(len(one.data) for one in outputs.values()) <= MOST_EMBEDDED:
        return replace(golden, inputs=inputs, outputs=outputs.get("", outputs)), None
    buffer = io.BytesIO()
    np.savez_compressed(buffer, inputs=arrays.inputs, outputs=arrays.outputs)
    content = buffer.getvalue()
    return replace(golden, file=name, sha256=hashlib.sha256(content).hexdigest()), content


def read_golden(golden: Golden, model: Path) -> GoldenArrays:
    """The arrays, from the manifest or from beside the model.

    Raises:
        BadFile: They are not there, damaged, or not those of the manifest.
    """
    try:
        if golden.inputs is not None and golden.outputs is not None:
            packed = golden.outputs
            named = {"": packed} if isinstance(packed, PackedArray) else packed
            arrays = GoldenArrays(
                inputs=_unpacked(golden.inputs),
                outputs=joined({name: _unpacked(one) for name, one in named.items()}),
            )
        else:
            arrays = _read_side_file(golden, model)
        counts = {len(arrays.inputs), len(arrays.outputs), len(golden.examples)}
        limits = (golden.max_abs, *golden.limits.values())
        if len(counts) != 1 or not all(math.isfinite(one) and one >= 0 for one in limits):
            raise ValueError(f"inputs, outputs and numbers are not as many: {sorted(counts)}")
        return arrays
    except (ValueError, KeyError, TypeError, zlib.error) as error:
        raise BadFile(
            f"the golden inputs of {model} cannot be read",
            why=str(error),
            fix="export the file again",
        ) from error


def _read_side_file(golden: Golden, model: Path) -> GoldenArrays:
    if not _BARE_NAME.fullmatch(golden.file) or golden.file in (".", ".."):
        raise ValueError(f"{golden.file!r} is no name of a file beside the model")
    path = model.with_name(golden.file)
    try:
        content = read_file(path, _MOST_BYTES)
    except OSError as error:
        raise BadFile(
            f"the golden inputs of {model} are not beside it",
            why=f"{path}: {error.strerror}",
            fix=f"copy {golden.file} into the same folder",
        ) from error
    found = hashlib.sha256(content).hexdigest()
    if found != golden.sha256:
        raise ValueError(f"the SHA-256 of {golden.file} is {found}, not {golden.sha256}")
    try:
        stored = load_arrays(io.BytesIO(content), golden.file, _MOST_BYTES)
    except (BadFile, BadData) as error:
        raise ValueError(f"{error.what}: {error.why}") from error
    return GoldenArrays(inputs=stored["inputs"], outputs=stored["outputs"])


def _packed(values: Array) -> PackedArray:
    import numpy as np

    little = np.ascontiguousarray(values.astype(values.dtype.newbyteorder("<"), copy=False))
    data = base64.b64encode(zlib.compress(little.tobytes(), 9)).decode("ascii")
    return PackedArray(dtype=values.dtype.name, shape=tuple(values.shape), data=data)


def _unpacked(packed: PackedArray) -> Array:
    import numpy as np

    if packed.dtype not in _DTYPES or any(side < 1 for side in packed.shape):
        raise ValueError(f"no array has type {packed.dtype!r} and shape {packed.shape}")
    dtype = np.dtype(packed.dtype)
    size = math.prod(packed.shape) * dtype.itemsize
    if size > _MOST_BYTES:
        raise ValueError("they would unpack to more than any golden inputs have")
    unpacker = zlib.decompressobj()
    raw = unpacker.decompress(base64.b64decode(packed.data, validate=True), size + 1)
    if len(raw) != size:
        raise ValueError(f"{len(raw)} bytes for {packed.dtype} of shape {packed.shape}")
    flat = np.frombuffer(raw, dtype.newbyteorder("<")).astype(dtype, copy=False)
    values: Array = flat.reshape(packed.shape)
    return values

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
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.common.array_files import load_arrays
from zoo.common.errors import BadData, BadFile
from zoo.common.files import read_file
from zoo.common.named_arrays import fields_of, joined

if TYPE_CHECKING:
    from zoo.contracts import Preprocessing
    from zoo.contracts.task import Array

#: Characters of packed arrays that a manifest takes; more go into a file beside.
MOST_EMBEDDED = 64_000
SUFFIX = ".golden.npz"
#: Bytes that golden arrays may unpack to.
_MOST_BYTES = 256 << 20
_DTYPES = frozenset(
    {"uint8", "int8", "uint16", "int16", "int32", "int64", "float16", "float32", "float64", "bool"}
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
        inputs: Raw, (inputs, …), of several inputs by name; None when they lie beside the file.
        outputs: In real numbers, (inputs, …), of several outputs by name; None when they lie
            beside the file.
        file: Name of the file beside, which holds both; empty when they are here.
        sha256: Of that file.
        limits: `max_abs` of each output by name, where there are several.
        in_chain: Of a part that takes what another file gave: how far its outputs may be off, by
            name, where that one's own answers are its inputs; empty for a file that takes examples.
        answers: What the outputs were decoded into, in words, where the manifest says by what;
            see `golden_answers`.
    """

    dataset: str
    examples: tuple[int, ...]
    runtime: str
    runtime_version: str
    processor: str
    max_abs: float
    tolerance: str
    inputs: PackedArray | dict[str, PackedArray] | None = None
    outputs: PackedArray | dict[str, PackedArray] | None = None
    file: str = ""
    sha256: str = ""
    limits: dict[str, float] = field(default_factory=dict)
    in_chain: dict[str, float] = field(default_factory=dict)
    answers: tuple[str, ...] = ()

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

    Several inputs or outputs are a structured array (see `zoo.common.named_arrays`).
    """

    inputs: Array
    outputs: Array

    def fit(self, preprocessing: Preprocessing) -> bool:
        """Whether the inputs have the names, types and shapes of a network's."""
        import numpy as np

        wanted = np.empty((0, *preprocessing.input_shape), preprocessing.dtype)
        return bool(self.inputs.shape[1:] == wanted.shape[1:] and self.inputs.dtype == wanted.dtype)


def fitting_inputs(preprocessing: Preprocessing) -> str:
    """What golden inputs of a network are, in words."""
    sides = (preprocessing,) if preprocessing.states else preprocessing.parts
    return "inputs are " + "; ".join(f"{one.dtype} of shape {one.input_shape}" for one in sides)


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

    inputs, outputs = (
        {name: packed(values) for name, values in fields_of(side).items()}
        for side in (arrays.inputs, arrays.outputs)
    )
    all_packed = [*inputs.values(), *outputs.values()]
    if sum(len(one.data) for one in all_packed) <= MOST_EMBEDDED:
        here = replace(golden, inputs=inputs.get("", inputs), outputs=outputs.get("", outputs))
        return here, None
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
            arrays = GoldenArrays(
                inputs=_all_unpacked(golden.inputs), outputs=_all_unpacked(golden.outputs)
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


def packed(values: Array) -> PackedArray:
    """An array as text."""
    import numpy as np

    little = np.ascontiguousarray(values.astype(values.dtype.newbyteorder("<"), copy=False))
    data = base64.b64encode(zlib.compress(little.tobytes(), 9)).decode("ascii")
    return PackedArray(dtype=values.dtype.name, shape=tuple(values.shape), data=data)


def _all_unpacked(stored: PackedArray | dict[str, PackedArray]) -> Array:
    named = {"": stored} if isinstance(stored, PackedArray) else stored
    return joined({name: unpacked(one) for name, one in named.items()})


def unpacked(stored: PackedArray) -> Array:
    """The array of a text.

    Raises:
        ValueError: It is none.
    """
    import numpy as np

    if stored.dtype not in _DTYPES or any(side < 1 for side in stored.shape):
        raise ValueError(f"no array has type {stored.dtype!r} and shape {stored.shape}")
    dtype = np.dtype(stored.dtype)
    size = math.prod(stored.shape) * dtype.itemsize
    if size > _MOST_BYTES:
        raise ValueError("they would unpack to more than any golden inputs have")
    unpacker = zlib.decompressobj()
    raw = unpacker.decompress(base64.b64decode(stored.data, validate=True), size + 1)
    if len(raw) != size:
        raise ValueError(f"{len(raw)} bytes for {stored.dtype} of shape {stored.shape}")
    flat = np.frombuffer(raw, dtype.newbyteorder("<")).astype(dtype, copy=False)
    values: Array = flat.reshape(stored.shape)
    return values

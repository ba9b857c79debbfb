"""What programs of a file read beside it: names, words, tables, and the golden inputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from zoo.artifacts.artifact import Manifest
from zoo.artifacts.bundle.facts import code_files, labels_of
from zoo.artifacts.golden_samples import GoldenArrays
from zoo.common.named_arrays import fields_of
from zoo.results.formatting import plain


def text_files(manifest: Manifest) -> dict[str, str]:
    """Texts by the names of their files, an entry on each line."""
    labels = [plain(name) for name in labels_of(manifest)]
    lists = {"labels": labels, **manifest.preprocessing.text_files()}
    written = {f"{name}.txt": "".join(f"{line}\n" for line in own) for name, own in lists.items()}
    return {**written, **code_files(manifest.decoding)}


def golden_files(
    facts: Mapping[str, Any], arrays: GoldenArrays
) -> Iterator[tuple[int, str, str, bytes]]:
    """Place of a golden example, side of it, name of its file, and the numbers, little-endian."""
    import numpy as np

    inputs = fields_of(arrays.inputs).values()
    sides = [(values, values.dtype.newbyteorder("<")) for values in inputs]
    sides += [(values, np.dtype("<f4")) for values in fields_of(arrays.outputs).values()]
    for place, files in enumerate(facts["golden"]["files"]):
        for (side, path), (values, dtype) in zip([*files.items()], sides, strict=True):
            yield place, side, path, np.ascontiguousarray(values[place], dtype).tobytes()

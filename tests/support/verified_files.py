"""What tests of verification share: judged files, altered where a test wants it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from digit_files import layer, registry

from zoo.analysis.verify.verify import Verification, verify
from zoo.artifacts.artifact import open_artifact


def verified(file: Path, **options) -> Verification:
    return verify(file, registry=registry(), **options)


def failing(found: Verification) -> list[str]:
    return [claim.name for claim in found.claims if claim.status == "fails"]


def manifest_of(file: Path):
    return open_artifact(registry(), file).manifest


def with_flipped_weights(file: Path) -> Path:
    """The sign of each weight and scale of one row is turned; what surrounds them is as it was."""
    artifact = open_artifact(registry(), file)
    weights, _ = layer()
    data = bytearray(file.read_bytes())
    if "int8" in file.name:
        step = float(np.abs(weights).max() / 127)
        weights = np.rint(weights / step).astype(np.int8)
    row = weights[3].tobytes()
    start = data.index(row)
    data[start : start + len(row)] = (-weights[3]).tobytes()
    file.write_bytes(bytes(data))
    altered = artifact.exporter.inspect(file).payload_sha256
    assert altered != artifact.manifest.payload_sha256
    return file

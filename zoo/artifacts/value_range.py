"""The range of raw values that a file is timed with."""

from __future__ import annotations

from zoo.artifacts.artifact import Artifact

#: Of a foreign file nothing is known.
UNIT_RANGE = (0.0, 1.0)


def value_range_of(artifact: Artifact) -> tuple[float, float]:
    """The value range of the file's input, for timing."""
    manifest = artifact.manifest
    return UNIT_RANGE if manifest is None else manifest.preprocessing.value_range

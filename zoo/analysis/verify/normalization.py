"""The claim that a file normalizes its inputs as its record says, measured in the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo.analysis.verify.claims import ClaimList
from zoo.artifacts import normalization_in_file as normalization
from zoo.artifacts.artifact import Artifact, Manifest, require_manifest
from zoo.artifacts.front_end_in_file import IN_FILE, NAME
from zoo.artifacts.golden_samples import read_golden
from zoo.common.errors import BadFile, ZooError
from zoo.common.worker import call
from zoo.registry import Registry

if TYPE_CHECKING:
    from zoo.contracts.task import Array


def check_normalization(claims: ClaimList, registry: Registry, artifact: Artifact) -> None:
    """The normalization that the file computes behind its input, against its record."""
    manifest = require_manifest(artifact)
    checks = () if manifest.gate is None else manifest.gate.checks
    judged = next((check.value for check in checks if check.name == NAME), "")
    name = f"{NAME} {IN_FILE}"
    try:
        found: normalization.NormalizationFinding = call(
            "zoo.artifacts.normalization_in_file:measure",
            {
                "path": artifact.path,
                "plugins": registry.settings,
                "inputs": _golden_inputs(artifact, manifest),
                "leading": None,
            },
            tensorflow=False,
        )
    # A damaged graph may crash what runs it: that is an answer, too.
    except ZooError as error:
        claims.check(name, False, error.what, error.why or "the file does not run")
        return
    if found.kind == "none":
        claims.skip(name, found.check.value)
    elif found.kind == "unknown" and not normalization.by_formula(judged):
        # An older gate did not measure it in the file.
        against = f"; the gate measured {judged}" if IN_FILE in judged else ""
        claims.skip(name, f"only the network answers: {found.check.reason}{against}")
    else:
        claims.check(name, found.check.passed, found.check.value, found.check.reason)


def _golden_inputs(artifact: Artifact, manifest: Manifest) -> Array:
    """The real inputs that travel with a file; none where they cannot be read."""
    import numpy as np

    preprocessing = manifest.preprocessing
    try:
        inputs = None if manifest.golden is None else read_golden(manifest.golden, artifact.path)
    except BadFile:
        inputs = None
    if inputs is None or not inputs.fit(preprocessing):
        return np.empty((0, *preprocessing.input_shape), preprocessing.dtype)
    return inputs.inputs

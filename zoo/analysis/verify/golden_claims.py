"""Claims about what golden outputs are decoded into."""

from __future__ import annotations

from zoo.analysis.verify.claims import ClaimList
from zoo.artifacts.artifact import Manifest
from zoo.artifacts.golden_answers import golden_answers
from zoo.artifacts.golden_samples import GoldenArrays
from zoo.contracts import Task


def check_golden_answers(
    claims: ClaimList, manifest: Manifest, arrays: GoldenArrays, task: Task | None
) -> None:
    """Whether the manifest decodes golden outputs into what they were when it was written."""
    golden = manifest.golden
    if task is None or golden is None or not golden.answers:
        return
    found = golden_answers(task, arrays, manifest.preprocessing, manifest.classes, manifest.part)
    claims.check(
        "golden answers",
        found == golden.answers,
        "; ".join(found),
        f"they were {'; '.join(golden.answers)}: its decoding was altered",
    )

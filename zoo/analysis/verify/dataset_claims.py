"""Claims about the data that a network was trained on."""

from __future__ import annotations

from zoo.analysis.verify.claims import ClaimList
from zoo.artifacts.artifact import Manifest
from zoo.contracts import Dataset


def check_dataset(claims: ClaimList, manifest: Manifest, dataset: Dataset) -> None:
    """Classes, and the content of the data where the manifest names them."""
    claims.check(
        "classes of the dataset",
        manifest.classes == dataset.classes,
        f"{len(dataset.classes)} classes of {dataset.name}",
        "the manifest names others, or in another order",
    )
    if manifest.dataset.name != dataset.name:
        claims.skip(
            "training data", f"the network was trained on {manifest.dataset.name}, not on this"
        )
        return
    claims.check(
        "training data",
        manifest.dataset.content_hash == dataset.content_hash,
        f"content hash {dataset.content_hash[:16]}… of {dataset.name}",
        f"the manifest says {manifest.dataset.content_hash[:16]}…",
    )

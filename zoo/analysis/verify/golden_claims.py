"""Claims about what golden outputs are decoded into."""

from __future__ import annotations

from zoo.analysis.verify.claims import ClaimList
from zoo.artifacts.artifact import Manifest
from zoo.artifacts.file_chain import FileChain
from zoo.artifacts.golden_answers import golden_answers
from zoo.artifacts.golden_samples import GoldenArrays
from zoo.common.errors import ZooError
from zoo.contracts import Task


def check_golden_answers(
    claims: ClaimList, manifest: Manifest, arrays: GoldenArrays, task: Task | None
) -> None:
    """Whether the manifest decodes golden outputs into what they were when it was written."""
    golden = manifest.golden
    if task is None or golden is None or not golden.answers:
        return
    try:
        found = golden_answers(
            task, arrays, manifest.preprocessing, manifest.classes, manifest.part
        )
    except ZooError as error:
        claims.check("golden answers", False, error.what, error.why or error.fix or "")
        return
    claims.check(
        "golden answers",
        found == golden.answers,
        "; ".join(found),
        f"they were {'; '.join(golden.answers)}: its decoding was altered",
    )


def check_decoding_of_parts(claims: ClaimList, chain: FileChain) -> None:
    """Whether all files of a model are decoded with the same: one may be changed alone."""
    first, *others = chain.manifests
    if not any(manifest.decoding for manifest in chain.manifests) or not others:
        return
    names = sorted(
        {
            name
            for other in others
            for name in {*first.decoding, *other.decoding}
            if first.decoding.get(name) != other.decoding.get(name)
        }
    )
    claims.check(
        "decoding of all parts",
        not names,
        f"{', '.join(sorted(first.decoding))}: the same in all files"
        if not names
        else f"{', '.join(names)} differ between the files",
        "the manifest of one of them was altered: take both files from one export",
    )

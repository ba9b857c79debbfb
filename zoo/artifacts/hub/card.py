"""Model cards in the form of the Hugging Face hub: YAML in front of Markdown.

All figures are those of the files' manifests, so that a card says nothing that nobody measured.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from zoo.artifacts.artifact import Artifact, Manifest
from zoo.artifacts.hub.proven import proven_files
from zoo.common.files import sha256_of, size_with_side_files
from zoo.common.optional_imports import require
from zoo.common.paths import expanded
from zoo.registry import Registry
from zoo.results.formatting import count, format_metric, plain

CARD = "README.md"
#: Licences by the hub's names for them; others are ``other`` there, with a name of their own.
_LICENCES = frozenset(
    (
        *("apache-2.0", "mit", "bsd", "bsd-2-clause", "bsd-3-clause", "cc", "cc0-1.0"),
        *("cc-by-2.0", "cc-by-3.0", "cc-by-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0"),
        *("cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nd-4.0", "cc-by-nc-nd-4.0", "cc-by-nc-sa-4.0"),
        *("gpl", "gpl-2.0", "gpl-3.0", "lgpl-2.1", "lgpl-3.0", "agpl-3.0", "mpl-2.0"),
        *("isc", "unlicense", "wtfpl", "zlib"),
    )
)
#: What datasets call their argument: a path of this machine, or a name for everybody.
_PATH, _NAME = "PATH", "NAME"
#: Names that a hub takes for a dataset: of the hub's own, or of one that everybody has.
_DATA_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(/[A-Za-z0-9][\w.-]{0,95})?")


def model_card(registry: Registry, folder: str | Path, *, unproven: bool = False) -> str:
    """The model card of a folder of exported files.

    Args:
        registry: Knows formats and tasks.
        folder: Of a run, an export or a bundle.
        unproven: Whether files that did not pass their gate are included, too.

    Returns:
        Markdown that begins with YAML between lines of ``---``.

    Raises:
        UsageError: The folder holds no files, or those of several models.
        BadFile: A file has no manifest, was altered, or did not pass its gate.
        MissingExtra: PyYAML is not installed.
    """
    return card_of(registry, proven_files(registry, Path(folder), unproven=unproven))


def card_of(
    registry: Registry,
    files: Sequence[tuple[Artifact, Manifest]],
    repository: str = "hf:OWNER/NAME",
) -> str:
    """The same of files that are open, for the repository where they will be."""
    front = require("yaml").safe_dump(
        front_matter(registry, files), sort_keys=False, allow_unicode=True, width=100
    )
    return f"---\n{front}---\n\n{_text(registry, files, repository)}"


def parsed_front(text: str) -> dict[str, Any]:
    """What the hub reads of a card's text."""
    found: dict[str, Any] = require("yaml").safe_load(text.split("---\n", 2)[1])
    return found


def front_matter(registry: Registry, files: Sequence[tuple[Artifact, Manifest]]) -> dict[str, Any]:
    """What the hub reads of a card; values that nobody knows are left out."""
    first = files[0][1]
    tag = _pipeline_tag(registry, first.task)
    formats = sorted({manifest.format for _, manifest in files})
    precisions = sorted({manifest.precision for _, manifest in files})
    metrics = dict.fromkeys(
        _metric_type(metric.name)
        for _, manifest in files
        if manifest.gate is not None
        for metric in manifest.gate.metrics
    )
    data = public_name(registry, first.dataset.name)
    front: dict[str, Any] = {
        **_licence(first.licence),
        "library_name": "edgezoo",
        "pipeline_tag": tag,
        "tags": [*formats, *precisions, first.architecture],
        "datasets": [data] if _DATA_NAME.fullmatch(data) else [],
        "metrics": list(metrics),
        "model-index": [
            {"name": first.model_id, "results": _results(registry, tag or first.task, files)}
        ],
    }
    return {key: value for key, value in front.items() if value not in ("", [])}


def _pipeline_tag(registry: Registry, task: str) -> str:
    known = task in registry.tasks.names()
    return registry.tasks.get(task).pipeline_tag if known else ""


def _licence(spdx: str) -> dict[str, str]:
    if spdx.lower() in _LICENCES:
        return {"license": spdx.lower()}
    if spdx in ("", "unknown"):
        return {"license": "unknown"}
    return {"license": "other", "license_name": plain(spdx)}


def public_name(registry: Registry, name: str) -> str:
    """The name of a dataset that others can have, too; empty for data of somebody's own."""
    kind, colon, rest = name.partition(":")
    if not colon:
        return plain(kind)
    rest = rest.partition("?")[0]
    known = kind in registry.datasets.names()
    if not known or not _DATA_NAME.fullmatch(rest) or expanded(rest).exists():
        return ""
    argument = registry.datasets.get(kind).argument
    return {_PATH: "", _NAME: rest}.get(argument or "", name.partition("?")[0])


def _dataset(registry: Registry, name: str) -> str:
    """What others are told of a dataset: of somebody's own data, neither folder nor file."""
    return public_name(registry, name) or f"own data ({plain(name.partition(':')[0])})"


def _metric_type(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def _results(
    registry: Registry, task: str, files: Sequence[tuple[Artifact, Manifest]]
) -> list[dict[str, Any]]:
    """Each file's metrics on the whole test split, in the hub's form."""
    return [
        {
            "task": {"type": task, "name": manifest.task},
            "dataset": {
                "type": public_name(registry, manifest.dataset.name) or "own-data",
                "name": f"{_dataset(registry, manifest.dataset.name)}, {artifact.path.name}",
                "split": "test",
            },
            "metrics": [
                {
                    "type": _metric_type(metric.name),
                    "value": metric.value,
                    "name": f"{metric.name} of {manifest.precision} in {manifest.gate.runtime}",
                }
                for metric in manifest.gate.metrics
            ],
        }
        for artifact, manifest in files
        if manifest.gate is not None and manifest.gate.metrics
    ]


def _text(registry: Registry, files: Sequence[tuple[Artifact, Manifest]], repository: str) -> str:
    """The Markdown behind the front matter."""
    first = files[0][1]
    lines = [
        f"# {_cell(first.model_id)}",
        "",
        f"{_cell(first.architecture)} for {_cell(first.task)}, trained on "
        f"{_cell(_dataset(registry, first.dataset.name))} "
        f"(content hash `{first.dataset.content_hash}`, "
        f"licence {_cell(first.dataset.licence)}), as files for phones, boards and browsers.",
        "",
        "Each file was run on the whole test split in the runtime that it is deployed on, and "
        "judged beside the network that it was made from. Figures are those of the files, with "
        "95 % intervals.",
        "",
        "| file | format | precision | bytes | quality on the test split | gate |",
        "|---|---|---|---|---|---|",
        *(_row(artifact, manifest) for artifact, manifest in files),
        "",
        *_limits(files),
        "## Input",
        "",
        *(f"* {_cell(k)}: {_cell(v)}" for k, v in first.preprocessing.describe().items()),
        "",
        f"Normalization: {_cell(first.normalization)}.",
        "",
        *_classes(first),
        "## Use",
        "",
        "```console",
        f"$ zoo pull {repository}",
        f"$ zoo verify {files[0][0].path.name}",
        f"$ zoo bundle {files[0][0].path.name}",
        "```",
        "",
        "`zoo verify` recomputes what the manifest in a file claims.",
        "",
        "## Files",
        "",
        *(f"* `{a.path.name}` SHA-256 `{sha256_of(a.path)}`" for a, _ in files),
    ]
    return "\n".join(lines) + "\n"


def _row(artifact: Artifact, manifest: Manifest) -> str:
    size = size_with_side_files(artifact.path, artifact.contents.side_files)
    gate = manifest.gate
    metrics = gate.metrics if gate is not None else ()
    quality = "; ".join(
        f"{_cell(m.name)} {format_metric(m)}, {count(m.count, m.counted)}" for m in metrics
    )
    judged = "not judged" if gate is None else ("passed" if gate.passed else "REJECTED")
    if gate is not None:
        judged += f" in {gate.runtime} {gate.runtime_version}"
    cells = (
        f"`{artifact.path.name}`",
        manifest.format,
        manifest.precision,
        f"{size:,}",
        quality,
        judged,
    )
    return f"| {' | '.join(cells)} |"


def _limits(files: Sequence[tuple[Artifact, Manifest]]) -> list[str]:
    """What speaks against the network or a file, in the gate's words."""
    told = dict.fromkeys(finding.text for _, manifest in files for finding in manifest.findings)
    return ["## Limits", "", *(f"* {_cell(text)}" for text in told), ""] if told else []


def _classes(manifest: Manifest) -> list[str]:
    if not manifest.classes:
        return []
    shown = ", ".join(map(_cell, manifest.classes[:50]))
    more = f" … {len(manifest.classes):,} in all" if len(manifest.classes) > 50 else ""
    return ["## Outputs", "", f"In this order: {shown}{more}.", ""]


def _cell(value: object) -> str:
    """Foreign text on one line, without what Markdown or HTML would act on."""
    words = plain(str(value)).replace("<", "(").replace("|", "/").replace("`", "'")
    return words.replace("](", "] (")  # links and pictures, which a viewer would fetch

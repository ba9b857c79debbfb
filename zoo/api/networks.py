"""Networks that were named where exported files are taken: exported first, by `zoo.export`."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.api.runs import export
from zoo.common.errors import UsageError, ZooError
from zoo.common.extras import missing_of
from zoo.common.files import no_file
from zoo.common.paths import cache_folder
from zoo.common.progress import OnStep
from zoo.contracts.precision import BASELINE, PRECISIONS
from zoo.networks.checkpoints import SUFFIX, made_here, model_ids
from zoo.networks.sources.references import source_of
from zoo.pipeline.rows import ArtifactRow, rows_of
from zoo.pipeline.run import Run
from zoo.registry import Registry
from zoo.results.records import QualityFinding


@dataclass(frozen=True, kw_only=True)
class NetworkFiles:
    """The files that were exported from one network.

    Attributes:
        files: Those that passed their gate; where one was asked for, that one, passed or not.
        refused: Why others cannot be used, a sentence each.
        findings: What speaks against the network itself.
    """

    files: tuple[Path, ...]
    refused: tuple[str, ...]
    findings: tuple[QualityFinding, ...]


def is_network(registry: Registry, named: str, *, by_id: bool = True, bare: bool = True) -> bool:
    """Whether a name stands for a network, where exported files are taken.

    Args:
        registry: Knows names and suffixes.
        named: As typed.
        by_id: Whether models of the zoo count by their name, not by the path of weights alone.
        bare: Whether files without a manifest are taken as they are.
    """
    path = Path(named)
    if registry.exporter_for(path) is not None:
        return not bare and no_file(path) is None and source_of(registry, named) is not None
    if source_of(registry, named) is not None or named.endswith(SUFFIX):
        return True
    return by_id and (named in model_ids(registry) or made_here(registry, named) is not None)


def exported_files(
    registry: Registry, network: str, *, on_step: OnStep, **options: Any
) -> NetworkFiles:
    """Exports a network in all formats and precisions that `options` name.

    Raises:
        ZooError: It cannot be exported, or no file passed its gate.
    """
    run = _exported(registry, network, on_step, options)
    rows = rows_of(run)
    passed = [row for row in rows if row.verdict == "passed"]
    refused = tuple(_refusal(row) for row in rows if row.verdict != "passed")
    if not passed:
        raise _no_file(network, refused)
    files = tuple(path for row in passed for path in _paths(run, row))
    return NetworkFiles(files=files, refused=refused, findings=run.findings)


def exported_file(
    registry: Registry,
    network: str,
    *,
    on_step: OnStep,
    format: Sequence[str] | None = None,
    precision: Sequence[str] | None = None,
    twin: bool = False,
    **options: Any,
) -> NetworkFiles:
    """Exports a network as one file: in the first format, and the first precision below float32.

    Args:
        registry: Knows formats.
        network: As typed.
        on_step: Receives progress.
        format: At most one, in the place of the first that can be written here.
        precision: At most one, likewise.
        twin: Whether the file in the baseline's precision is written beside it.
        **options: Others that `zoo.export` takes.

    Raises:
        UsageError: Several formats or precisions.
        ZooError: It cannot be exported, or there is no such file.
    """
    # Where none can be written here, the export names what to install.
    writable = sorted(registry.exporters, key=lambda exporter: bool(missing_of(exporter.extra)))
    form = _only("--format", format, (exporter.name for exporter in writable))
    below = (p.name for p in PRECISIONS if p.default and p is not BASELINE)
    kind = _only("--precision", precision, below)
    wanted = [BASELINE.name, kind] if twin else [kind]
    options |= {"format": [form], "precision": list(dict.fromkeys(wanted))}
    run = _exported(registry, network, on_step, options)
    (row,) = (row for row in rows_of(run) if row.precision == kind)
    if row.verdict not in ("passed", "rejected"):
        raise _no_file(network, (_refusal(row),))
    # Of a model of several files any stands for all.
    return NetworkFiles(files=_paths(run, row)[:1], refused=(), findings=run.findings)


def _exported(registry: Registry, network: str, on_step: OnStep, options: dict[str, Any]) -> Run:
    """Exports into a folder of the cache; networks of one name have each its own."""
    made_of = [str(Path(network).resolve()), str(Path.cwd()), options.get("data")]
    key = hashlib.sha256(json.dumps(made_of).encode()).hexdigest()[:16]
    output = cache_folder() / "exported" / key
    return export(network, output=output, on_step=on_step, registry=registry, **options)


def _only(option: str, given: Sequence[str] | None, others: Iterable[str]) -> str:
    if given and len(set(given)) > 1:
        raise UsageError(
            f"{option} names {len(set(given))}, and one file is taken",
            why=f"named were {', '.join(dict.fromkeys(given))}",
            fix="name one",
        )
    return given[0] if given else next(iter(others))


def _paths(run: Run, row: ArtifactRow) -> tuple[Path, ...]:
    return tuple(run.folder / file.file for file in row.files)


def _refusal(row: ArtifactRow) -> str:
    return f"{row.file}: {row.verdict}" + (f": {row.reason}" if row.reason else "")


def _no_file(network: str, refused: Sequence[str]) -> ZooError:
    return ZooError(
        f"there is no file of {network} that could be used",
        why="; ".join(refused),
        fix=f"zoo export {shlex.quote(network)} … shows each, with its checks",
    )

"""Bundle folders: model, metadata, golden samples, programs, checksums."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.artifacts.artifact import Artifact, Manifest, open_unaltered, require_manifest
from zoo.artifacts.bundle.facts import facts_of
from zoo.artifacts.bundle.licence import licence_text
from zoo.artifacts.bundle.readme import readme
from zoo.artifacts.bundle.trial import ProgramTrial, try_program
from zoo.artifacts.golden_samples import GoldenArrays, read_golden
from zoo.common.errors import BadFile, UsageError, ZooError
from zoo.common.files import cannot_write, copy_with_side_files, sha256_of
from zoo.common.named_arrays import fields_of
from zoo.contracts import Arena, Usage, UsageRequest
from zoo.registry import Registry, load_registry

if TYPE_CHECKING:
    from zoo.contracts.task import Array

CHECKSUMS = "SHA256SUMS"
_MARK = "metadata.json"
_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,120}")


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """A finished bundle.

    Attributes:
        folder: Where.
        files: Paths in it, sorted.
        trials: Programs that were run on this machine, and how that went.
    """

    folder: Path
    files: tuple[str, ...]
    trials: tuple[ProgramTrial, ...]

    @property
    def passed(self) -> bool:
        """Whether every program that was run here reproduced the golden outputs."""
        return all(trial.passed is not False for trial in self.trials)


def bundle(
    file: str | Path,
    *,
    output: str | Path | None = None,
    target: str | None = None,
    registry: Registry | None = None,
) -> Bundle:
    """Makes a bundle folder from one exported file.

    Args:
        file: An exported file that the gate has judged and passed.
        output: The folder; None for ``bundles/`` and the file's name. One that this function made
            before is replaced.
        target: Kind of processor that it is for; None for the one the file was written for.
        registry: None discovers plugins anew.

    Raises:
        BadFile: It has no manifest or no golden inputs, was altered, or did not pass the gate.
        UsageError: The folder is there, and is none of ours.
        MissingExtra: Something that belongs into it takes a package that is not installed.
    """
    registry = registry or load_registry()
    path = Path(file)
    artifact = open_unaltered(registry, path)
    manifest = require_manifest(artifact)
    arrays = _golden_arrays(artifact, manifest)
    target = _target(registry, manifest, target)
    folder = Path(output) if output is not None else Path("bundles") / path.stem
    name = path.name
    if not _SAFE_NAME.fullmatch(name):
        raise UsageError(
            f"the name {name!r} cannot stand in programs",
            fix="rename the file: letters, digits, '.', '-' and '_'",
        )
    with _made(folder) as made:
        trials = _fill(made, artifact, manifest, arrays, name, target, registry)
    files = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
    return Bundle(folder=folder, files=tuple(files), trials=tuple(trials))


def _golden_arrays(artifact: Artifact, manifest: Manifest) -> GoldenArrays:
    if manifest.gate is None or not manifest.gate.passed:
        state = "was not judged by the gate" if manifest.gate is None else "was rejected"
        raise BadFile(
            f"{artifact.path} {state}",
            why="a folder for others is made of files that passed",
            fix="zoo export MODEL writes judged files; `zoo inspect` shows why one was rejected",
        )
    if manifest.golden is None:
        raise BadFile(
            f"{artifact.path} has no golden inputs",
            why="it was written by an older edgezoo",
            fix="export it again",
        )
    return read_golden(manifest.golden, artifact.path)


def _target(registry: Registry, manifest: Manifest, asked: str | None) -> str:
    """The one asked for, or the one of the manifest, which may come from elsewhere."""
    from zoo.targets import HOST_NAMES, target_named

    if asked is not None:
        return target_named(registry, asked).name
    return "" if manifest.target in HOST_NAMES else manifest.target


@contextmanager
def _made(folder: Path) -> Iterator[Path]:
    """A temporary folder beside the final one, renamed when complete."""
    ours = (folder / _MARK).is_file() and (folder / CHECKSUMS).is_file()
    if folder.exists() and not ours and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(
            f"{folder} is there already, and is no bundle", fix="choose another with --output"
        )
    temporary = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.part")
    try:
        temporary.mkdir(parents=True)
        yield temporary
        if folder.exists():
            shutil.rmtree(folder)
        temporary.rename(folder)
    except OSError as error:
        raise cannot_write(folder, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _fill(
    folder: Path,
    artifact: Artifact,
    manifest: Manifest,
    arrays: GoldenArrays,
    name: str,
    target: str,
    registry: Registry,
) -> list[ProgramTrial]:
    facts = facts_of(artifact, manifest, arrays, name, target)
    copy_with_side_files(artifact.path, folder / name, artifact.companions)
    _write(folder, "labels.txt", "".join(f"{_one_line(c)}\n" for c in manifest.classes))
    for name, lines in manifest.preprocessing.text_files().items():
        _write(folder, f"{name}.txt", "".join(f"{line}\n" for line in lines))
    _write(folder, "LICENSE.txt", licence_text(manifest))
    _write_golden(folder, facts, arrays)
    _write(folder, _MARK, json.dumps(facts, indent=1, ensure_ascii=False) + "\n")
    used = Usage(files={})
    if artifact.exporter.usage is not None:
        used = artifact.exporter.usage(
            UsageRequest(
                model=folder / name,
                facts=facts,
                operators=artifact.contents.operators,
                target=target,
                arena=_arena(registry, artifact.exporter.name),
            )
        )
    for path, text in used.files.items():
        _write(folder, path, text)
    trials = [try_program(folder, program) for program in used.programs]
    _write(folder, "README.md", readme(facts, manifest, used, trials))
    sums = [
        f"{sha256_of(path)}  {path.relative_to(folder).as_posix()}\n"
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    ]
    _write(folder, CHECKSUMS, "".join(sums))
    return trials


def _arena(registry: Registry, format: str) -> Callable[[Path, Array], Arena] | None:
    """The function that measures the tensor arena of a format's files, if a device has one."""
    kinds = (kind for kind in registry.devices if kind.arena and format in kind.formats)
    return next((kind.arena for kind in kinds), None)


def _write_golden(folder: Path, facts: dict[str, Any], arrays: GoldenArrays) -> None:
    import numpy as np

    (folder / "golden").mkdir()
    sides = [(arrays.inputs, arrays.inputs.dtype.newbyteorder("<"))]
    sides += [(values, np.dtype("<f4")) for values in fields_of(arrays.outputs).values()]
    for number, files in enumerate(facts["golden"]["files"]):
        for (side, path), (values, dtype) in zip([*files.items()], sides, strict=True):
            content = np.ascontiguousarray(values[number], dtype).tobytes()
            (folder / path).write_bytes(content)
            files[f"{side}_sha256"] = hashlib.sha256(content).hexdigest()
    _write(folder, "golden/golden.json", json.dumps(facts["golden"], indent=1) + "\n")


def _write(folder: Path, path: str, text: str) -> None:
    target = folder / path
    if not target.resolve().is_relative_to(folder.resolve()):
        raise ZooError(f"the format wants to write {path!r}, which lies outside the folder")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")


def _one_line(name: str) -> str:
    from zoo.results.formatting import plain

    return plain(name)

"""Bundle folders: model, metadata, golden samples, programs, checksums."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.artifacts.artifact import Artifact, Manifest, require_manifest
from zoo.artifacts.bundle.earlier import CHECKSUMS, METADATA, listed_files, refuse_loss
from zoo.artifacts.bundle.facts import facts_of
from zoo.artifacts.bundle.licence import licence_text
from zoo.artifacts.bundle.parts import BundledPart, chain_facts, chain_usage
from zoo.artifacts.bundle.readme import readme
from zoo.artifacts.bundle.side_files import golden_files, text_files
from zoo.artifacts.bundle.trial import ProgramTrial, try_program
from zoo.artifacts.file_chain import FileChain, open_chain
from zoo.artifacts.golden_samples import GoldenArrays, read_golden
from zoo.artifacts.signing.listing import FOLDER_SIGNATURE, signature_of
from zoo.common.brief import Brief
from zoo.common.errors import BadFile, UsageError, ZooError
from zoo.common.files import cannot_write, copy_with_side_files, sha256_of
from zoo.common.shown_text import is_utf8, other_encoding
from zoo.contracts import Arena, Usage, UsageRequest
from zoo.registry import Registry, load_registry

if TYPE_CHECKING:
    from zoo.contracts.task import Array

_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,120}")


@dataclass(frozen=True, kw_only=True, repr=False)
class Bundle(Brief):
    """A finished bundle.

    Attributes:
        folder: Where.
        files: Paths in it, sorted.
        trials: Programs that were run on this machine, and how that went.
        remarks: What speaks against the network, and what became of signatures.
    """

    folder: Path
    files: tuple[str, ...]
    trials: tuple[ProgramTrial, ...]
    remarks: tuple[str, ...] = ()

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
    """Makes a bundle folder from one exported file, or from all files of a model of several.

    Of several files each has a folder of its own, named after its part, that is whole by itself;
    the programs of the folder above run all of them.

    Args:
        file: An exported file that the gate has judged and passed; of a model of several files
            any of them, with the others beside it.
        output: The folder; None for ``bundles/`` and the file's name, without its part's. A bundle
            of the same model that this function made before, and nobody changed, is replaced.
        target: Kind of processor that it is for; None for the one the file was written for.
        registry: None discovers plugins anew.

    Raises:
        BadFile: It has no manifest or no golden inputs, was altered, did not pass the gate, or is
            a part whose others are not beside it.
        UsageError: The folder is there, and is none of ours, of another model, or changed.
        MissingExtra: Something that belongs into it takes a package that is not installed.
    """
    registry = registry or load_registry()
    path = Path(file)
    place = Path(output or "").absolute()
    if not is_utf8(str(place)):
        raise UsageError(
            f"no bundle can be made in {place}",
            why="that is not a name in UTF-8, and runtimes take no other",
            fix=other_encoding("name another folder with --output"),
        )
    chain = open_chain(registry, path)
    golden = [_golden_arrays(artifact, require_manifest(artifact)) for artifact in chain.artifacts]
    target = _target(registry, chain.manifest, target)
    folder = Path(output) if output is not None else Path("bundles") / _stem(chain)
    for artifact in chain.artifacts:
        name = artifact.path.name
        if not _SAFE_NAME.fullmatch(name):
            raise UsageError(
                f"the name {name!r} cannot be used in programs",
                fix="rename the file: letters, digits, '.', '-' and '_'",
            )
    was_signed = (folder / FOLDER_SIGNATURE).is_file()
    refuse_loss(folder, chain.manifest.model_id)
    earlier = listed_files(folder)
    with _made(folder) as made:
        trials = []
        parts: list[BundledPart] = []
        for artifact, arrays in zip(chain.artifacts, golden, strict=True):
            part = require_manifest(artifact).part
            (made / part).mkdir(exist_ok=True)
            facts, used, own = _fill(made / part, artifact, arrays, target, registry)
            parts.append(BundledPart(name=part, facts=facts, usage=used))
            trials += [_in_part(one, part) if part else one for one in own]
        if len(parts) > 1:
            trials = [*_fill_chain(made, chain, parts, target), *trials]
    files = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
    remarks = [f"weak: {finding.text}" for finding in chain.first.findings if finding.weak]
    if earlier and earlier != listed_files(folder):
        remarks.append(f"{folder} was there with other content, and was replaced")
    if was_signed:
        remarks.append(
            f"{folder} was signed and is made anew: zoo sign {folder} --key KEY.pem signs it again"
        )
    return Bundle(folder=folder, files=tuple(files), trials=tuple(trials), remarks=tuple(remarks))


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
    """A temporary folder beside the final one, renamed when complete.

    Whoever interrupts it is left with the old folder or the new one.
    """
    name = f".{folder.name}.{secrets.token_hex(4)}"
    temporary, old = folder.with_name(f"{name}.part"), folder.with_name(f"{name}.old")
    try:
        temporary.mkdir(parents=True)
        yield temporary
        if folder.exists():
            folder.rename(old)
        temporary.rename(folder)
    except OSError as error:
        raise cannot_write(folder, error) from error
    finally:
        if old.exists() and not folder.exists():
            old.rename(folder)
        for left in (temporary, old):
            shutil.rmtree(left, ignore_errors=True)


def _in_part(trial: ProgramTrial, part: str) -> ProgramTrial:
    """As the folder above tells it."""
    return replace(trial, language=f"{part} {trial.language}", file=f"{part}/{trial.file}")


def _stem(chain: FileChain) -> str:
    """The file's name without its suffix, and without the part's."""
    stem = chain.first.path.name.removesuffix(chain.first.exporter.suffix)
    part = chain.manifest.part
    return stem.removesuffix(f".{part}") if part else chain.first.path.stem


def _fill_chain(
    folder: Path, chain: FileChain, parts: Sequence[BundledPart], target: str
) -> list[ProgramTrial]:
    """What the folder above those of the parts holds: how all of them are run."""
    facts = chain_facts(chain, parts, target)
    _write(folder, METADATA, json.dumps(facts, indent=1, ensure_ascii=False) + "\n")
    _write(folder, "LICENSE.txt", licence_text(chain.manifest))
    used = chain_usage(parts)
    for path, text in used.files.items():
        _write(folder, path, text)
    trials = [try_program(folder, program) for program in used.programs]
    _write(folder, "README.md", readme(facts, chain.manifest, used, trials, "parts.md.jinja"))
    _write_checksums(folder)
    return trials


def _fill(
    folder: Path, artifact: Artifact, arrays: GoldenArrays, target: str, registry: Registry
) -> tuple[dict[str, Any], Usage, list[ProgramTrial]]:
    manifest, name = require_manifest(artifact), artifact.path.name
    facts = facts_of(artifact, manifest, arrays, name, target)
    signature = signature_of(artifact.path)
    signed = signature.is_file() and not signature.is_symlink()
    copy_with_side_files(
        artifact.path,
        folder / name,
        (*artifact.companions, *([signature.name] if signed else [])),
    )
    for name_of_file, text in text_files(manifest).items():
        _write(folder, name_of_file, text)
    _write(folder, "LICENSE.txt", licence_text(manifest))
    _write_golden(folder, facts, arrays)
    _write(folder, METADATA, json.dumps(facts, indent=1, ensure_ascii=False) + "\n")
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
    _write(folder, "README.md", readme(facts, manifest, used, trials, signed=signed))
    _write_checksums(folder)
    return facts, used, trials


def _write_checksums(folder: Path) -> None:
    sums = [
        f"{sha256_of(path)}  {path.relative_to(folder).as_posix()}\n"
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    ]
    _write(folder, CHECKSUMS, "".join(sums))


def _arena(registry: Registry, format: str) -> Callable[[Path, Array], Arena] | None:
    """The function that measures the tensor arena of a format's files, if a device has one."""
    kinds = (kind for kind in registry.devices if kind.arena and format in kind.formats)
    return next((kind.arena for kind in kinds), None)


def _write_golden(folder: Path, facts: dict[str, Any], arrays: GoldenArrays) -> None:
    (folder / "golden").mkdir()
    files = facts["golden"]["files"]
    for place, side, path, content in golden_files(facts, arrays):
        (folder / path).write_bytes(content)
        files[place][f"{side}_sha256"] = hashlib.sha256(content).hexdigest()
    _write(folder, "golden/golden.json", json.dumps(facts["golden"], indent=1) + "\n")


def _write(folder: Path, path: str, text: str) -> None:
    target = folder / path
    if not target.resolve().is_relative_to(folder.resolve()):
        raise ZooError(f"the format would write {path!r}, which lies outside the folder")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")

"""`zoo sign`: signatures of a model's files, or of a folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from zoo.artifacts.artifact import open_unaltered
from zoo.artifacts.file_chain import open_chain
from zoo.artifacts.signing.hashes import hashes_of
from zoo.artifacts.signing.keys import fingerprint, passphrase_bytes, private_key
from zoo.artifacts.signing.listing import (
    FOLDER_SIGNATURE,
    folder_files,
    require_plain,
    signature_of,
)
from zoo.common.errors import UsageError
from zoo.common.files import atomic_path
from zoo.common.optional_imports import require
from zoo.registry import Registry, load_registry


@dataclass(frozen=True, kw_only=True)
class Signature:
    """A signature that was written.

    Attributes:
        file: Where.
        covers: Names of the files that it covers, relative to its folder.
        key: Fingerprint of the public key: the SHA-256 of its PEM form.
    """

    file: Path
    covers: tuple[str, ...]
    key: str


def sign(
    target: str | Path,
    *,
    key: str | Path,
    passphrase: str | None = None,
    replace: bool = False,
    registry: Registry | None = None,
) -> tuple[Signature, ...]:
    """Signs an exported file with what belongs to it, or everything in a folder.

    Args:
        target: An exported file: it is signed with its external weights and golden inputs, and
            likewise each other file of the same model, in a signature beside each. Or a folder
            that holds exported files, of a run or a bundle: one signature in it covers all.
        key: PEM file of a private key of the curve P-256, P-384 or P-521.
        passphrase: Of an encrypted key.
        replace: Whether a signature that is there may be replaced.
        registry: None discovers plugins anew.

    Raises:
        BadFile: A file was altered or has no manifest; or a link is in the way.
        UsageError: The key cannot be used, a signature is there already, or there is nothing
            to sign.
        MissingExtra: `model-signing` is not installed.
    """
    registry = registry or load_registry()
    path, key = Path(target), Path(key)
    signer = fingerprint(private_key(key, passphrase).public_key())
    if path.is_dir():
        wanted = {path / FOLDER_SIGNATURE: _of_folder(registry, path, key)}
    else:
        wanted = {
            signature_of(artifact.path): [
                artifact.path,
                *(artifact.path.parent / name for name in artifact.companions),
            ]
            for artifact in open_chain(registry, path).artifacts
        }
    for signature, files in wanted.items():
        if (signature.exists() or signature.is_symlink()) and not replace:
            raise UsageError(
                f"{signature} is there already",
                fix="--replace makes it anew; `zoo verify --signer` says whether it still holds",
            )
        for file in files:
            require_plain(file)
    return tuple(
        _write(signature, files, key, passphrase, signer) for signature, files in wanted.items()
    )


def _of_folder(registry: Registry, folder: Path, key: Path) -> list[Path]:
    files = folder_files(folder)
    models = [file for file in files if registry.exporter_for(file) is not None]
    if not models:
        raise UsageError(
            f"there is no exported file in {folder}", fix="name the folder of a run, or a bundle"
        )
    for file in models:
        open_unaltered(registry, file)
    for file in files:
        if file.samefile(key):
            raise UsageError(
                f"the private key {key} lies in the folder that is to be signed",
                why="whoever gets the folder could sign in your name",
                fix="move the key out of it, and make a new one if the folder was passed on",
            )
    return files


def _write(
    signature: Path, files: Sequence[Path], key: Path, passphrase: str | None, signer: str
) -> Signature:
    library = require("model_signing.signing")
    folder = signature.parent
    config = library.Config().set_hashing_config(hashes_of(lambda: files))
    # The library passes the password on unchanged, to a function that takes bytes.
    config.use_elliptic_key_signer(private_key=key, password=passphrase_bytes(passphrase))
    # --output, the usual advice, does not exist here: it lies beside what it signs.
    fix = f"make {folder} writable, or sign a copy of it"
    with atomic_path(signature, fix=fix) as temporary:
        config.sign(folder, temporary)
    return Signature(
        file=signature,
        covers=tuple(sorted(file.relative_to(folder).as_posix() for file in files)),
        key=signer,
    )

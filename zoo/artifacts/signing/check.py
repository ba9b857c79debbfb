"""Whether a signature is of a key and of the files as they are."""

from __future__ import annotations

import base64
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from zoo.artifacts.signing.hashes import hashes_of
from zoo.artifacts.signing.keys import fingerprint, public_pem
from zoo.artifacts.signing.listing import (
    FOLDER_SIGNATURE,
    folder_files,
    nearest_signature,
    require_plain,
    signature_of,
)
from zoo.common.errors import BadFile
from zoo.common.files import read_file
from zoo.common.optional_imports import require

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

_MOST_BYTES = 64 << 20
_NAMED = 5


@dataclass(frozen=True, kw_only=True)
class ValidSignature:
    """A signature that is the signer's, of files as they are.

    Attributes:
        file: Where it lies.
        covers: Names of the files that it covers, relative to its folder.
        key: Fingerprint of the key.
    """

    file: Path
    covers: tuple[str, ...]
    key: str


def check_signature(target: Path, signer: EllipticCurvePublicKey) -> ValidSignature:
    """Checks the signature of an exported file, or of a folder; nothing of them is run.

    A file's own signature comes first, then that of its folder, then that of the folder above, as
    in a bundle of several parts. One of a folder covers all in it, with nothing added.

    Raises:
        BadFile: There is none; it is damaged, by another key or of other files; or a file was
            changed, added or removed since, or is a link.
        MissingExtra: `model-signing` is not installed.
    """
    signature = nearest_signature(target)
    if signature is None:
        raise BadFile(
            f"{target} is not signed",
            why=f"there is no {signature_of(target).name} beside it, nor a {FOLDER_SIGNATURE} in "
            "its folder"
            if not target.is_dir()
            else f"there is no {FOLDER_SIGNATURE} in it",
            fix="zoo sign makes a signature",
        )
    whole = signature.name == FOLDER_SIGNATURE
    # A signature can lie in a folder that the path merely passes through: a/../file.
    name = "" if target.is_dir() else _relative(target, signature.parent)

    def listed(names: tuple[str, ...]) -> list[Path]:
        bare = whole or all(len(PurePosixPath(one).parts) == 1 for one in names)
        if not bare or (name and name not in names):
            raise BadFile(
                f"{signature} is the signature of other files",
                why=f"{name} is not among them: {_some(names)}",
            )
        return folder_files(signature.parent) if whole else [signature.parent / n for n in names]

    covers, key = _check(signature, signer, listed)
    return ValidSignature(file=signature, covers=covers, key=key)


def _relative(file: Path, folder: Path) -> str:
    try:
        return (
            file.absolute()
            .parent.resolve()
            .relative_to(folder.resolve())
            .joinpath(file.name)
            .as_posix()
        )
    except ValueError:
        return file.name


def _check(
    signature: Path,
    signer: EllipticCurvePublicKey,
    listed: Callable[[tuple[str, ...]], list[Path]],
) -> tuple[tuple[str, ...], str]:
    """Names and key; `listed` gives the files to compare, once the signature proved valid."""
    library = require("model_signing.verifying")
    content = _content(signature)
    claimed, named_key = _claimed(signature, content)
    key = fingerprint(signer)
    if named_key != key:
        raise BadFile(
            f"{signature} was made by another key",
            why=f"by {named_key[:16]!r}…, and the one asked for is {key[:16]}…"
            if named_key
            else "it names none",
        )
    hashes = hashes_of(lambda: listed(tuple(claimed)))
    with tempfile.TemporaryDirectory(prefix="zoo-signature-") as folder:
        # Copies: what was examined above is what the library reads.
        own, public = Path(folder, "signature"), Path(folder, "public.pem")
        own.write_bytes(content)
        public.write_bytes(public_pem(signer))
        config = library.Config().set_hashing_config(hashes)
        config.use_elliptic_key_verifier(public_key=public)
        try:
            config.verify(signature.parent, own)
        except BadFile:
            raise
        except Exception as error:  # whatever its parsers raise: not valid
            if not hashes.asked:
                raise BadFile(
                    f"{signature} is no valid signature",
                    why="it was altered, or made up without the key",
                ) from error
            if isinstance(error, OSError):
                raise BadFile(f"{error.filename} cannot be read", why=error.strerror) from error
            raise BadFile(
                "the files are not as they were signed", why=_difference(claimed, hashes.found)
            ) from error
    return tuple(sorted(claimed)), key


def _difference(signed: dict[str, str], found: dict[str, str]) -> str:
    words = {
        "changed": [n for n in signed if n in found and found[n] != signed[n]],
        "added": [n for n in found if n not in signed],
        "removed": [n for n in signed if n not in found],
    }
    return "; ".join(f"{word}: {_some(sorted(names))}" for word, names in words.items() if names)


def _some(names: tuple[str, ...] | list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _content(signature: Path) -> bytes:
    require_plain(signature)
    try:
        return read_file(signature, _MOST_BYTES)
    except OSError as error:
        raise BadFile(f"{signature} cannot be read", why=error.strerror) from error


def _claimed(signature: Path, content: bytes) -> tuple[dict[str, str], str]:
    """The names and hashes that it claims, and its key's fingerprint: nothing proved yet."""
    try:
        plain = json.loads(content)
        envelope = plain["dsseEnvelope"]
        payload = json.loads(base64.b64decode(envelope["payload"], validate=True))
        claimed = {
            str(one["name"]): str(one["digest"]) for one in payload["predicate"]["resources"]
        }
        key = plain["verificationMaterial"].get("publicKey") or {}
        return claimed, str(key.get("hint") or "")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadFile(f"{signature} is no signature", why="it is damaged, or something else") from (
            error
        )

"""PEM files of keys: elliptic curves, as `model-signing` takes them."""

from __future__ import annotations

import hashlib
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from zoo.common.errors import UsageError
from zoo.common.files import read_file
from zoo.common.optional_imports import require

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import (
        EllipticCurvePrivateKey,
        EllipticCurvePublicKey,
    )

_CURVES = ("secp256r1", "secp384r1", "secp521r1")
_MOST_BYTES = 1 << 16
_MAKE = (
    "openssl ecparam -name prime256v1 -genkey -noout -out key.pem makes a private key, "
    "openssl pkey -in key.pem -pubout -out public.pem its public one"
)


def is_encrypted(key: Path) -> bool:
    """Whether a private key needs a passphrase.

    Raises:
        UsageError: It is no private key of a known curve.
        MissingExtra: The package that reads keys is not installed.
    """
    return _load(key, _pem(key), None) is None


def private_key(key: Path, passphrase: str | None) -> EllipticCurvePrivateKey:
    """The key that signs.

    Raises:
        UsageError: It is no private key of a known curve, or the passphrase is missing or wrong.
        MissingExtra: The package that reads keys is not installed.
    """
    pem = _pem(key)
    found = _load(key, pem, None)
    if found is not None:
        return found
    if passphrase is None:
        raise UsageError(
            f"the private key {key} is encrypted",
            why="there is no terminal to type its passphrase at",
            fix="type the command in a terminal, or put the passphrase into ZOO_KEY_PASSPHRASE",
        )
    opened = _load(key, pem, passphrase)
    if opened is None:
        raise UsageError(f"the passphrase of {key} is another", fix="type it again")
    return opened


def public_key(signer: Path) -> EllipticCurvePublicKey:
    """The key that a signature is checked with, from a public key or from a certificate.

    Of a certificate only the key counts: who issued it, and until when, is not examined.

    Raises:
        UsageError: It holds neither, or a key of another kind.
        MissingExtra: The package that reads keys is not installed.
    """
    pem = _pem(signer)
    serialization = _serialization()
    if b"PRIVATE KEY-----" in pem:
        raise UsageError(
            f"{signer} holds a private key",
            why="it stays with the signer; verifiers get the public one",
            fix=f"openssl pkey -in {signer} -pubout -out public.pem",
        )
    from cryptography import x509
    from cryptography.exceptions import InternalError, UnsupportedAlgorithm

    try:
        if b"-----BEGIN CERTIFICATE-----" in pem:
            found: Any = x509.load_pem_x509_certificate(pem).public_key()
        else:
            found = serialization.load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm, InternalError, x509.InvalidVersion) as error:
        raise UsageError(
            f"{signer} is neither a public key nor a certificate in PEM form", fix=_MAKE
        ) from error
    _check_curve(signer, found)
    known: EllipticCurvePublicKey = found
    return known


def passphrase_bytes(passphrase: str | None) -> bytes | None:
    """A passphrase as bytes; those that are not UTF-8 as they were in the environment."""
    return None if passphrase is None else passphrase.encode("utf-8", "surrogateescape")


def public_pem(key: EllipticCurvePublicKey) -> bytes:
    """A public key as ``openssl pkey -pubout`` writes it."""
    serialization = _serialization()
    text: bytes = key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return text


def fingerprint(key: EllipticCurvePublicKey) -> str:
    """The SHA-256 of a public key's PEM form, by which a signature names its key."""
    return hashlib.sha256(public_pem(key)).hexdigest()


def _serialization() -> ModuleType:
    # Installed with model_signing, whose absence is reported with the name of the extra.
    require("model_signing")
    return require("cryptography.hazmat.primitives.serialization")


def _load(key: Path, pem: bytes, passphrase: str | None) -> EllipticCurvePrivateKey | None:
    """None where another passphrase is needed."""
    serialization = _serialization()
    from cryptography.exceptions import InternalError, UnsupportedAlgorithm

    try:
        found = serialization.load_pem_private_key(pem, passphrase_bytes(passphrase))
    except TypeError:
        return None
    except (ValueError, UnsupportedAlgorithm, InternalError) as error:
        if passphrase is not None:
            return None
        raise UsageError(
            f"{key} is not a private key in PEM form",
            why="it is a public key or a certificate"
            if b"-----BEGIN PUBLIC KEY" in pem or b"-----BEGIN CERTIFICATE" in pem
            else None,
            fix=_MAKE,
        ) from error
    _check_curve(key, found)
    known: EllipticCurvePrivateKey = found
    return known


def _check_curve(file: Path, key: object) -> None:
    curve = getattr(getattr(key, "curve", None), "name", None)
    if curve in _CURVES:
        return
    kind = type(key).__name__.removesuffix("PrivateKey").removesuffix("PublicKey")
    raise UsageError(
        f"{file} is a key of another kind: {curve or kind}",
        why="signatures are made with the elliptic curves P-256, P-384 and P-521",
        fix=_MAKE,
    )


def _pem(file: Path) -> bytes:
    try:
        return read_file(file, _MOST_BYTES)
    except OSError as error:
        raise UsageError(
            f"the key {file} cannot be read",
            why=error.strerror,
            fix="name the PEM file of a key",
        ) from error

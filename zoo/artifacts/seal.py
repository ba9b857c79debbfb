"""The hash at the end of a manifest's text, written last: any change of a character is found."""

from __future__ import annotations

import hashlib
import re

_SEAL = re.compile(r',"seal":"([0-9a-f]{64})"\}\Z')


def sealed(text: str) -> str:
    """The text of a JSON object with the SHA-256 of its bytes as its last value, ``seal``."""
    return f'{text[:-1]},"seal":"{_digest(text)}"}}'


def unsealed(text: str) -> tuple[str, bool]:
    """The text as it was before `sealed`, and whether it was sealed at all.

    Raises:
        ValueError: The text differs from its hash.
    """
    seal = _SEAL.search(text)
    if seal is None:
        return text, False
    plain = f"{text[: seal.start()]}}}"
    if seal[1] != _digest(plain):
        raise ValueError("it differs from the hash at its end: it was altered")
    return plain, True


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

"""The claim that files are signed by a key, checked before anything else of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from zoo.analysis.verify.claims import ClaimList
from zoo.artifacts.signing.check import check_signature
from zoo.artifacts.signing.keys import public_key
from zoo.artifacts.signing.listing import nearest_signature
from zoo.common.errors import BadFile


def check_signatures(claims: ClaimList, targets: Sequence[Path], signer: Path) -> bool:
    """Whether each of these files, or folders, has a valid signature by a key.

    Raises:
        UsageError: The signer's key cannot be used.
        MissingExtra: What checks signatures is not installed.
    """
    key = public_key(signer)
    for target in targets:
        try:
            found = check_signature(target, key)
        except BadFile as error:
            claims.check("signature", False, error.what, error.why or error.fix or "")
            claims.skip("all other claims", "nothing is run without a valid signature")
            return False
        count = len(found.covers)
        claims.check(
            "signature",
            True,
            f"{found.file.name}: {count} {'file' if count == 1 else 'files'} as signed by the key "
            f"{found.key[:16]}…",
        )
    return True


def mention_signature(claims: ClaimList, target: Path) -> None:
    """Says of a file that is verified without a key that there is a signature."""
    found = nearest_signature(target)
    if found is not None:
        claims.skip("signature", f"there is one, {found.name}: --signer PUBLIC.pem checks it")

"""What tests of signatures share: signing and verifying in one line."""

from __future__ import annotations

from pathlib import Path

from digit_files import registry

from zoo.analysis.verify.verify import Verification, verify
from zoo.artifacts.signing.check import check_signature
from zoo.artifacts.signing.keys import public_key
from zoo.artifacts.signing.sign import Signature, sign
from zoo.common.errors import BadFile


def signed(target: Path, keys: Path, **options) -> tuple[Signature, ...]:
    return sign(target, **{"key": keys / "key.pem", "registry": registry(), **options})


def problem(target: Path, keys: Path) -> str:
    """Why a signature is refused; empty when it is valid."""
    try:
        check_signature(target, public_key(keys / "public.pem"))
    except BadFile as error:
        return f"{error.what}: {error.why}"
    return ""


def verified(target: Path, keys: Path) -> Verification:
    return verify(target, registry=registry(), signer=keys / "public.pem")

"""Keys that OpenSSL makes by the commands of docs/security.md."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from makers import ROOT

PASSPHRASE = "korrekt Pferd ä"


def documented() -> list[list[str]]:
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    return [shlex.split(line) for line in re.findall(r"^\$ (openssl .*)$", page, re.MULTILINE)]


def openssl(folder: Path, *words: str) -> None:
    # What it asks for a passphrase twice, it takes from here.
    extra = ["-passout", f"pass:{PASSPHRASE}"] if "-aes256" in words else []
    subprocess.run([*words, *extra], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``key.pem``, ``public.pem`` and ``encrypted.pem``."""
    pytest.importorskip("model_signing")
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("keys")
    for words in documented():
        openssl(folder, *words)
    return folder

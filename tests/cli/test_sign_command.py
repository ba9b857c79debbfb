"""`zoo sign` and `zoo verify --signer`, typed."""

from __future__ import annotations

import sys
from pathlib import Path

from signing_keys import PASSPHRASE
from signing_keys import keys as keys


def test_signed_and_verified_as_typed(judged_file: Path, keys: Path, zoo, monkeypatch) -> None:
    key, public = keys / "key.pem", keys / "public.pem"
    unsigned = zoo("verify", judged_file, "--signer", public)
    assert unsigned.code == 1
    assert unsigned.out.startswith(f"{judged_file}: the signature alone\n")
    assert f"-- signature         {judged_file} is not signed" in unsigned.out
    typed = zoo("sign", judged_file, "--key", key)
    assert (typed.code, typed.err) == (0, "")
    assert typed.out.startswith(f"{judged_file}.sig, by the key ")
    again = zoo("sign", judged_file, "--key", key)
    assert again.code == 2
    assert "--replace" in again.err
    found = zoo("verify", judged_file, "--signer", public, "--json")
    assert found.json["claims"][0]["name"] == "signature"
    assert found.json["claims"][0]["status"] == "holds"
    assert found.code == (0 if found.json["passed"] else 1)
    # Encrypted: from the environment, and without it in words.
    encrypted = ("sign", judged_file, "--replace", "--json", "--key", keys / "encrypted.pem")
    monkeypatch.setattr(sys, "stdin", None)  # closed
    refused = zoo(*encrypted)
    assert refused.code == 2
    assert "ZOO_KEY_PASSPHRASE" in refused.json["error"]["fix"]
    monkeypatch.setenv("ZOO_KEY_PASSPHRASE", PASSPHRASE)
    (made,) = zoo(*encrypted).json
    assert made["file"] == f"{judged_file}.sig"
    assert made["covers"] == [judged_file.name]
    # No key, no secret, in anything that is printed.
    secret = key.read_text().splitlines()[1]
    wrong = zoo("verify", judged_file, "--signer", key, "--debug")
    assert wrong.code == 2
    for text in (typed.out, wrong.err, refused.out):
        assert secret not in text
        assert PASSPHRASE not in text


def test_without_the_library_its_extra_is_named(judged_file: Path, keys: Path, zoo, monkeypatch):
    for name in ("model_signing", "model_signing.hashing", "model_signing.signing"):
        monkeypatch.setitem(sys.modules, name, None)
    for words in (("sign", "--key", keys / "key.pem"), ("verify", "--signer", keys / "public.pem")):
        typed = zoo(words[0], judged_file, *words[1:])
        assert typed.code == 1
        assert 'pip install "edgezoo[sign]"' in typed.err

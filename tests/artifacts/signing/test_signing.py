"""`zoo sign`: whoever changes a signed file, in whatever way, has no key to hide it with."""

from __future__ import annotations

import base64
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from digit_files import registry, with_manifest
from signed_files import problem, signed, verified
from signing_keys import PASSPHRASE, openssl

from zoo.analysis.verify.verify import Verification, verify
from zoo.artifacts.artifact import open_artifact, require_manifest
from zoo.artifacts.signing.check import check_signature
from zoo.artifacts.signing.keys import fingerprint, is_encrypted, private_key, public_key
from zoo.common.errors import BadFile, UsageError, ZooError


def first(found: Verification) -> tuple[str, str]:
    return found.claims[0].name, found.claims[0].status


@pytest.fixture(scope="session")
def other(keys: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys of somebody else, and what is no key."""
    folder = tmp_path_factory.mktemp("other")
    for curve, name in (("prime256v1", "key"), ("secp521r1", "wide"), ("secp256k1", "coin")):
        openssl(folder, *f"openssl ecparam -name {curve} -genkey -out {name}.pem".split())
    openssl(folder, *["openssl", "pkey", "-in", "key.pem", "-pubout", "-out", "public.pem"])
    openssl(folder, *["openssl", "genpkey", "-algorithm", "ed25519", "-out", "edwards.pem"])
    openssl(folder, "openssl", "req", "-x509", "-key", str(keys / "key.pem"), "-subj", "/CN=a",
            "-out", "certificate.pem")  # fmt: skip
    (folder / "noise.pem").write_bytes(b"-----BEGIN EC PRIVATE KEY-----\n\xff\x00")
    (folder / "empty.pem").touch()
    (folder / "large.pem").write_bytes(bytes(1 << 17))
    os.mkfifo(folder / "pipe.pem")
    return folder


def test_a_signed_file_verifies_and_is_run(copy: Callable[[str], Path], keys: Path) -> None:
    file = copy("int8.tflite")
    (made,) = signed(file, keys)
    assert made.file == file.with_name(file.name + ".sig")
    assert made.covers == (file.name,)
    found = verified(file, keys)
    assert found.passed
    assert first(found) == ("signature", "holds")
    assert made.key[:16] in found.claims[0].found
    assert any(c.name.startswith("golden outputs") and c.status == "holds" for c in found.claims)
    without_key = verify(file, registry=registry())
    assert first(without_key) == ("signature", "not checked")
    assert "--signer" in without_key.claims[0].reason
    # The key is named as `openssl pkey -pubout | sha256sum` names it.
    import hashlib

    assert made.key == hashlib.sha256((keys / "public.pem").read_bytes()).hexdigest()


def test_the_library_itself_verifies_it(copy: Callable[[str], Path], keys: Path) -> None:
    from model_signing import verifying

    file = copy("float32.onnx")
    (made,) = signed(file, keys)
    plain = verifying.Config().use_elliptic_key_verifier(public_key=keys / "public.pem")
    plain.set_ignore_unsigned_files(True).verify(file.parent, made.file)
    file.write_bytes(file.read_bytes() + b" ")
    with pytest.raises(ValueError, match="mismatch"):
        plain.verify(file.parent, made.file)


def test_a_manifest_made_anew_is_found_out(copy: Callable[[str], Path], keys: Path) -> None:
    """All hashes are right: without the key, nothing tells it from an honest file."""
    file = copy("float32.tflite")
    signed(file, keys)
    manifest = require_manifest(open_artifact(registry(), file))
    with_manifest(file, licence="CC0-1.0 OR MIT", remarks=("made anew",))
    assert require_manifest(open_artifact(registry(), file)) != manifest
    assert verify(file, registry=registry()).passed
    found = verified(file, keys)
    assert not found.passed
    assert [(c.name, c.status) for c in found.claims] == [
        ("signature", "fails"),
        ("all other claims", "not checked"),
    ]
    assert f"changed: {file.name}" in found.claims[0].reason


def test_whatever_is_no_valid_signature_is_refused(
    copy: Callable[[str], Path], keys: Path, other: Path, tmp_path: Path
) -> None:
    file = copy("int8.tflite")
    assert "is not signed" in problem(file, keys)
    (made,) = signed(file, keys)
    right = made.file.read_text()
    assert problem(file, keys) == ""
    assert "another key" in problem(file, other)
    plain = json.loads(right)

    def with_(**changes: object) -> str:
        return json.dumps({**plain, **changes})

    theirs = fingerprint(public_key(other / "public.pem"))
    hint = {"publicKey": {"hint": theirs}, "tlogEntries": []}
    envelope = plain["dsseEnvelope"]
    payload = json.loads(base64.b64decode(envelope["payload"]))
    payload["predicate"]["resources"][0]["digest"] = "0" * 64
    forged = {**envelope, "payload": base64.b64encode(json.dumps(payload).encode()).decode()}
    for text, words in {
        "": "is no signature",
        "[" * 100_000: "is no signature",
        '{"dsseEnvelope": {"payload": "bm8="}}': "is no signature",
        right[:-20]: "is no signature",
        with_(verificationMaterial={"tlogEntries": []}): "names none",
        with_(verificationMaterial=hint): "another key",
        with_(dsseEnvelope={**envelope, "signatures": []}): "no valid signature",
        with_(dsseEnvelope=forged): "no valid signature",
        with_(mediaType="application/json"): "no valid signature",
    }.items():
        made.file.write_text(text)
        assert words in problem(file, keys), text[:80]
    made.file.write_text(with_(verificationMaterial=hint))
    # Their key, named in a signature by ours.
    assert "no valid signature" in problem(file, other)
    made.file.unlink()
    os.mkfifo(made.file)
    assert "is not signed" in problem(file, keys)
    made.file.unlink()
    (tmp_path / "elsewhere").write_text(right)
    made.file.symlink_to(tmp_path / "elsewhere")
    assert "is a link" in problem(file, keys)


def test_the_signature_of_another_file_is_refused(
    copy: Callable[[str], Path], keys: Path, tmp_path: Path
) -> None:
    one, another = copy("int8.tflite"), copy("float32.tflite")
    (made,) = signed(one, keys)
    there = Path(shutil.copy(made.file, f"{another}.sig"))
    assert "signature of other files" in problem(another, keys)
    there.unlink()
    # A folder that the path passes through has a signature; the file is not in it.
    inside = tmp_path / "inside"
    inside.mkdir()
    shutil.copy(one, inside)
    signed(inside, keys)
    assert problem(inside, keys) == ""
    assert "signature of other files" in problem(inside / ".." / another.name, keys)
    (tmp_path / "moved").write_bytes(one.read_bytes())
    one.unlink()
    one.symlink_to(tmp_path / "moved")
    assert f"{one} is a link" in problem(one, keys)


def test_a_signature_is_not_replaced_unsaid(
    copy: Callable[[str], Path], keys: Path, other: Path
) -> None:
    file = copy("int8.tflite")
    (made,) = signed(file, keys)
    before = made.file.read_bytes()
    with pytest.raises(UsageError, match="is there already"):
        signed(file, other)
    assert made.file.read_bytes() == before
    signed(file, other, replace=True)
    assert problem(file, other) == ""
    assert "another key" in problem(file, keys)
    made.file.unlink()
    made.file.mkdir()
    with pytest.raises(ZooError, match="cannot be written") as caught:
        signed(file, keys, replace=True)
    assert "sign a copy" in caught.value.fix


def test_an_altered_file_is_not_signed(copy: Callable[[str], Path], keys: Path) -> None:
    file = copy("float32.tflite")
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(bytes(data))
    with pytest.raises(BadFile):
        signed(file, keys)
    with pytest.raises(BadFile):
        signed(file.parent, keys)
    assert not list(file.parent.glob("*.sig"))


def test_what_is_no_key_is_refused_in_words(
    copy: Callable[[str], Path], keys: Path, other: Path
) -> None:
    file = copy("int8.tflite")
    secret = (keys / "key.pem").read_text().splitlines()[1]
    for key, words in {
        other / "none.pem": "cannot be read",
        other: "it is a folder, not a file",
        other / "pipe.pem": "it is a named pipe, not a file",
        other / "noise.pem": "not a private key",
        other / "empty.pem": "not a private key",
        other / "large.pem": "it has more than 65,536 bytes",
        keys / "public.pem": "public key or a certificate",
        other / "certificate.pem": "public key or a certificate",
        other / "coin.pem": "another kind: secp256k1",
        other / "edwards.pem": "another kind: Ed25519",
        keys / "encrypted.pem": "is encrypted",
    }.items():
        with pytest.raises(UsageError) as caught:
            signed(file, keys, key=key)
        assert words in str(caught.value), key
        assert caught.value.fix
        assert secret not in str(caught.value)
    for signer, words in {
        other / "none.pem": "cannot be read",
        other / "noise.pem": "holds a private key",
        other / "empty.pem": "neither a public key nor a certificate",
        keys / "key.pem": "holds a private key",
        keys / "encrypted.pem": "holds a private key",
    }.items():
        with pytest.raises(UsageError) as caught:
            verify(file, registry=registry(), signer=signer)
        assert words in str(caught.value), signer
        assert secret not in str(caught.value)
    assert not list(file.parent.glob("*.sig"))


def test_encrypted_and_wide_keys_and_certificates(
    copy: Callable[[str], Path], keys: Path, other: Path
) -> None:
    file = copy("int8.tflite")
    assert is_encrypted(keys / "encrypted.pem")
    assert not is_encrypted(keys / "key.pem")
    with pytest.raises(UsageError, match="is another"):
        signed(file, keys, key=keys / "encrypted.pem", passphrase="wrong")
    (made,) = signed(file, keys, key=keys / "encrypted.pem", passphrase=PASSPHRASE)
    # A passphrase in another encoding, as Python has it from the environment.
    serialization = pytest.importorskip("cryptography.hazmat.primitives.serialization")
    latin = file.with_name("latin.pem")
    latin.write_bytes(
        private_key(keys / "key.pem", None).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption("Käse".encode("latin-1")),
        )
    )
    signed(file, keys, key=latin, passphrase="K\udce4se", replace=True)
    assert problem(file, keys) == ""
    # It is the same key, once opened; so is that of the certificate.
    assert made.key == fingerprint(private_key(keys / "key.pem", None).public_key())
    assert problem(file, keys) == ""
    assert PASSPHRASE not in made.file.read_text()
    check_signature(file, public_key(other / "certificate.pem"))
    # With parameters of the curve in front, as `openssl ecparam` writes them unasked.
    (made,) = signed(file, keys, key=other / "wide.pem", replace=True)
    check_signature(file, private_key(other / "wide.pem", None).public_key())

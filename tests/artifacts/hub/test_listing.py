"""Lists of a repository's files, and names that would do harm."""

from __future__ import annotations

import json
from typing import Any

import pytest

from zoo.artifacts.hub.client import repository_named
from zoo.artifacts.hub.listing import FileListing, HubFile, listing_text, read_listing, unfit
from zoo.common.errors import BadFile, UsageError

GOOD = HubFile(path="a/b.tflite", stored="a/b.tflite", sha256="0" * 64, size=3)


def data(*files: dict[str, Any], **fields: Any) -> bytes:
    told = {"model_id": "a.b", "files": list(files), "schema": 1, **fields}
    return json.dumps(told).encode()


def file(path: str, **fields: Any) -> dict[str, Any]:
    return {"path": path, "stored": path, "sha256": "0" * 64, "size": 3, **fields}


def test_what_is_written_is_read() -> None:
    listing = FileListing(model_id="a.b", files=[GOOD])
    assert read_listing(listing_text(listing).encode(), "hf:a/b") == listing


@pytest.mark.parametrize(
    "path",
    [
        *("../x", "/etc/passwd", "a/../../x", "a//b", "", "./a", "a/", ".git/hooks/x", "a/.b"),
        *("C:/x", "a\\b", "a\nb", "\x1b[2J", " a", "a ", "a\u202eb", "x" * 300, "con?", "a*"),
        *("CON", "aux.tflite", "a/nul/b", "com1.onnx", "net.", "a./b"),
    ],
)
def test_hostile_paths_are_refused(path: str) -> None:
    assert unfit(path)
    for own in (file(path), file("good", stored=path)):
        with pytest.raises(BadFile, match="has a file"):
            read_listing(data(own), "hf:a/b")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is no list"),
        (b"[]", "is no list"),
        (b"[" * 100_000, "is no list"),
        (data(file("a", size="3")), "is no list"),
        (data(file("a", more=1)), "is no list"),
        (data(file("a"), schema=2), "the layout 2"),
        (data(file("a", sha256="0" * 63)), "no SHA-256"),
        (data(file("a", size=-1)), "no SHA-256"),
        (data(file("a"), file("A")), "twice"),
        (data(file("a"), file("a/b")), "twice, or as a file and a folder"),
        (data(file("a", stored="c"), file("b", stored="c")), "twice"),
        (data(file("a", stored="b"), file("b", stored="a")), "twice"),
        (data(file("\u00e9"), file("e\u0301")), "twice"),
        (data(file("Zoo-Files.json")), "twice"),
        (data(file("a", stored="zoo-files.json")), "twice"),
    ],
)
def test_bad_lists_are_refused(content: bytes, words: str) -> None:
    with pytest.raises(BadFile, match=words):
        read_listing(content, "hf:a/b")


@pytest.mark.parametrize(
    "name",
    ["ana/lenet", "hf:ana", "hf:", "hf:a/b/c", "hf:../x", "hf:a/..", "hf:a/b.git", "hf:a/-b"],
)
def test_what_names_no_repository_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_OFFLINE", "0")
    with pytest.raises(UsageError, match="names no repository") as caught:
        repository_named(name)
    assert caught.value.fix == "write hf:OWNER/NAME"


def test_offline_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    with pytest.raises(UsageError, match="cannot be reached"):
        repository_named("hf:ana/lenet")

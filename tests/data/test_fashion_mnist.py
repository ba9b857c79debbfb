"""Fashion-MNIST: where its files come from, that they are verified, and the pinned dataset."""

from __future__ import annotations

import gzip
import hashlib
import io
import urllib.error
from pathlib import Path

import numpy as np
import pytest

from zoo.common.errors import BadData, BadFile, UsageError
from zoo.data.fashion_mnist import fingerprint, open_fashion_mnist
from zoo.data.readers import fashion_files as files

GOLDEN_HASH = "4493cfbec3b91f890f3eb00815e660ac4aade03eca89f4bc6db8e55864706f02"

needs_files = pytest.mark.skipif(
    not all((files.DEBIAN_FOLDER / file.name).is_file() for file in files.FILES),
    reason="the Debian package dataset-fashion-mnist is not installed",
)

CONTENT = b"labels" * 100
SMALL = files.IdxFile("small.gz", len(CONTENT), hashlib.sha256(CONTENT).hexdigest())


@pytest.fixture
def nowhere(monkeypatch, tmp_path):
    """As on a machine that has no files."""
    monkeypatch.setattr(files, "DEBIAN_FOLDER", tmp_path / "absent")


@pytest.fixture
def online(monkeypatch, nowhere):
    """A site that serves one small file; returns what it serves, which a test may change."""
    served = {"small.gz": gzip.compress(CONTENT)}

    def urlopen(url: str, timeout: float) -> io.BytesIO:
        assert timeout > 0
        return io.BytesIO(served[url.removeprefix(files.DOWNLOAD)])

    monkeypatch.setattr(files, "FILES", (SMALL,))
    monkeypatch.setenv("ZOO_OFFLINE", "0")
    monkeypatch.setattr("urllib.request.urlopen", urlopen)
    return served


@needs_files
def test_content_is_pinned():
    dataset = open_fashion_mnist(None)
    sizes = {name: len(split) for name, split in dataset.splits.items()}
    assert sizes == {"train": 55_000, "validation": 5_000, "test": 10_000}
    assert dataset.content_hash == GOLDEN_HASH
    assert np.bincount(dataset.splits["train"].labels).tolist() == [5_500] * 10
    assert np.bincount(dataset.splits["validation"].labels).tolist() == [500] * 10
    assert np.bincount(dataset.splits["test"].labels).tolist() == [1_000] * 10
    image = dataset.splits["test"].read(0)
    assert image.shape == (28, 28, 1)
    # The first official test image is an ankle boot.
    assert dataset.classes[dataset.splits["test"].labels[0]] == "Ankle boot"
    assert dataset.splits["train"].read(54_999).dtype == np.uint8


def _copy(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for file in files.FILES:
        (folder / file.name).symlink_to(files.DEBIAN_FOLDER / file.name)


@needs_files
def test_the_named_folder_comes_first(monkeypatch, tmp_path):
    _copy(tmp_path / "mine")
    monkeypatch.setenv("ZOO_FASHION_MNIST", str(tmp_path / "mine"))
    assert files.find_folder() == tmp_path / "mine"


@needs_files
def test_a_truncated_file_is_refused_with_both_hashes(monkeypatch, tmp_path):
    _copy(tmp_path / "mine")
    name = files.TEST_LABELS.name
    (tmp_path / "mine" / name).unlink()
    whole = (files.DEBIAN_FOLDER / name).read_bytes()
    (tmp_path / "mine" / name).write_bytes(whole[: len(whole) // 2])
    monkeypatch.setenv("ZOO_FASHION_MNIST", str(tmp_path / "mine"))
    with pytest.raises(BadFile, match="truncated or altered") as caught:
        open_fashion_mnist(None)
    assert files.TEST_LABELS.sha256 in str(caught.value)
    assert "after" in str(caught.value.why)


@pytest.mark.parametrize(
    "compressed",
    [
        gzip.compress(CONTENT[:-1] + b"?"),
        gzip.compress(CONTENT + b"more"),
        gzip.compress(CONTENT)[:-9],
        gzip.compress(b"0" * 10_000_000),
        b"no gzip at all",
        b"",
    ],
    ids=["altered", "longer", "truncated", "bomb", "foreign", "empty"],
)
def test_damage_is_refused_with_both_hashes(tmp_path, compressed):
    (tmp_path / SMALL.name).write_bytes(compressed)
    with pytest.raises(BadFile, match="truncated or altered") as caught:
        files.read_file(tmp_path, SMALL)
    assert SMALL.sha256 in caught.value.why
    assert caught.value.why.count("SHA-256") == 1
    assert "dataset-fashion-mnist" in caught.value.fix


def test_a_bomb_is_not_unpacked(tmp_path):
    (tmp_path / SMALL.name).write_bytes(gzip.compress(b"0" * 10_000_000))
    with pytest.raises(BadFile) as caught:
        files.read_file(tmp_path, SMALL)
    # The hash of the first piece shows that reading stopped there.
    assert hashlib.sha256(b"0" * (1 << 20)).hexdigest() in caught.value.why


def test_intact_files_are_read_however_they_were_compressed(tmp_path):
    for level in (1, 9):
        (tmp_path / SMALL.name).write_bytes(gzip.compress(CONTENT, level))
        assert files.read_file(tmp_path, SMALL) == CONTENT


def test_offline_says_which_package_and_folder(nowhere, own_home):
    with pytest.raises(BadData, match="not on this machine") as caught:
        open_fashion_mnist(None)
    assert "ZOO_OFFLINE" in caught.value.why
    assert "sudo apt install dataset-fashion-mnist" in caught.value.fix
    assert str(own_home / "cache" / "fashion-mnist") in caught.value.fix


def test_a_failed_download_says_the_same(monkeypatch, online):
    def urlopen(url: str, timeout: float) -> None:
        raise urllib.error.URLError("no route")

    monkeypatch.setattr("urllib.request.urlopen", urlopen)
    with pytest.raises(BadData, match="could not be downloaded") as caught:
        files.find_folder()
    assert "no route" in caught.value.why
    assert "dataset-fashion-mnist" in caught.value.fix


def test_downloads_are_kept(online, own_home):
    folder = files.find_folder()
    assert folder == own_home / "cache" / "fashion-mnist"
    assert files.read_file(folder, SMALL) == CONTENT
    online.clear()
    assert files.find_folder() == folder


def test_a_bad_download_is_not_kept(online):
    online["small.gz"] = gzip.compress(b"something else")
    with pytest.raises(BadFile, match=SMALL.sha256):
        files.find_folder()
    assert not files.cached_folder().exists()


def test_an_incomplete_named_folder_is_no_reason_to_look_elsewhere(monkeypatch, tmp_path):
    monkeypatch.setenv("ZOO_FASHION_MNIST", str(tmp_path))
    with pytest.raises(BadData, match="lacks train-images"):
        open_fashion_mnist(None)


def test_an_argument_is_refused():
    for function in (open_fashion_mnist, fingerprint):
        with pytest.raises(UsageError, match="takes no argument"):
            function("x")

"""The four files of Fashion-MNIST: lookup, download, verification.

Packagers compress the files anew, so what is verified is their content after decompression: that
is one and the same from every origin.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from zoo.common.errors import BadData, BadFile
from zoo.common.paths import OFFLINE_VARIABLE, cache_folder, expanded, is_offline

#: Environment variable: a folder with the four files.
FOLDER_VARIABLE = "ZOO_FASHION_MNIST"
DEBIAN_FOLDER = Path("/usr/share/datasets/fashion-mnist")
DOWNLOAD = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"

_CHUNK = 1 << 20


@dataclass(frozen=True)
class IdxFile:
    """One of the four files: its name, and its size and SHA-256 after decompression."""

    name: str
    size: int
    sha256: str


TRAIN_IMAGES = IdxFile(
    "train-images-idx3-ubyte.gz",
    47_040_016,
    "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
)
TRAIN_LABELS = IdxFile(
    "train-labels-idx1-ubyte.gz",
    60_008,
    "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
)
TEST_IMAGES = IdxFile(
    "t10k-images-idx3-ubyte.gz",
    7_840_016,
    "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
)
TEST_LABELS = IdxFile(
    "t10k-labels-idx1-ubyte.gz",
    10_008,
    "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
)
FILES = (TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS)


def cached_folder() -> Path:
    """Where downloads are kept."""
    return cache_folder() / "fashion-mnist"


def how_to_obtain() -> str:
    """How to obtain the files by hand."""
    return (
        "install the Debian package: sudo apt install dataset-fashion-mnist; "
        f"or put {', '.join(file.name for file in FILES)} into {cached_folder()}"
    )


def find_folder() -> Path:
    """The folder that holds the files, after a download when there is no other way.

    Looks at ``ZOO_FASHION_MNIST``, the Debian package, the cache, and the official site.

    Raises:
        BadData: A file is missing from the folder that the user named, or nothing was found and
            the download failed or is not allowed.
        BadFile: What was downloaded is not Fashion-MNIST.
    """
    folder = _local_folder()
    if folder is None:
        folder = cached_folder()
        _download(folder)
    return folder


def _local_folder() -> Path | None:
    named = os.environ.get(FOLDER_VARIABLE)
    if named:
        folder = expanded(named)
        missing = [file.name for file in FILES if not (folder / file.name).is_file()]
        if missing:
            raise BadData(
                f"{folder} lacks {', '.join(missing)}",
                why=f"the environment variable {FOLDER_VARIABLE} names that folder",
                fix=f"put the files there, or unset {FOLDER_VARIABLE}",
            )
        return folder
    for folder in (DEBIAN_FOLDER, cached_folder()):
        if all((folder / file.name).is_file() for file in FILES):
            return folder
    return None


def check_obtainable() -> None:
    """Fails like `find_folder`, but downloads nothing."""
    if _local_folder() is None:
        _refuse_offline()


def read_file(folder: Path, file: IdxFile) -> bytes:
    """The verified content of one file, decompressed.

    Raises:
        BadFile: Truncated or altered; gives both hashes.
    """
    path = folder / file.name
    try:
        with path.open("rb") as compressed:
            return _verified(compressed, file, str(path))
    except OSError as error:
        raise BadFile(f"{path} cannot be read", why=str(error), fix=how_to_obtain()) from error


def _verified(compressed: IO[bytes], file: IdxFile, origin: str) -> bytes:
    content = bytearray()
    problem = ""
    try:
        with gzip.GzipFile(fileobj=compressed) as stream:
            # One byte more than expected shows excess without unpacking a bomb.
            while len(content) <= file.size and (chunk := stream.read(_CHUNK)):
                content += chunk
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        problem = f"; after {len(content)} bytes: {error}"
    actual = hashlib.sha256(content).hexdigest()
    if actual != file.sha256:
        raise BadFile(
            f"{origin} is truncated or altered",
            why=f"SHA-256 of its content is {actual}, expected {file.sha256}{problem}",
            fix=f"delete it and try again, or {how_to_obtain()}",
        )
    return bytes(content)


def _download(folder: Path) -> None:
    from zoo.common.files import write_bytes

    _refuse_offline()
    for file in FILES:
        if not (folder / file.name).is_file():
            compressed = _fetch(file)
            _verified(io.BytesIO(compressed), file, DOWNLOAD + file.name)
            write_bytes(folder / file.name, compressed)


def _refuse_offline() -> None:
    if is_offline():
        raise BadData(
            "fashion_mnist is not on this machine",
            why=f"{OFFLINE_VARIABLE} forbids the download",
            fix=how_to_obtain(),
        )


def _fetch(file: IdxFile) -> bytes:
    from zoo.common.downloads import DownloadFailed, open_url

    url = DOWNLOAD + file.name
    try:
        with open_url(url) as answer:
            # Compressed is smaller than plain, so a longer response is something else.
            compressed: bytes = answer.read(file.size)
    except DownloadFailed as error:
        raise BadData(
            f"fashion_mnist is not on this machine, and {url} could not be downloaded",
            why=error.why,
            fix=how_to_obtain(),
        ) from error
    return compressed

"""A file is the old one or the new one, never half; refusals say what to do."""

from __future__ import annotations

import errno
import hashlib
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from makers import fuzz, no_privileges

from zoo.artifacts.format_of_file import find_exporter
from zoo.common.errors import BadFile, ZooError
from zoo.common.files import (
    atomic_path,
    cannot_write,
    ensure_writable,
    filled,
    no_file,
    no_folder,
    open_file,
    read_file,
    sha256_of,
    write_bytes,
    write_text,
)
from zoo.data.opening import open_dataset
from zoo.networks.card import read_card
from zoo.networks.checkpoints import resolve
from zoo.pipeline.recipe import read_recipe
from zoo.registry import PluginSettings, load_registry


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_new_content_replaces_the_old(tmp_path):
    path = tmp_path / "new" / "folder" / "a.txt"
    write_text(path, "old")
    write_text(path, "ünew")
    assert path.read_bytes() == "ünew".encode()
    assert names(path.parent) == ["a.txt"]


def test_reader_of_the_old_file_reads_it_to_its_end(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "old")
    with path.open() as reader:
        write_text(path, "new")
        assert reader.read() == "old"
    assert path.read_text() == "new"


def test_others_may_read_what_is_written(tmp_path):
    mask = os.umask(0o022)
    try:
        write_text(tmp_path / "a.txt", "x")
    finally:
        os.umask(mask)
    assert stat.S_IMODE((tmp_path / "a.txt").stat().st_mode) == 0o644


@pytest.mark.parametrize("kind", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_exception_leaves_the_old_file_alone(tmp_path, kind):
    path = tmp_path / "a.txt"
    path.write_text("old")

    def write_half():
        with atomic_path(path) as temporary:
            temporary.write_text("half of the n")
            raise kind

    with pytest.raises(kind):
        write_half()
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_kill_leaves_the_old_file_alone(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    code = (
        "import os, pathlib, signal, sys; from zoo.common.files import atomic_path\n"
        "with atomic_path(pathlib.Path(sys.argv[1])) as temporary:\n"
        "    temporary.write_text('half'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    assert done.returncode == -9
    assert path.read_text() == "old"


def test_names_may_be_long_and_in_any_encoding(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path)
    for name in (b"caf\xe9.png", b"\xc3\xa9" * 100 + b".png", b"a" * 255):
        path = Path(os.fsdecode(folder + b"/" + name))
        write_bytes(path, b"some")
        assert path.read_bytes() == b"some"
    assert len(list(tmp_path.iterdir())) == 3


def test_temporary_file_lies_beside_the_target(tmp_path):
    """A rename is atomic within one file system only."""
    with atomic_path(tmp_path / "a.txt") as temporary:
        assert temporary.parent == tmp_path
        assert temporary.name.startswith(".a.txt.")
        temporary.write_text("x")


def test_block_that_writes_nothing_is_an_error(tmp_path):
    with (
        pytest.raises(ZooError, match=r"a\.txt cannot be written"),
        atomic_path(tmp_path / "a.txt"),
    ):
        pass
    assert names(tmp_path) == []


def test_read_only_folder(tmp_path):
    folder = tmp_path / "locked"
    folder.mkdir()
    (folder / "a.txt").write_text("old")
    for parent in (tmp_path, *tmp_path.parents):
        if parent.stat().st_uid == os.getuid() and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o011)
    folder.chmod(0o555)
    try:
        with no_privileges():
            with pytest.raises(ZooError) as caught:
                write_text(folder / "a.txt", "new")
            with pytest.raises(ZooError, match="locked cannot be written"):
                ensure_writable(folder)
            with pytest.raises(ZooError, match="inner cannot be written"):
                ensure_writable(folder / "inner")
    finally:
        folder.chmod(0o755)
    assert caught.value.why == "Permission denied"
    assert "--output" in caught.value.fix
    assert (folder / "a.txt").read_text() == "old"
    assert names(folder) == ["a.txt"]


def test_parent_that_is_a_file(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(ZooError, match="cannot be written"):
        write_text(tmp_path / "file" / "a.txt", "x")
    with pytest.raises(ZooError, match="cannot be written"):
        ensure_writable(tmp_path / "file")


@pytest.fixture
def small_disk(tmp_path: Path) -> Path:
    """A file system of 64 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    try:
        made = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except OSError:
        made = False
    if not made:
        pytest.skip("this user cannot mount a file system")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_full_disk(small_disk):
    path = small_disk / "a.bin"
    write_bytes(path, b"old")
    with pytest.raises(ZooError, match=r"a\.bin was not written: the disk is full") as caught:
        write_bytes(path, bytes(1 << 20))
    assert "finished steps are kept" in caught.value.fix
    assert path.read_bytes() == b"old"
    assert names(small_disk) == ["a.bin"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_full_disk_as_the_system_reports_it(tmp_path, monkeypatch, number):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")

    def full(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ZooError, match="the disk is full"):
        write_bytes(path, b"new")
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a.bin"]


def test_other_refusals_keep_the_system_s_words():
    error = cannot_write(Path("a"), OSError(errno.EROFS, "Read-only file system"))
    assert (error.what, error.why) == ("a cannot be written", "Read-only file system")
    assert cannot_write(Path("a"), OSError("odd")).why == "odd"


@pytest.mark.parametrize("below", [".", "in", "in/deeper"])
def test_a_file_in_the_place_of_a_folder_is_named(tmp_path: Path, below: str) -> None:
    file = tmp_path / "taken"
    file.touch()
    with pytest.raises(ZooError) as caught, filled(file / below):
        pass
    assert caught.value.why == f"{file} is a file, and a folder is needed"


def test_ensure_writable_makes_the_folder_and_leaves_nothing(tmp_path):
    ensure_writable(tmp_path / "a" / "b")
    assert names(tmp_path / "a" / "b") == []


@fuzz
@given(st.binary(max_size=4096))
def test_sha256_is_that_of_the_bytes(tmp_path, data):
    write_bytes(tmp_path / "a.bin", data)
    assert sha256_of(tmp_path / "a.bin") == hashlib.sha256(data).hexdigest()


def test_sha256_of_more_than_one_chunk(tmp_path):
    data = bytes(range(256)) * 5000
    (tmp_path / "a.bin").write_bytes(data)
    assert sha256_of(tmp_path / "a.bin") == hashlib.sha256(data).hexdigest()


def test_sha256_of_what_is_no_file(tmp_path):
    with pytest.raises(BadFile, match="there is no file"):
        sha256_of(tmp_path / "missing")
    with pytest.raises(BadFile, match="cannot be read"):
        sha256_of(tmp_path)


@pytest.fixture
def no_files(tmp_path: Path) -> Iterator[dict[str, Path]]:
    """By kind: what is no plain file. A reader that waits for it is ended."""
    pipe, socket_, folder = (tmp_path / name for name in ("pipe", "socket", "folder"))
    os.mkfifo(pipe)
    folder.mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(socket_))
        before = signal.signal(signal.SIGALRM, lambda *_: pytest.fail("it waits"))
        signal.alarm(30)
        yield {
            "a named pipe": pipe,
            "a socket": socket_,
            "a folder": folder,
            "a device of the system": Path("/dev/zero"),
        }
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def test_what_is_no_plain_file_is_named_and_never_waited_for(
    no_files: dict[str, Path], tmp_path: Path
) -> None:
    for kind, path in no_files.items():
        assert no_file(path) == f"{path} is {kind}, not a file"
        assert (no_folder(path) is None) == (kind == "a folder")
        with pytest.raises(OSError, match=f"it is {kind}, not a file"):
            open_file(path)
        with pytest.raises(BadFile, match="cannot be read"):
            sha256_of(path)
    plain = write(tmp_path / "plain", b"abc")
    assert no_file(plain) is None
    assert no_folder(plain, "it") == "it is a file, not a folder"
    assert read_file(plain, 3) == b"abc"
    with pytest.raises(OSError, match="it has more than 2 bytes"):
        read_file(plain, 2)
    assert no_file(tmp_path / "none", "none") == "there is no file none"
    assert no_file(plain / "below", missing="no weights") == "no weights"
    assert no_folder(tmp_path / "none") == f"there is no folder {tmp_path / 'none'}"
    assert no_file(Path("n" * 300), "it") == "there is no file it"
    assert no_folder(Path("n" * 300), "it") == "there is no folder it"
    assert "is not the name of a file" in str(no_file(Path("a\0b")))
    (tmp_path / "loop").symlink_to("loop")
    assert "cannot be read: " in str(no_folder(tmp_path / "loop"))


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_readers_of_files_that_users_name(no_files: dict[str, Path], tmp_path: Path) -> None:
    registry = load_registry(PluginSettings(installed=False))
    for kind, path in no_files.items():
        readers: dict[str, Callable[[Path], object]] = {
            "exported.onnx": lambda p: find_exporter(registry, p),
            "recipe.toml": read_recipe,
            "card.toml": read_card,
            "weights.safetensors": lambda p: resolve(registry, str(p)),
            "plugin.py": lambda p: load_registry(PluginSettings(paths=(str(p),))),
            "data.npz": lambda p: open_dataset(registry, f"npz:{p}"),
            "data.csv": lambda p: open_dataset(registry, f"csv:{p}"),
            "data.conll": lambda p: open_dataset(registry, f"conll:{p}"),
            "data.txt": lambda p: open_dataset(registry, f"text:{p}"),
            "pictures": lambda p: open_dataset(registry, f"folder:{p}"),
        }
        for name, read in readers.items():
            link = tmp_path / f"{kind} {name}"
            link.symlink_to(path)
            with pytest.raises(ZooError) as refused:
                read(link)
            if kind != "a folder":
                assert f"is {kind}, not a" in str(refused.value), name

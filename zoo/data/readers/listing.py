"""Listing of a class folder: files by class and split; none is opened."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from zoo.common.errors import BadData, UsageError

#: Folder names that mean a split instead of a class.
SPLIT_FOLDERS = {"train": "train", "validation": "validation", "val": "validation", "test": "test"}


@dataclass(frozen=True, kw_only=True)
class ListedFile:
    """A file of one class.

    Attributes:
        split: The split that its folder stands for; None when the user gave no splits.
        class_name: Name of the class folder.
        path: Relative to the root, with ``/`` between parts.
        size: In bytes.
        modified: Time of the last change, in nanoseconds.
    """

    split: str | None
    class_name: str
    path: str
    size: int
    modified: int


@dataclass(kw_only=True)
class Listing:
    """A folder of classes, or of splits with classes in them.

    Attributes:
        root: The folder, absolute, links resolved.
        classes: For each split (None when the user gave none) the names of its class folders.
        files: Sorted by path.
        ignored: What was left out, with the reason.
    """

    root: Path
    classes: dict[str | None, tuple[str, ...]] = field(default_factory=dict)
    files: list[ListedFile] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)


def list_folder(argument: str | None) -> Listing:
    """Lists the folder that the user named; follows no link out of it.

    Raises:
        UsageError: No such folder.
        BadData: A link leaves the folder, a folder cannot be read, or splits are incomplete.
    """
    if not argument:
        raise UsageError("folder needs a path", fix="--data folder:PATH")
    listing = Listing(root=_root(argument))
    root = listing.root
    names = _folders(listing, root)
    if not _gives_splits(names):
        _list_classes(listing, root, None, names)
    else:
        for name in _checked_splits(argument, names):
            folder = root / name
            _list_classes(listing, folder, SPLIT_FOLDERS[name], _folders(listing, folder))
    listing.files.sort(key=lambda file: file.path)
    return listing


def list_files(argument: str, suffixes: tuple[str, ...] | None) -> Listing:
    """Lists a file, or all files below a folder that have one of the suffixes.

    Other files are left out and noted. No link out of the folder is followed.

    Args:
        argument: What the user named.
        suffixes: In lower case, with the dot; None takes all. A file that is named by itself may
            have any.

    Raises:
        UsageError: No such file or folder, or no file with these suffixes in it.
        BadData: A link leaves the folder, or a folder cannot be read.
    """
    path = Path(argument).expanduser()
    if path.is_file():
        path = Path(os.path.realpath(path))
        listing = Listing(root=path.parent)
        listing.files.append(_listed(listing, path, path.stat()))
        return listing
    listing = Listing(root=_root(argument, "check the path"))
    for entry in _files_below(listing, listing.root):
        if suffixes is not None and Path(entry.name).suffix.lower() not in suffixes:
            _ignore(listing, entry, f"not {' or '.join(suffixes)}")
        elif (status := _regular(listing, entry)) is not None:
            listing.files.append(_listed(listing, Path(entry.path), status))
    if not listing.files:
        what = f"no {' or '.join(suffixes)} files" if suffixes else "no files"
        raise UsageError(f"there are {what} in {argument}", fix="check the path")
    listing.files.sort(key=lambda file: file.path)
    return listing


def _root(
    argument: str, fix: str = "name a folder that holds one folder of images per class"
) -> Path:
    root = Path(os.path.realpath(Path(argument).expanduser()))
    if not root.is_dir():
        raise UsageError(f"there is no folder {argument}", fix=fix)
    return root


def _listed(listing: Listing, path: Path, status: os.stat_result) -> ListedFile:
    return ListedFile(
        split=None,
        class_name="",
        path=path.relative_to(listing.root).as_posix(),
        size=status.st_size,
        modified=status.st_mtime_ns,
    )


def listing_fingerprint(listing: Listing) -> str:
    """SHA-256 over names, sizes and times, in hexadecimal; no file is read."""
    digest = hashlib.sha256(ascii(listing.classes).encode())
    for file in listing.files:
        digest.update(f"{file.path}\0{file.size}\0{file.modified}\0".encode(errors="surrogatepass"))
    return digest.hexdigest()


def printable_name(name: str) -> str:
    """A file name safe to print: control characters and undecodable bytes are escaped."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in name)


def class_order(name: str) -> tuple[int, int, str]:
    """Sort key of class names: whole numbers by value and first, others by spelling."""
    return (0, int(name), name) if name.isdecimal() else (1, 0, name)


def _gives_splits(names: list[str]) -> bool:
    return "train" in names and bool(SPLIT_FOLDERS.keys() - {"train"} & set(names))


def _checked_splits(argument: str, names: list[str]) -> list[str]:
    strangers = [name for name in names if name not in SPLIT_FOLDERS]
    if strangers:
        raise BadData(
            f"{argument} holds splits ({', '.join(n for n in names if n in SPLIT_FOLDERS)}) "
            f"and also {', '.join(map(printable_name, strangers))}",
            why="beside train/ and test/ only validation/ is expected",
            fix="move the others away, or rename train/ and test/ if they are classes",
        )
    if "test" not in names:
        raise BadData(
            f"{argument} has train/ but no test/",
            why="with given splits the test split must be given too",
            fix="add test/ with the same class folders, or drop the split folders: "
            "then the split is made for you",
        )
    if {"val", "validation"} <= set(names):
        raise BadData(
            f"{argument} has both val/ and validation/",
            why="they mean the same split",
            fix="keep one of them",
        )
    return names


def _list_classes(listing: Listing, folder: Path, split: str | None, names: list[str]) -> None:
    listing.classes[split] = tuple(names)
    for name in names:
        for entry in _files_below(listing, folder / name):
            status = _regular(listing, entry)
            if status is not None:
                listing.files.append(
                    ListedFile(
                        split=split,
                        class_name=name,
                        path=Path(entry.path).relative_to(listing.root).as_posix(),
                        size=status.st_size,
                        modified=status.st_mtime_ns,
                    )
                )


def _folders(listing: Listing, folder: Path) -> list[str]:
    """Names of the folders right below; files there belong to no class."""
    names = []
    for entry in _entries(listing, folder):
        if entry.is_dir(follow_symlinks=False):
            names.append(entry.name)
        elif Path(entry.path).is_dir():
            _ignore(listing, entry, "a link to a folder")
        else:
            _ignore(listing, entry, "not in a class folder")
    return names


def _files_below(listing: Listing, folder: Path) -> Iterator[os.DirEntry[str]]:
    pending = [folder]
    while pending:
        for entry in _entries(listing, pending.pop()):
            if entry.is_dir(follow_symlinks=False):
                pending.append(Path(entry.path))
            elif Path(entry.path).is_dir():
                _ignore(listing, entry, "a link to a folder")
            else:
                yield entry


def _entries(listing: Listing, folder: Path) -> Iterator[os.DirEntry[str]]:
    """Visible entries in order of their names; refuses links that leave the root."""
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        raise BadData(
            f"the folder {printable_name(str(folder))} cannot be read",
            why=error.strerror,
            fix="change its permissions, or move it away",
        ) from error
    for entry in entries:
        if entry.name.startswith("."):
            _ignore(listing, entry, "hidden")
            continue
        if entry.is_symlink():
            target = os.path.realpath(entry.path)
            if not Path(target).is_relative_to(listing.root):
                raise BadData(
                    f"{printable_name(entry.path)} is a link to {printable_name(target)}, "
                    "outside the folder",
                    why="a dataset that reaches beyond its folder can expose other files",
                    fix="copy the file into the folder, or remove the link",
                )
        yield entry


def _regular(listing: Listing, entry: os.DirEntry[str]) -> os.stat_result | None:
    """Status of a plain file; anything else (a pipe would block its reader) is left out."""
    try:
        status = entry.stat()
    except OSError as error:
        _ignore(listing, entry, error.strerror or "cannot be read")
        return None
    if not stat.S_ISREG(status.st_mode):
        _ignore(listing, entry, "not a plain file")
        return None
    return status


def _ignore(listing: Listing, entry: os.DirEntry[str], reason: str) -> None:
    name = Path(entry.path).relative_to(listing.root).as_posix()
    listing.ignored.append(f"{printable_name(name)} ({reason})")

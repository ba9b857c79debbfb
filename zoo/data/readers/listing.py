"""Listing of a class folder: files by class and split; none is opened."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from zoo.common.errors import BadData, UsageError
from zoo.common.files import no_file, no_folder
from zoo.common.paths import expanded
from zoo.common.shown_text import printable
from zoo.data.readers.folder_layout import layout_of
from zoo.data.readers.folder_names import lookalike_notes, of_a_system, plain

#: Names with more digits are ordered by spelling.
_MOST_DIGITS = 100


@dataclass(frozen=True, kw_only=True)
class ListedFile:
    """A file of one class.

    Attributes:
        split: The split that its folder stands for; None when the user gave no splits.
        class_name: Name of the class folder, in NFC.
        path: Relative to the root, with ``/`` between parts.
        below: The same, relative to the class folder.
        size: In bytes.
        modified: Time of the last change of the content, in nanoseconds. Whoever unpacks or copies
            a file may set it.
        changed: Time of the last change of the content, the name or the rights, which the system
            alone sets.
    """

    split: str | None
    class_name: str
    path: str
    below: str
    size: int
    modified: int
    changed: int

    @property
    def stamp(self) -> str:
        """Other for another content, and for most other files of the same name."""
        return f"{self.size} {self.modified} {self.changed}"


@dataclass(kw_only=True)
class Listing:
    """A folder of classes, or of splits with classes in them.

    Attributes:
        root: The folder, absolute, links resolved.
        classes: For each split (None when the user gave none) the names of its class folders, in
            NFC.
        folders: For each given split the name of its folder.
        files: Sorted by path.
        ignored: What was left out, with the reason.
        notes: What the reader should know of the names.
    """

    root: Path
    classes: dict[str | None, tuple[str, ...]] = field(default_factory=dict)
    files: list[ListedFile] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    folders: dict[str | None, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def place(self, split: str | None, class_name: str = "") -> str:
        """A split's folder, or a class folder in it, for messages."""
        folder = self.folders.get(split)
        return class_name if folder is None else f"{printable(folder)}/{class_name}"


def list_folder(argument: str | None, *, cut_test: bool = False) -> Listing:
    """Lists the folder that the user named; follows no link out of it.

    Args:
        argument: Its path.
        cut_test: Whether a test split is to be cut from training, so that there is none.

    Raises:
        UsageError: No such folder; or it has a test split, or no splits at all, though one is to
            be cut.
        BadData: A link leaves the folder, a folder cannot be read, splits are incomplete, or the
            folders are no classes.
    """
    if not argument:
        raise UsageError("folder needs a path", fix="--data folder:PATH")
    listing = Listing(root=_root(argument))
    root = listing.root
    names = _folders(listing, root)
    found = layout_of(root, argument, names, cut_test=cut_test)
    listing.notes += found.notes
    for split, name in found.splits.items():
        if split is not None:
            listing.folders[split] = name
        below = _folders(listing, root / name) if name else names
        _list_classes(listing, root / name, split, below)
    every = dict.fromkeys(name for names in listing.classes.values() for name in names)
    listing.notes += lookalike_notes(every)
    listing.files.sort(key=lambda file: file.path)
    return listing


def list_files(
    argument: str,
    suffixes: tuple[str, ...] | None,
    *,
    kind: str = "",
    fix: str = "check the path",
) -> Listing:
    """Lists a file, or all files below a folder that have one of the suffixes.

    Other files are left out and noted. No link out of the folder is followed.

    Args:
        argument: What the user named.
        suffixes: In lower case, with the dot; None takes all. A file that is named by itself may
            have any.
        kind: What such a file is, in one word, where the suffixes are too many to be listed.
        fix: What to do where the folder holds none.

    Raises:
        UsageError: No such file or folder, or no file with these suffixes in it.
        BadData: A link leaves the folder, or a folder cannot be read.
    """
    path = expanded(argument)
    problem = no_file(path, argument, missing=f"there is no folder {argument}")
    if problem and no_folder(path):
        raise UsageError(problem, fix="check the path")
    if problem is None:
        path = Path(os.path.realpath(path))
        listing = Listing(root=path.parent)
        listing.files.append(_listed(listing, path, path.stat()))
        return listing
    listing = Listing(root=_root(argument, "check the path"))
    for entry in _files_below(listing, listing.root):
        if suffixes is not None and Path(entry.name).suffix.lower() not in suffixes:
            _ignore(listing, entry, f"not a {kind}" if kind else f"not {' or '.join(suffixes)}")
        elif (status := _regular(listing, entry)) is not None:
            listing.files.append(_listed(listing, Path(entry.path), status))
    if not listing.files:
        what = f"{kind}s" if kind else f"{' or '.join(suffixes)} files" if suffixes else "files"
        raise UsageError(f"there are no {what} in {argument}", why=_held_instead(listing), fix=fix)
    listing.files.sort(key=lambda file: file.path)
    return listing


def _held_instead(listing: Listing) -> str:
    others = [name.rpartition(" (")[0] for name in listing.ignored]
    if not others:
        return "it holds no files"
    count = f"{len(others):,} other files, such as " if len(others) > 1 else ""
    return f"it holds {count}{min(others)}"


def _root(argument: str, fix: str = "name a folder that holds one folder for each class") -> Path:
    root = Path(os.path.realpath(expanded(argument)))
    if problem := no_folder(root, argument):
        raise UsageError(problem, fix=fix)
    return root


def _listed(listing: Listing, path: Path, status: os.stat_result) -> ListedFile:
    return ListedFile(
        split=None,
        class_name="",
        path=path.relative_to(listing.root).as_posix(),
        below=path.relative_to(listing.root).as_posix(),
        size=status.st_size,
        modified=status.st_mtime_ns,
        changed=status.st_ctime_ns,
    )


def listing_fingerprint(listing: Listing) -> str:
    """SHA-256 over names, sizes and times, in hexadecimal; no file is read."""
    digest = hashlib.sha256(ascii(listing.classes).encode())
    for file in listing.files:
        digest.update(f"{file.path}\0{file.stamp}\0".encode(errors="surrogatepass"))
    return digest.hexdigest()


def files_stamp(folder: Path) -> str:
    """`listing_fingerprint` of all files below a folder.

    Raises:
        UsageError: There is no such folder, or no file in it.
        BadData: A link leaves the folder, or a folder cannot be read.
    """
    return listing_fingerprint(list_files(str(folder), None))


def unreadable(name: str, error: OSError) -> BadData:
    """The error for a file that was listed, and that the system does not hand out."""
    gone = error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ESTALE)
    return BadData(
        f"{printable(name)} cannot be read",
        why=error.strerror or str(error),
        fix="leave the data alone during a run; start the run again"
        if gone
        else "change its permissions, or check the disk; or move it away",
    )


def class_order(name: str) -> tuple[int, int, str]:
    """Sort key of class names: whole numbers by value and first, others by spelling."""
    # Python refuses to convert thousands of digits.
    is_number = name.isdecimal() and len(name) <= _MOST_DIGITS
    return (0, int(name), name) if is_number else (1, 0, name)


def _list_classes(listing: Listing, folder: Path, split: str | None, names: list[str]) -> None:
    listing.classes[split] = tuple(dict.fromkeys(map(plain, names)))
    for name in names:
        if plain(name) != name and plain(name) in names:
            place = (folder / plain(name)).relative_to(listing.root).as_posix()
            listing.notes.append(
                f"two folders spell one name, and are one class: {printable(place)}"
            )
        for entry in _files_below(listing, folder / name):
            status = _regular(listing, entry)
            if status is not None:
                listing.files.append(
                    ListedFile(
                        split=split,
                        class_name=plain(name),
                        path=Path(entry.path).relative_to(listing.root).as_posix(),
                        below=Path(entry.path).relative_to(folder / name).as_posix(),
                        size=status.st_size,
                        modified=status.st_mtime_ns,
                        changed=status.st_ctime_ns,
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
            f"the folder {printable(str(folder))} cannot be read",
            why=error.strerror,
            fix="change its permissions, or move it away",
        ) from error
    for entry in entries:
        if entry.name.startswith("."):
            _ignore(listing, entry, "hidden")
            continue
        if of_a_system(entry.name):
            _ignore(listing, entry, "made by a system, not by you")
            continue
        if entry.is_symlink():
            target = os.path.realpath(entry.path)
            if not Path(target).is_relative_to(listing.root):
                raise BadData(
                    f"{printable(entry.path)} is a link to {printable(target)}, outside the folder",
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
    listing.ignored.append(f"{printable(name)} ({reason})")

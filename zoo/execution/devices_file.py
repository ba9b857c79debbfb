"""``devices.toml``: devices by name, in the project's folder and in the user's own."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w

from zoo.common.errors import UsageError
from zoo.common.files import write_text
from zoo.common.paths import config_folder
from zoo.execution.trust import digest_of, is_trusted, trust

FILE_NAME = "devices.toml"
#: Keys under which people keep what must not lie in a file that is committed and copied.
_SECRET = re.compile(
    r"(?i)(?:^|[_-])(pass(word|phrase|wd)?|pwd|pin|secrets?|tokens?|credentials?)$"
)
#: ``user:password@host``.
_LOGIN = re.compile(r"(?:^|//)[^\s/@:]+:[^\s/@]+@")
#: No file of names is larger: what is, is something else.
_MOST_BYTES = 1_000_000
_SECRET_KEY = re.compile(r"(?i)(api|private|secret|access|auth)[_-]?key")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A table of the file, as it stands there.

    Attributes:
        digest: Of that file's content; empty where nobody need allow it.
    """

    name: str
    values: Mapping[str, Any]
    file: Path
    digest: str = ""


def project_file() -> Path:
    """The file of the folder in which the command is typed; it need not exist."""
    return Path(FILE_NAME).resolve()


def user_file() -> Path:
    """The user's own file, for every project; it need not exist."""
    return config_folder() / FILE_NAME


def read_entries() -> dict[str, Entry]:
    """Every device that a file names; the project's entry hides the user's of the same name.

    Raises:
        UsageError: A file is not TOML, or holds something else than tables.
    """
    return {e.name: e for file in (user_file(), project_file()) for e in read_file(file).values()}


def read_file(file: Path) -> dict[str, Entry]:
    """The devices of one file; none where the file does not exist."""
    text = _read(file)
    tables = _parse(text, file)
    digest = "" if file == user_file() else digest_of(text)
    for name, values in tables.items():
        if not isinstance(values, dict):
            raise UsageError(
                f"{file}: {name!r} is outside a device's table",
                fix=f"put it below a heading such as [pi4], or remove the line `{name} = …`",
            )
    return {
        n: Entry(name=n, values=values, file=file, digest=digest) for n, values in tables.items()
    }


def refuse_secrets(entry: Entry) -> None:
    """The file is committed and copied, so it may not hold what lets people in.

    Raises:
        UsageError: Names the key; its value is never told.
    """
    for key, value in _flat(entry.values):
        last = key.rpartition(".")[2]
        pasted = isinstance(value, str) and ("PRIVATE KEY" in value or _LOGIN.search(value))
        if _SECRET.search(last) or _SECRET_KEY.search(last) or pasted:
            raise UsageError(
                f"{entry.file}: {entry.name}.{key} looks like a secret, which this file must not "
                "hold",
                why="the file is not encrypted, and project folders are shared",
                fix="leave it out; let `ssh-add` hold your key, or name the key's file, which "
                "stays where it is",
            )


def _flat(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Every key and value, those of tables within tables too."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{key}.")
        else:
            yield above + key, value


def add_entry(file: Path, name: str, values: Mapping[str, Any]) -> None:
    """Writes one more device at the end of a file, whose other lines stay as they are.

    Raises:
        UsageError: The file already names it.
    """
    if name in read_file(file):
        raise UsageError(
            f"{file} already names {name!r}",
            fix=f"remove it first: zoo devices remove {name}",
        )
    before = _read(file)
    ours = not before or is_trusted(file, digest_of(before))
    gap = "" if not before else "\n" if before.endswith("\n") else "\n\n"
    _write(file, before + gap + tomli_w.dumps({name: dict(values)}), ours)


def allow_project() -> Path:
    """Allows the folder's file as it is now; returns it.

    Raises:
        UsageError: There is none, or it cannot be read.
    """
    file = project_file()
    text = _read(file)
    if not text:
        raise UsageError(f"there is no {file}", fix="type it in the folder that has one")
    _parse(text, file)
    trust(file, digest_of(text))
    return file


def _write(file: Path, text: str, ours: bool) -> None:
    """Writes a file; one that was allowed stays so, since its user made the change."""
    write_text(file, text)
    if ours and file != user_file():
        trust(file, digest_of(text))


def remove_entry(file: Path, name: str) -> None:
    """Takes one device out of a file, whose other lines stay as they are."""
    before = _read(file)
    ours = is_trusted(file, digest_of(before))
    left = _parse(before, file)
    left.pop(name)
    heading = re.compile(rf"^\[\s*[\"']?{re.escape(name)}[\"']?\s*\]", re.MULTILINE)
    found = heading.search(before)
    text = tomli_w.dumps(left)
    if found is not None:
        following = re.compile(r"^\[", re.MULTILINE).search(before, found.end())
        cut = before[: found.start()] + (before[following.start() :] if following else "")
        if _others_unchanged(cut, left):
            text = cut.rstrip("\n") + "\n" if cut.strip() else ""
    _write(file, text, ours)


def _others_unchanged(text: str, tables: Mapping[str, Any]) -> bool:
    """Whether lines cut out by their headings left exactly the other devices."""
    try:
        return tomllib.loads(text) == tables
    except ValueError:
        return False


def _read(file: Path) -> str:
    try:
        # A pipe of that name would be waited for, for ever.
        if file.exists() and not file.is_file():
            raise UsageError(f"{file} is not a file", fix="remove it, or move it elsewhere")
        if file.exists() and file.stat().st_size > _MOST_BYTES:
            raise UsageError(
                f"{file} is too large for a file of devices",
                why=f"it has more than {_MOST_BYTES // 1000} kB",
                fix="remove what does not belong there",
            )
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{file} cannot be read", why=str(error), fix="correct the file"
        ) from error


def _parse(text: str, file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{file} is not TOML", why=str(error), fix="correct that line") from error

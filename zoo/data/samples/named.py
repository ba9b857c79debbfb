"""What a user named as examples: a path that is there, and options of tables behind it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from zoo.common.errors import BadData, UsageError
from zoo.common.files import no_file, no_folder
from zoo.common.paths import expanded
from zoo.contracts.dataset import name_and_argument
from zoo.data.readers.query import Query, parse_query

#: Options of tables; what says how examples are divided means nothing here.
OPTIONS = ("window", "stride", "label", "group", "channels", "time", "target", "labels", "text")


@dataclass(frozen=True, kw_only=True)
class NamedPath:
    """A file or folder.

    Attributes:
        path: Of what is there.
        shown: As typed, without options.
        query: Its options, those of the dataset where it has none of its own.
    """

    path: Path
    shown: str
    query: Query

    @property
    def suffix(self) -> str:
        """In lower case; empty for a folder."""
        return "" if self.path.is_dir() else self.path.suffix.lower()


def trained_query(data: str) -> Query:
    """The path and the options of the dataset that a network was trained on.

    Of a name that has none, or that only its own provider understands, both are empty.
    """
    provider, argument = name_and_argument(data)
    try:
        found = parse_query(provider, argument, known=None)
    except UsageError:
        return Query(provider=provider, path="")
    options = {key: value for key, value in found.options.items() if key in OPTIONS}
    return Query(provider=provider, path=found.path, options=options)


def find_path(given: str, data: str = "") -> NamedPath | None:
    """What is there under a name; None where nothing is.

    Args:
        given: As typed; options may stand behind a ``?``, and win over those of the dataset.
        data: Name of the dataset that the network was trained on.

    Raises:
        UsageError: Options that are none.
        BadData: Neither a file nor a folder, or no rights to read it.
    """
    if not given:  # of a variable that is not set, most often: the current folder is not meant
        return None
    shown, query = given, trained_query(data)
    path = expanded(given)
    if not _there(path) and "?" in given and _there(expanded(given.rpartition("?")[0])):
        own = parse_query("a table", given, OPTIONS)
        shown, path = own.path, expanded(own.path)
        query = Query(
            provider=own.provider, path=query.path, options={**query.options, **own.options}
        )
    if not _there(path):
        return None
    problem = no_file(path, shown)
    if problem and no_folder(path):
        raise BadData(problem, fix="check the path and its permissions")
    return NamedPath(path=path, shown=shown, query=query)


def _there(path: Path) -> bool:
    try:
        return path.exists() or path.is_symlink()
    except (OSError, ValueError):  # longer than names may be: a text
        return False


#: What to do with an address.
DOWNLOAD = "download it first: URLs are not fetched; then name the file"


def nothing_there(given: str, takes: str) -> UsageError:
    """The error for a name that nothing has.

    Args:
        given: As typed.
        takes: What would do, for the fix.
    """
    fix = DOWNLOAD if "://" in given else f"name {takes}"
    return UsageError(f"there is no file or folder {given or repr(given)}", fix=fix)

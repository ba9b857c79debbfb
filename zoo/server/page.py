"""A page of the site before it is written: its path, its template, and its data."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from zoo.common.paths import is_name_on_windows

#: Entries of one page; more go on the next.
ENTRIES = 200
#: File of a page, in the folder that its path names.
PAGE, DATA = "index.html", "index.json"
#: What all pages of the site extend.
SHELL = "zoo.server:templates/site.html"
#: Heading of pages of one file over time.
TRENDS = "Trends"
#: Folder of records.
RECORDS = "records/"
_OTHER = re.compile(r"[^A-Za-z0-9._-]")
#: What is no page of a list, no hidden file, and none of the names made here. Some systems take
#: capitals and small letters for the same.
_USUAL = re.compile(r"(?!p[0-9]+$)[a-z0-9][a-z0-9._-]*")
_LONGEST = 100


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page.

    Attributes:
        path: From the root of the site, with a slash at its end; empty for the first page.
        template: Of `zoo.server`.
        title: Heading, and name of the tab.
        section: The entry of the menu that it belongs to.
        data: What the page says, for programs: the file ``index.json`` beside it.
        values: What else its template shows.
    """

    path: str
    template: str
    title: str
    section: str
    data: Mapping[str, Any] = field(default_factory=dict)
    values: Mapping[str, Any] = field(default_factory=dict)


@lru_cache(maxsize=1 << 16)
def slug(name: str) -> str:
    """A name as one part of a path, unlike that of every other name on every system."""
    plain = _OTHER.sub("_", name)[:_LONGEST]
    if plain == name and _USUAL.fullmatch(plain) and is_name_on_windows(plain):
        return plain
    return f"_{plain}-{hashlib.sha256(name.encode('utf-8', 'backslashreplace')).hexdigest()[:8]}"


def model_path(name: str) -> str:
    """Of a model's page."""
    return f"models/{slug(name)}/"


def file_path(sha256: str) -> str:
    """Of a file's page."""
    return f"files/{slug(sha256[:12])}/"


def run_path(name: str) -> str:
    """Of a run's page."""
    return f"runs/{slug(name)}/"


def trend_path(name: str) -> str:
    """Of the page of a file's name over time."""
    return f"trends/{slug(name)}/"


class RecordPath(str):
    """The path of a record's page; written sites, which have none, name the number instead."""

    __slots__ = ()

    @property
    def number(self) -> int:
        """Of the record."""
        return int(self.removeprefix(RECORDS).rstrip("/"))


def record_path(number: int) -> RecordPath:
    """Of a record's page."""
    return RecordPath(f"{RECORDS}{number}/")


def environment_path(name: str) -> str:
    """Of an environment's page."""
    return f"environments/{name}/"


def linker(path: str, place_of: Callable[[int], str] | None = None) -> Callable[[str], str]:
    """What turns the path of a page into a relative address on the page at `path`.

    Args:
        path: Of the page with the links.
        place_of: Where pages are files, which page has a row for a record of a number; there
            nothing finds ``index.html``, and records have no pages of their own.
    """
    root = "../" * path.count("/")

    def link(to: str) -> str:
        if place_of is None:
            return f"{root}{to}" or "./"
        row = ""
        if to.startswith(RECORDS):
            number = RecordPath(to).number
            to, row = place_of(number), f"#r{number}"
            if to == path:
                return row
        return f"{root}{to}{PAGE}{row}" if to == "" or to.endswith("/") else f"{root}{to}"

    return link

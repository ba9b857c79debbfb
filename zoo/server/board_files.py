"""The site as files, for a folder or any web server."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass
from pathlib import Path

from zoo.common.errors import UsageError
from zoo.common.extras import installed
from zoo.common.files import cannot_write, filled, replace_other
from zoo.common.optional_imports import require
from zoo.common.progress import OnStep, quiet
from zoo.pipeline.report_notes import REPORT
from zoo.pipeline.step_cache import step_cache
from zoo.registry import Registry
from zoo.results.store import Store
from zoo.server.catalogue import Catalogue
from zoo.server.page import DATA, PAGE
from zoo.server.records_file import RECORDS_FILE, records_file
from zoo.server.site import ASSETS, SERVED, Site, asset

#: Marks a folder that this wrote, which alone it writes into again.
_MARK = "edgezoo-site.txt"
_STEP = "pages"


@dataclass(frozen=True, kw_only=True)
class WrittenSite:
    """What was written.

    Attributes:
        bytes: Of all files together.
    """

    folder: Path
    pages: int
    files: int
    bytes: int


def write_site(
    registry: Registry,
    output: Path,
    *,
    store: str | None = None,
    on_step: OnStep = quiet,
) -> WrittenSite:
    """Writes every page and the data beside it.

    Args:
        registry: Knows tasks and formats.
        output: A folder that is empty, new, or was written by this before.
        store: URL of the results store; None for the user's own.
        on_step: Receives progress.

    Raises:
        UsageError: The folder holds something else.
        ZooError: The store cannot be read, or the folder cannot be written.
    """
    try:
        foreign = output.is_dir() and any(output.iterdir()) and not (output / _MARK).is_file()
    except OSError as error:  # too long a name, or a folder that may not be read
        raise cannot_write(output, error) from error
    if foreign:
        raise UsageError(
            f"{output} holds other files",
            why="a site is written into a folder of its own",
            fix="name another folder with --output",
        )
    opened = Store(store, writes=False)
    try:
        site = Site(Catalogue(opened), registry, step_cache(), static=True, store=opened.name)
        with filled(output):
            return _write(site, output, on_step)
    finally:
        opened.close()


def _write(site: Site, output: Path, on_step: OnStep) -> WrittenSite:
    written: dict[Path, int] = {}

    def write(name: str, content: str | bytes) -> None:
        data = content.encode() if isinstance(content, str) else content
        replace_other(output / name, data)
        written[output / name] = len(data)

    write(_MARK, "Written by zoo board; the next one replaces it.\n")
    for name in ASSETS:
        if name not in SERVED:
            write(name, asset(name))
    shorter = _shortener()
    paths = list(site.paths())
    on_step(_STEP, {"event": "start", "kind": "pages"})
    began = time.perf_counter()
    pages = 0
    for done, path in enumerate(paths, 1):
        page = site.page(path, {})
        if page is None:
            continue  # its records are gone since the list was made
        pages += 1
        write(f"{path}{PAGE}", shorter(site.html(page)))
        write(f"{path}{DATA}", site.json(page))
        if report := site.runs.report_at(path):
            write(f"{path}{REPORT}", report.read_text(encoding="utf-8"))
        on_step(_STEP, {"event": "progress", "done": done, "total": len(paths)})
    write(RECORDS_FILE, records_file(site.catalogue.store))
    _remove_older(output, filter(None, site.sections), written)
    ended = {
        "event": "end",
        "status": "passed",
        "seconds": time.perf_counter() - began,
        "cached": False,
    }
    on_step(_STEP, ended)
    return WrittenSite(folder=output, pages=pages, files=len(written), bytes=sum(written.values()))


def _shortener() -> Callable[[str], str]:
    """What leaves out of a page what HTML lets one leave out, where the library for it is there."""
    if not installed("minify_html"):
        return str
    found: Callable[[str], str] = require("minify_html").minify
    return found


def _remove_older(output: Path, sections: Iterable[str], written: Container[Path]) -> None:
    """Removes pages and records of an earlier site that are not in this one, and their folders.

    No link is followed: what is behind one is no part of the site.
    """
    for folder in (output / section for section in sections):
        if folder.is_symlink():
            continue
        # What is in a folder comes before it.
        for path in (*sorted(folder.rglob("*"), reverse=True), folder):
            own = path.name in (PAGE, DATA, REPORT) or re.fullmatch(r"[0-9]+\.json", path.name)
            with contextlib.suppress(OSError):
                if path.is_dir() and not path.is_symlink():
                    path.rmdir()  # which fails unless it is empty
                elif own and path not in written:
                    path.unlink()

"""The site of a results store: every page of it, by its path."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from functools import lru_cache
from typing import Any, Protocol

from zoo.common.errors import ZooError
from zoo.pipeline.step_cache import StepCache
from zoo.registry import Registry
from zoo.report.pages.rendering import render_page, source
from zoo.server.board_pages import BoardPages
from zoo.server.bundle_files import BundleFiles
from zoo.server.catalogue import Catalogue
from zoo.server.device_pages import DevicePages
from zoo.server.environment_pages import EnvironmentPages
from zoo.server.file_pages import FilePages
from zoo.server.json_tables import as_tables
from zoo.server.kept_files import KeptFiles
from zoo.server.model_pages import ModelPages
from zoo.server.page import DATA, Page, linker
from zoo.server.record_places import RecordPlaces
from zoo.server.run_pages import RunPages
from zoo.server.trend_pages import TrendPages

#: Files that pages load: name and texts that it is made of.
ASSETS = {
    "style.css": ("report.css", "zoo.server:templates/site.css"),
    "page.js": ("page.js",),
    "datasette.json": ("zoo.server:templates/datasette.json",),
    "filter.js": ("zoo.server:templates/filter.js",),
    "live.js": ("zoo.server:templates/live.js",),
    "try_it.js": ("zoo.server:templates/try_it.js",),
    "try_answers.js": ("zoo.server:templates/try_answers.js",),
    "try_pictures.js": ("zoo.server:templates/try_pictures.js",),
    "try_resizing.js": ("zoo.server:templates/try_resizing.js",),
    "try_tables.js": ("zoo.server:templates/try_tables.js",),
}
#: Those that need a server.
SERVED = frozenset(name for name in ASSETS if name == "live.js" or name.startswith("try_"))
#: The menu: path and name.
MENU = (
    ("", "Models"),
    ("leaderboard/", "Leaderboard"),
    ("runs/", "Runs"),
    ("devices/", "Devices"),
)


class Pages(Protocol):
    """One kind of pages."""

    def paths(self) -> Iterator[str]:
        """Of all of them."""

    def page(self, path: str, query: Mapping[str, str]) -> Page | None:
        """The page at a path; None where there is none."""


class Site:
    """Pages of a store.

    Attributes:
        static: Whether pages are written as files: no filter, no download, nothing live.
        sections: Pages by the first part of their paths.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        registry: Registry,
        cache: StepCache,
        *,
        static: bool,
        store: str = "",
    ) -> None:
        self.catalogue, self.registry, self.static = catalogue, registry, static
        self.store = store
        self.kept = KeptFiles(cache, registry)
        tasks = lru_cache(maxsize=None)(self._task_of)
        self.bundles = BundleFiles(self.kept, registry)
        self.places = RecordPlaces(catalogue) if static else None
        self.boards = BoardPages(catalogue, tasks, static=static)
        self.models = ModelPages(catalogue, registry, self.kept, tasks, static=static)
        self.files = FilePages(catalogue, registry, self.kept, tasks, places=self.places)
        self.runs = RunPages(catalogue, places=self.places, store=store)
        self.trends = TrendPages(catalogue)
        self.devices = DevicePages(catalogue, registry, static=static)
        self.sections: dict[str, Pages] = {
            "": self.models,
            "models": self.models,
            "files": self.files,
            "leaderboard": self.boards,
            "runs": self.runs,
            "records": self.runs,
            "trends": self.trends,
            "compare": self.runs,
            "devices": self.devices,
            "environments": EnvironmentPages(catalogue),
        }

    def _task_of(self, model: str) -> str:
        """The task of a model that a plugin knows; empty for others."""
        try:
            return self.registry.variant(model.partition(".")[0])[1].task
        except ZooError:
            return ""

    def page(self, path: str, query: Mapping[str, str]) -> Page | None:
        """The page at a path; None where there is none.

        Args:
            path: From the root of the site, ending with a slash.
            query: What a form has filled in.

        Raises:
            ZooError: The store cannot be read, or the query holds what makes no sense.
        """
        # A written site shows one state of the store.
        if not (self.static and self.catalogue.read):
            self.catalogue.refresh()
        if not self.catalogue.runs and path in {path for path, _ in MENU if path != "devices/"}:
            return self._beginning(path)
        found = self.sections.get(path.partition("/")[0])
        if found is None:
            return None
        # An executor may be slow to respond: no other page waits for it.
        with nullcontext() if found is self.devices else self.catalogue.lock:
            return found.page(path, query)

    def paths(self) -> Iterator[str]:
        """Paths of all pages."""
        self.catalogue.refresh()
        if not self.catalogue.runs:
            yield from (path for path, _ in MENU)
            return
        for pages in dict.fromkeys(self.sections.values()):
            yield from pages.paths()

    def _beginning(self, path: str) -> Page:
        names = dict(MENU)
        return Page(
            path=path,
            template="empty.html",
            title=names[path],
            section=names[path],
            data={"store": self.store, "records": 0},
            values={"store": self.store, "missing": self.catalogue.missing},
        )

    def html(self, page: Page) -> str:
        """A page for people."""
        return render_page(
            _template(page),
            page=page,
            link=linker(page.path, self.places.path_of if self.places else None),
            menu=MENU,
            static=self.static,
            data_file=DATA,
            unread=self.catalogue.unread,
            **page.values,
        )

    def json(self, page: Page) -> str:
        """The same for programs; what is no number becomes null."""
        data = {"page": page.path, **page.data}
        return plain_json(as_tables(data) if self.static else data)


def _template(page: Page) -> str:
    """Of this room, unless the page brings the shell that a page of reports extends."""
    return page.template if "shell" in page.values else f"zoo.server:templates/{page.template}"


def asset(name: str) -> str:
    """The text of a file that pages load."""
    return "".join(source(part) for part in ASSETS[name])


def plain_json(value: Any) -> str:
    """JSON in one line; what is no number becomes null."""
    found = _finite(value)
    return json.dumps(found, separators=(",", ":"), default=str, ensure_ascii=False) + "\n"


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(k): _finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(v) for v in value]
    return value

"""Records that no version of edgezoo writes: pages of all others are there, and are written."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from asgi import get
from stored_results import FILE, RUN, gated, record, sha256, timed

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")
pytest.importorskip("starlette")

from zoo.pipeline.step_cache import StepCache
from zoo.registry import load_registry
from zoo.results.records import as_plain
from zoo.results.store import Store
from zoo.server.app import make_app
from zoo.server.board_files import write_site
from zoo.server.catalogue import Catalogue, FileEntry, GateEntry
from zoo.server.kept_files import KeptFiles
from zoo.server.page import run_path
from zoo.server.site import Site

OTHERS = "others"
FOREIGN: list[dict[str, Any]] = [
    {"environment": "a text"},
    {"environment": [1]},
    {"environment": 5},
    {"environment": {"processes": "a text"}},
    {"environment": {"processes": ["a text"]}},
    {"environment": {"processes": [{"condition": ["a text"]}]}},
    {"environment": {"processes": [{"noise": 5}]}},
    {"inputs": "a text"},
    {"placement": "a text"},
    {"p50_ms": -1.0},
    {"p50_low_ms": float("nan")},
    {"first_ms": float("inf")},
]


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A store with two latencies of ours, and such ones in a run of their own."""
    found = f"sqlite:///{tmp_path / 'results.db'}"
    store = Store(found)
    for number, latency in enumerate((timed(FILE, 0.1), timed(FILE, 0.2))):
        store.append(RUN, record("bench", f"bench {number}", latency))
    for number, changes in enumerate(FOREIGN):
        told = {**as_plain(timed(FILE, 0.1)), **changes}
        store.append(OTHERS, replace(record("bench", f"bench {number}", None), result=told))
    store.close()
    return found


def test_foreign_records_take_no_page_away(url: str, tmp_path: Path) -> None:
    store = Store(url, writes=False)
    site = Site(Catalogue(store), load_registry(), StepCache(tmp_path), static=False, store=url)
    app = make_app(site, "secret", ["localhost"])
    failed = [path for path in site.paths() if get(app, f"/secret/{path}").status != 200]
    assert failed == []
    assert site.catalogue.unread > 0
    (entry,) = site.catalogue.files.values()
    times = [timing.measurement.p50_ms for timing in entry.timings]
    assert all(time is not None and 0.0 < time < math.inf for time in times)
    store.close()


def test_a_site_is_written_with_foreign_records(url: str, tmp_path: Path, own_home: Path) -> None:
    written = write_site(load_registry(), tmp_path / "site", store=url)
    assert (written.folder / run_path(OTHERS) / "index.html").is_file()


@pytest.mark.parametrize(
    ("key", "name"),
    [("../elsewhere", "held"), ("key", "../held"), ("\0", "held"), ("key", "a\0b"), ("key", "..")],
    ids=repr,
)
def test_a_record_names_no_file_outside_its_folder(tmp_path: Path, key: str, name: str) -> None:
    cache = tmp_path / "cache"
    for folder in (cache / "key", tmp_path / "elsewhere", cache):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "held").write_text(FILE)
    kept = KeptFiles(StepCache(cache), load_registry())
    gate = GateEntry(number=1, run=RUN, key=key, created="", result=gated(FILE, 0.9, 100))
    entry = FileEntry(sha256=sha256(FILE), name=name, gates=[gate])
    assert (kept.path_of(entry), kept.open(entry)) == (None, None)

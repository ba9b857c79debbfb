"""Pages of a store to which machines with wrong clocks have contributed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from stored_results import FILE, gated, record, timed

pytest.importorskip("jinja2")
pytest.importorskip("starlette")

from zoo.pipeline.step_cache import StepCache
from zoo.registry import load_registry
from zoo.results.store import Store
from zoo.server.catalogue import Catalogue
from zoo.server.page import file_path, model_path
from zoo.server.site import Site

AHEAD = "2999-01-01T00:00:00+00:00"
BEHIND = "2001-01-01T00:00:00+00:00"


def data(site: Site, path: str) -> Any:
    page = site.page(path, {})
    assert page is not None
    assert site.html(page)
    return page.data


def test_pages_keep_the_order_of_arrival(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'r.db'}")
    first, second = gated(FILE, 0.9, 22_000), replace(gated(FILE, 0.9, 22_000), sha256="b" * 64)
    store.append("ahead", replace(record("gate", "gate tflite int8", first), created=AHEAD))
    timing = record("bench", "bench", timed(FILE, 0.1, created=AHEAD), day=3)
    store.append("ahead", timing)
    store.append("behind", replace(record("gate", "gate tflite int8", second), created=BEHIND))
    site = Site(Catalogue(store), load_registry(), StepCache(tmp_path), static=False, store="s")
    assert [run["run"] for run in data(site, "runs/")["runs"]] == ["behind", "ahead"]
    listed = data(site, model_path("lenet5.digits"))["files"]
    assert [one["sha256"] for one in listed] == [second.sha256, first.sha256]
    (latency,) = data(site, file_path(first.sha256))["latencies"]
    assert latency["created"] == timing.created, "no latency is newer than its record"
    store.close()

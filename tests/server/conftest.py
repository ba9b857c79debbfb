"""What the tests of this room share: a home of their own, and the pages of a filled store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from home import own_home as own_home
from stored_results import fill


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Any]:
    """The pages of a store that `fill` has filled."""
    # Only here, since without the extra serve the tests that ask for it are skipped.
    from zoo.pipeline.step_cache import StepCache
    from zoo.registry import load_registry
    from zoo.results.store import Store
    from zoo.server.catalogue import Catalogue
    from zoo.server.site import Site

    url = f"sqlite:///{tmp_path / 'results.db'}"
    fill(url)
    store = Store(url)
    yield Site(Catalogue(store), load_registry(), StepCache(tmp_path), static=False, store=url)
    store.close()

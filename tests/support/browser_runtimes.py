"""The runtimes that pages load, from npm's registry."""

from __future__ import annotations

import pytest

from zoo.common.errors import ZooError
from zoo.devices.browser import npm_packages


def fetch_runtimes() -> None:
    """Has them in the cache; skips without npm or its registry, and not for altered packages."""
    try:
        npm_packages.fetch(lambda _: None)
    except npm_packages.PackageRefused:
        raise
    except ZooError as error:
        pytest.skip(f"needs npm and its registry: {error.what}")

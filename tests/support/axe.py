"""axe, which finds what people with other eyes, hands or ears cannot use on a page."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from chromium import Browser

from zoo.common.errors import ZooError
from zoo.devices.browser.npm_packages import NpmPackage, PackageRefused, fetch_package

PACKAGE = NpmPackage(
    name="axe-core",
    version="4.14.1",
    integrity="sha512-FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==",
    runtime="axe",
    files=("axe.min.js",),
)
RUN = """
axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) =>
  violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(" ")}`))
"""


def axe_source(folder: Path) -> str:
    """The script of the pinned version; skips without npm or its registry."""
    if shutil.which("npm") is None:
        pytest.skip("needs npm")
    try:
        fetch_package(PACKAGE, folder)
    except PackageRefused:
        raise
    except ZooError as error:
        pytest.skip(f"needs npm's registry: {error.what}")
    return (folder / "axe.min.js").read_text(encoding="utf-8")


def serious(shown: Browser, source: str) -> list[str]:
    """What it finds on a page that is serious or worse, with the elements."""
    shown.evaluate(f"{source}; true")
    found: list[Any] = shown.evaluate(RUN)
    return [str(one) for one in found]

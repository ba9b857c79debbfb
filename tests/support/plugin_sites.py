"""What tests of the registry share: plugins installed in a folder of their own."""

from __future__ import annotations

import importlib
import itertools
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from makers import (
    plugin_text,
)

from zoo.contracts.plugin import Plugin
from zoo.registry import Registry

Install = Callable[..., None]


_COUNTER = itertools.count()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of installed packages; what it held is forgotten afterwards."""
    folder = tmp_path / "site"
    folder.mkdir()
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(folder))
    yield folder
    for name in set(sys.modules) - before:
        if getattr(sys.modules[name], "__file__", None) and str(folder) in str(
            sys.modules[name].__file__
        ):
            del sys.modules[name]


@pytest.fixture
def install(site: Path) -> Install:
    """Installs a distribution with one plugin, as a wheel lies in site-packages."""

    def make(
        distribution: str, entry: str, source: str, *, version: str = "1.0", metadata: bool = True
    ) -> None:
        # Each module has a name of its own: Python imports a name only once.
        module = f"installed_plugin_{next(_COUNTER)}"
        (site / f"{module}.py").write_text(source, encoding="utf-8")
        info = site / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        if metadata:
            (info / "METADATA").write_text(
                f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n"
            )
        (info / "entry_points.txt").write_text(f"[zoo]\n{entry} = {module}\n")
        importlib.invalidate_caches()

    return make


def row(registry: Registry, name: str, distribution: str | None = None) -> Plugin:
    found = [
        p for p in registry.plugins if p.name == name and distribution in (None, p.distribution)
    ]
    assert len(found) == 1
    return found[0]


#: A hook that yields a record from a neighbour, and a neighbour that no list may import.
PACKAGE = {
    "__init__.py": "import zoo\nfrom zoo import hookimpl\nfrom .records import RECORD\n"
    "@hookimpl\ndef HOOK():\n    yield RECORD\n",
    "heavy.py": "raise RuntimeError('not before it is used')",
}


RECORDS = {
    "zoo_architectures": plugin_text("packed"),
    "zoo_exporters": "from makers import exporter\nRECORD = exporter(name='packed')",
    "zoo_devices": "from makers import device\nRECORD = device(name='packed')",
}


def write_package(folder: Path, hook: str, **more: str) -> Path:
    """A plugin's package: its hook in ``__init__.py``, its record in a module beside it."""
    record = RECORDS[hook].replace("@zoo.hookimpl\n", "") + "\n"
    if hook == "zoo_architectures":
        record += "RECORD, = zoo_architectures()\n"
    folder.mkdir(parents=True)
    for name, text in {**PACKAGE, "records.py": record, **more}.items():
        (folder / name).write_text(text.replace("HOOK", hook), encoding="utf-8")
    return folder

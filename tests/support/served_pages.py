"""`zoo serve` as users start it, on a store of a test's own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from browser_runtimes import fetch_runtimes
from stored_results import gated, record, sha256, timed

from zoo.artifacts.artifact import open_artifact
from zoo.common.files import sha256_of
from zoo.common.paths import cache_folder
from zoo.registry import load_registry
from zoo.results.store import Store

RUN = "nearest.digits-1a2b3c4d"


def keep_judged(url: str, home: Path, files: Sequence[Path]) -> None:
    """Puts judged files into a store, and where the cache of a home keeps those of their gates."""
    store, registry = Store(url), load_registry()
    for path in files:
        manifest = open_artifact(registry, path).manifest
        assert manifest is not None
        size, step = path.stat().st_size, f"gate {path.name}"
        named = gated(f"net.{manifest.precision}.{manifest.format}", 0.9, size + 5000)
        whole = {"file": path.name, "sha256": sha256_of(path), "bytes": size, "model_bytes": size}
        result = replace(named, **whole)
        if manifest.gate is not None:
            result = replace(result, passed=manifest.gate.passed, checks=manifest.gate.checks)
        store.append(RUN, record("gate", step, result))
        measured = replace(timed(path.name, 0.1), sha256=sha256_of(path))
        store.append(RUN, record("bench", f"bench {path.name}", measured, day=3))
        kept = home / "cache" / "steps" / sha256(f"{step} 2") / path.name
        kept.parent.mkdir(parents=True)
        kept.write_bytes(path.read_bytes())
    store.close()


def runtimes_for(home: Path) -> None:
    """Lends a home the runtimes of browsers; skips without npm or its registry."""
    fetch_runtimes()
    (home / "cache").mkdir(exist_ok=True)
    (home / "cache" / "browser").symlink_to(cache_folder() / "browser")


@contextmanager
def served(url: str, home: Path) -> Iterator[str]:
    """The address of its pages, with which everything ends."""
    command = [sys.executable, "-m", "zoo", "serve", "--port", "0", "--json", "--store", url]
    environment = {**os.environ, "ZOO_HOME": str(home), "ZOO_OFFLINE": "1"}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        told = ""
        while not told.endswith("}\n"):
            line = process.stdout.readline()
            assert line, "zoo serve ended"
            told += line
        yield str(json.loads(told)["local"])
    finally:
        process.terminate()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()

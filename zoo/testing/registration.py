"""Checks of a plugin as it is found: what that imports, and what it tells of itself."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from dataclasses import replace
from typing import Any

from zoo.common.extras import EXTRA_OF
from zoo.networks.catalogue import info as everything_about
from zoo.registry import Registry
from zoo.testing.verdict import Finding

#: Modules that no plugin may import before it is used: lists and help would wait for them.
HEAVY = (*EXTRA_OF, "jax", "numpy", "scipy", "pandas", "cv2")
_PROBE = """
import json, sys
from zoo.registry import PluginSettings, load_registry
given = json.loads(sys.argv[1])
registry = load_registry(PluginSettings(
    paths=tuple(given["paths"]), without=tuple(given["without"]), installed=given["installed"]))
registry.variant(given["variant"])
print("\\n" + json.dumps([name for name in given["heavy"] if name in sys.modules]))
"""
_PROBE_SECONDS = 120

_KEYS: dict[str, type | tuple[type, ...]] = {
    "name": str,
    "architecture": str,
    "task": str,
    "input_shape": list,
    "parameters": int,
    "multiply_adds": int,
    "licence": str,
    "weights": list,
    "summary": str,
    "source": str,
    "classes": int,
    "preprocessing": dict,
    "input": dict,
    "hyperparameters": dict,
    "plugin": dict,
    "cards": dict,
}
#: Texts without which a user cannot tell what a network is.
_TEXTS = ("summary", "source", "licence")


def imports(registry: Registry, variant: str) -> Finding:
    """Finding the plugin, alone beside the built-in ones, imports no heavy library."""
    architecture, _ = registry.variant(variant)
    plugin = registry.architectures.provider(architecture.name)
    others = (p for p in registry.plugins if p.origin != "built-in" and p is not plugin)
    settings = replace(
        registry.settings,
        without=(*registry.settings.without, *sorted({p.full_name for p in others})),
    )
    given = {
        "paths": settings.paths,
        "without": settings.without,
        "installed": settings.installed,
        "variant": variant,
        "heavy": HEAVY,
    }
    # What this process can import, that one must be able to import too.
    path = os.pathsep.join(entry for entry in sys.path if entry)
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-c", _PROBE, json.dumps(given)],
            env={**os.environ, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=False,
            timeout=_PROBE_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return Finding(
            passed=False,
            measured=f"finding the plugin takes more than {_PROBE_SECONDS} s",
            fix="do no work when the module is imported; a hook only yields records",
        )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        return Finding(
            passed=False,
            measured=f"a fresh process does not find it: {last}",
            fix="`zoo plugins list` shows what is wrong with the plugin",
        )
    loaded = json.loads(done.stdout.splitlines()[-1])
    if loaded:
        return Finding(
            passed=False,
            measured=f"finding the plugin imports {', '.join(loaded)}",
            fix="move these imports, and those of modules that import them, into the functions "
            "that need them",
        )
    return Finding(passed=True, measured="nothing heavy")


def info(registry: Registry, variant: str) -> Finding:
    """``zoo info --json`` has every key, each of its type, and nothing that JSON lacks."""
    found = everything_about(registry, variant)
    strange = sorted(_not_plain(found))
    if strange:
        return Finding(
            passed=False,
            measured=f"not JSON: {', '.join(strange)}",
            fix="use text, numbers, booleans and lists of them in the record",
        )
    plain: dict[str, Any] = json.loads(json.dumps(found))
    wrong = [
        key
        for key, kind in _KEYS.items()
        if not isinstance(plain.get(key), kind) or isinstance(plain[key], bool)
    ]
    wrong += [key for key in _TEXTS if key not in wrong and not plain[key].strip()]
    if wrong:
        return Finding(
            passed=False,
            measured=f"missing or of the wrong type: {', '.join(wrong)}",
            fix=f"write {wrong[0]} in the record: zoo/contracts/architecture.py describes each",
        )
    return Finding(passed=True, measured=f"{len(plain)} keys")


def _not_plain(value: Any, where: str = "") -> list[str]:
    """Places whose value JSON cannot hold."""
    if isinstance(value, dict):
        named = [(f"{where}.{key}".lstrip("."), item) for key, item in value.items()]
        return [place for name, item in named for place in _not_plain(item, name)]
    if isinstance(value, (list, tuple)):
        return [place for item in value for place in _not_plain(item, where)]
    if value is None or isinstance(value, (str, bool, int)):
        return []
    return [] if isinstance(value, float) and math.isfinite(value) else [where]

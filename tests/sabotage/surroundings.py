"""Sabotages of what lies around the network in a file; every hash is right again afterwards.

The gate writes these parts itself, so they come before `zoo verify` alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from zoo.artifacts.artifact import Manifest, embed, open_artifact, require_manifest
from zoo.artifacts.golden_samples import (
    Golden,
    GoldenArrays,
    golden_name,
    make_golden,
    read_golden,
)
from zoo.registry import Registry

from .network import NotApplicable


@dataclass(frozen=True, kw_only=True)
class AroundSabotage:
    """A change of what a file carries beside its network."""

    name: str
    does: str
    apply: Callable[[Registry, Path], None]


AROUND: list[AroundSabotage] = []


def around(does: str) -> Callable[[Callable[[Registry, Path], None]], Callable[..., None]]:
    def register(apply: Callable[[Registry, Path], None]) -> Callable[[Registry, Path], None]:
        name = apply.__name__.replace("_", "-")
        AROUND.append(AroundSabotage(name=name, does=does, apply=apply))
        return apply

    return register


def _rewrite(registry: Registry, path: Path, change: Callable[[Manifest], Manifest]) -> None:
    artifact = open_artifact(registry, path)
    embed(artifact.exporter, path, change(require_manifest(artifact)))


def _turned(classes: tuple[str, ...]) -> tuple[str, ...]:
    return (*classes[1:], classes[0])


@around("the lines of labels.txt are permuted")
def labels_txt_permuted(registry: Registry, path: Path) -> None:
    if path.suffix != ".tflite":
        raise NotApplicable("the format carries no labels.txt")
    from zoo.exporters.tflite.contents import _parts, with_appended
    from zoo.exporters.tflite.metadata import LABELS

    payload, appended = _parts(path)
    if LABELS not in appended:
        raise NotApplicable("the file carries no labels.txt")
    lines = tuple(appended[LABELS].decode().split("\n"))
    appended[LABELS] = "\n".join(_turned(lines)).encode()
    path.write_bytes(with_appended(payload, appended))
    digest = hashlib.sha256(appended[LABELS]).hexdigest()
    _rewrite(registry, path, lambda m: replace(m, attachments={**m.attachments, LABELS: digest}))


@around("the classes in the manifest are permuted")
def classes_permuted(registry: Registry, path: Path) -> None:
    def permuted(manifest: Manifest) -> Manifest:
        if len(manifest.classes) < 2:
            raise NotApplicable("there are no classes")
        return replace(manifest, classes=_turned(manifest.classes))

    _rewrite(registry, path, permuted)


def _golden(registry: Registry, path: Path, change: Callable[[GoldenArrays], GoldenArrays]) -> None:
    manifest = require_manifest(open_artifact(registry, path))
    if manifest.golden is None:
        raise NotApplicable("there are no golden samples")
    arrays = change(read_golden(manifest.golden, path))
    empty: Golden = replace(manifest.golden, inputs=None, outputs=None, file="", sha256="")
    golden, beside = make_golden(empty, arrays, golden_name(path.name))
    if beside is not None:
        path.with_name(golden.file).write_bytes(beside)
    _rewrite(registry, path, lambda m: replace(m, golden=golden))


@around("the golden inputs are others")
def golden_inputs_changed(registry: Registry, path: Path) -> None:
    def changed(arrays: GoldenArrays) -> GoldenArrays:
        return replace(arrays, inputs=np.roll(arrays.inputs, 1, axis=1))

    _golden(registry, path, changed)


@around("the golden outputs are others")
def golden_outputs_changed(registry: Registry, path: Path) -> None:
    _golden(registry, path, lambda a: replace(a, outputs=np.flip(a.outputs, axis=1).copy()))


@around("the manifest says that input is prepared otherwise: resized, scaled, or folded")
def preprocessing_changed(registry: Registry, path: Path) -> None:
    def changed(manifest: Manifest) -> Manifest:
        steps: Any = manifest.preprocessing
        if hasattr(steps, "interpolation"):
            other = replace(steps, interpolation="nearest")
        elif hasattr(steps, "lowercase"):
            other = replace(steps, lowercase=not steps.lowercase)
        elif hasattr(steps, "std"):
            other = replace(steps, std=tuple(2.0 * value for value in steps.std))
        else:
            raise NotApplicable("nothing is done to the input")
        return replace(manifest, preprocessing=other)

    _rewrite(registry, path, changed)


@around("a check of the manifest has failed, its verdict is: passed")
def rejected_called_passed(registry: Registry, path: Path) -> None:
    def changed(manifest: Manifest) -> Manifest:
        if manifest.gate is None:
            raise NotApplicable("the gate has not judged the file")
        first, *others = manifest.gate.checks
        checks = (replace(first, passed=False), *others)
        return replace(manifest, gate=replace(manifest.gate, checks=checks))

    _rewrite(registry, path, changed)

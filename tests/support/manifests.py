"""What tests of files with manifests share: small files of every format, and a true manifest."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from makers import (
    manifest,
    onnx_file,
    tflite_file,
)

from zoo.artifacts.artifact import (
    Manifest,
    manifest_text,
)
from zoo.contracts import Exporter
from zoo.registry import PluginSettings, load_registry

pytest.importorskip("onnx")
pytest.importorskip("ai_edge_litert")


REGISTRY = load_registry(PluginSettings(installed=False))


WRITERS: dict[str, Callable[..., Path]] = {"tflite": tflite_file, "onnx": onnx_file}


@pytest.fixture(params=list(WRITERS))
def exporter(request: pytest.FixtureRequest) -> Exporter:
    return REGISTRY.exporters.get(request.param)


@pytest.fixture
def file(exporter: Exporter, tmp_path: Path) -> Path:
    return WRITERS[exporter.name](tmp_path / f"dense{exporter.suffix}")


def true_manifest(exporter: Exporter, path: Path, **changes: Any) -> Manifest:
    found = exporter.inspect(path)
    return manifest(
        payload_sha256=found.payload_sha256, inputs=found.inputs, outputs=found.outputs, **changes
    )


def plain_manifest(**changes: Any) -> dict[str, Any]:
    plain = json.loads(manifest_text(manifest()))
    del plain["seal"]
    return {**plain, **changes}

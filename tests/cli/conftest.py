"""What the tests of the commands share: a home and a folder of their own, and a way to type."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from commands import Typed, Zoo
from commands import zoo as zoo
from linear_network import SIDE, WEIGHTS, linear_onnx
from own_folders import own_folder


@pytest.fixture(autouse=True)
def own_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test reads or writes the user's files, and none uses the network."""
    home = own_folder(tmp_path_factory, "home")
    monkeypatch.setenv("ZOO_HOME", str(home))
    monkeypatch.setenv("ZOO_OFFLINE", "1")
    for name in ("ZOO_FASHION_MNIST", "ZOO_STORE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(own_folder(tmp_path_factory, "folder"))
    return home


@pytest.fixture
def zoo_process() -> Zoo:
    """Types a command in a process of its own, with an environment of its own."""

    def typed(
        *arguments: str | Path,
        environment: dict[str, str | None] | None = None,
        **options: Any,
    ) -> Typed:
        merged = {**os.environ, **(environment or {})}
        done = subprocess.run(
            [sys.executable, "-m", "zoo", *map(str, arguments)],
            env={name: value for name, value in merged.items() if value is not None},
            check=False,
            **{"capture_output": True, **options},
        )
        return Typed(
            done.returncode,
            (done.stdout or b"").decode("utf-8", "replace"),
            (done.stderr or b"").decode("utf-8", "replace"),
        )

    return typed


@pytest.fixture
def plain_file(own_folders: Path) -> Path:
    """An ONNX file without a manifest."""
    return linear_onnx(Path("plain.onnx"))


@pytest.fixture
def judged_file(own_folders: Path) -> Path:
    """An ONNX file with a manifest that says it knows the digits."""
    from zoo.artifacts.artifact import DatasetReference, Manifest, embed
    from zoo.contracts import ImagePreprocessing
    from zoo.registry import load_registry

    path = linear_onnx(Path("tiny.digits.float32.onnx"))
    exporter = load_registry().exporters.get("onnx")
    contents = exporter.inspect(path)
    manifest = Manifest(
        model_id="tiny.digits",
        architecture="tiny",
        task="image-classification",
        format="onnx",
        precision="float32",
        licence="CC0-1.0",
        classes=tuple("0123456789"),
        weights_sha256="0" * 64,
        dataset=DatasetReference(name="digits", content_hash="1" * 64),
        calibration=None,
        preprocessing=ImagePreprocessing(height=SIDE, width=SIDE, channels=1),
        inputs=contents.inputs,
        outputs=contents.outputs,
        payload_sha256=contents.payload_sha256,
    )
    embed(exporter, path, manifest)
    return path


@pytest.fixture
def altered_file(judged_file: Path) -> Path:
    """The same file after one bit of one weight was turned."""
    content = bytearray(judged_file.read_bytes())
    content[content.index(WEIGHTS.tobytes()) + 40] ^= 1
    altered = judged_file.with_name("altered.onnx")
    altered.write_bytes(content)
    return altered

"""Judged files that tests copy."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("sklearn")
pytest.importorskip("onnxruntime")
pytest.importorskip("ai_edge_litert")

FILES = tuple(f"nearest.digits.{end}" for end in ("float32.onnx", "float32.tflite", "int8.tflite"))


@pytest.fixture(scope="session")
def originals(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The three files, made and judged once."""
    from digit_files import judge_file, onnx_digits, tflite_digits

    folder = tmp_path_factory.mktemp("digits")
    onnx, real, integer = (folder / name for name in FILES)
    judge_file(onnx_digits(onnx), "float32")
    judge_file(tflite_digits(real, integer=False), "float32")
    judge_file(tflite_digits(integer, integer=True), "int8")
    return {path.name: path for path in (onnx, real, integer)}


@pytest.fixture(params=FILES)
def file(request: pytest.FixtureRequest, originals: dict[str, Path], tmp_path: Path) -> Path:
    """A copy of each file in turn."""
    return Path(shutil.copy(originals[request.param], tmp_path))


@pytest.fixture
def copy(originals: dict[str, Path], tmp_path: Path) -> Callable[[str], Path]:
    """Copies the file whose name ends in the given words."""

    def copied(end: str) -> Path:
        (found,) = (path for name, path in originals.items() if name.endswith(end))
        return Path(shutil.copy(found, tmp_path))

    return copied

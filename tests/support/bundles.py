"""Bundles made and replayed."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from digit_files import registry

from zoo.artifacts.artifact import open_artifact
from zoo.artifacts.bundle import Bundle, bundle
from zoo.artifacts.golden_samples import read_golden

DECLARATIONS = Path(__file__).parents[1] / "artifacts" / "bundle" / "declarations"


def made(file: Path, **options) -> Bundle:
    return bundle(
        file, **{"output": file.parent / "out" / file.name, "registry": registry(), **options}
    )


def run(folder: Path, *arguments: str | Path, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [str(argument) for argument in arguments],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def compiled(tmp_path: Path) -> Callable[..., Path]:
    """Compiles programs against the declarations."""
    compiler = shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        pytest.skip("there is no C++ compiler")

    def made_program(folder: Path, *sources: str) -> Path:
        program = tmp_path / "program"
        warnings = ("-Wall", "-Wextra", "-Werror")
        includes = ("-I", DECLARATIONS)
        done = run(folder, compiler, "-std=c++17", *warnings, *includes, *sources, "-o", program)
        assert done.returncode == 0, done.stderr
        return program

    return made_program


def prepare_replay(file: Path, folder: Path) -> tuple[dict[str, str], bytes]:
    """Writes the answers of a runtime; its sizes, and the inputs that it must receive."""
    artifact = open_artifact(registry(), file)
    arrays = read_golden(artifact.manifest.golden, file)
    given, gives = artifact.contents.inputs[0], artifact.contents.outputs[0]
    inputs = arrays.inputs.astype(np.float64)
    if given.scale is not None:
        inputs = np.rint(inputs / given.scale) + given.zero_point
    outputs = arrays.outputs.astype(np.float64)
    if gives.scale is not None:
        outputs = np.rint(outputs / gives.scale) + gives.zero_point
    (folder / "answers.bin").write_bytes(outputs.astype(gives.dtype).tobytes())
    received = inputs.astype(given.dtype).tobytes()
    sizes = {
        "INPUT_BYTES": str(len(received) // 3),
        "OUTPUT_BYTES": str(outputs[0].size * np.dtype(gives.dtype).itemsize),
    }
    return sizes, received

"""The programs of a bundle without its model, for answers that a test makes up."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bundles import run

from zoo.contracts import Preprocessing, UsageRequest


def write_programs(
    folder: Path,
    record: Preprocessing,
    shape: Sequence[int],
    answer: str,
    labels: Sequence[str],
    **facts: Any,
) -> Path:
    """What a bundle has beside an ONNX file with this output and reading of it."""
    from zoo.exporters.onnx.usage import usage

    plain = {"dtype": "float32", "scale": None, "zero_point": None}
    given = {"name": "in", "shape": [1, *record.input_shape], "raw_dtype": record.dtype, **plain}
    output = {"name": "out", "shape": [1, *shape], "max_abs": 1e-4, "answer": answer, **plain}
    told = {
        "model": {"file": "net.onnx"},
        "input": given,
        "inputs": [given],
        "output": output,
        "outputs": [output],
        "answer": answer,
        "preprocessing": asdict(record),
        "state": {"kept": False, "carried": {}},
        "golden": {"count": 3, "max_abs": 1e-4},
        **facts,
    }
    request = UsageRequest(model=folder / "net.onnx", facts=told, operators={}, target="")
    texts = {"metadata.json": json.dumps(told), "labels.txt": "".join(f"{n}\n" for n in labels)}
    for name, text in {**usage(request).files, **texts}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def lines_of(folder: Path, *program: str | Path) -> list[str]:
    """What a program prints that ends well."""
    done = run(folder, *program)
    assert done.returncode == 0, done.stderr
    lines: list[str] = done.stdout.splitlines()
    return lines


def runnable(
    bundle: Path, name: str, python: str, compiled: Callable[..., Path]
) -> dict[str, tuple[str | Path, ...]]:
    """By language, what starts a bundle's own copy of a program here.

    Args:
        bundle: Its folder.
        name: Of the C++ and JavaScript files, without their suffix.
        python: Source that runs the Python one, which needs ONNX Runtime.
        compiled: Compiles a C++ file.
    """
    programs: dict[str, tuple[str | Path, ...]] = {"C++": (compiled(bundle, f"{name}.cpp"),)}
    if node := shutil.which("node"):
        programs["JavaScript"] = (node, f"{name}.mjs")
    if find_spec("onnxruntime"):
        programs["Python"] = (sys.executable, "-c", python)
    return programs

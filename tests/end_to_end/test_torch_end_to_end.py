"""A network that PyTorch trained, as an archive and as code with weights, to files that pass."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch_networks as makers

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``net.pt2``, and ``net.py`` with ``weights.pth``."""
    import torch

    folder = tmp_path_factory.mktemp("torch")
    module = makers.trained_on_digits(makers.module_file(folder))
    torch.save(module.state_dict(), folder / "weights.pth")
    makers.save_archive(module, folder / "net.pt2", 1, 28, 28)
    return folder


def zoo(place: Path, *arguments: str) -> Any:
    done = subprocess.run(
        [sys.executable, "-m", "zoo", *arguments, "--json"],
        cwd=place,
        env={**os.environ, "ZOO_HOME": str(place / "home"), "ZOO_OFFLINE": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def judged(found: Any) -> dict[tuple[str, str], tuple[float, float]]:
    """Accuracy and agreement of each file that passed, by suffix and precision."""
    return {
        (Path(one["file"]).suffix, one["precision"]): (one["accuracy"]["value"], one["agreement"])
        for one in found["files"]
        if one["verdict"] == "passed"
    }


def test_an_archive_is_shipped_and_code_with_weights_gives_the_same(place: Path) -> None:
    precisions = ("--precision", "float32,int8")
    shipped = zoo(place, "ship", "net.pt2", "--data", "digits", *precisions, "--tier", "brief")
    files = judged(shipped)
    assert set(files) == {(s, p) for s in (".tflite", ".onnx") for p in ("float32", "int8")}
    assert all(accuracy > 0.95 and agreement > 0.97 for accuracy, agreement in files.values())
    (card,) = (place / "runs").rglob("net.digits.toml")
    text = card.read_text(encoding="utf-8")
    assert "opened by PyTorch 2." in text
    assert "the converted network answers as the original" in text
    reference = "net.py:build?weights=weights.pth"
    options = ("--input", "28x28", *precisions)
    exported = judged(zoo(place, "export", reference, "--data", "digits", *options))
    assert set(exported) == set(files)
    for key, (accuracy, _) in exported.items():
        assert accuracy == pytest.approx(files[key][0], abs=0.02)


def test_it_is_trained_on(place: Path) -> None:
    options = ("--epochs", "1", "--freeze", "backbone")
    found = zoo(place, "finetune", "net.pt2", "--data", "digits", "--input", "0..1", *options)
    (evaluated,) = (one for one in found["steps"] if one["step"] == "evaluate keras")
    assert evaluated["result"]["metrics"][0]["value"] > 0.95

"""Files as users export them: an image network, and a recurrent one that keeps state."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import zoo
from zoo.artifacts.artifact import open_artifact
from zoo.common.errors import ZooError
from zoo.data.opening import open_dataset
from zoo.registry import load_registry

pytestmark = pytest.mark.slow

for module in ("tensorflow", "tf2onnx", "jinja2", "PIL"):
    pytest.importorskip(module)

#: Each network in each format, and each format in each precision.
CELLS = [
    ("lenet5.fashion_mnist", "tflite", "float32"),
    ("lenet5.fashion_mnist", "onnx", "int8"),
    ("lstm_small.fashion_mnist_rows", "tflite", "int8"),
    ("lstm_small.fashion_mnist_rows", "onnx", "float32"),
]


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both networks in both formats, judged by the whole pipeline."""
    try:
        open_dataset(load_registry(), "fashion_mnist")
    except ZooError as error:
        pytest.skip(f"Fashion-MNIST is not here: {error.what}")
    folder = tmp_path_factory.mktemp("exports")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZOO_HOME", str(tmp_path_factory.mktemp("home")))
        for name, format, precision in CELLS:
            asked = {"format": (format,), "precision": (precision,)}
            assert zoo.export(name, output=folder, **asked).passed
    return folder


@pytest.mark.parametrize(("name", "format", "precision"), CELLS)
def test_exported_files_verify_and_bundle(
    name: str, format: str, precision: str, exports: Path, tmp_path: Path
) -> None:
    file = exports / f"{name}.{precision}.{format}"
    found = zoo.verify(file)
    assert [claim for claim in found.claims if claim.status == "fails"] == []
    status = {claim.name: claim.status for claim in found.claims}
    assert status["classes"] == status["weights"] == status["card of the weights"] == "holds"
    made = zoo.bundle(file, output=tmp_path / "out")
    assert made.passed
    kept = open_artifact(load_registry(), file).contents.keeps_state
    script = (made.folder / "python/run.py").read_text()
    assert ("reset_all_variables" in script) == kept
    if kept:
        # Without the reset, the answers are those of one endless sequence.
        forgetful = script.replace("self.interpreter.reset_all_variables()", "pass")
        (made.folder / "python/run.py").write_text(forgetful)
        done = subprocess.run(
            [sys.executable, "python/run.py"],
            cwd=made.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1
        assert "DIFFERS" in done.stdout
        assert "javascript/run.mjs" not in made.files

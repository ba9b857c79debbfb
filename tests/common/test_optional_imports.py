"""Optional dependencies are imported when needed, and named by their extra when missing."""

from __future__ import annotations

import gc
import importlib.metadata
import sys
import tomllib

import pytest
from makers import ROOT, run_python

from zoo.common.errors import MissingExtra
from zoo.common.extras import EXTRA_OF, installed
from zoo.common.optional_imports import quiet_tensorflow, require
from zoo.common.versions import version_of, versions_of


class Blocker:
    """A finder in front of all others that denies one package."""

    def __init__(self, package: str) -> None:
        self.package = package

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == self.package:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


@pytest.fixture
def block(monkeypatch):
    def make(package: str) -> None:
        for name in [n for n in sys.modules if n.partition(".")[0] == package]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.setattr(sys, "meta_path", [Blocker(package), *sys.meta_path])

    return make


@pytest.mark.parametrize("module", EXTRA_OF)
def test_missing_package_names_its_extra(module, block):
    block(module)
    with pytest.raises(MissingExtra) as caught:
        require(module)
    assert caught.value.extra == EXTRA_OF[module]
    assert caught.value.fix == f'pip install "edgezoo[{EXTRA_OF[module]}]"'
    assert module in caught.value.what


def test_what_runs_files_is_offered_before_all_of_it(monkeypatch):
    monkeypatch.setattr("zoo.common.extras.installed", lambda module: False)
    runs, all_of_it = 'made already: pip install "edgezoo[run]"', 'pip install "edgezoo[all]"'
    fix = MissingExtra("onnxruntime", "onnx").fix
    assert fix.startswith('pip install "edgezoo[onnx]"; ')
    assert fix.index(runs) < fix.index(all_of_it)
    assert runs not in MissingExtra("keras", "train").fix


def test_what_a_plugin_needs_is_no_extra_of_ours():
    fix = MissingExtra("dense_numpy", "").fix
    assert "edgezoo[" not in fix
    assert "plugin" in fix


def test_submodule_of_a_missing_package(block):
    block("safetensors")
    with pytest.raises(MissingExtra, match="safetensors"):
        require("safetensors.numpy")


def test_package_that_misses_something_itself(tmp_path, monkeypatch):
    """Naming our extra would be wrong: installing it again does not help."""
    (tmp_path / "half_installed.py").write_text("import what_it_needs")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ModuleNotFoundError, match="what_it_needs"):
        require("half_installed")


def test_present_package_is_returned():
    assert require("json.decoder") is sys.modules["json.decoder"]


@pytest.mark.parametrize("enabled", [True, False])
def test_garbage_is_not_looked_for_while_tensorflow_is_imported(enabled, tmp_path, monkeypatch):
    """Its half million objects stay, and looking through them takes a fifth of the import."""
    (tmp_path / "keras.py").write_text("import gc\nlooked = gc.isenabled()")
    monkeypatch.syspath_prepend(tmp_path)
    for name in [n for n in sys.modules if n.partition(".")[0] == "keras"]:
        monkeypatch.delitem(sys.modules, name)
    (gc.enable if enabled else gc.disable)()
    try:
        assert not require("keras").looked
        assert gc.isenabled() is enabled
    finally:
        gc.enable()
        sys.modules.pop("keras", None)


def test_installed_imports_nothing(block, tmp_path, monkeypatch):
    (tmp_path / "explosive.py").write_text("raise RuntimeError")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert installed("explosive.part")
    assert not installed("a_package_that_nobody_has.part")


def test_every_extra_exists():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    assert set(EXTRA_OF.values()) <= set(extras)
    names = importlib.metadata.packages_distributions()
    for module, extra in EXTRA_OF.items():
        # OpenCV's distributions bring the same module, with and without windows and extras.
        called = (name.lower().replace("_", "-") for name in names.get(module, ()))
        own = {name.replace("opencv-contrib-", "opencv-") for name in called}
        asked = " ".join(extras[extra]).lower()
        assert not own or any(name in asked for name in own), (module, extra)


def test_tensorflow_is_quiet_unless_the_user_chose(monkeypatch):
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "0")
    quiet_tensorflow()
    import os

    assert os.environ["KERAS_BACKEND"] == "tensorflow"
    assert os.environ["TF_CPP_MIN_LOG_LEVEL"] == "0"


def test_commands_work_without_any_extra(tmp_path):
    """A bare installation lists models, and a command that needs more names the extra."""
    code = f"""
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {set(EXTRA_OF)!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Blocker())
from zoo.cli.main import main
main()
"""
    listed = run_python("-c", code, "list", folder=tmp_path)
    assert (listed.returncode, listed.stderr) == (0, "")
    assert "lenet5" in listed.stdout
    file = tmp_path / "a.tflite"
    file.write_bytes(b"\x1c\0\0\0TFL3" + b"\0" * 32)
    shown = run_python("-c", code, "inspect", str(file), folder=tmp_path)
    assert shown.returncode == 1
    assert 'pip install "edgezoo[tflite]"' in shown.stderr


def test_versions():
    assert version_of("click") == importlib.metadata.version("click")
    assert version_of("a-package-that-nobody-has") is None
    found = versions_of(("pydantic", "click", "a-package-that-nobody-has", "edgezoo", "click"))
    assert list(found) == ["edgezoo", "click", "pydantic"]


def test_reading_versions_imports_nothing(tmp_path):
    code = "import sys; from zoo.common.versions import versions_of as v; v(['numpy', 'keras']); "
    done = run_python("-c", code + "print('numpy' in sys.modules)", folder=tmp_path)
    assert done.stdout.strip() == "False"

"""The one law of the house: arrows point inward."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OUTER = ("plugins", "exporters", "devices")
MODULES = [path for folder in ("zoo", *OUTER) for path in sorted((ROOT / folder).rglob("*.py"))]


def forbidden_imports(source: str, folder: str) -> list[str]:
    """Modules that a file of `folder` must not import, as it names them."""
    others = [f"zoo.{name}" for name in OUTER if name != folder]
    found = []
    for node in ast.walk(ast.parse(source)):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            base = node.module or ""
            names = [base, *(f"{base}.{alias.name}" for alias in node.names)]
        found += [n for n in names if any(n == o or n.startswith(f"{o}.") for o in others)]
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_arrows_point_inward(path: Path) -> None:
    folder = path.relative_to(ROOT).parts[0]
    assert forbidden_imports(path.read_text(encoding="utf-8"), folder) == []


def test_a_breach_would_be_noticed() -> None:
    assert forbidden_imports("from zoo.plugins.lenet import build", "zoo")
    assert forbidden_imports("from zoo import exporters", "zoo")
    assert forbidden_imports("import zoo.devices.host", "plugins")
    assert not forbidden_imports("from zoo.plugins import weights", "plugins")


def literals_compared(source: str) -> set[str]:
    """Text literals in the comparisons and match cases of a file."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Compare, ast.MatchValue)):
            found |= {
                inner.value
                for inner in ast.walk(node)
                if isinstance(inner, ast.Constant) and isinstance(inner.value, str)
            }
    return found


CORE = [path for path in MODULES if path.relative_to(ROOT).parts[0] == "zoo"]


@pytest.mark.parametrize("path", CORE, ids=lambda p: str(p.relative_to(ROOT)))
def test_the_core_asks_for_no_plugin_format_or_device_by_name(path: Path) -> None:
    names = {p.stem for folder in OUTER for p in (ROOT / folder).glob("*.py")} - {"__init__"}
    names |= {"lenet5", "resnet8", "image-classification", "digits", "fashion_mnist"}
    if path.parent.name == "data" or path.parent.name == "tasks":
        return  # built-in datasets and tasks are plugins themselves
    assert literals_compared(path.read_text(encoding="utf-8")) & names == set()


def test_a_name_in_an_if_would_be_noticed() -> None:
    assert literals_compared("if exporter.name == 'tflite': pass") == {"tflite"}
    assert literals_compared("if name in ('onnx',): pass") == {"onnx"}

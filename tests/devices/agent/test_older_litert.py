"""LiteRT before 2.2, which is all that Python 3.9 can have: the classic interpreter is timed."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from zoo.devices.agent.zoo_agent.common import AgentError
from zoo.devices.agent.zoo_agent.runtimes import litert
from zoo.devices.agent.zoo_agent.runtimes.base import Options
from zoo.devices.agent.zoo_agent.runtimes.loading import open_model


def first_of(module: ModuleType | None, monkeypatch: pytest.MonkeyPatch, path: Path) -> Any:
    """The file as it is loaded for timing where `module` is LiteRT's CompiledModel."""
    interpreter = pytest.importorskip("ai_edge_litert.interpreter")
    monkeypatch.setitem(sys.modules, "ai_edge_litert.compiled_model", module)
    request = {"path": str(path), "threads": 2, "purpose": "timing"}
    return open_model("litert", litert, interpreter, request, Options())


def old() -> ModuleType:
    """CompiledModel as LiteRT 2.1 has it: a file is all that it takes."""
    module = ModuleType("ai_edge_litert.compiled_model")
    module.CompiledModel = type("CompiledModel", (), {})  # type: ignore[attr-defined]
    module.HardwareAccelerator = type("HardwareAccelerator", (), {"CPU": 1})  # type: ignore[attr-defined]
    return module


@pytest.mark.parametrize("module", [old(), None], ids=["2.1", "without it"])
def test_the_classic_interpreter_is_timed(
    module: ModuleType | None,
    monkeypatch: pytest.MonkeyPatch,
    files: dict[str, Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    loaded = first_of(module, monkeypatch, files["dense"])
    assert type(loaded).__name__ == "_InterpreterModel"
    loaded.invoke()
    assert "CompiledModel" in capsys.readouterr().err


def test_what_a_newer_one_times(monkeypatch: pytest.MonkeyPatch, files: dict[str, Path]) -> None:
    module = pytest.importorskip("ai_edge_litert.compiled_model")
    loaded = first_of(module, monkeypatch, files["dense"])
    assert loaded.api == "CompiledModel.run_by_name"


def test_a_gpu_is_refused_there(monkeypatch: pytest.MonkeyPatch, files: dict[str, Path]) -> None:
    interpreter = pytest.importorskip("ai_edge_litert.interpreter")
    monkeypatch.setitem(sys.modules, "ai_edge_litert.compiled_model", old())
    request = {"path": str(files["dense"]), "threads": 1, "purpose": "timing"}
    with pytest.raises(AgentError, match="takes no number of threads"):
        open_model("litert", litert, interpreter, request, Options(gpu=0))

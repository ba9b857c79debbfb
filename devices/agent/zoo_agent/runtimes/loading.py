"""Opening a file in the runtime that a request names, which alone is imported."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..common import AgentError, Json
from .base import LoadRequest, Model, Options
from .table import RuntimeDescription


def import_runtime(runtime: RuntimeDescription) -> tuple[Any, Any]:
    """The runtime's module, and what it runs files with; an absence has a name of its own."""
    try:
        code = runtime_code(runtime)
        return code, importlib.import_module(code.MODULE)
    except ImportError as error:
        reason = f"{runtime.name} cannot be imported: {error}"
        raise AgentError("MissingRuntime", reason) from error


def runtime_code(runtime: RuntimeDescription) -> Any:
    """The module that runs files in a runtime: one of this folder, or a plugin's file."""
    if not runtime.source:
        return importlib.import_module(f".{runtime.name.replace('-', '_')}", __package__)
    from importlib.util import module_from_spec, spec_from_file_location

    name = f"{__package__}.from_{Path(runtime.source).stem}"
    if name not in sys.modules:
        spec = spec_from_file_location(name, runtime.source)
        if spec is None or spec.loader is None:
            raise ImportError(f"{runtime.source} is no Python file")
        sys.modules[name] = made = module_from_spec(spec)
        try:
            spec.loader.exec_module(made)
        except BaseException:
            del sys.modules[name]
            raise
    return sys.modules[name]


def version_of(distributions: Sequence[str]) -> str | None:
    """Version of the first of these that is installed, without importing it; None for none."""
    for name in (distribution.replace("-", "_") for distribution in distributions):
        for folder in map(Path, sys.path):
            for found in folder.glob(f"{name}-*.dist-info"):
                return found.name[len(name) + 1 : -len(".dist-info")]
    # Takes longer to import than all that the agent needs otherwise.
    metadata = importlib.import_module("importlib.metadata")
    for distribution in distributions:
        try:
            return str(metadata.version(distribution))
        except metadata.PackageNotFoundError:
            continue
    return None


def open_model(runtime: str, code: Any, module: Any, request: Json, options: Options) -> Model:
    """Loads a file into a runtime."""
    asked = load_request(request)
    if request.get("plain_kernels"):
        options = options._replace(plain=True, xnnpack=False)
    try:
        if options.gpu is not None and not getattr(code, "RUNS_ON_GPU", False):
            raise AgentError("NotOnGpu", f"{runtime} runs on no GPU")
        model: Model = code.open_model(module, asked, options)
        if asked.batch is not None:
            model.take(asked.batch)
        if asked.shapes is not None:
            model.resize(asked.shapes)
        return model
    except AgentError:
        raise
    except Exception as error:  # Each runtime has exceptions of its own.
        lines = (line.strip() for line in str(error).splitlines())
        # OpenVINO begins with the places in its own source.
        said = " ".join(s for s in lines if s and not s.startswith(("Exception from", "Check '")))
        words = f"{type(error).__name__}: {said}"
        reason = f"{runtime} cannot load {Path(asked.path).name}: {words}"
        raise AgentError("CannotLoad", reason) from error


def load_request(request: Json) -> LoadRequest:
    """What a request asks for, if that can be done at all."""
    path, threads = str(request["path"]), int(request.get("threads", 1))
    batch = None if request.get("batch") is None else int(request["batch"])
    if threads < 1:
        raise AgentError("BadRequest", f"{threads} threads: give at least 1")
    if batch is not None and batch < 1:
        raise AgentError("BadRequest", f"a batch of {batch}: give at least 1")
    if not Path(path).is_file():
        raise AgentError("CannotLoad", f"no such file on the device: {path}")
    shapes = request.get("shapes")
    return LoadRequest(path, threads, batch, request.get("purpose") == "timing", shapes)

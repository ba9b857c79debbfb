"""edgezoo: train once, ship everywhere, with proof.

The public API, imported lazily: ``import zoo`` loads nothing heavy.
"""

from __future__ import annotations

import sys

if sys.argv[:1] == ["-m"] and not sys.flags.safe_path:
    # `python -m zoo` has put the working folder in front: nothing that lies there is a module.
    del sys.path[0]

import importlib
import importlib.metadata
from typing import TYPE_CHECKING, Any

from zoo.common import telemetry

if TYPE_CHECKING:
    from zoo.analysis.explain import explain
    from zoo.analysis.verify.verify import verify
    from zoo.api.files import evaluate, inspect
    from zoo.api.models import info, load, models, open_dataset
    from zoo.api.predictions import predict
    from zoo.api.runs import export, finetune, ship, write_report
    from zoo.api.searches import choose, optimize, tune
    from zoo.api.timings import bench
    from zoo.artifacts.bundle import bundle
    from zoo.artifacts.signing.sign import sign
    from zoo.benchmark.compare.comparing import compare
    from zoo.benchmark.compare.judgement import judge_budgets
    from zoo.common.errors import ZooError
    from zoo.contracts import (
        AnnouncedDevice,
        Architecture,
        Check,
        Choices,
        Comparison,
        Condition,
        Dataset,
        DatasetProvider,
        DeviceDriver,
        DeviceKind,
        Examination,
        Executor,
        ExecutorDriver,
        ExecutorLost,
        ExecutorWorker,
        Exporter,
        ExportRequest,
        Figure,
        FigureTable,
        FileContents,
        ForeignTensor,
        ImagePreprocessing,
        Interval,
        LatentPreprocessing,
        LayerComparison,
        LayerRequest,
        Metric,
        NamedNetwork,
        OperatorRecord,
        Output,
        Precision,
        Preprocessing,
        Runtime,
        SeriesPreprocessing,
        SoundPreprocessing,
        Source,
        SourceLayer,
        Specimen,
        Split,
        StepOrder,
        Target,
        Task,
        TensorInfo,
        TokenPreprocessing,
        Tolerances,
        TrackedRun,
        Tracker,
        TrackerSession,
        Truth,
        Variant,
        WeightsSource,
    )
    from zoo.diagnosis import doctor
    from zoo.execution.agent_driver import AgentDriver
    from zoo.execution.device import Device
    from zoo.hookspecs import hookimpl
    from zoo.networks.published.official import fetch_weights, official_weights, verify_weights

telemetry.switch_off()

_OFFICIAL = "fetch_weights official_weights verify_weights"
_CONTRACTS = (
    "AnnouncedDevice Architecture Check Choices Comparison Condition Dataset DatasetProvider "
    "DeviceDriver DeviceKind Examination Executor ExecutorDriver ExecutorLost ExecutorWorker "
    "Exporter ExportRequest Figure FigureTable FileContents ForeignTensor ImagePreprocessing "
    "Interval LatentPreprocessing LayerComparison LayerRequest Metric NamedNetwork OperatorRecord "
    "Output Precision Preprocessing Runtime SeriesPreprocessing SoundPreprocessing Source "
    "SourceLayer Specimen Split StepOrder Target Task TensorInfo TokenPreprocessing Tolerances "
    "TrackedRun Tracker TrackerSession Truth Variant WeightsSource"
)
#: Public name → the module that holds it, imported when it is first used.
_LAZY = {
    **dict.fromkeys(_CONTRACTS.split(), "zoo.contracts"),
    "AgentDriver": "zoo.execution.agent_driver",
    "Device": "zoo.execution.device",
    "ZooError": "zoo.common.errors",
    "hookimpl": "zoo.hookspecs",
    **dict.fromkeys(("evaluate", "inspect"), "zoo.api.files"),
    "bench": "zoo.api.timings",
    "predict": "zoo.api.predictions",
    **dict.fromkeys(("info", "load", "models", "open_dataset"), "zoo.api.models"),
    **dict.fromkeys(["export", "finetune", "ship", "write_report"], "zoo.api.runs"),
    **dict.fromkeys(("choose", "optimize", "tune"), "zoo.api.searches"),
    **dict.fromkeys(_OFFICIAL.split(), "zoo.networks.published.official"),
    "bundle": "zoo.artifacts.bundle",
    "sign": "zoo.artifacts.signing.sign",
    "doctor": "zoo.diagnosis",
    "explain": "zoo.analysis.explain",
    "verify": "zoo.analysis.verify.verify",
    "compare": "zoo.benchmark.compare.comparing",
    "judge_budgets": "zoo.benchmark.compare.judgement",
}
#: Modules whose public names are records and marks, not functions to call.
_RECORDS = {
    "zoo.contracts",
    "zoo.execution.agent_driver",
    "zoo.execution.device",
    "zoo.common.errors",
    "zoo.hookspecs",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return importlib.metadata.version("edgezoo")
    if name not in _LAZY:
        raise AttributeError(f"module 'zoo' has no attribute {name!r}")
    found = getattr(importlib.import_module(_LAZY[name]), name)
    if _LAZY[name] in _RECORDS:
        return found
    # Not an import statement: what shows results decides none, and is no part of their keys.
    globals()[name] = importlib.import_module("zoo.api.calls").public(found)
    return globals()[name]


def __dir__() -> list[str]:
    return sorted(__all__)


__all__ = [
    "AgentDriver",
    "AnnouncedDevice",
    "Architecture",
    "Check",
    "Choices",
    "Comparison",
    "Condition",
    "Dataset",
    "DatasetProvider",
    "Device",
    "DeviceDriver",
    "DeviceKind",
    "Examination",
    "Executor",
    "ExecutorDriver",
    "ExecutorLost",
    "ExecutorWorker",
    "ExportRequest",
    "Exporter",
    "Figure",
    "FigureTable",
    "FileContents",
    "ForeignTensor",
    "ImagePreprocessing",
    "Interval",
    "LatentPreprocessing",
    "LayerComparison",
    "LayerRequest",
    "Metric",
    "NamedNetwork",
    "OperatorRecord",
    "Output",
    "Precision",
    "Preprocessing",
    "Runtime",
    "SeriesPreprocessing",
    "SoundPreprocessing",
    "Source",
    "SourceLayer",
    "Specimen",
    "Split",
    "StepOrder",
    "Target",
    "Task",
    "TensorInfo",
    "TokenPreprocessing",
    "Tolerances",
    "TrackedRun",
    "Tracker",
    "TrackerSession",
    "Truth",
    "Variant",
    "WeightsSource",
    "ZooError",
    "__version__",
    "bench",
    "bundle",
    "choose",
    "compare",
    "doctor",
    "evaluate",
    "explain",
    "export",
    "fetch_weights",
    "finetune",
    "hookimpl",
    "info",
    "inspect",
    "judge_budgets",
    "load",
    "models",
    "official_weights",
    "open_dataset",
    "optimize",
    "predict",
    "ship",
    "sign",
    "tune",
    "verify",
    "verify_weights",
    "write_report",
]

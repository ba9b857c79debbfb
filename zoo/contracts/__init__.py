"""The frozen records that plugins yield, validated when they are made."""

from zoo.contracts.architecture import Architecture, Variant
from zoo.contracts.backbone import Backbone, BackboneOrigin
from zoo.contracts.comparison import Comparison
from zoo.contracts.dataset import Dataset, DatasetProvider, Split
from zoo.contracts.device import Clock, DeviceDriver, DeviceKind
from zoo.contracts.executor import (
    AnnouncedDevice,
    Executor,
    ExecutorDriver,
    ExecutorLost,
    ExecutorWorker,
    StepOrder,
)
from zoo.contracts.exporter import Exporter, ExportRequest, FileContents, TensorInfo
from zoo.contracts.layers import LayerComparison, LayerRequest, OperatorRecord
from zoo.contracts.offline_analysis import Examination, Figure, FigureTable, Specimen
from zoo.contracts.outputs import ModelPart, Output
from zoo.contracts.page_runtime import PageRuntime
from zoo.contracts.precision import Precision, Tolerances
from zoo.contracts.preprocessing import (
    ImagePreprocessing,
    InputKind,
    LatentPreprocessing,
    PartPreprocessing,
    Preprocessing,
    SeriesPreprocessing,
    SoundPreprocessing,
    TokenPreprocessing,
)
from zoo.contracts.runtime import Runtime, ToolOrder, ToolSummary, VendorTool
from zoo.contracts.search_space import Choices, Interval
from zoo.contracts.source import (
    BatchSecond,
    ForeignTensor,
    GivenNetwork,
    NamedNetwork,
    OpenedNetwork,
    Source,
    SourceReference,
    StateKeeping,
)
from zoo.contracts.target import Target
from zoo.contracts.task import Check, Metric, Task, Truth
from zoo.contracts.tracker import TrackedRun, Tracker, TrackerSession
from zoo.contracts.transport import AgentProcess, Condition, DeviceOptions, Transport
from zoo.contracts.usage import Arena, Program, Usage, UsageRequest
from zoo.contracts.weights import SourceLayer, WeightsSource

__all__ = [
    "AgentProcess",
    "AnnouncedDevice",
    "Architecture",
    "Arena",
    "Backbone",
    "BackboneOrigin",
    "BatchSecond",
    "Check",
    "Choices",
    "Clock",
    "Comparison",
    "Condition",
    "Dataset",
    "DatasetProvider",
    "DeviceDriver",
    "DeviceKind",
    "DeviceOptions",
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
    "GivenNetwork",
    "ImagePreprocessing",
    "InputKind",
    "Interval",
    "LatentPreprocessing",
    "LayerComparison",
    "LayerRequest",
    "Metric",
    "ModelPart",
    "NamedNetwork",
    "OpenedNetwork",
    "OperatorRecord",
    "Output",
    "PageRuntime",
    "PartPreprocessing",
    "Precision",
    "Preprocessing",
    "Program",
    "Runtime",
    "SeriesPreprocessing",
    "SoundPreprocessing",
    "Source",
    "SourceLayer",
    "SourceReference",
    "Specimen",
    "Split",
    "StateKeeping",
    "StepOrder",
    "Target",
    "Task",
    "TensorInfo",
    "TokenPreprocessing",
    "Tolerances",
    "ToolOrder",
    "ToolSummary",
    "TrackedRun",
    "Tracker",
    "TrackerSession",
    "Transport",
    "Truth",
    "Usage",
    "UsageRequest",
    "Variant",
    "VendorTool",
    "WeightsSource",
]

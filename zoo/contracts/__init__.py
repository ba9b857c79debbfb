"""The frozen records that plugins yield, validated when they are made."""

from zoo.contracts.architecture import Architecture, Variant
from zoo.contracts.dataset import Dataset, DatasetProvider, Split
from zoo.contracts.device import AgentProcess, DeviceKind, Transport
from zoo.contracts.exporter import Exporter, ExportRequest, FileContents, TensorInfo
from zoo.contracts.preprocessing import Preprocessing
from zoo.contracts.task import Check, Comparison, Metric, Task
from zoo.contracts.weights import SourceLayer, WeightsSource

__all__ = [
    "AgentProcess",
    "Architecture",
    "Check",
    "Comparison",
    "Dataset",
    "DatasetProvider",
    "DeviceKind",
    "ExportRequest",
    "Exporter",
    "FileContents",
    "Metric",
    "Preprocessing",
    "SourceLayer",
    "Split",
    "Task",
    "TensorInfo",
    "Transport",
    "Variant",
    "WeightsSource",
]

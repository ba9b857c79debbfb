"""Optional dependencies: import, or an error that names the extra."""

from __future__ import annotations

import importlib
import importlib.util
import os
from types import ModuleType

from zoo.common.errors import MissingExtra

#: The extra of `pyproject.toml` that brings each optional top-level module.
EXTRA_OF = {
    "tensorflow": "train",
    "keras": "train",
    "safetensors": "train",
    "sklearn": "data",
    "PIL": "data",
    "regex": "data",
    "ai_edge_litert": "tflite",
    "onnx": "onnx",
    "tf2onnx": "onnx",
    "onnxruntime": "onnx",
    "matplotlib": "report",
    "jinja2": "report",
    "aeon": "aeon",
    "datasets": "hf",
    "huggingface_hub": "weights",
    "torch": "torch",
    "openvino": "openvino",
    "tflite_micro": "micro",
    "adbutils": "adb",
    "ethosu": "ethos-u",
    "psycopg": "postgres",
    "pillow_heif": "heic",
    "model_signing": "sign",
    "OpenSSL": "sign",
}
#: Extras outside ``all``: for datasets, official weights, runtimes, devices, databases and
#: signatures that few people need; an error names them then.
ON_REQUEST = (
    "aeon",
    "hf",
    "weights",
    "torch",
    "openvino",
    "micro",
    "adb",
    "ethos-u",
    "postgres",
    "heic",
    "sign",
)


def require(module: str) -> ModuleType:
    """Imports `module`, or raises `MissingExtra` with the command that installs it."""
    top = module.partition(".")[0]
    if top in ("tensorflow", "keras"):
        quiet_tensorflow()
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        # Keras without TensorFlow is there, and still cannot be imported.
        if missing == top or missing in EXTRA_OF:
            raise MissingExtra(missing, EXTRA_OF.get(missing, "all")) from error
        raise


def installed(module: str) -> bool:
    """Whether `module` could be imported, without importing it."""
    return importlib.util.find_spec(module.partition(".")[0]) is not None


def missing_of(extra: str) -> list[str]:
    """Modules that `extra` brings and that are not installed; imports nothing."""
    return [module for module, name in EXTRA_OF.items() if name == extra and not installed(module)]


def require_extra(extra: str) -> None:
    """Raises `MissingExtra` unless all that `extra` brings is installed; imports nothing."""
    for module in missing_of(extra):
        raise MissingExtra(module, extra)


def quiet_tensorflow() -> None:
    """Chooses Keras' backend and silences TensorFlow's start-up chatter, unless the user chose."""
    # Both are read once, at the first import.
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

"""Extras: the optional parts of the distribution, and the modules that each brings."""

from __future__ import annotations

import importlib.util

#: The extra of `pyproject.toml` that brings each optional top-level module.
EXTRA_OF = {
    "tensorflow": "train",
    "keras": "train",
    "safetensors": "train",
    "sklearn": "data",
    "skimage": "data",
    "PIL": "data",
    "regex": "data",
    "yaml": "data",
    "ai_edge_litert": "tflite",
    "onnx": "onnx",
    "tf2onnx": "onnx",
    "onnxruntime": "onnx",
    "matplotlib": "report",
    "jinja2": "report",
    "faster_coco_eval": "detection",
    "aeon": "aeon",
    "datasets": "hf",
    "huggingface_hub": "weights",
    "torch": "torch",
    "openvino": "openvino",
    "cv2": "opencv",
    "tflite_micro": "micro",
    "adbutils": "adb",
    "ethosu": "ethos-u",
    "psycopg": "postgres",
    "pillow_heif": "heic",
    "model_signing": "sign",
    "OpenSSL": "sign",
    "pandas": "pandas",
    "tensorboard": "tensorboard",
    "mlflow": "mlflow",
    "optuna": "tune",
    "distributed": "dask",
    "fsspec": "remote",
    "s3fs": "remote",
    "starlette": "serve",
    "uvicorn": "serve",
    "segno": "serve",
    "minify_html": "serve",
    "trustme": "serve",
    "websockets": "serve",
}
#: Extras outside ``all``: each is for what few people need; an error names it then.
ON_REQUEST = (
    "aeon",
    "hf",
    "weights",
    "torch",
    "openvino",
    "opencv",
    "micro",
    "adb",
    "ethos-u",
    "postgres",
    "heic",
    "sign",
    "pandas",
    "tensorboard",
    "mlflow",
    "tune",
    "dask",
    "remote",
    "serve",
)
#: Modules of the extra ``run``, which are in other extras, too: what it takes to inspect, verify,
#: time and ask files that are there.
RUN = ("ai_edge_litert", "onnx", "onnxruntime", "PIL")


def runs_files_only() -> bool:
    """Whether this is an installation without training: a runtime is there, TensorFlow is not."""
    trains = any(installed(module) for module, extra in EXTRA_OF.items() if extra == "train")
    return not trains and any(not lacking_to_run(extra) for extra in ("tflite", "onnx"))


def lacking_to_run(extra: str) -> list[str]:
    """Modules of an extra that running files takes, and that are not installed."""
    return [module for module in missing_of(extra) if module in RUN]


def installed(module: str) -> bool:
    """Whether `module` could be imported, without importing it."""
    try:
        return importlib.util.find_spec(module.partition(".")[0]) is not None
    except ImportError:
        return False


def missing_of(extra: str) -> list[str]:
    """Modules that `extra` brings and that are not installed; imports nothing."""
    return [module for module, name in EXTRA_OF.items() if name == extra and not installed(module)]


def command_for(extra: str) -> str:
    """What installs an extra."""
    return f'pip install "edgezoo[{extra}]"'


def usual_command(extra: str) -> str:
    """What installs an extra, with all others of ``all`` where more of those are missing."""
    return command_for("all" if several_missing(extra) else extra)


def several_missing(extra: str) -> bool:
    """Whether of the extras of ``all``, among them this one, more than one is missing."""
    usual = {name for name in EXTRA_OF.values() if name not in ON_REQUEST}
    return extra in usual and len([name for name in usual if missing_of(name)]) > 1

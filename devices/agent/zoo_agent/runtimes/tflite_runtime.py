"""tflite-runtime, which ended in 2023: the classic interpreter alone."""

from .tflite import open_model

__all__ = ["MODULE", "open_model"]

MODULE = "tflite_runtime.interpreter"

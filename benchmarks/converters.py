"""How far converted networks are from PyTorch's: the modelling and the preprocessing apart.

    python benchmarks/converters.py    needs PyTorch: make test-torch installs it

Modelling: the same inputs, our network against the published one in PyTorch, both with the same
random weights. Preprocessing: the same network on photographs, cut by us and by the usual
"resize the shorter side to 256, cut 224" with Pillow; with real ImageNet weights.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import zoo
from zoo.data.preprocessing.images import to_pixels
from zoo.networks.checkpoints import resolve
from zoo.registry import load_registry

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "sources"))
WEIGHTS = "efficientnet_lite0.pypi_in1k"
SIDE, SHORTER = 224, 256


def modelling() -> None:
    """Largest difference of any logit, which have a standard deviation of about 3."""
    import test_torch_converters as converters
    import torch_twins

    for variant in torch_twins.TWINS:
        found = converters.difference(variant, torch_twins.random_twin(variant))
        print(f"{variant:<20}max |Δ| of logits {found:.1e}   target 1e-4", flush=True)


def usual(picture: Any) -> Any:
    """Resize the shorter side, then cut whole pixels, as torchvision does."""
    scale = SHORTER / min(picture.size)
    width, height = (int(n * scale) for n in picture.size)
    resized = picture.resize((width, height), Image.Resampling.BICUBIC)
    left, top = round((width - SIDE) / 2), round((height - SIDE) / 2)
    return np.asarray(resized.crop((left, top, left + SIDE, top + SIDE)))


def preprocessing() -> None:
    """Differences of pixels and of probabilities, per photograph."""
    registry = load_registry()
    network = zoo.load(WEIGHTS, registry=registry)
    checkpoint = resolve(registry, WEIGHTS)[2]
    assert checkpoint is not None
    spec = importlib.util.find_spec("skimage")
    assert spec is not None
    for name in ("chelsea.png", "coffee.png", "rocket.jpg", "camera.png", "motorcycle_left.png"):
        picture = Image.open(Path(str(spec.origin)).parent / "data" / name).convert("RGB")
        pair = [to_pixels(np.asarray(picture), checkpoint.preprocessing), usual(picture)]
        ours, theirs = np.asarray(network(np.stack(pair).astype(np.float32)))
        pixels = np.abs(pair[0].astype(int) - pair[1].astype(int))
        print(
            f"{name:<20}pixels mean |Δ| {pixels.mean():.2f} of 255   "
            f"probabilities max |Δ| {np.abs(ours - theirs).max():.3f}   "
            f"same first choice: {'yes' if ours.argmax() == theirs.argmax() else 'no'}",
            flush=True,
        )


if __name__ == "__main__":
    print("== modelling", flush=True)
    modelling()
    print("== preprocessing", flush=True)
    preprocessing()

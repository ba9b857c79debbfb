"""Ninety pictures of three easy classes in one folder each, as people photograph them.

Plants and houses are cuttings of two photographs that scikit-learn ships, of any size and light;
signs are drawn onto either. Each picture is a JPEG with noise.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw
from sklearn.datasets import load_sample_image

CLASSES = ("house", "plant", "sign")
_PHOTOGRAPHS = {"house": "china.jpg", "plant": "flower.jpg"}


def write_photographs(folder: Path, *, each: int = 30, seed: int = 0) -> Path:
    """Writes `each` pictures of every class below `folder`; the same seed draws the same ones."""
    random = np.random.default_rng(seed)
    whole = {name: Image.fromarray(load_sample_image(p)) for name, p in _PHOTOGRAPHS.items()}
    for name in CLASSES:
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(each):
            ground = whole.get(name) or whole[("house", "plant")[number % 2]]
            picture = _cutting(ground, random)
            if name == "sign":
                _draw_sign(picture, random)
            light = random.uniform(0.7, 1.3)
            pixels = np.asarray(picture) * light + random.normal(0, 8, (*picture.size[::-1], 3))
            image = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
            image.save(folder / name / f"IMG_{number:04d}.jpg", quality=90)
    return folder


def _cutting(photograph: Any, random: np.random.Generator) -> Any:
    """A rectangle of the photograph's middle, scaled to a width of 96 to 160 pixels."""
    width, height = (int(random.integers(150, 300)) for _ in range(2))
    left = int(random.integers(120, photograph.width - width - 60))
    top = int(random.integers(40, photograph.height - height - 40))
    side = int(random.integers(96, 160))
    cut = photograph.crop((left, top, left + width, top + height))
    return cut.resize((side, max(side * height // width, 64)))


def _draw_sign(picture: Any, random: np.random.Generator) -> None:
    """A no-entry sign: a red disc with a white bar."""
    width, height = picture.size
    radius = min(width, height) * random.uniform(0.3, 0.42)
    x, y = width * random.uniform(0.42, 0.58), height * random.uniform(0.42, 0.58)
    draw = ImageDraw.Draw(picture)
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=(190, 20, 30))
    bar = radius * 0.7
    draw.rectangle((x - bar, y - bar / 4, x + bar, y + bar / 4), fill="white")

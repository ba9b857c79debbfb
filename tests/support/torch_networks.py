"""Small networks of PyTorch as files; imported where PyTorch is."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import numpy as np

NET = """
import torch
from torch import nn


def build():
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Dropout(0.2), nn.Linear(16 * 7 * 7, 10),
    )
"""


def module_file(folder: Path, text: str = NET, name: str = "net.py") -> Path:
    """A Python file with a function ``build``."""
    path = folder / name
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    return path


def built(path: Path) -> Any:
    """What ``build`` of a file returns."""
    names: dict[str, Any] = {}
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), names)
    return names["build"]()


def trained_on_digits(path: Path) -> Any:
    """The network of `NET` after a few seconds of training on digits of 28×28, from 0 to 1."""
    import torch
    from torch.nn.functional import cross_entropy, interpolate

    from zoo.data.opening import open_dataset
    from zoo.registry import load_registry

    split = open_dataset(load_registry(), "digits").splits["train"]
    raw = np.stack([split.read(at) for at in range(len(split))])
    images = torch.tensor(raw, dtype=torch.float32)
    images = images.reshape(len(split), 1, *images.shape[1:3]) / 255
    images = interpolate(images, size=(28, 28), mode="bilinear")
    labels = torch.tensor(split.labels)
    torch.manual_seed(0)
    module = built(path)
    optimizer = torch.optim.Adam(module.parameters(), 3e-3)
    for _ in range(5):
        for chosen in torch.randperm(len(images)).split(64):
            loss = cross_entropy(module(images[chosen]), labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return module.eval()


def save_archive(module: Any, path: Path, *shape: int, batch: bool = False) -> Path:
    """An archive of a module for inputs of a shape; of any batch if asked for."""
    import torch

    free = ({0: torch.export.Dim("batch")},) if batch else None
    sample = torch.rand(2 if batch else 1, *shape)
    torch.export.save(torch.export.export(module, (sample,), dynamic_shapes=free), path)
    return path

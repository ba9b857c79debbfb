"""A network as people save it with PyTorch: trained by a plain loop, saved in both usual ways.

    PYTHON docs/digits_torch.py IMAGES.npz FOLDER

PYTHON has PyTorch. IMAGES.npz is that of docs/digits_networks.py. FOLDER gets ``convolutions.pt2``
and ``convolutions.pth``, the weights of what `build` returns. Pixels are normalized from -1 to 1,
and no file says so.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from torch import nn

EPOCHS = 12


def build() -> nn.Module:
    """The network, with random weights."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1, bias=False),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(32, 10),
    )


def main(images: Path, folder: Path) -> None:
    """Trains the network and saves it."""
    import numpy as np

    with np.load(images) as held:
        x = torch.from_numpy(held["x"].astype(np.float32) / 127.5 - 1)[:, None]
        y = torch.from_numpy(held["y"].astype(np.int64))
    torch.set_num_threads(1)
    torch.manual_seed(0)
    network = build()
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    for _ in range(EPOCHS):
        for part in torch.randperm(len(x)).split(64):
            optimizer.zero_grad()
            nn.functional.cross_entropy(network(x[part]), y[part]).backward()
            optimizer.step()
    network.eval()
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(network.state_dict(), folder / "convolutions.pth")
    torch.export.save(torch.export.export(network, (x[:1],)), folder / "convolutions.pt2")


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:3]))

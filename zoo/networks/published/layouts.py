"""Tensor names and axis orders of layers, by framework."""

from __future__ import annotations

from dataclasses import dataclass

from zoo.contracts.weights import Framework, Layout


@dataclass(frozen=True)
class PublishedTensor:
    """The published tensor of one of our variables.

    Attributes:
        name: Of the tensor, behind the layer's name.
        axes: Order that makes the file's axes ours; None leaves them.
        single: Axes of length one that the file has and we do not; `axes` counts what is left.
    """

    name: str
    axes: tuple[int, ...] | None = None
    single: tuple[int, ...] = ()


_BIAS = {"bias": PublishedTensor("bias")}
_NORMALIZATION = ("gamma", "beta", "moving_mean", "moving_variance")

#: PyTorch keeps kernels as (out, in, height, width), and dense ones as (out, in).
_TORCH: dict[Layout, dict[str, PublishedTensor]] = {
    "convolution": {"kernel": PublishedTensor("weight", (2, 3, 1, 0)), **_BIAS},
    # (channels, 1, height, width) → (height, width, channels, 1)
    "depthwise": {"kernel": PublishedTensor("weight", (2, 3, 0, 1)), **_BIAS},
    "dense": {"kernel": PublishedTensor("weight", (1, 0)), **_BIAS},
    "pointwise": {"kernel": PublishedTensor("weight", (1, 0), single=(2, 3)), **_BIAS},
    "normalization": {
        "gamma": PublishedTensor("weight"),
        "beta": PublishedTensor("bias"),
        "moving_mean": PublishedTensor("running_mean"),
        "moving_variance": PublishedTensor("running_var"),
    },
}
_KERAS: dict[Layout, dict[str, PublishedTensor]] = {
    "convolution": {"kernel": PublishedTensor("kernel"), **_BIAS},
    "depthwise": {"kernel": PublishedTensor("kernel"), **_BIAS},
    "dense": {"kernel": PublishedTensor("kernel"), **_BIAS},
    "pointwise": {"kernel": PublishedTensor("kernel", single=(0, 1)), **_BIAS},
    "normalization": {name: PublishedTensor(name) for name in _NORMALIZATION},
}
LAYOUTS: dict[Framework, dict[Layout, dict[str, PublishedTensor]]] = {
    "torch": _TORCH,
    "keras": _KERAS,
}
#: What stands between a layer's name and its tensor's.
SEPARATOR: dict[Framework, str] = {"torch": ".", "keras": "/"}
#: Tensors that only training needs.
IGNORED = ("num_batches_tracked",)

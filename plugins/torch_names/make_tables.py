"""Writes timm.tsv and torchvision.tsv, beside this file, from the installed libraries.

Run by the Python of the environment that `zoo sources setup torch` makes:
``…/bin/python -I make_tables.py``. Nothing imports it but a test that compares the tables.
"""

from __future__ import annotations

import importlib
import itertools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

_HEAD = [
    "name",
    "size",
    "normalization",
    "resize",
    "interpolation",
    "classes",
    "licence",
    "address",
    "parameters",
    "tested",
]
_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_LICENCES = {
    "apache-2.0": "Apache-2.0",
    "mit": "MIT",
    "bsd-3-clause": "BSD-3-Clause",
    "cc-by-4.0": "CC-BY-4.0",
    "cc-by-nc-4.0": "CC-BY-NC-4.0",
}
_SWAG = "https://github.com/facebookresearch/SWAG/blob/main/LICENSE"
#: Modules of torchvision whose networks are no image classifiers.
_OTHERS = ("detection", "segmentation", "video", "optical_flow", "quantization")

Row = tuple[str, ...]


def timm_rows(count: Callable[[str], int]) -> Iterator[Row]:
    """All networks of timm: of each the weights that it takes by default come first.

    Args:
        count: Gives the parameters of a network by its name; 0 for unknown.
    """
    from timm.models import get_pretrained_cfg, list_models, list_pretrained

    tagged: dict[str, list[str]] = {}
    for name in list_pretrained():
        tagged.setdefault(name.partition(".")[0], []).append(name)
    for plain in list_models():
        default = get_pretrained_cfg(plain)
        first = f"{plain}.{default.tag}" if default.tag else plain
        names = sorted(tagged.get(plain, [plain]), key=lambda name: (name != first, name))
        parameters = count(plain)
        for name in names:
            yield _timm_row(name, get_pretrained_cfg(name), parameters)


def _timm_row(name: str, cfg: Any, parameters: int) -> Row:
    channels, height, width = cfg.input_size
    classes = cfg.num_classes if channels == 3 and height == width else 0
    address = "-"
    if cfg.hf_hub_id:
        address = "hub" if cfg.hf_hub_id == f"timm/{name}" else f"hub:{cfg.hf_hub_id}"
    elif cfg.url:
        address = cfg.url
    return (
        name,
        str(height),
        _normalization(cfg.mean, cfg.std),
        _resize(cfg.crop_mode, cfg.crop_pct),
        cfg.interpolation,
        str(classes),
        _LICENCES.get(cfg.license or "", cfg.license or "unknown"),
        address,
        str(parameters),
        _tested(cfg, height),
    )


def _tested(cfg: Any, height: int) -> str:
    """Size and share of the picture that the library measures it at; ``-`` for the usual ones."""
    size = cfg.test_input_size[1] if cfg.test_input_size else height
    share = cfg.test_crop_pct or cfg.crop_pct
    return "-" if (size, share) == (height, cfg.crop_pct) else f"{size}/{share:.4g}"


def torchvision_rows() -> Iterator[Row]:
    """All networks of torchvision: of each the weights that it takes by default come first."""
    from torchvision import models

    for name in models.list_models(module=models):
        weights = models.get_model_weights(name)
        default = getattr(weights, "DEFAULT", None)
        for one in sorted(weights, key=lambda one: one is not default):
            if one.meta.get("categories") is None:  # the features of a detector
                continue
            yield _torchvision_row(f"{name}.{one.name}", one)
    for module in _OTHERS:
        for name in models.list_models(module=getattr(models, module)):
            yield (name, "0", "imagenet", "stretch", "bilinear", "0", "BSD-3-Clause", "-", "0", "-")


def _torchvision_row(name: str, weights: Any) -> Row:
    made = weights.transforms()
    (crop,), (resize,) = made.crop_size, made.resize_size
    licence = weights.meta.get("license")
    return (
        name,
        str(crop),
        _normalization(made.mean, made.std),
        f"{crop / resize:.4g}",
        made.interpolation.value,
        str(len(weights.meta["categories"])),
        {None: "BSD-3-Clause", _SWAG: "CC-BY-NC-4.0"}.get(licence, licence),
        weights.url,
        str(weights.meta["num_params"]),
        "-",
    )


def _normalization(mean: Any, std: Any) -> str:
    """A name for the usual one; others as numbers."""
    if (tuple(mean), tuple(std)) == _IMAGENET:
        return "imagenet"
    return ";".join(",".join(f"{value:.6g}" for value in values) for values in (mean, std))


def _resize(mode: str, share: float) -> str:
    """The share of a picture that is cut out, ``stretch``, both as ``stretch=0.9``, or ``pad``."""
    whole = {"center": f"{share:.4g}", "squash": "stretch", "border": "pad"}[mode]
    return f"stretch={share:.4g}" if mode == "squash" and share < 1 else whole


def count_timm(name: str) -> int:
    """Parameters, counted without memory for them; 0 where a network cannot be made so."""
    import timm
    import torch

    try:
        with torch.device("meta"):
            made = timm.create_model(name, pretrained=False)
    # Some compute with their weights as they are made, which have no values here.
    except Exception:
        return 0
    return sum(parameter.numel() for parameter in made.parameters())


def main() -> None:
    """Writes both tables."""
    here = Path(__file__).parent
    sys.path.append(str(here.with_name("torch_files")))
    importlib.import_module("torch_child.libraries").without_compiled_operators()
    for library, rows in (("timm", timm_rows(count_timm)), ("torchvision", torchvision_rows())):
        lines = itertools.chain(["# " + "\t".join(_HEAD)], map("\t".join, rows))
        (here / f"{library}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

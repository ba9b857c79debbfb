"""Writes presets.tsv, beside this file, from keras-hub as `zoo sources setup keras-hub` brings it.

Run by the zoo's own Python, with the folder of the environment's packages:
``python make_table.py …/site-packages``. Nothing imports it but a test that compares the table.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_HEAD = ["name", "kind", "size", "parameters", "address", "architecture"]
#: What presets are for, the first that fits; others are backbones, which give features.
_KINDS = (
    "ImageSegmenter",
    "ObjectDetector",
    "DepthEstimator",
    "TextToImage",
    "ImageToImage",
    "Inpaint",
    "CausalLM",
    "Seq2SeqLM",
)
_CLASSIFIER, _BACKBONE, _NONE = "ImageClassifier", "Backbone", "-"
#: Images that a network was trained on, in words or in a name.
_SIZE = re.compile(r"(\d{2,4})x\1")
#: Parameters of the largest network that is built to see which architecture it is.
_MOST_BUILT = 100_000_000
_TIMM = re.compile(r"[\"']((?:resnet|csp|dark|densenet|mobilenetv3|vgg|efficientnet|hgnetv2)\w*)")

Row = tuple[str, ...]


def rows(count: Any = None) -> Iterator[Row]:
    """All presets of keras-hub, by name.

    Args:
        count: Gives the parameters of a timm architecture's backbone; None where only what the
            library states is wanted.
    """
    import keras_hub
    from keras_hub.src.utils.preset_utils import BUILTIN_PRESETS

    of_kind = {kind: getattr(keras_hub.models, kind).presets for kind in (_CLASSIFIER, *_KINDS)}
    for name, preset in sorted(BUILTIN_PRESETS.items()):
        stated = preset["metadata"]
        words = " ".join(stated["description"].split())
        kind = next((kind for kind in _KINDS if name in of_kind[kind]), _BACKBONE)
        if name in of_kind[_CLASSIFIER] and "ImageNet" in words and "backbone" not in words:
            kind = _CLASSIFIER
        size = _SIZE.search(words)
        yield (
            name,
            kind,
            size[1] if size else "0",
            str(stated["params"]),
            preset["kaggle_handle"],
            _architecture(name, stated["params"], count) if kind == _CLASSIFIER else _NONE,
        )


def _architecture(name: str, parameters: int, count: Any) -> str:
    """The name that timm has for a preset's backbone, if the library can build it from that."""
    if count is None or parameters > _MOST_BUILT:
        return _NONE
    wanted = _letters(name)
    close = [one for one in timm_names() if wanted.startswith(_letters(one))]
    for one in sorted(close, key=len, reverse=True):
        if count(one) == parameters:
            return one
    return _NONE


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def timm_names() -> list[str]:
    """The architectures of timm that keras-hub has in its converters."""
    from keras_hub.src.utils import timm

    found: set[str] = set()
    for file in Path(timm.__path__[0]).glob("convert_*.py"):
        found.update(_TIMM.findall(file.read_text(encoding="utf-8")))
    return sorted(found)


def count_backbone(architecture: str) -> int:
    """Parameters of a backbone; 0 where the library builds none of that name."""
    import keras
    from keras_hub.src.utils.timm.preset_loader import TimmPresetLoader

    keras.backend.clear_session()
    try:
        loader = TimmPresetLoader("", {"architecture": architecture})
        backbone = loader.load_backbone(loader.check_backbone_class(), load_weights=False)
    # Names of which it has weights alone, and not how they are built.
    except Exception:
        return 0
    return int(backbone.count_params())


def main() -> None:
    """Writes the table."""
    sys.path.append(sys.argv[1])
    lines = ["# " + "\t".join(_HEAD), *map("\t".join, rows(count_backbone))]
    file = Path(__file__).with_name("presets.tsv")
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

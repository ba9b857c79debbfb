"""What tests of data from the hub share: a library in place of `datasets`."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image as Pictures

from zoo.common.extras import installed

REAL = installed("datasets")


@dataclass
class Image:
    decode: bool = True


@dataclass
class ClassLabel:
    names: list[str]
    dtype: str = "int64"


@dataclass
class Value:
    dtype: str


@dataclass
class Rows:
    """The part of `datasets.Dataset` that is used."""

    columns: dict[str, list[Any]]
    features: dict[str, Any]
    asked: list[Any] = field(default_factory=list)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def __getitem__(self, key: int | str) -> Any:
        if isinstance(key, str):
            return self.columns[key]
        return {name: values[key] for name, values in self.columns.items()}

    def cast_column(self, column: str, feature: Image) -> Rows:
        assert not feature.decode
        return self


NAMES = ClassLabel(["neg", "pos"])


def texts(start: int, count: int, **more: Any) -> Rows:
    columns = {
        "text": [f"text {i}" for i in range(start, start + count)],
        "label": [i % 2 for i in range(count)],
        **more,
    }
    extra = {name: Value("string") for name in more if name not in ("text", "label")}
    return Rows(columns, {"text": Value("string"), "label": NAMES, **extra})


def png(seed: int) -> dict[str, Any]:
    data = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    Pictures.fromarray(pixels).save(data, "png")
    return {"bytes": data.getvalue(), "path": None}


def sizes(dataset: Any) -> list[int]:
    return [len(split) for split in dataset.splits.values()]

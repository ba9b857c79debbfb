"""The presets of keras-hub by name: sizes, parameters, and where they are published.

As the library has them: `make_table.py` writes the table, and a test compares them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from zoo.contracts import NamedNetwork

PREFIX = "keras-hub:"
_KAGGLE = "kaggle://"
_NONE = "-"
#: Tasks of the zoo that networks of a kind are of; other kinds are not brought in.
_TASKS = {"ImageClassifier": "image-classification"}


@dataclass(frozen=True, kw_only=True)
class HubPreset:
    """A preset of keras-hub.

    Attributes:
        name: ``resnet_18_imagenet``.
        kind: keras-hub's class of its task, ``ImageClassifier``; ``Backbone`` of one without.
        size: Height and width of the images that it was trained on; 0 where that is not stated.
        parameters: Of its backbone, or of the whole network: as the library counts them.
        handle: On Kaggle: ``keras/resnetv1/keras/resnet_18_imagenet/3``.
        architecture: timm's name of its backbone, which the library builds without its preset;
            empty for none.
    """

    name: str
    kind: str
    size: int
    parameters: int
    handle: str
    architecture: str

    @property
    def task(self) -> str:
        """Name of the task that its outputs are of; empty where it is not brought in."""
        return _TASKS.get(self.kind, "")

    @property
    def reference(self) -> str:
        """What users type for it."""
        return f"{PREFIX}{self.name}"

    @property
    def address(self) -> str:
        """Where it is published: ``kaggle://…``."""
        return f"{_KAGGLE}{self.handle}"

    @property
    def folder(self) -> Path:
        """Where Kaggle's own program puts it."""
        root = os.environ.get("KAGGLEHUB_CACHE") or Path("~/.cache/kagglehub").expanduser()
        return Path(root, "models", self.handle)

    @property
    def astray(self) -> str:
        """The preset that lies at its address; empty where it is its own."""
        there = self.handle.split("/")[3]  # behind it a version may stand
        return there if there != self.name and there in by_name() else ""


@cache
def presets() -> tuple[HubPreset, ...]:
    """All of them, from the table beside this file."""
    text = files(__package__).joinpath("presets.tsv").read_text(encoding="utf-8")
    return tuple(_row(*line.split("\t")) for line in text.splitlines() if line[:1] != "#")


def _row(
    name: str, kind: str, size: str, parameters: str, address: str, architecture: str
) -> HubPreset:
    return HubPreset(
        name=name,
        kind=kind,
        size=int(size),
        parameters=int(parameters),
        handle=address.removeprefix(_KAGGLE),
        architecture=architecture.removesuffix(_NONE),
    )


@cache
def by_name() -> dict[str, HubPreset]:
    """All of them by name."""
    return {one.name: one for one in presets()}


def described(preset: HubPreset) -> NamedNetwork:
    """A row of ``zoo list``; what a preset alone says is not in it."""
    owner, network = preset.handle.split("/")[:2]
    size = f"{preset.size}x{preset.size} rgb" if preset.size else "rgb"
    remarks = ["its preprocessing is read from the preset"]
    if preset.astray:
        remarks.append(f"keras-hub gives the address of {preset.astray} for it")
    return NamedNetwork(
        name=preset.reference,
        task=preset.task,
        input=size,
        licence="unknown",
        weights=preset.address,
        page=f"https://www.kaggle.com/models/{owner}/{network}",
        parameters=preset.parameters,
        remarks=tuple(remarks),
    )

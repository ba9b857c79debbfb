"""Sample images of a training: one file per epoch, and one that is always the latest."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.common.files import atomic_path
from zoo.common.optional_imports import require

if TYPE_CHECKING:
    from zoo.contracts.task import Array

#: Always the newest picture, to be viewed during training.
LATEST = "samples.png"
_NAME = re.compile(r"samples-(\d+)\.png\Z")


class SampleImages:
    """The pictures of one training.

    Args:
        folder: Where they are in the end.
        meanwhile: Where they are drawn, because it outlives an interruption; None draws them in
            `folder`.
    """

    def __init__(self, folder: Path, meanwhile: Path | None) -> None:
        self.folder = folder
        self.meanwhile = meanwhile or folder

    def draw(self, epoch: int, picture: Array) -> Path:
        """Writes an epoch's picture, uint8 (height, width, 1 or 3); returns the latest path."""
        self.meanwhile.mkdir(parents=True, exist_ok=True)
        image = require("PIL.Image").fromarray(
            picture[:, :, 0] if picture.shape[2] == 1 else picture
        )
        for name in (f"samples-{epoch:05d}.png", LATEST):
            with atomic_path(self.meanwhile / name) as temporary, temporary.open("wb") as file:
                image.save(file, "PNG", optimize=True)
        return self.meanwhile / LATEST

    def collect(self) -> None:
        """Moves all pictures to their final folder."""
        if self.meanwhile == self.folder or not self.meanwhile.is_dir():
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        for path in self.meanwhile.glob("samples*.png"):
            shutil.copyfile(path, self.folder / path.name)

    def names(self) -> dict[int, str]:
        """File names in `folder` by epoch, in order."""
        found = ((_NAME.match(path.name), path.name) for path in self.folder.glob("samples-*.png"))
        return dict(sorted((int(match[1]), name) for match, name in found if match))

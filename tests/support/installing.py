"""Installing a distribution for a test."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def install(folder: Path, target: Path) -> Path:
    """Installs a distribution into a folder of its own, without a network."""
    copy = target.with_name(f"{folder.name}-source")
    copy.mkdir(parents=True)
    for path in folder.iterdir():
        if path.is_file():
            (copy / path.name).write_bytes(path.read_bytes())
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"),
            *("--no-build-isolation", "--target", str(target), str(copy)),
        ],
        check=True,
    )
    return target

"""Hashes of chosen files, in the form that `model-signing` signs and compares."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from zoo.artifacts.signing.listing import require_plain
from zoo.common.optional_imports import require


def hashes_of(listed: Callable[[], Sequence[Path]]) -> Any:
    """A ``model_signing.hashing.Config`` for these files alone, whatever else is in the folder.

    Args:
        listed: The files; called when the library asks for hashes, which in a verification is
            once the key was found to be right.

    Returns:
        With the attributes ``asked``, whether that has happened, and ``found``: name → hash.
    """
    library = require("model_signing.hashing")

    # The base class is known at run time alone: its package is optional.
    class Listed(library.Config):  # type: ignore[misc, name-defined]
        asked = False
        found: dict[str, str]

        def hash(self, model_path: Any, *, files_to_hash: Any = None) -> Any:
            self.asked, self.found = True, {}
            files = [file for file in listed() if file.exists() or file.is_symlink()]
            for file in files:
                require_plain(file)
            # A signature can list paths to ignore; with none ignored, they count as added.
            self.set_ignored_paths(paths=(), ignore_git_paths=False)
            hashes = super().hash(model_path, files_to_hash=files)
            for one in hashes.resource_descriptors():
                self.found[one.identifier] = one.digest.digest_hex
            return hashes

    return Listed()

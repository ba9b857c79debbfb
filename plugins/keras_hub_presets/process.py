"""The process that runs keras-hub for one network."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import ClassVar

from ..library_process import LibraryProcess
from .environment import required_packages


class KerasHubProcess(LibraryProcess):
    """A process of the zoo's Python that finds keras-hub's packages and holds one network."""

    library = "keras-hub"
    advice = (
        "open it where it was saved, with keras-hub as `zoo sources setup keras-hub` installs it, "
        "and save it anew"
    )
    # Its answers are those of a processor, by the library that exports them.
    variables: ClassVar[Mapping[str, str]] = {
        "KERAS_BACKEND": "tensorflow",
        "CUDA_VISIBLE_DEVICES": "-1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }

    def own_command(self) -> list[str]:
        """The zoo's Python, and its program.

        Raises:
            UsageError: keras-hub is not here.
        """
        program = f"{__package__}.preset_child.main"
        # What a user named (PYTHONPATH) stays.
        return [sys.executable, "-P", "-B", "-m", program, str(required_packages())]

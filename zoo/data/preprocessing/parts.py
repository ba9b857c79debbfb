"""Inputs of a later part of a network: no example has them before the parts before have run."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from zoo.common.errors import UsageError
from zoo.contracts.dataset import Split
from zoo.contracts.preprocessing import InputKind, PartPreprocessing


class PartInputs(InputKind[PartPreprocessing]):
    """Refuses to read an example."""

    def read(self, split: Split, index: int) -> NDArray[Any]:
        """Nothing.

        Raises:
            UsageError: Always.
        """
        raise UsageError(
            "this file takes no examples: it is the part of a network behind its "
            f"{self.own.before}",
            why=f"it takes the output {self.own.output} of the {self.own.before}",
            fix=f"name the file of the {self.own.before}, or what runs all parts: zoo evaluate",
        )

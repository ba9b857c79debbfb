"""Preprocessing inside of a file: what ``--end-to-end`` puts in front of a network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zoo.contracts.preprocessing.base import Preprocessing

#: Names of the front end's tensors and operators in a file begin with this and a slash.
FRONT_END = "front_end"


@dataclass(frozen=True, kw_only=True, eq=False)
class FrontEnd:
    """Steps before the network that become the first part of a file.

    Attributes:
        preprocessing: Reads examples for files that begin with it. Its `of_network` is the record
            of the network behind, and its reader's `network_inputs` computes outside of the graph
            what `build` computes inside: so a file is compared with its network.
        build: The steps in TensorFlow: takes the file's input, a float32 tensor
            (1, *preprocessing.input_shape), and returns the network's raw input, float32,
            (1, *preprocessing.of_network.input_shape). It must convert to operators that the
            runtimes of files have.
    """

    preprocessing: Preprocessing
    build: Callable[[Any], Any]

"""Decoding inside of a file: what ``--end-to-end`` appends to a network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zoo.contracts.outputs import Output
    from zoo.contracts.task import Task

#: Names of the decoder's tensors and operators in a file begin with this and a slash.
DECODER = "decoder"


@dataclass(frozen=True, kw_only=True, eq=False)
class GraphDecoder:
    """A decoder that becomes the last part of a file.

    Attributes:
        task: Reads files that end with it. Its `outputs` are what such files return, in this order,
            and its `condensed` turns them into what `decode` of the network's own task makes of
            the network's outputs: so a file is compared with its network by answers.
        build: The decoder in TensorFlow: takes the network's one output, a float32 tensor (1, …) of
            static shape, and returns those of `task`, float32, in their order. It must convert to
            operators that the runtimes of files have.
    """

    task: Task
    build: Callable[[Any], Sequence[Any]]

    @property
    def outputs(self) -> tuple[Output, ...]:
        """What files with this decoder return."""
        return self.task.outputs

    @property
    def names(self) -> tuple[str, ...]:
        """Names of these outputs."""
        return self.task.output_names

    @property
    def contents(self) -> tuple[str, ...]:
        """What each of them holds: `Output.content`."""
        return tuple(output.content for output in self.outputs)

"""Sequences for networks that take one step at a time and give their state back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from zoo.contracts.checks import check
from zoo.contracts.preprocessing.base import CarriedState, ElementType, Preprocessing
from zoo.contracts.preprocessing.tensors import TensorPreprocessing, listed, range_of


@dataclass(frozen=True, kw_only=True)
class SteppedPreprocessing(Preprocessing):
    """Sequences as the network takes them, step by step, its states carried from output to input.

    Attributes:
        tensors: All inputs of one step, states among them, in the network's own order.
        carried: Which of them are states, and the outputs that they come from.
        steps: Length of a sequence.
        kind: Tells the records apart where they are stored.
    """

    input_name: ClassVar[str] = "steps"

    tensors: tuple[TensorPreprocessing, ...]
    carried: tuple[CarriedState, ...]
    steps: int
    kind: Literal["steps"] = "steps"

    def __post_init__(self) -> None:
        names = [one.name for one in self.tensors]
        fed = [one.input for one in self.carried]
        check(len({*names}) == len(names), "preprocessing", "two inputs have the same name")
        check(len({*fed}) == len(fed) > 0, "preprocessing", "each state is named once")
        check({*fed} < {*names}, "preprocessing", "states are some of the inputs, but not all")
        check(self.steps > 1, "preprocessing", "in a single step nothing is carried")

    @property
    def parts(self) -> tuple[Preprocessing, ...]:
        """The record of each input of a step."""
        return self.tensors

    @property
    def states(self) -> tuple[CarriedState, ...]:
        """Those that are carried."""
        return self.carried

    @property
    def given(self) -> tuple[TensorPreprocessing, ...]:
        """The inputs that sequences hold."""
        fed = {one.input for one in self.carried}
        return tuple(one for one in self.tensors if one.name not in fed)

    @property
    def called(self) -> str:
        """All names."""
        return ", ".join(one.name for one in self.tensors)

    @property
    def dtype(self) -> ElementType:
        """That of a sequence: a field for each given input, or the type of the only one."""
        if len(self.given) == 1:
            return self.given[0].number
        return [(one.name, one.number, (self.steps, *one.shape)) for one in self.given]

    @property
    def graph_dtype(self) -> ElementType:
        """That of one step: a field for each input, states among them."""
        return [(one.name, one.number, one.shape) for one in self.tensors]

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Steps first, of a single given input; of several none, since a sequence is one record."""
        return (self.steps, *self.given[0].shape) if len(self.given) == 1 else ()

    @property
    def axes(self) -> tuple[str, ...]:
        """None, as of several inputs."""
        return ()

    @property
    def value_range(self) -> tuple[float, float]:
        """That of all real numbers given; of whole ones, if there are no others."""
        return range_of(self.given)

    def describe(self) -> dict[str, str]:
        """Each input of a step, and what is carried to the next."""
        pairs = [f"{one.input} takes what {one.output} gave" for one in self.carried]
        return {
            "input": listed(self.tensors),
            "steps": f"sequences of {self.steps}",
            "state": f"{', '.join(pairs)} at the step before, and zeros at the first",
        }

"""A source of trained networks: what recognises and opens files of another program."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from zoo.common.progress import OnEvent
from zoo.contracts.checks import check, check_name

if TYPE_CHECKING:  # `zoo list` must not wait for numpy
    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class ForeignTensor:
    """An input or output of a foreign network.

    Attributes:
        name: As its author called it.
        dtype: numpy's name of its type.
        shape: With the batch; None for a side that is free.
    """

    name: str
    dtype: str
    shape: tuple[int | None, ...]


class ForeignNetwork(Protocol):
    """A network of another program in memory."""

    @property
    def inputs(self) -> tuple[ForeignTensor, ...]:
        """What it takes."""
        ...

    @property
    def outputs(self) -> tuple[ForeignTensor, ...]:
        """What it gives."""
        ...

    @property
    def model(self) -> Any:
        """The network as a `keras.Model`, from the inputs as its author prepared them."""
        ...

    @property
    def in_half(self) -> bool:
        """Whether its own framework computes it in 16 bits, so that its answers are rounded."""
        ...


class OpenedNetwork(ForeignNetwork, Protocol):
    """A foreign network whose examples are labelled, its channels last.

    One that can be brought in without labels has the property ``as_given``, too: a `GivenNetwork`.
    """

    @property
    def stated(self) -> str:
        """What the file says of its input, in the words of ``--input``; empty for nothing.

        What a user states takes the place of single words.
        """
        ...

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of its classes that are in the file, in the order of its outputs."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What users should know of it, a sentence each."""
        ...

    def with_shape(self, shape: tuple[int, ...]) -> OpenedNetwork:
        """The same network for inputs of one shape, if its graph depends on it; else itself.

        Args:
            shape: Of the input, without the batch; its fixed sides are as they were.
        """
        ...

    def answers(self, batch: NDArray[Any]) -> NDArray[Any]:
        """Its own outputs for a batch of its only input, computed by its own framework.

        They are the reference that everything made from it is compared with.
        """
        ...


class GivenNetwork(ForeignNetwork, Protocol):
    """A foreign network with the inputs and outputs that its file has, by their own names.

    Axes, and the order of inputs and outputs, are the file's own; those of `model` are in the same
    order, and its inputs take numbers of the file's types, real ones of 32 bits. One whose states
    may have the batch elsewhere than first is a `BatchSecond`, too; one whose file keeps state in
    itself is `StateKeeping`.
    """

    def with_shapes(self, shapes: Mapping[str, tuple[int, ...]]) -> GivenNetwork:
        """The same network for inputs of these shapes, if its graph depends on them; else itself.

        Args:
            shapes: Of each input by name, without the batch; their fixed sides are as they were.
        """
        ...

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> Mapping[str, NDArray[Any]]:
        """Its own outputs by name for a batch of inputs by name, computed by its own framework."""
        ...


@runtime_checkable
class BatchSecond(Protocol):
    """A foreign network that can be had with its batch first, wherever its file has it."""

    def batch_first(self, states: Mapping[str, str]) -> GivenNetwork:
        """The same network, whose tensors, shapes and answers have the batch first.

        Args:
            states: Inputs, and the outputs that give them at the next step.
        """
        ...


@runtime_checkable
class StateKeeping(Protocol):
    """A foreign network whose file keeps state from call to call, which has become explicit.

    Its state is among its inputs and outputs, from zeros: where the file's begins with other
    numbers, they are the difference from these.
    """

    @property
    def states(self) -> Mapping[str, str]:
        """Inputs that were state, and the outputs that give them at the next step; may be empty."""
        ...

    def run_sequences(self, inputs: Mapping[str, NDArray[Any]]) -> Mapping[str, NDArray[Any]]:
        """The answers of the file as it was, its state reset before each sequence.

        Args:
            inputs: (sequences, steps, …) of each input that is no state, by name.

        Returns:
            (sequences, steps, …) of each output that is no state, by name, as float32.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class NamedNetwork:
    """A network that a source knows by name, as lists show it; nothing is opened for it.

    Attributes:
        name: What users type: ``keras:MobileNetV2``.
        task: Name of the task that its outputs are of.
        input: What it takes, in the words of ``--input``.
        licence: Of its weights.
        weights: Where they are published; empty where they are not.
        hash: ``sha256:…`` or ``md5:…`` of their file; empty where its publisher gives none.
        page: Of its documentation.
        also: Other names that mean it: ``timm:resnet18`` for ``timm:resnet18.a1_in1k``.
        parameters: All weights; 0 where it is not known.
        remarks: What its publisher does with inputs and is not done here, a sentence each.
    """

    name: str
    task: str
    input: str
    licence: str
    weights: str
    hash: str = ""
    page: str = ""
    also: tuple[str, ...] = ()
    parameters: int = 0
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Source:
    """A kind of trained networks from elsewhere.

    Attributes:
        name: What cards and manifests call it: ``keras``.
        summary: One line for lists.
        recognises: Whether it opens what a user typed as model (``my.keras``); quick, and without
            reading anything. A name of the zoo's own models is never asked for, nor a file that
            the zoo exported.
        local: The file or folder that a reference stands for. Its SHA-256, or that of the list of
            the folder's files, is the network's identity.
        open: Opens a reference, in a process of its own. Foreign code must never run: what needs
            it is refused.
        distributions: Whose versions decide what opening gives.
        typed: What users type for its networks: ``FILE.keras, FILE.h5``.
        extra: The extra of the distribution that brings what opening takes; empty for none.
        named: The networks that it knows by name, quickly: ``zoo list`` calls it.
        check: Refuses, quickly, what cannot be opened here, before any data are read; None where
            `open` is quick to do so.
        fetch: Brings what a reference stands for onto this machine, if it is not: `local` says
            where it will be. None where references are paths.
        beside: Other files that the network's weights lie in, which count for its identity; None
            where there never are any.
        title: What a reference is called, and the network that is made of it; None for the name of
            its file.
        lacks: What opening takes and is not here beside `extra`, in names for lists; quick. Not
            called of a source without `setup`.
        setup: Makes what `lacks` names; ``zoo sources setup`` calls it, and nothing else does.
    """

    name: str
    summary: str
    recognises: Callable[[str], bool]
    local: Callable[[str], Path]
    open: Callable[[str], OpenedNetwork]
    distributions: tuple[str, ...] = ()
    typed: str = ""
    extra: str = ""
    named: Callable[[], Sequence[NamedNetwork]] | None = None
    check: Callable[[str], None] | None = None
    fetch: Callable[[str, OnEvent], None] | None = None
    beside: Callable[[str], Sequence[Path]] | None = None
    title: Callable[[str], str] | None = None
    lacks: Callable[[], Sequence[str]] | None = None
    setup: Callable[[OnEvent], None] | None = None

    def __post_init__(self) -> None:
        check_name("source", self.name)
        for name in ("recognises", "local", "open"):
            check(callable(getattr(self, name)), self.name, f"{name} must be callable")

    def files_beside(self, reference: str) -> Sequence[Path]:
        """The other files that a reference's weights lie in."""
        return () if self.beside is None else self.beside(reference)

    def called(self, reference: str) -> str:
        """The name of a reference's network, in messages and of what is made of it."""
        return self.local(reference).name if self.title is None else self.title(reference)


@dataclass(frozen=True, kw_only=True)
class SourceReference:
    """The origin of a foreign network, and how it was brought in.

    Attributes:
        source: Name of the `Source` that opened it.
        file: Its name there.
        sha256: Of the file as it was found: the identity of the network.
        task: Name of the task that its outputs are of.
        parameters: All weights.
        multiply_adds: For one input.
        input: How it is known what the network takes: stated, in its graph, or measured.
        notes: What was changed or found while it was opened, a sentence each.
        outputs: Shapes of its outputs for one example by their own names, where its task has none
            for them.
        free_sides: Sides of its inputs along which the network that was made of it was compared
            with it at further sizes; see `zoo.contracts.exporter.FreeSides`.
    """

    source: str
    file: str
    sha256: str
    task: str
    parameters: int
    multiply_adds: int
    input: str
    notes: tuple[str, ...] = ()
    outputs: dict[str, tuple[int, ...]] = field(default_factory=dict)
    free_sides: dict[str, tuple[str, ...]] = field(default_factory=dict)

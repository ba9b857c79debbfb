"""Inputs that a file is timed with: sizes that it leaves open, samples, ranges of indices."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.artifacts.artifact import Artifact
from zoo.artifacts.golden_samples import read_golden
from zoo.common.errors import BadData, UsageError, nearest
from zoo.common.named_arrays import fields_of
from zoo.contracts import Preprocessing, TensorInfo
from zoo.data.preprocessing.steps import first_step, zero_states
from zoo.execution.protocol import batched
from zoo.networks.free_sides import data_shapes
from zoo.registry import Registry

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SHAPE = re.compile(r"[0-9]+(?:[x×][0-9]+)*", re.IGNORECASE)
#: Elements of one input: more are a slip of the keyboard.
_MOST_ELEMENTS = 1 << 30
#: Bits of integers that indices, lengths and masks have; smaller ones are pixels.
_INDEX_BITS = 32

Shapes = Mapping[str, tuple[int, ...]]
#: Raw examples by name of an input, the examples first.
Samples = Mapping[str, "NDArray[Any]"]


@dataclass(frozen=True, kw_only=True, eq=False)
class TimedInputs:
    """What a file is timed with.

    Attributes:
        shapes: Of all inputs by name, in the file's order and with the batch; empty where the file
            leaves nothing open but the batch.
        samples: Raw examples, one array per input; None for seeded numbers.
        limits: Of each input of indices, how many there are to choose from; None for other inputs.
    """

    shapes: Shapes = field(default_factory=dict)
    samples: tuple[NDArray[Any], ...] | None = None
    limits: tuple[int | None, ...] = ()

    @property
    def sides(self) -> list[list[int]] | None:
        """The shapes in the file's order; None where none is set."""
        return [list(shape) for shape in self.shapes.values()] or None


def parse_shapes(texts: Sequence[str]) -> dict[str, list[tuple[int, ...]]]:
    """``("x=1x3x48x320", "x=1x3x48x640")`` → the shapes of each input, in the order given.

    An input without a name is the only one of its file.

    Raises:
        UsageError: One is no shape.
    """
    found: dict[str, list[tuple[int, ...]]] = {}
    for text in texts:
        name, _, sides = text.rpartition("=")
        shape = tuple(map(int, re.split("[x×X]", sides))) if _SHAPE.fullmatch(sides) else ()
        if not shape or 0 in shape or np.prod(shape, dtype=float) > _MOST_ELEMENTS:
            raise UsageError(
                f"{text!r} is no shape of an input",
                why="its sides are whole numbers from 1" if sides else "it has no sides",
                fix="write NAME=SIDExSIDE…, with the batch: --shape x=1x3x48x320",
            )
        found.setdefault(name, []).append(shape)
    return found


def open_samples(registry: Registry, data: str, count: int) -> dict[str, NDArray[Any]]:
    """The first samples of a dataset without labels, by name of the input; one has no name.

    Raises:
        UsageError: The dataset has none.
    """
    from zoo.data.opening import data_for_task, open_dataset, unlabelled_task

    own = (task.name for task in registry.tasks if task.own_names)
    name = data_for_task(registry, data, next(own, ""))
    if unlabelled_task(registry, name) is None:
        raise UsageError(
            f"files are not timed with {data}",
            why="how its examples are made into inputs is not in a file without a network",
            fix="give inputs as they are: --data npz:FILE, with arrays named as the inputs",
        )
    split = open_dataset(registry, name).splits["test"]
    return fields_of(np.stack([split.read(n % len(split)) for n in range(count)]))


def timed_inputs(
    artifacts: Sequence[Artifact],
    stated: Mapping[str, Sequence[tuple[int, ...]]],
    samples: Samples | None,
    batch: int | None = None,
) -> list[list[TimedInputs]]:
    """What each file is timed with, once for each of the shapes that are stated.

    Args:
        artifacts: The files.
        stated: From `parse_shapes`.
        samples: Raw examples by input; a single array is that of a single input.
        batch: Examples in one inference, as asked; None for those of the file.

    Raises:
        UsageError: A name that no file has as an input, a shape that does not fit, a size that is
            open and not stated, or integers of which nobody knows what they stand for.
        BadData: Samples do not fit the inputs.
    """
    known = {tensor.name for artifact in artifacts for tensor in artifact.contents.inputs}
    for name in stated:
        if name and name not in known:
            listed = "; ".join(f"{one.path.name} takes {_described(one)}" for one in artifacts)
            close = nearest(name, sorted(known))
            meant = f"did you mean {close[0]!r}? " if close else ""
            raise UsageError(
                f"no input is called {name!r}", why=listed, fix=f"{meant}--shape NAME=SIDExSIDE…"
            )
    if batch is not None and stated:
        raise UsageError(
            "--batch and --shape both say how many examples there are in one inference",
            fix="leave out --batch: it is the first side of --shape",
        )
    return [_of_file(artifact, stated, samples, batch) for artifact in artifacts]


def _of_file(
    artifact: Artifact,
    stated: Mapping[str, Sequence[tuple[int, ...]]],
    samples: Samples | None,
    batch: int | None,
) -> list[TimedInputs]:
    inputs, name = artifact.contents.inputs, artifact.path.name
    if "" in stated and len(inputs) != 1:
        raise UsageError(
            f"{name} has {len(inputs)} inputs: --shape must name one of them",
            why=f"it takes {_described(artifact)}",
            fix="write --shape NAME=SIDExSIDE…",
        )
    own = {(n or inputs[0].name): shapes for n, shapes in stated.items()}
    own = {tensor.name: own[tensor.name] for tensor in inputs if tensor.name in own}
    counts = {len(shapes) for shapes in own.values()} - {1}
    if len(counts) > 1:
        each = ", ".join(f"{n} has {len(shapes)}" for n, shapes in own.items())
        raise UsageError(
            f"--shape gives the inputs of {name} different numbers of shapes: {each}",
            fix="give each input as many, or one for all",
        )
    limits = tuple(artifact.contents.index_limits.get(t.name) for t in inputs)
    preprocessing = None if artifact.manifest is None else artifact.manifest.preprocessing
    if samples is not None and preprocessing is not None and preprocessing.states:
        samples = _at_first_step(samples, preprocessing)
    samples = samples or _golden_samples(artifact, limits, own)
    if samples is not None:
        return [_sampled(artifact, samples, own, batch)]
    _require_meaning(artifact, limits)
    own = own or {**_sizes_of_data(artifact)}
    rows = max(counts, default=1)
    return [
        TimedInputs(
            shapes=_fixed(
                artifact, {n: shapes[row if len(shapes) > 1 else 0] for n, shapes in own.items()}
            ),
            limits=limits if any(limits) else (),
        )
        for row in range(rows)
    ]


def _sizes_of_data(artifact: Artifact) -> dict[str, Sequence[tuple[int, ...]]]:
    """The shapes that the gate judged a file with free sides at first; empty for others."""
    manifest = artifact.manifest
    if manifest is None or not manifest.free_sides:
        return {}
    return {name: [shape] for name, shape in data_shapes(manifest.preprocessing).items()}


def _fixed(artifact: Artifact, own: Shapes) -> Shapes:
    """The shapes of all inputs; empty where nothing is stated and the batch alone is open."""
    inputs = artifact.contents.inputs
    for tensor in inputs:
        shape = own.get(tensor.name)
        if shape is not None and not _fits(tensor.shape, shape):
            raise UsageError(
                f"{artifact.path.name} cannot take {tensor.name} as {'x'.join(map(str, shape))}",
                why=f"it takes {_described(artifact)}",
                fix="give all of its sides, with the batch; those that it has stay as they are",
            )
    alike = batched(inputs)
    first = next((own[t.name][0] for t in inputs if t.name in own), 1) if alike else -1
    made = {
        t.name: own.get(t.name)
        or tuple(first if n == 0 and side == -1 else side for n, side in enumerate(t.shape))
        for t in inputs
    }
    if any(-1 in shape for shape in made.values()):
        raise UsageError(
            f"{artifact.path.name} leaves sizes of its inputs open: {_described(artifact)}",
            why="a latency is that of one size",
            fix="say it: "
            + " ".join(
                f"--shape {t.name}={'x'.join(_letter(s, first) for s in enumerate(t.shape))}"
                for t in inputs
                if -1 in made[t.name]
            )
            + " with numbers for the letters; or give samples: --data npz:FILE",
        )
    stated = bool(own) or any(-1 in t.shape[1 if alike else 0 :] for t in inputs)
    return made if stated else {}


def _letter(side: tuple[int, int], first: int) -> str:
    """A side for an example of what to type."""
    place, length = side
    if length != -1:
        return str(length)
    return "1" if place == 0 and first > 0 else "ABCDEFGHIJ"[place % 10]


def _sampled(
    artifact: Artifact, samples: Samples, own: Mapping[str, Any], batch: int | None
) -> TimedInputs:
    """The first samples, as the file takes them."""
    if own:
        raise UsageError(
            "--shape and --data both say the sizes of inputs",
            fix="leave one of them out: sizes are those of the samples",
        )
    inputs = artifact.contents.inputs
    arrays = matched_samples(artifact.path.name, inputs, samples)
    alike = batched(inputs)
    shapes = {}
    for tensor, values in zip(inputs, arrays, strict=True):
        size = tensor.shape[0] if alike and tensor.shape[0] > 0 else batch or 1
        shapes[tensor.name] = (size, *values.shape[1:]) if alike else values.shape[1:]
    open_sizes = any(-1 in t.shape[1 if alike else 0 :] for t in inputs)
    if open_sizes and batch is not None:
        raise UsageError(
            f"{artifact.path.name} leaves sizes open: --batch and samples do not go together there",
            fix="say all sides instead: --shape",
        )
    count = next(iter(shapes.values()))[0] if alike else 1
    return TimedInputs(
        shapes=shapes if open_sizes else {}, samples=tuple(values[:count] for values in arrays)
    )


def matched_samples(
    origin: str, inputs: Sequence[TensorInfo], samples: Samples
) -> list[NDArray[Any]]:
    """The arrays of samples in the order of a file's inputs, of their types.

    Args:
        origin: Names the file in messages.
        inputs: Of the file.
        samples: Raw examples by name; a single one is that of a single input, whatever its name.

    Raises:
        BadData: One is missing, or of another shape or type.
    """
    single = len(inputs) == 1 and len(samples) == 1
    alike, made = batched(inputs), []
    for tensor in inputs:
        values = next(iter(samples.values())) if single else samples.get(tensor.name)
        if values is None:
            close = nearest(tensor.name, sorted(samples))
            raise BadData(
                f"the samples have no array for the input {tensor.name} of {origin}",
                why=f"they have {', '.join(sorted(samples))}",
                fix=f"call it {tensor.name!r}" + (f"; is it {close[0]!r}?" if close else ""),
            )
        sides = tensor.shape[1 if alike else 0 :]
        if not _fits((-1, *sides), values.shape):
            wanted = "×".join("?" if s == -1 else str(s) for s in sides) or "no sides"
            raise BadData(
                f"samples of {tensor.name} have shape {'×'.join(map(str, values.shape[1:]))}",
                why=f"{origin} takes {wanted}" + (" for each example" if alike else ""),
                fix="store them as (samples, …), each as the network takes it",
            )
        dtype = np.dtype(tensor.dtype)
        integer = dtype.kind in "iu" and tensor.scale is None
        if integer and values.dtype.kind == "f" and (values != np.rint(values)).any():
            raise BadData(
                f"samples of {tensor.name} are no whole numbers, which {origin} takes",
                fix=f"store them as {dtype}",
            )
        made.append(values.astype(dtype if tensor.scale is None else np.float32, copy=False))
    return made


def _unexplained(artifact: Artifact, limits: Sequence[int | None]) -> str:
    """An input of whole numbers that nothing in the file says the meaning of; empty for none."""
    for tensor, limit in zip(artifact.contents.inputs, limits, strict=True):
        dtype = np.dtype(tensor.dtype)
        wide = dtype.kind in "iu" and 8 * dtype.itemsize >= _INDEX_BITS
        if wide and tensor.scale is None and limit is None:
            return tensor.name
    return ""


def _golden_samples(
    artifact: Artifact, limits: Sequence[int | None], own: Mapping[str, Any]
) -> Samples | None:
    """A file's golden inputs, where random numbers would mean nothing; else None.

    They would in the place of indices, and of a state. Of sequences it is the first step: a step
    takes as long at whatever state.
    """
    manifest = artifact.manifest
    if own or manifest is None or manifest.golden is None:
        return None
    if not manifest.preprocessing.states and not _unexplained(artifact, limits):
        return None
    inputs = read_golden(manifest.golden, artifact.path).inputs
    return fields_of(first_step(inputs, manifest.preprocessing))


def _at_first_step(samples: Samples, preprocessing: Preprocessing) -> Samples:
    """Sequences as the first step of a file that carries states; states of their own stay."""
    states = zero_states(preprocessing, len(next(iter(samples.values()))))
    if not {*states}.isdisjoint(samples):
        return samples
    given = [part.called for part in preprocessing.parts if part.called not in states]
    alone = len(given) == len(samples) == 1  # and may have any name
    named = {given[0]: next(iter(samples.values()))} if alone else samples
    # What has no steps is refused for its shape.
    steps = {name: values[:, 0] if values.ndim > 1 else values for name, values in named.items()}
    return {**steps, **states}


def _require_meaning(artifact: Artifact, limits: Sequence[int | None]) -> None:
    """Refuses foreign files with integers of which nobody knows what they stand for."""
    name = "" if artifact.manifest is not None else _unexplained(artifact, limits)
    if name:
        raise UsageError(
            f"{artifact.path.name} takes whole numbers as {name}, and nothing in it says which",
            why="they index no table of the file; a mask, a length or a sampling rate made of "
            "random numbers would be timed in a way that is not used",
            fix=f"give samples: --data npz:FILE with an array {name!r} "
            "(samples first), and one for each other input",
        )


def _fits(own: Sequence[int], shape: Sequence[int]) -> bool:
    return len(own) == len(shape) and all(o in (-1, s) for o, s in zip(own, shape, strict=True))


def _described(artifact: Artifact) -> str:
    return ", ".join(
        f"{t.name} {'×'.join('?' if s == -1 else str(s) for s in t.shape) or '(a number)'}"
        for t in artifact.contents.inputs
    )

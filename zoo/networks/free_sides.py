"""Free sides of inputs: which a file keeps, by what it is asked, and larger inputs along each."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from zoo.common.errors import Unsupported, UsageError, first_line, nearest
from zoo.common.named_arrays import fields_of
from zoo.common.optional_imports import require
from zoo.contracts import Preprocessing, Task
from zoo.contracts.exporter import FreeSides
from zoo.networks.building import normalization
from zoo.networks.fixed_sizes import cannot_stay_free, does_not_take, reason_of
from zoo.networks.sources.graph import applied

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Separators are the small x and ×, so a name of a side has neither.
_SIDE = re.compile(r"[1-9][0-9]{0,8}|[A-WYZ][A-WYZ0-9_]{0,30}")
_EXAMPLE = "write [INPUT=]SIDExSIDE… with the batch, a capital letter for each side that stays free"
#: A file is judged along each free side at this many times the size of the data's examples: what
#: layers with strides divide, they divide then, too.
TIMES = 2

#: By name of an input, with the batch.
Shapes = dict[str, tuple[int, ...]]


def parse_dynamic(texts: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """``("x=Nx3x48xW",)`` → ``{"x": ("N", "3", "48", "W")}``; an input alone may have no name.

    Raises:
        UsageError: One is no shape, keeps no side free, or names an input again.
    """
    found: dict[str, tuple[str, ...]] = {}
    for text in texts:
        name, _, shape = text.rpartition("=")
        sides = tuple(re.split("[x×]", shape))
        if not all(_SIDE.fullmatch(side) for side in sides):
            raise UsageError(
                f"--dynamic {text!r} is no shape",
                why="a side is a whole number, or a capital letter where it stays free",
                fix=f"{_EXAMPLE}: --dynamic x=Nx3x48xW",
            )
        if name in found:
            raise UsageError(
                f"--dynamic says the shape of {name or 'the input'} twice", fix="say it once"
            )
        found[name] = sides
    if found and all(side.isdigit() for sides in found.values() for side in sides):
        raise UsageError(
            f"--dynamic {' '.join(texts)} keeps no side free",
            fix=f"{_EXAMPLE}; or leave it out: sizes are those of the data",
        )
    return found


def free_sides(texts: Sequence[str], preprocessing: Preprocessing, origin: str) -> FreeSides:
    """The free sides that are asked for, by name of an input; empty where none are.

    Args:
        texts: As typed.
        preprocessing: Of the network, with the sizes of its data.
        origin: Names the network in messages.

    Raises:
        UsageError: They do not fit its inputs.
        Unsupported: The network takes sequences step by step.
    """
    asked = parse_dynamic(texts)
    if not asked:
        return {}
    if preprocessing.states:
        raise Unsupported(
            f"files of {origin} cannot keep sides free: it carries a state from step to step",
            why="a state is of one size, which its first step decides",
            fix="leave out --dynamic",
        )
    own = data_shapes(preprocessing)
    if "" in asked and len(own) == 1:
        asked = {next(iter(own)): asked.pop(""), **asked}
    listed = ", ".join(f"{name} {'x'.join(map(str, shape))}" for name, shape in own.items())
    for name, sides in asked.items():
        if name not in own:
            close = nearest(name, [*own])
            raise UsageError(
                f"{origin} has no input {name!r}" if name else f"{origin} has {len(own)} inputs",
                why=f"it takes {listed}",
                fix=f"did you mean {close[0]!r}?" if close else "name it: --dynamic INPUT=SHAPE",
            )
        shape = own[name]
        if len(sides) != len(shape) or any(
            side.isdigit() and int(side) != length
            for side, length in zip(sides, shape, strict=False)
        ):
            raise UsageError(
                f"--dynamic says {'x'.join(sides)} of {name}, which is {'x'.join(map(str, shape))}",
                why="sides that are not free are those of the data",
                fix=_channels_last(sides, shape)
                or "write a letter in the place of a side that stays free, the others as they are",
            )
    free = {
        name: tuple(
            "" if side.isdigit() else side for side in asked.get(name, ("1",) * len(own[name]))
        )
        for name in own
    }
    if len({bool(sides[0]) for sides in free.values()}) > 1:
        raise UsageError(
            "the batch is free in some inputs, and not in others",
            why="all inputs of one call hold as many examples",
            fix="write the same letter as the first side of each input, or 1",
        )
    sizes: dict[str, int] = {}
    for name, sides in free.items():
        for side, length in zip(sides, own[name], strict=True):
            if side and sizes.setdefault(side, length) != length:
                raise UsageError(
                    f"--dynamic calls two sides {side} that differ in the data: {sizes[side]} and "
                    f"{length}",
                    why="sides of one name always have the same size",
                    fix="give them names of their own",
                )
    return free


def _channels_last(sides: Sequence[str], shape: Sequence[int]) -> str:
    """What to write where a picture's channels were put before height and width; else empty."""
    if len(sides) != 4 or len(shape) != 4 or sides[1] != str(shape[3]):
        return ""
    return f"files take it with channels last: {'x'.join((sides[0], *sides[2:], sides[1]))}"


def data_shapes(preprocessing: Preprocessing) -> Shapes:
    """The shapes of inputs that the data have, with a batch of one."""
    return {one.called: (1, *one.input_shape) for one in preprocessing.parts}


def names_of(free: FreeSides) -> list[str]:
    """The names of all free sides, each once, in the order of the inputs."""
    return list(dict.fromkeys(side for sides in free.values() for side in sides if side))


def further_shapes(free: FreeSides, shapes: Shapes, name: str) -> Shapes:
    """The shapes of all inputs with one free side, by its name, larger than in the data."""
    return {
        own: tuple(
            length * TIMES if side == name else length
            for side, length in zip(free[own], shape, strict=True)
        )
        for own, shape in shapes.items()
    }


def enlarged(inputs: NDArray[Any], free: FreeSides, name: str) -> dict[str, NDArray[Any]]:
    """Examples that are larger along one free side: each is put together of two.

    Args:
        inputs: (examples, …), as the network takes them, two at least.
        free: The free sides.
        name: Of the side. Where it is the batch, examples stay as they are: two are one call; with
            an empty name, too.

    Returns:
        (examples, …) by name of an input.
    """
    import numpy as np

    made = {}
    for (own, sides), values in zip(free.items(), fields_of(inputs).values(), strict=True):
        values = np.ascontiguousarray(values)
        for axis, side in enumerate(sides):
            if axis and side and side == name:
                values = np.concatenate([values, np.roll(values, 1, axis=0)], axis=axis)
        made[own] = values
    return made


def network_with(
    network: Any, preprocessing: Preprocessing, task: Task, free: FreeSides, origin: str
) -> Any:
    """The network from raw inputs to the task's outputs, with these sides free: what is exported.

    Its layers and weights are those of `network`.

    Raises:
        Unsupported: A layer holds a size in itself.
    """
    made = with_sides(network, preprocessing, free, origin)
    return require("keras").Model(made.input, task.activation(made.output), name=network.name)


def with_sides(network: Any, preprocessing: Preprocessing, free: FreeSides, origin: str) -> Any:
    """The same without what the task makes of its outputs."""
    keras = require("keras")
    if any(len(one.input_shape) != len(one.network_shape) for one in preprocessing.parts):
        raise Unsupported(
            f"files of {origin} cannot keep sides free: inputs are brought to another shape first",
            fix="leave out --dynamic",
        )
    given = [
        keras.Input(
            _open(one.input_shape, free[one.called]),
            batch_size=None if free[one.called][0] else 1,
            dtype=one.graph_dtype,
            name=one.called.replace("/", "_") if one is preprocessing else f"input_{number:02}",
        )
        for number, one in enumerate(preprocessing.parts)
    ]
    raw, called = given if len(given) > 1 else given[0], list[Any]()

    def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
        called.append(layer)  # the last is the one that failed
        return layer(*args, **kwargs)

    try:
        made = applied(network, normalization(preprocessing)(raw), call)
        return keras.Model(raw, made, name=network.name)
    # Keras raises whatever a layer raises of a size that it does not know.
    except Exception as error:
        last = f"its layer {called[-1].name} needs a fixed size: " if called else ""
        raise cannot_stay_free(
            origin, ", ".join(names_of(free)), f"{last}{first_line(error)}"
        ) from error


def _open(shape: Sequence[int], sides: Sequence[str]) -> tuple[int | None, ...]:
    return tuple(None if side else own for own, side in zip(shape, sides[1:], strict=True))


def size_along(arrays: Mapping[str, NDArray[Any]], free: FreeSides, name: str) -> int:
    """The size of a free side in the calls that these inputs are for."""
    own = next(one for one, sides in free.items() if name in sides)
    place = free[own].index(name)
    return arrays[own].shape[place] if place else batch_of(free, name)


def are_among(free: FreeSides, known: FreeSides) -> bool:
    """Whether sides are among those along which a network was compared.

    Two that had one letter there, and so always the same size, have one here.
    """
    letters: dict[str, set[str]] = {}
    for own, sides in free.items():
        for side, before in zip(sides, known.get(own, ("",) * len(sides)), strict=True):
            if side and not before:
                return False
            if before:
                letters.setdefault(before, set()).add(side)
    return all(len(one) == 1 for one in letters.values())


def answers_at(
    model: Any, arrays: Mapping[str, NDArray[Any]], free: FreeSides, name: str, origin: str
) -> dict[str, NDArray[Any]]:
    """What a model of free sides gives for larger inputs, by name of an output.

    Args:
        model: From `network_with`.
        arrays: From `enlarged`.
        free: The free sides.
        name: Of the one along which they are larger.
        origin: Names the network in messages.

    Raises:
        Unsupported: The network does not take them.
    """
    import numpy as np

    count, each = len(next(iter(arrays.values()))), batch_of(free, name)
    made: list[dict[str, NDArray[Any]]] = []
    try:
        for start in range(0, count, each):
            given = [values[start : start + each] for values in arrays.values()]
            found = model(given if len(given) > 1 else given[0], training=False)
            named = found if isinstance(found, dict) else {"": found}
            made.append({own: np.asarray(values) for own, values in named.items()})
    # TensorFlow raises whatever an operator raises of a size that it does not take.
    except Exception as error:
        size = size_along(arrays, free, name)
        raise does_not_take(origin, name, size, reason_of(error, model)) from error
    return {own: np.concatenate([one[own] for one in made]) for own in made[0]}


def batch_of(free: FreeSides, name: str) -> int:
    """Examples in one call where inputs are larger along a side: more than one along the batch."""
    return TIMES if name and any(sides[0] == name for sides in free.values()) else 1

"""NaN and infinity in a network that integers are to hold: they have numbers for neither."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from zoo.common.errors import Unsupported

from .layer_mapping import Operator, layer_names, layers_of, visible_layers

if TYPE_CHECKING:
    from ..quantization.histograms import Histogram

_Key = TypeVar("_Key", str, int)
#: How Keras ends the names of weights that inputs are multiplied by, or looked up in.
_MULTIPLIED = ("kernel", "embeddings")
#: Precisions in which no layer can stay in float.
_WITHOUT_FLOAT = ("int16x8",)
#: A softmax makes 9e-14 of what is so much less than another value.
_MASK = 30
#: What to do about infinity.
MEND = (
    "give it a finite number, as large as it must be and no larger (of a mask in front of a "
    f"softmax, {_MASK} below its other values is enough), and save the network anew; "
    "or choose the precision float32 or float16"
)


#: TFLite's converter writes infinity as the largest number of float32, and so do many networks that
#: mask: of a range up to it, no step is left for anything else.
_LARGEST = 1e30


def is_held(values: Any) -> bool:
    """Whether all numbers, of any shape, are such as a scale can be found for."""
    import numpy as np

    return bool((np.abs(values) < _LARGEST).all())  # of NaN no comparison holds


def refuse_weights(model: Any, precision: str) -> None:
    """Refuses a network whose weights hold NaN anywhere, or infinity in what has to be integers.

    Raises:
        Unsupported: Names the layer and the weight.
    """
    import numpy as np

    seen: set[int] = set()
    for layer in visible_layers(model):
        for weight in layer.weights:
            values = np.asarray(weight.value)
            if id(weight) in seen or values.dtype.kind != "f" or is_held(values):
                continue
            seen.add(id(weight))
            broken = int(np.isnan(values).sum())
            count = int((~(np.abs(values) < _LARGEST)).sum())
            multiplied = weight.name.endswith(_MULTIPLIED)
            if broken or multiplied or precision in _WITHOUT_FLOAT:
                raise Unsupported(
                    f"the layer {layer.name!r} cannot be {precision}: {count} of the "
                    f"{values.size} numbers of its {weight.name} are "
                    f"{'NaN' if broken == count else 'NaN or infinite' if broken else 'infinite'}",
                    why="no integer represents NaN or infinity, and no scale for the others beside "
                    "them",
                    fix="train it anew, or repair these weights: in float32, too, they make NaN"
                    if broken
                    else MEND,
                )


def not_finite(seen: Iterable[tuple[_Key, Histogram]]) -> set[_Key]:
    """Names, or numbers, of those tensors that held NaN or infinity."""
    return {name for name, held in seen if not (is_held(held.lows) and is_held(held.highs))}


def stay_in_float(
    broken: set[str],
    operators: Sequence[Operator],
    model: Any,
    quantized: Iterable[str],
    kept: Iterable[str] = (),
) -> tuple[list[str], tuple[str, ...], tuple[str, ...]]:
    """The operators that read or make what is not finite: integers cannot compute them.

    Args:
        broken: Names of the tensors, constants or computed, that are not finite.
        operators: Of the file in float.
        model: The Keras model that it was made from.
        quantized: Kinds of operators that integers can compute.
        kept: Keys of operators that stay in float already.

    Returns:
        Keys of the operators, names of their layers in order, and a remark on them; none where
        everything is finite.

    Raises:
        Unsupported: Nothing that integers could compute is left.
    """
    kinds, already = set(quantized), set(kept)
    computed = layers_of(operators, model) if broken else []
    own, layers, named = [], set[str](), set[str]()
    left = False
    for operator, of in zip(operators, computed, strict=False):
        touched = broken.intersection((*operator.reads, *operator.makes))
        if operator.kind not in kinds or operator.key in already:
            continue
        if not touched:
            left = True
            continue
        own.append(operator.key)
        layers |= of
        named |= touched
    if not own:
        return [], (), ()
    names = tuple(name for name in layer_names(model) if name in layers)
    shown = ", ".join(names or sorted(own))
    where = f"the {'layer' if names else 'operator'}{'s' if len(names or own) > 1 else ''} {shown}"
    if not left:
        raise Unsupported(
            f"this network cannot compute in integers: values in {where} are NaN or infinite",
            why="no integer represents NaN or infinity, and nothing else is left to quantize; they "
            f"are in {', '.join(_shown(named))}",
            fix=MEND,
        )
    remark = f"in float, since values there are infinite or NaN: {where}"
    return own, names, (remark,)


def _shown(names: Iterable[str], most: int = 3) -> Iterator[str]:
    for number, name in enumerate(sorted(names)):
        if number == most:
            yield "…"
            return
        yield repr(name)

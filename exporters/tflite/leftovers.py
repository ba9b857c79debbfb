"""Operators of TensorFlow that TFLite lacks: refused with their layers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from zoo.common.errors import Unsupported
from zoo.networks.building import layer_names
from zoo.networks.layer_names import LayerNames

#: How the converter tells an operator that it could not translate.
_LEFT = re.compile(
    r"'tf\.(\w+)' op is neither a custom op nor a flex op"
    r"|failed to legalize operation 'tf\.(\w+)'"
)
#: How it writes the types that its operators have in TensorFlow alone.
_TYPES = {"f64": "float64", "f16": "float16", "bf16": "bfloat16"}
#: Keras tells 0.0 from -0.0 in them, by operators that TFLite lacks; they have no scope of a name.
_BY_BITS = ("Argmax", "Argmin")
#: Kind and path of the operation that a line of its message is about.
_PLACE = re.compile(r'fused\["(\w+):", "([^"@]+)')


@contextmanager
def leftovers_refused(model: Any) -> Iterator[None]:
    """Refuses what the converter leaves over while the block runs.

    Args:
        model: The Keras model that is converted.

    Raises:
        Unsupported: Names the operators and their layers.
    """
    try:
        yield
    # The converter's own error has no public class, and its message alone tells what it is.
    except Exception as error:
        raise _refusal(str(error), model) or error from None


def _refusal(said: str, model: Any) -> Unsupported | None:
    """The refusal that a converter's message amounts to; None for messages about other things."""
    kinds = sorted({one or other for one, other in _LEFT.findall(said)})
    if not kinds:
        return None
    places = [path for kind, path in _PLACE.findall(said) if kind in kinds]
    owners = LayerNames(layer_names(model), places).of(*places)
    # What stands between layers has the name of its operation alone.
    named = ", ".join(owners) or ", ".join(dict.fromkeys(p.rpartition("/")[2] for p in places))
    where = f" ({'layer' if owners else 'operation'} {named})" if named else ""
    chosen = "" if owners else _choices(model)
    where += f", perhaps of {chosen}" if chosen else ""
    what = f"TFLite has no operator for TensorFlow's {', '.join(kinds)}{where}"
    types = {t for kind in kinds for t in re.findall(rf"\btf\.{kind}\([^\n]*?x(b?f\d\d)>", said)}
    if other := sorted(_TYPES[name] for name in types if name in _TYPES):
        return Unsupported(
            f"{what} in {' and '.join(other)}",
            why="TFLite's operators compute in float32; other precisions are made of that",
            fix="build the layer with dtype='float32', or cast to float32 in it: weights of the "
            "policy 'mixed_float16' are float32 already; --precision float16 halves a file",
        )
    return Unsupported(
        what,
        why="with TensorFlow's own operators in it, the usual runtimes could not run the file",
        fix="take the greatest by keras.ops.top_k(x, 1)[1], which TFLite has, the least by that of "
        "-x; or choose another format"
        if chosen
        else "write it with other operations of keras.ops, or choose another format",
    )


def _choices(model: Any) -> str:
    """Names of the operations that Keras computes by the bits of numbers: `argmax`, `argmin`."""
    own = (one for one in getattr(model, "operations", ()) if type(one).__name__ in _BY_BITS)
    return ", ".join(one.name for one in own)

"""The place in a network where a code is rounded to whole numbers, which are stored or sent."""

from __future__ import annotations

from functools import cache
from typing import Any

from zoo.common.errors import ZooError
from zoo.common.optional_imports import require

#: Name of the layer.
ROUNDED = "rounded"


def rounded(code: Any, *, error_weight: float) -> Any:
    """The code as the part behind it takes it: rounded to the nearest whole numbers.

    In training, too; the gradient goes straight through, as if nothing had been rounded. Bits are
    those of a code with uniform noise instead, see `zoo.tasks.image_compression.training` (Minnen
    and Singh 2020, arXiv:2007.08739, take both the same way).

    Args:
        code: Keras tensor, float32.
        error_weight: What training weighs errors of pictures with, against bits of the code.
    """
    return _layer_class()(error_weight, name=ROUNDED)(code)


def error_weight_of(network: Any) -> float:
    """The weight that the network was built with.

    Raises:
        ZooError: It has no such layer.
    """
    found = [one for one in network.layers if isinstance(one, _layer_class())]
    if len(found) != 1:
        raise ZooError(
            f"the network {network.name!r} rounds its code {len(found)} times, not once",
            fix="pass the code through zoo.networks.rounding.rounded in build()",
        )
    return float(found[0].error_weight)


def behind_rounding(code: Any) -> Any:
    """The rounded tensor that a network made of its output `code`.

    Raises:
        ZooError: The network does not round it, or takes it elsewhere as it is.
    """
    following = list(code._keras_history.operation._outbound_nodes)
    made = [node for node in following if code in node.arguments.keras_tensors]
    if len(made) != 1 or not isinstance(made[0].operation, _layer_class()):
        raise ZooError(
            "the task says that its code is rounded, and the network takes it as it is",
            fix="pass it through zoo.networks.rounding.rounded in build(), and nowhere else",
        )
    return made[0].output_tensors[0]


@cache
def _layer_class() -> Any:
    keras = require("keras")

    class Rounding(keras.layers.Layer):  # type: ignore[misc, name-defined, unused-ignore]
        """Rounds; the gradient goes straight through."""

        def __init__(self, error_weight: float, **options: Any) -> None:
            super().__init__(**options)
            self.error_weight = error_weight

        def call(self, code: Any, training: bool | None = None) -> Any:
            """The whole numbers."""
            if not training:
                return keras.ops.round(code)
            return code + keras.ops.stop_gradient(keras.ops.round(code) - code)

        def get_config(self) -> dict[str, Any]:
            """What a copy is made with."""
            return {**super().get_config(), "error_weight": self.error_weight}

        def compute_output_shape(self, input_shape: Any) -> Any:
            """That of the code."""
            return input_shape

    return Rounding

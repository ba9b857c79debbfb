"""Results of a network's first layers, a sample of each: what a file's first layers are held to.

What a layer's own activation reads is one of them: files may have an operator of its own for that.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, Any

from zoo.common.files import atomic_path
from zoo.common.named_arrays import fed_to_keras

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from zoo.contracts.preprocessing.base import ElementType

#: So many layers, in the order in which they run; converters fold no more of them together.
_LAYERS = 12
#: Values of a result that are kept for each input: enough to tell ten per cent from noise.
_VALUES = 8192
_SEED = 0


@dataclass(frozen=True, kw_only=True, eq=False)
class LeadingResult:
    """A layer's result.

    Attributes:
        layer: Its name.
        shape: Of the whole result, without the batch.
        places: Of the values that are kept, in the flat result.
        values: float32, (inputs, values).
    """

    layer: str
    shape: tuple[int, ...]
    places: NDArray[Any]
    values: NDArray[Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class LeadingResults:
    """Results of a network's first layers.

    Attributes:
        inputs: Raw, (inputs, …).
        results: In the order in which the layers ran.
    """

    inputs: NDArray[Any]
    results: tuple[LeadingResult, ...]

    @classmethod
    def of(cls, model: Any, inputs: NDArray[Any], dtype: ElementType) -> LeadingResults:
        """Runs the first layers of a deployed `keras.Model`, those of models inside it too."""
        import numpy as np

        found: list[LeadingResult] = []
        ran = 0

        def keep(layer: Any, result: Any, whole: bool) -> None:
            nonlocal ran
            if hasattr(result, "shape") and result.shape[0] == len(inputs):
                array = np.asarray(result, np.float32).reshape(len(inputs), -1)
                random = np.random.default_rng(_SEED)
                count = array.shape[1]
                places = (
                    random.permutation(count)[:_VALUES] if count > _VALUES else np.arange(count)
                )
                found.append(
                    LeadingResult(
                        layer=str(layer.name),
                        shape=tuple(int(side) for side in result.shape[1:]),
                        places=places,
                        values=array[:, places],
                    )
                )
                ran += whole
            if ran == _LAYERS:
                raise _Enough

        with suppress(_Enough), _watched(model, keep):
            model(fed_to_keras(inputs.astype(dtype)), training=False)
        return cls(inputs=inputs, results=tuple(found))

    def first(self, count: int) -> LeadingResults:
        """Those of the first inputs."""
        results = tuple(replace(one, values=one.values[:count]) for one in self.results)
        return LeadingResults(inputs=self.inputs[:count], results=results)

    def save(self, path: Path) -> None:
        """Writes them as ``.npz``."""
        import numpy as np

        named: dict[str, Any] = {"inputs": self.inputs}
        for number, one in enumerate(self.results):
            named[f"layer_{number}"] = np.array(one.layer)
            named[f"shape_{number}"] = np.array(one.shape, np.int64)
            named[f"places_{number}"] = one.places
            named[f"values_{number}"] = one.values
        with atomic_path(path) as temporary, temporary.open("wb") as file:
            np.savez(file, **named)

    @classmethod
    def load(cls, path: Path) -> LeadingResults:
        """Reads them."""
        import numpy as np

        with np.load(path, allow_pickle=False) as stored:
            count = sum(name.startswith("layer_") for name in stored.files)
            return cls(
                inputs=stored["inputs"],
                results=tuple(
                    LeadingResult(
                        layer=str(stored[f"layer_{number}"]),
                        shape=tuple(int(side) for side in stored[f"shape_{number}"]),
                        places=stored[f"places_{number}"],
                        values=stored[f"values_{number}"],
                    )
                    for number in range(count)
                ),
            )


class _Enough(BaseException):
    """Ends the run; Keras wraps other exceptions of layers."""


def _operations(model: Any) -> Iterator[Any]:
    """Everything that a model runs, however deep inside: layers, and plain operations."""
    for layer in (*model._flatten_layers(include_self=False), model):
        yield from getattr(layer, "operations", [layer] if layer is not model else [])


@contextmanager
def _watched(model: Any, keep: Any) -> Iterator[None]:
    """Within the block, `keep` gets each layer and its result when it has run.

    Before that it gets what the layer's own activation reads, with False instead of True.
    """
    from keras.activations import linear

    layers = list({id(layer): layer for layer in _operations(model)}.values())
    activations = [
        (layer, found)
        for layer in layers
        if isinstance(found := vars(layer).get("activation"), FunctionType) and found is not linear
    ]

    def watch(layer: Any) -> Any:
        call = layer.call

        def watched(*args: Any, **kwargs: Any) -> Any:
            result = call(*args, **kwargs)
            keep(layer, result, True)
            return result

        return watched

    def watch_activation(layer: Any, activation: Any) -> Any:
        def watched(values: Any, *args: Any, **kwargs: Any) -> Any:
            keep(layer, values, False)
            return activation(values, *args, **kwargs)

        return watched

    try:
        for layer in layers:
            vars(layer)["call"] = watch(layer)
        for layer, activation in activations:
            vars(layer)["activation"] = watch_activation(layer, activation)
        yield
    finally:
        for layer, activation in activations:
            vars(layer)["activation"] = activation
        for layer in layers:
            vars(layer).pop("call", None)

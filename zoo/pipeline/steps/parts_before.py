"""The parts of a network before one of its files: what they give is what that file takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zoo.contracts import ModelPart, PartPreprocessing
from zoo.data.opening import open_dataset
from zoo.data.preprocessing.calibration import calibration_inputs
from zoo.networks.building import deployed_part
from zoo.networks.inference_batches import inference_batch
from zoo.networks.loading import LoadedModel
from zoo.registry import Registry

if TYPE_CHECKING:
    from zoo.contracts.task import Array

#: Training examples on which the range of a later part's inputs is measured.
_EXAMPLES = 64
#: Of inputs of which nothing was measured.
_UNKNOWN = (0.0, 1.0)


class PartsBefore:
    """The Keras models of the parts before one, run one after the other in float."""

    def __init__(self, loaded: LoadedModel, part: ModelPart) -> None:
        self._loaded, self._part = loaded, part
        parts = loaded.task.parts
        self._before = parts[: parts.index(part)]
        self._models = [
            deployed_part(loaded.network, loaded.preprocessing, loaded.task, one, batch=None)
            for one in self._before
        ]
        following = [*self._before[1:], part]
        self._rounded = {one.takes for one in following if one.takes_rounded}
        self._batch = min(inference_batch(model) for model in self._models)

    def run(self, raw: Array | None) -> Array | None:
        """The inputs of the part for raw examples, (examples, …); None for none."""
        import numpy as np

        if raw is None:
            return None
        batch = self._batch
        return np.concatenate([self._run(raw[at : at + batch]) for at in range(0, len(raw), batch)])

    def _run(self, values: Any) -> Array:
        import numpy as np

        following = [*(part.takes for part in self._before[1:]), self._part.takes]
        for model, name in zip(self._models, following, strict=True):
            values = model(values, training=False)[name]
            values = np.rint(values) if name in self._rounded else values
        return np.asarray(values, np.float32)

    def preprocessing(self, registry: Registry, data: str | None, seed: int) -> PartPreprocessing:
        """The record of the part's inputs, with their range on some training examples."""
        low, high = _UNKNOWN
        if data is not None:
            examples = open_dataset(registry, data).splits["train"]
            raw, _ = calibration_inputs(examples, self._loaded.preprocessing, _EXAMPLES, seed)
            found = self.run(raw)
            assert found is not None  # there are inputs
            low, high = float(found.min()), float(found.max())
        return PartPreprocessing(
            shape=tuple(self._models[-1].output[self._part.takes].shape[1:]),
            low=low,
            high=high,
            before=self._before[-1].name,
            output=self._part.takes,
            whole_numbers=self._part.takes_rounded,
        )

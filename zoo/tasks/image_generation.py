"""Image generation: distances between generated and real images.

The headline is Fréchet's distance in the features of a packaged classifier. It is reported beside
the distance of a held-out split of real data, of the same size: its lower bound in practice.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

from zoo.common.errors import ZooError
from zoo.common.optional_imports import require
from zoo.contracts import (
    Check,
    Comparison,
    LatentPreprocessing,
    Metric,
    Output,
    Precision,
    Preprocessing,
    Task,
    Truth,
)
from zoo.hookspecs import hookimpl
from zoo.results.formatting import plus_minus, plus_minus_range
from zoo.tasks import picture_checks

if TYPE_CHECKING:
    from pydantic import BaseModel

    from zoo.contracts.baseline import AgainstBaseline
    from zoo.contracts.task import Array
    from zoo.tasks.distances import Estimate

FRECHET = "Fréchet distance"
#: Pictures in the report: so many images side by side, and below each other.
_COLUMNS, _ROWS = 12, 4
#: Pixels between two of them, and their shade, which stands out from black and from white.
_GAP, _GREY = 2, 128


def unit_range(outputs: Any) -> Any:
    """Images from [-1, 1] to [0, 1]."""
    layers = require("keras.layers")
    return layers.Rescaling(0.5, 0.5, name="unit_range")(outputs)


def pixels_of(outputs: Array) -> Array:
    """Outputs, from 0 to 1, as uint8 of the same shape; what is uint8 stays as it is."""
    import numpy as np

    if outputs.dtype == np.uint8:
        return outputs
    pixels: Array = np.round(np.clip(np.nan_to_num(outputs), 0.0, 1.0) * 255.0).astype(np.uint8)
    return pixels


def evaluate(answers: Array, truth: Truth) -> tuple[Metric, ...]:
    """Distances of generated from real images, beside those of held-out real images."""
    found = _estimates(*_samples(answers, truth))
    count = _sample_size(truth)
    return tuple(
        Metric(
            name=name,
            value=estimate.value,
            low=estimate.low,
            high=estimate.high,
            count=count,
            higher_is_better=False,
        )
        for name, estimate in found.items()
    )


def _sample_size(truth: Truth) -> int:
    """Number of images: distances are comparable between samples of equal size only."""
    return min(len(truth.examples), len(truth.held_out))


class _Sample:
    """Features with a hash by identity, so that what was computed from them can be found again."""

    def __init__(self, features: Array) -> None:
        self.features = features
        self.key = features.tobytes()

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Sample) and self.key == other.key


def _samples(outputs: Array, truth: Truth) -> tuple[_Sample, _Sample, _Sample]:
    """Real, generated and held-out features."""
    from zoo.tasks.features import features_of, real_features

    preprocessing = _latent(truth.preprocessing)
    count = _sample_size(truth)
    generated = features_of(pixels_of(outputs[:count]), preprocessing.judge)
    return (
        _Sample(real_features(truth.examples, len(truth.examples), preprocessing)),
        _Sample(generated),
        _Sample(real_features(truth.held_out, count, preprocessing)),
    )


@lru_cache(maxsize=16)
def _estimates(real: _Sample, generated: _Sample, held_out: _Sample) -> Mapping[str, Estimate]:
    """By name; cached, since evaluation, gate and report need the same."""
    from zoo.tasks.distances import kernel_estimate, real_distances

    found = real_distances(real.features, generated.features, held_out.features)
    return {
        FRECHET: found.generated,
        "Fréchet distance of real data": found.held_out,
        "times the distance of real data": found.ratio,
        "kernel distance": kernel_estimate(real.features, generated.features),
        "kernel distance of real data": kernel_estimate(real.features, held_out.features),
    }


def _latent(preprocessing: Preprocessing) -> LatentPreprocessing:
    if not preprocessing.is_noise:
        raise ZooError(
            "only what starts from noise can be judged as a generator",
            why=f"the network's preprocessing is {type(preprocessing).__name__}",
            fix="give the variant a LatentPreprocessing",
        )
    return cast("LatentPreprocessing", preprocessing)


def accuracy(truth: Truth, reference: Array, candidate: Array, max_drop: float) -> Check:
    """Whether the file's images are farther from real ones than those of its reference.

    A paired bootstrap: the same latents are drawn for both in each resampling. A file fails when
    its distance rises by more than `max_drop` per cent *and* the 95 % interval of the rise does
    not reach down to zero.
    """
    real, before, _ = _samples(reference, truth)
    _, after, _ = _samples(candidate, truth)
    base, rise = _rise(real, before, after)
    share = 100.0 * rise.value / max(base, 1e-12)
    # Written so that a NaN fails.
    passed = share <= max_drop or rise.low <= 0
    return Check(
        name="distance",
        passed=passed,
        value=f"{plus_minus(share, '.1f')} % ({base:.4g} {plus_minus(rise.value, '.2g')}, "
        f"95 % interval of the rise {plus_minus_range(rise.low, rise.high, '.2g')})",
        limit=f"no significant rise above {max_drop:g} %",
        reason=""
        if passed
        else f"its images are {share:.1f} % farther from real ones, and chance does not explain it",
    )


@lru_cache(maxsize=16)
def _rise(real: _Sample, before: _Sample, after: _Sample) -> tuple[float, Estimate]:
    from zoo.tasks.distances import Moments, frechet, paired_rise

    base = frechet(Moments.of(real.features), Moments.of(before.features))
    return base, paired_rise(real.features, before.features, after.features)


def baseline(answers: Array, truth: Truth) -> AgainstBaseline | None:
    """Shuffled real images, or always the same one, whichever is nearer to real ones."""
    from zoo.tasks.features import features_of
    from zoo.tasks.generator_baseline import against_trivial

    preprocessing, count = _latent(truth.preprocessing), _sample_size(truth)
    generated = features_of(pixels_of(answers[:count]), preprocessing.judge)
    return against_trivial(FRECHET, generated, truth.examples, truth.held_out, preprocessing)


def details(answers: Array, truth: Truth) -> Mapping[str, Any]:
    """The feature network, and the number of images."""
    preprocessing = _latent(truth.preprocessing)
    return {"judge": preprocessing.judge, "images": _sample_size(truth)}


def depends(preprocessing: Preprocessing) -> Mapping[str, str]:
    """Files of the feature network, on which all distances depend."""
    from zoo.tasks.features import judge_files

    return judge_files(_latent(preprocessing).judge)


def gallery(outputs: Array) -> Array:
    """The first outputs as one picture with gaps between them: uint8, (height, width, 1 or 3)."""
    import numpy as np

    count = min(len(outputs), _COLUMNS * _ROWS)
    columns = min(_COLUMNS, count)
    rows = count // columns
    images = pixels_of(outputs[: rows * columns])
    height, width, channels = images.shape[1:]
    gap = _GAP
    padded = np.pad(images, ((0, 0), (0, gap), (0, gap), (0, 0)), constant_values=_GREY)
    high, wide = height + gap, width + gap
    tiles = padded.reshape(rows, columns, high, wide, channels)
    sheet = tiles.transpose(0, 2, 1, 3, 4).reshape(rows * high, columns * wide, channels)
    picture: Array = np.ascontiguousarray(sheet[:-gap, :-gap])
    return picture


def sample_image(network: Any, preprocessing: Preprocessing) -> Array:
    """Images that a generator makes from the first latents of evaluation."""
    import numpy as np

    from zoo.data.preprocessing.latents import latent

    own = _latent(preprocessing)
    latents = np.stack([latent(own, index) for index in range(_COLUMNS * _ROWS)])
    return gallery((np.asarray(network(latents, training=False)) + 1.0) / 2.0)


# What trains is imported when something is trained: lists must not wait for it.


def trainee(network: Any, preprocessing: Preprocessing, companion: Any | None = None) -> Any:
    """As `zoo.tasks.adversarial.trainee`."""
    from zoo.tasks import adversarial

    return adversarial.trainee(network, preprocessing, companion)


def compile_model(model: Any, optimizer: Any, options: Any) -> str:
    """As `zoo.tasks.adversarial.compile_model`."""
    from zoo.tasks import adversarial

    return adversarial.compile_model(model, optimizer, options)


def state(model: Any) -> list[Any]:
    """As `zoo.tasks.adversarial.state`."""
    from zoo.tasks import adversarial

    return adversarial.state(model)


def options() -> type[BaseModel]:
    """The options of adversarial training."""
    from zoo.tasks.adversarial import AdversarialOptions

    return AdversarialOptions


class ImageGeneration(Task):
    """Images that are to look like those of a dataset."""

    activation = staticmethod(unit_range)
    compile = staticmethod(compile_model)
    evaluate = staticmethod(evaluate)
    compare = staticmethod(picture_checks.compare)
    accuracy = staticmethod(accuracy)
    baseline = staticmethod(baseline)
    details = staticmethod(details)
    depends = staticmethod(depends)
    sample_image = staticmethod(sample_image)
    gallery = staticmethod(gallery)

    def parity(self, comparison: Comparison, precision: Precision) -> Check:
        """Whether a file draws what the Keras generator draws."""
        return picture_checks.parity(comparison, precision, counted="latents")

    def class_labels(self, labels: Array) -> Array | None:
        """None: images are generated without classes."""
        return None


@hookimpl
def zoo_tasks() -> Any:
    """Yields the task."""
    yield ImageGeneration(
        name="image-generation",
        summary="Images from noise, like those of a dataset",
        pipeline_tag="unconditional-image-generation",
        outputs=(Output(name="image"),),
        trainee=trainee,
        state=state,
        options=options,
        higher_is_better=False,
        least_classes=1,
    )

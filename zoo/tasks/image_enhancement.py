"""Image enhancement: a bad picture becomes a better one, of the same size or larger.

Quality is PSNR and SSIM on the luma, beside those of what needs no network: the input itself, or,
where pictures become larger, its bicubic interpolation.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from zoo.common.errors import BadData, UsageError
from zoo.common.optional_imports import require
from zoo.contracts import Check, Comparison, Metric, Output, Precision, Task, Truth
from zoo.contracts.baseline import AgainstBaseline
from zoo.contracts.geometric_transform import GeometricTransform
from zoo.contracts.outputs import PICTURE
from zoo.contracts.prediction import DecodedOutput
from zoo.data.readers.degradations import enlarged
from zoo.hookspecs import hookimpl
from zoo.results.formatting import number, plus_minus, plus_minus_range
from zoo.tasks import luma, picture_checks
from zoo.tasks.image_generation import pixels_of
from zoo.tasks.means import half_width

if TYPE_CHECKING:
    from zoo.contracts.task import Array

PSNR, SSIM = "PSNR", "SSIM"
_DB = "dB"
#: In training: of whole pictures in RGB.
_TRAINED = "PSNR in RGB"
#: What a file may lose, decibels, where the precision tolerates a loss of one point of a share.
_LOSS = 0.2
#: Of examples that are shown, those count as wrong that err by so many mean squared errors.
_WRONG = 2.0
#: Changes of training pictures that their good ones follow exactly.
_EXACT = frozenset({"flip", "shift", "crop"})
_WHITE = 255.0
#: Changes of a file are shown so many times as bright.
_MARKED = 16


def scale_of(truth: Truth) -> int:
    """By which factor good pictures are larger than the network's inputs."""
    return int(truth.labels.shape[1]) // int(getattr(truth.preprocessing, "height", 0) or 1)


class ImageEnhancement(Task):
    """Pictures that are to be as near to the good ones as can be."""

    def activation(self, outputs: Any) -> Any:
        """What the network gives, cut to what a picture can show: 0 to 1."""
        return require("keras.layers").ReLU(max_value=1.0, name="picture")(outputs)

    def compile(self, model: Any, optimizer: Any, options: Any) -> str:
        """The mean squared error of all channels; monitors its ratio to the peak.

        Raises:
            UsageError: Labels are to be smoothed, or pictures changed in a way that the good ones
                cannot follow.

        The loss itself raises BadData where the network makes pictures of another size.
        """
        if options.label_smoothing:
            raise UsageError(
                "good pictures cannot be smoothed as labels are",
                why="--label-smoothing spreads a share of a label over all classes, and there are "
                "none",
                fix="leave --label-smoothing out",
            )
        inexact = [name for name in options.augment if name not in _EXACT]
        if inexact:
            raise UsageError(
                f"--augment {','.join(inexact)} would change what the network is to learn",
                why="it resamples, recolours or hides pixels of the bad picture, and the good one "
                "cannot follow exactly",
                fix=f"choose among {', '.join(sorted(_EXACT))}",
            )
        keras = require("keras")
        ops = keras.ops

        def good(labels: Any) -> Any:
            return ops.cast(labels, "float32") / _WHITE

        def squared(labels: Any, outputs: Any) -> Any:
            _refuse_sizes(outputs.shape[1:], labels.shape[1:])
            return ops.mean(ops.square(good(labels) - outputs), axis=(1, 2, 3))

        def ratio(labels: Any, outputs: Any) -> Any:
            seen = ops.clip(outputs, 0.0, 1.0)
            errors = ops.mean(ops.square(good(labels) - seen), axis=(1, 2, 3))
            return -10.0 * ops.log10(ops.maximum(errors, 1e-10))

        model.compile(
            optimizer=optimizer,
            loss=squared,
            metrics=[keras.metrics.MeanMetricWrapper(ratio, name=_TRAINED)],
            jit_compile=False,
        )
        return _TRAINED

    def class_labels(self, labels: Array) -> Array | None:
        """None: labels are pictures."""
        return None

    def transform_labels(self, labels: Any, transform: GeometricTransform) -> Any:
        """Good pictures, moved as the bad ones."""
        return transform.apply_to_map(labels, outside=0.0)

    def decode(self, outputs: Array) -> Array:
        """Pictures, uint8 (examples, height, width, channels)."""
        return pixels_of(outputs)

    def compare(self, reference: Array, candidate: Array) -> Comparison:
        """Noise and structural similarity; see `picture_checks.compare`."""
        return picture_checks.compare(reference, candidate)

    def parity(self, comparison: Comparison, precision: Precision) -> Check:
        """Whether a file makes the pictures that the Keras network makes."""
        return picture_checks.parity(comparison, precision)

    def evaluate(self, answers: Array, truth: Truth) -> tuple[Metric, ...]:
        """PSNR and SSIM on the luma: means over pictures, the border shaved by the scale."""
        _refuse_sizes(answers.shape[1:], truth.labels.shape[1:])
        border = scale_of(truth) if scale_of(truth) > 1 else 0
        ratios = luma.psnr(answers, truth.labels, border)
        similar = luma.similarity(answers, truth.labels, border)
        return (_mean(PSNR, ratios, _DB), _mean(SSIM, similar, most=1.0))

    def accuracy(
        self, truth: Truth, reference: Array, candidate: Array, max_drop: float
    ) -> Check | None:
        """A paired t-interval of the decibels that the file loses on each picture.

        A file fails when it loses more than `max_drop` on average *and* the interval of the loss
        lies above zero.
        """
        before, after = (_ratios(answers, truth) for answers in (reference, candidate))
        change, wide = float((after - before).mean()), half_width(after - before)
        low, high = change - wide, change + wide
        # Written so that a NaN fails.
        passed = change >= -max_drop or high >= 0.0
        return Check(
            name=PSNR,
            passed=passed,
            value=f"{plus_minus(change, '.3f')} dB ({plus_minus_range(low, high, '.3f')}, 95 %, "
            "paired)",
            limit=f"no significant loss above {max_drop:g} dB",
            reason=""
            if passed
            else f"its pictures are {-change:.2f} dB worse than its network's, and chance does not "
            f"explain it ({plus_minus_range(low, high, '.2f')} dB, 95 %)",
        )

    def baseline(self, answers: Array, truth: Truth) -> AgainstBaseline | None:
        """Bicubic interpolation of the input, or the input itself where sizes are the same."""
        import numpy as np

        scale = scale_of(truth)
        given = np.stack(
            [enlarged(_raw(truth, index), scale) for index in range(len(truth.labels))]
        )
        own, trivial = _ratios(answers, truth), _ratios(given, truth)
        gains = own - trivial
        gain, wide = float(gains.mean()), half_width(gains)
        room = luma.MOST_DB - trivial
        return AgainstBaseline(
            answer="bicubic interpolation" if scale > 1 else "the untouched input",
            metric=_mean(PSNR, trivial, _DB),
            gain=gain,
            low=gain - wide,
            high=gain + wide,
            better=gain - wide > 0.0,
            tellable=float(room.mean()) > half_width(room),
            chance=False,
        )

    def probability_checks(
        self, truth: Truth, reference: Array, candidate: Array, precision: Precision
    ) -> tuple[Check, ...]:
        """Whether pictures are brighter or of more contrast than the network's."""
        return (picture_checks.brightness(reference, candidate, precision),)

    def allowed_loss(self, precision: Precision) -> float:
        """Decibels, by what the precision tolerates: 0.2 in int8, 0.02 in float32."""
        return self.max_drop.get(precision.name, _LOSS * precision.tolerances.points)

    def wrong(self, answers: Array, labels: Array) -> Array | None:
        """Those that err by more than twice the mean squared error."""
        errors = luma.squared_errors(answers, labels, 0)
        wrong: Array = errors > _WRONG * errors.mean()
        return wrong

    def severity(self, answers: Array, labels: Array) -> Array | None:
        """Mean squared error of the luma."""
        return luma.squared_errors(answers, labels, 0)

    def describe_answer(self, answer: Any, classes: tuple[str, ...]) -> tuple[str, float | None]:
        """The picture's size."""
        return self.describe_label(answer, classes), None

    def describe_label(self, label: Any, classes: tuple[str, ...]) -> str:
        """``picture of 64×64``."""
        return f"picture of {label.shape[1]}×{label.shape[0]}"

    def describe_beside(
        self, answer: Any, label: Any, classes: tuple[str, ...]
    ) -> tuple[str, float | None]:
        """How near it is to the good picture."""
        ratio = float(luma.psnr(answer[None], label[None], 0)[0])
        return f"PSNR {number(ratio, 4)} dB", None

    def decoded(
        self, output: Any, classes: tuple[str, ...], most: int, steps: Sequence[str] = ()
    ) -> DecodedOutput:
        """The picture's size: its pixels are too many to read."""
        picture = pixels_of(output)
        return DecodedOutput(answer=self.describe_label(picture, classes), picture=picture)

    def pictures_beside(
        self,
        given: Array,
        output: Array,
        files: Mapping[str, Array],
        label: Any,
        classes: tuple[str, ...] = (),
    ) -> Mapping[str, Array]:
        """Before, after and truth; of the file that is farthest off its picture and changes."""
        import numpy as np

        made, scale = pixels_of(output), label.shape[0] // given.shape[0]
        shown = {
            "bicubic" if scale > 1 else "before": enlarged(given, scale),
            "network": made,
            "truth": label,
        }
        apart = {
            name: np.abs(pixels_of(own).astype(np.int64) - made) for name, own in files.items()
        }
        if not apart:
            return shown
        worst = max(apart, key=lambda name: float(apart[name].mean()))
        if not apart[worst].any():
            return shown
        marked = np.clip(apart[worst] * _MARKED, 0, 255).astype(np.uint8)
        return {
            **shown,
            worst: pixels_of(files[worst]),
            f"its changes, {_MARKED} times as bright": marked,
        }

    def details(self, answers: Array, truth: Truth) -> Mapping[str, Any]:
        """How pictures are measured."""
        scale = scale_of(truth)
        return {
            "measured_on": "luma (BT.601, 16 to 235) of pictures rounded to 8 bits, peak 255"
            + (f", {scale} pixels shaved off each side" if scale > 1 else "")
        }


def _raw(truth: Truth, index: int) -> Array:
    from zoo.data.preprocessing.inputs import read_input

    return read_input(truth.examples, index, truth.preprocessing)


def _ratios(answers: Array, truth: Truth) -> Array:
    scale = scale_of(truth)
    return luma.psnr(answers, truth.labels, scale if scale > 1 else 0)


def _refuse_sizes(made: Sequence[int | None], good: Sequence[int | None]) -> None:
    """Sizes of one picture; of free sides, which are None, nothing is known."""
    if None in (*made, *good) or tuple(made) == tuple(good):
        return
    sizes = ["×".join(map(str, one)) for one in (made, good)]
    raise BadData(
        f"the network makes pictures of {sizes[0]}, and the good ones are {sizes[1]}",
        why="a network enlarges by one factor, and makes as many colours as it takes",
        fix="take a network of the same factor (`zoo list`), or data of its factor: "
        "degrade=bicubic2 is for pictures twice as large, noise25 and jpeg20 keep their size",
    )


def _mean(name: str, values: Array, unit: str = "", most: float = math.inf) -> Metric:
    mean, wide = float(values.mean()), half_width(values)
    return Metric(
        name=name,
        value=mean,
        low=mean - wide,
        high=min(mean + wide, most),
        count=len(values),
        counted="picture",
        unit=unit,
    )


@hookimpl
def zoo_tasks() -> Iterable[Task]:
    """Yields the task."""
    yield ImageEnhancement(
        name="image-enhancement",
        summary="Better pictures: larger ones, or without noise and traces of compression",
        pipeline_tag="image-to-image",
        outputs=(
            Output(
                name="picture",
                meaning="the better picture, 0 to 1 in each channel; times 255, rounded, it is one "
                "of 8 bits",
                reading=PICTURE,
            ),
        ),
        higher_is_better=True,
        least_classes=1,
        max_drop={"int8": 0.2},
        one_choice=False,
        tiled=True,
    )

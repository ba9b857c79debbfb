"""The task: a picture becomes few whole numbers, coded as bytes, and a picture again."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from zoo.common.errors import BadData, UsageError
from zoo.common.named_arrays import joined
from zoo.common.optional_imports import require
from zoo.contracts import Check, Comparison, Metric, Precision, Task, Truth
from zoo.contracts.baseline import AgainstBaseline
from zoo.contracts.geometric_transform import GeometricTransform
from zoo.contracts.prediction import DecodedOutput
from zoo.contracts.stored_code import TABLES
from zoo.results.formatting import number, plus_minus, plus_minus_range
from zoo.tasks import luma, picture_checks
from zoo.tasks.image_compression import file_checks, standard_codecs
from zoo.tasks.image_compression.coded_file import CodedPictures
from zoo.tasks.image_compression.coded_sizes import SameArray, coded_sizes
from zoo.tasks.image_compression.coder import CodeCoder
from zoo.tasks.image_compression.counting import counted_tables
from zoo.tasks.image_compression.file_checks import CODE, PICTURE, codes_of
from zoo.tasks.image_compression.symbol_tables import parse_tables
from zoo.tasks.image_generation import pixels_of
from zoo.tasks.means import half_width

if TYPE_CHECKING:
    from zoo.contracts.task import Array

#: What a file is decoded with.
RULE = "rule"
_COUNTED = "how often numbers occur among their neighbours, on the validation split"
PSNR, RATE = "PSNR", "bits per pixel"
_DB = "dB"
_COST = "bits and errors"
#: Decibels that a file may lose where the precision tolerates a loss of one point of a share, and
#: by how many per cent its coded pictures may grow.
_LOSS, _GROWTH = 0.2, 2.0
#: Of examples that are shown, those count as wrong that err by so many mean squared errors.
_WRONG = 2.0


class ImageCompression(Task):
    """Pictures that are to take few bytes and stay as they are."""

    def activation(self, outputs: Any) -> Any:
        """The code as it is; the picture cut to what one can show: 0 to 1."""
        made = dict(outputs)
        if PICTURE in made:
            made[PICTURE] = require("keras.layers").ReLU(max_value=1.0, name="shown")(made[PICTURE])
        return made

    def compile(self, model: Any, optimizer: Any, options: Any) -> str:
        """Bits per pixel and weighted errors; monitors both together.

        Raises:
            UsageError: Labels are to be smoothed.
        """
        if options.label_smoothing:
            raise UsageError(
                "pictures cannot be smoothed as labels are",
                why="--label-smoothing spreads a share of a label over all classes, and there are "
                "none",
                fix="leave --label-smoothing out",
            )
        keras = require("keras")
        ops = keras.ops

        def loss(labels: Any, costs: Any) -> Any:
            return costs[:, 0]

        def cost(labels: Any, costs: Any) -> Any:
            return costs[:, 0]

        def bits(labels: Any, costs: Any) -> Any:
            return costs[:, 2]

        def ratio(labels: Any, costs: Any) -> Any:
            return 10.0 * ops.log10(255.0**2 / ops.maximum(costs[:, 1], 1e-6))

        mean = keras.metrics.MeanMetricWrapper
        model.compile(
            optimizer=optimizer,
            loss=loss,
            metrics=[
                mean(cost, name=_COST),
                mean(bits, name=RATE),
                mean(ratio, name="PSNR in RGB"),
            ],
            jit_compile=False,
        )
        return _COST

    def class_labels(self, labels: Array) -> Array | None:
        """None: labels are pictures."""
        return None

    def transform_labels(self, labels: Any, transform: GeometricTransform) -> Any:
        """As they are: in training a picture is compared with itself, however it was moved."""
        return labels

    def choose_decoding(self, outputs: Array, truth: Truth) -> Mapping[str, float | str]:
        """The tables of the entropy coder, counted."""
        return {TABLES: counted_tables(codes_of(outputs[CODE])).text, RULE: _COUNTED}

    @property
    def coder(self) -> CodeCoder | None:
        """The coder of a network's codes; None before its tables were counted.

        Raises:
            BadFile: The tables cannot be read.
        """
        text = self.decoding.get(TABLES)
        return None if text is None else CodeCoder(parse_tables(str(text)))

    def stored_code(self) -> CodedPictures | None:
        """Coded files of any size; None before the tables were counted."""
        text = self.decoding.get(TABLES)
        return None if text is None else CodedPictures(parse_tables(str(text)))

    def decode(self, outputs: Array) -> Array:
        """Whole numbers of the code, int16, and pictures, uint8, by name."""
        return joined({CODE: codes_of(outputs[CODE]), PICTURE: pixels_of(outputs[PICTURE])})

    def comparable(self, reference: Array, candidate: Array) -> Mapping[str, tuple[Array, Array]]:
        """Whole numbers, and pictures of the same ones; see `file_checks.comparable`."""
        return file_checks.comparable(reference, candidate)

    def compare(self, reference: Array, candidate: Array) -> Comparison:
        """Codes and pictures; see `file_checks.compare`."""
        return file_checks.compare(reference, candidate)

    def parity(self, comparison: Comparison, precision: Precision) -> Check:
        """Whether files make the codes and the pictures that the Keras network makes."""
        return file_checks.parity(comparison, precision)

    def evaluate(self, answers: Array, truth: Truth) -> tuple[Metric, ...]:
        """PSNR in RGB, and bits per pixel of the coded pictures: means over pictures.

        Each picture is coded, decoded, and must be the same number by number.
        """
        _refuse_sizes(answers[PICTURE], truth)
        ratios = standard_codecs.psnr(answers[PICTURE], truth.labels)
        found = (_mean(PSNR, ratios, _DB),)
        rates = self.rates(answers)
        if rates is None:
            return found
        return (*found, _mean(RATE, rates, "bits", rises=False))

    def rates(self, answers: Array) -> Array | None:
        """Bits per pixel of each picture as it is coded, float64; None where there are no tables.

        Raises:
            BadData: Decoding gives other numbers.
        """
        text = self.decoding.get(TABLES)
        if text is None:
            return None
        codes, shown = answers[CODE], answers[PICTURE]
        sizes = coded_sizes(str(text), SameArray(codes))
        rates: Array = 8.0 * sizes / (shown.shape[1] * shown.shape[2])
        return rates

    def accuracy(
        self, truth: Truth, reference: Array, candidate: Array, max_drop: float
    ) -> Check | None:
        """A paired t-interval of the decibels that the file loses, and of the bits that it adds.

        A file fails when it loses more than `max_drop` on average, or grows by more than a tenth of
        that in bits per pixel, *and* the interval lies above zero.
        """
        before, after = (
            standard_codecs.psnr(answers[PICTURE], truth.labels)
            for answers in (reference, candidate)
        )
        change, wide = float((after - before).mean()), half_width(after - before)
        low, high = change - wide, change + wide
        reasons = []
        # Written so that a NaN fails.
        if not (change >= -max_drop or high >= 0.0):
            reasons.append(
                f"its pictures are {-change:.2f} dB worse than its network's, and chance does not "
                f"explain it ({plus_minus_range(low, high, '.2f')} dB, 95 %)"
            )
        value = f"{plus_minus(change, '.3f')} dB ({plus_minus_range(low, high, '.3f')}, 95 %, "
        value, limit = value + "paired)", f"no significant loss above {max_drop:g} dB"
        sizes = self.rates(reference), self.rates(candidate)
        if sizes[0] is not None and sizes[1] is not None:
            own = float(sizes[0].mean())
            growth = 100.0 * (float(sizes[1].mean()) - own) / own
            most = _GROWTH * max_drop / _LOSS
            surely = 100.0 * half_width(sizes[1] - sizes[0]) / own
            if not (growth <= most or growth - surely <= 0.0):
                reasons.append(f"its coded pictures are {growth:.1f} % larger")
            value += f", {plus_minus(growth, '.2f')} % bits"
            limit += f" or growth above {most:.3g} %"
        return Check(
            name=PSNR,
            passed=not reasons,
            value=value,
            limit=limit,
            reason="; ".join(reasons),
        )

    def baseline(self, answers: Array, truth: Truth) -> AgainstBaseline | None:
        """JPEG of the same size; None where nothing says how large codes are."""
        rates = self.rates(answers)
        if rates is None:
            return None
        curve = standard_codecs.rate_distortion("JPEG", truth.labels)
        trivial = curve.psnr_at(rates)
        own = standard_codecs.psnr(answers[PICTURE], truth.labels)
        gains = own - trivial
        gain, wide = float(gains.mean()), half_width(gains)
        return AgainstBaseline(
            answer="JPEG of the same size",
            metric=_mean(PSNR, trivial, _DB),
            gain=gain,
            low=gain - wide,
            high=gain + wide,
            better=gain - wide > 0.0,
            tellable=len(gains) > 1,
            chance=False,
        )

    def probability_checks(
        self, truth: Truth, reference: Array, candidate: Array, precision: Precision
    ) -> tuple[Check, ...]:
        """Whether pictures are brighter or of more contrast than the network's."""
        return (picture_checks.brightness(reference[PICTURE], candidate[PICTURE], precision),)

    def allowed_loss(self, precision: Precision) -> float:
        """Decibels, by what the precision tolerates: 0.2 in int8, 0.02 in float32."""
        return self.max_drop.get(precision.name, _LOSS * precision.tolerances.points)

    def wrong(self, answers: Array, labels: Array) -> Array | None:
        """Those that err by more than twice the mean squared error."""
        errors = standard_codecs.squared_errors(answers[PICTURE], labels)
        wrong: Array = errors > _WRONG * errors.mean()
        return wrong

    def severity(self, answers: Array, labels: Array) -> Array | None:
        """Mean squared error of all channels."""
        return standard_codecs.squared_errors(answers[PICTURE], labels)

    def describe_answer(self, answer: Any, classes: tuple[str, ...]) -> tuple[str, float | None]:
        """The picture's size, and how large it is once it is coded."""
        size = self.describe_label(answer[PICTURE], classes)
        coder = self.coder
        if coder is None:
            return size, None
        coded = coder.encode(answer[CODE][None])[0]
        height, width = answer[PICTURE].shape[:2]
        rate = number(8 * len(coded) / height / width, 3)
        return f"{size} in {len(coded)} bytes, {rate} bpp", None

    def describe_label(self, label: Any, classes: tuple[str, ...]) -> str:
        """``picture of 64×64``."""
        return f"picture of {label.shape[1]}×{label.shape[0]}"

    def describe_beside(
        self, answer: Any, label: Any, classes: tuple[str, ...]
    ) -> tuple[str, float | None]:
        """How near it is to the picture, and how large."""
        ratio = float(standard_codecs.psnr(answer[PICTURE][None], label[None])[0])
        _, _, size = self.describe_answer(answer, classes)[0].partition(" in ")
        return f"PSNR {number(ratio, 4)} dB" + (f" in {size}" if size else ""), None

    def decoded(
        self, output: Any, classes: tuple[str, ...], most: int, steps: Sequence[str] = ()
    ) -> DecodedOutput:
        """The picture and how large it is once it is coded; of one file what that alone gives.

        Args:
            output: A record with the code, the picture, or both.
            classes: Not used.
            most: Not used.
            steps: Not used.
        """
        import numpy as np

        record = np.asarray(output)[np.newaxis]
        given = record.dtype.names or ()
        if PICTURE not in given:
            return DecodedOutput(answer=self._describe_code(codes_of(record[CODE])))
        if CODE not in given:
            picture = pixels_of(record[PICTURE])[0]
            return DecodedOutput(answer=self.describe_label(picture, classes), picture=picture)
        answer = self.decode(record)[0]
        text, _ = self.describe_answer(answer, classes)
        return DecodedOutput(answer=text, picture=answer[PICTURE])

    def _describe_code(self, codes: Array) -> str:
        """Of one code: how many whole numbers it has, and the SHA-256 of what is coded."""
        count, coder = f"{codes.size:,} whole numbers", self.coder
        if coder is None:
            return count
        coded = coder.encode(codes)[0]
        return f"{count} in {len(coded)} bytes, {hashlib.sha256(coded).hexdigest()[:12]}"

    def pictures_beside(
        self,
        given: Array,
        output: Array,
        files: Mapping[str, Array],
        label: Any,
        classes: tuple[str, ...] = (),
    ) -> Mapping[str, Array]:
        """The picture, what the network and its files make of it, and JPEG of the same size."""
        shown = {"picture": label, "network": pixels_of(output[PICTURE])}
        coder = self.coder
        if coder is not None:
            size = len(coder.encode(codes_of(output[CODE])[None])[0])
            shown["JPEG of the same size"] = standard_codecs.nearest_in_size("JPEG", label, size)
        return {**shown, **{name: pixels_of(own[PICTURE]) for name, own in files.items()}}

    def details(self, answers: Array, truth: Truth) -> Mapping[str, Any]:
        """How pictures are measured, and what JPEG and WebP make of as many bits."""
        told: dict[str, Any] = {
            "measured_on": "RGB of pictures rounded to 8 bits, peak 255; bits of coded files, each "
            "decoded back"
        }
        rates = self.rates(answers)
        if rates is not None:
            told |= standard_codecs.beside(answers[PICTURE], rates, truth.labels)
        return told


def _refuse_sizes(made: Array, truth: Truth) -> None:
    if made.shape == truth.labels.shape:
        return
    own, given = ("×".join(map(str, one.shape[1:])) for one in (made, truth.labels))
    raise BadData(
        f"the network makes pictures of {own}, and those of the data are {given}",
        why="a network compresses pictures of one size",
        fix=f"choose patches that fit: patch={made.shape[1]}",
    )


def _mean(name: str, values: Array, unit: str = "", *, rises: bool = True) -> Metric:
    mean, wide = float(values.mean()), half_width(values)
    return Metric(
        name=name,
        value=mean,
        low=mean - wide,
        high=min(mean + wide, luma.MOST_DB) if rises else mean + wide,
        count=len(values),
        counted="picture",
        higher_is_better=rises,
        unit=unit,
    )

"""Precisions: the number types of a file, and the thresholds that such a file must meet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf

from zoo.common.errors import UnknownName, UsageError
from zoo.contracts.checks import check, check_name, check_words

#: How the ranges of integers follow from what tensors held; ``auto`` takes the one with which the
#: file errs least on inputs that were not calibrated on.
CALIBRATIONS = ("auto", "minmax", "percentile", "entropy", "mse", "moving-average")

#: How a recurrent layer's loop over time may be written; ``auto`` leaves it to the exporter.
RECURRENT_FORMS = ("auto", "fused", "unrolled", "while")

#: What half-precision arithmetic may move an output from 0 to 1 by.
HALF_TOLERANCE = 1e-3


@dataclass(frozen=True, kw_only=True)
class Tolerances:
    """The thresholds of one precision; tasks use those that suit what they compare.

    Attributes:
        output: What the rounding of another processor may change of a real output from 0 to 1.
        agreement: Least share of inputs with the same decision as the Keras model's, 0 to 1.
        max_abs: Largest absolute difference from the Keras model's probabilities.
        moved: How far probabilities may lie from the Keras model's, as mean total variation
            distance, 0 to 1. This, `far`, `noise`, `aligned`, `scaled`, `shifted` and `confidence`
            are at least one and a half times what the worst honest file does (docs/gate.md has the
            table); by default those of int8.
        far: Share of inputs whose probabilities may lie elsewhere by more than 0.25, 0 to 1.
        noise: Root mean square of the differences of outputs that are no probabilities, as a
            share of their standard deviation.
        aligned: By which share of its spread a real target may surely be shifted, or by which share
            scaled, beyond what rounding explains.
        scaled: By which share log-odds of probabilities may surely be scaled, up or down.
        shifted: By how much those of one class may surely be shifted, natural logarithm.
        confidence: What the calibration error of probabilities may rise by, percentage points.
        sqnr_db: Least signal to quantization noise of images, decibels.
        ssim: Least mean structural similarity of images: just below what white noise of those
            decibels leaves of Fashion-MNIST (measured: 1.00000, 0.99997, 0.9930, 0.896), so that
            it rejects what has as little noise, but in the wrong places: blur, a grid, a lost edge.
        points: What a share of examples may lose before the loss counts, percentage points.
        percent: By how much a distance may rise before it counts, per cent.
    """

    output: float
    agreement: float
    sqnr_db: float
    ssim: float
    points: float
    percent: float
    max_abs: float = inf
    moved: float = 0.045
    far: float = 0.01
    noise: float = 0.25
    aligned: float = 0.05
    scaled: float = 0.25
    shifted: float = 0.6
    confidence: float = 4.0

    def __post_init__(self) -> None:
        # An infinite one would make a check that cannot fail.
        finite = (
            "output",
            "sqnr_db",
            "points",
            "percent",
            "noise",
            "aligned",
            "scaled",
            "shifted",
            "confidence",
        )
        for name in finite:
            check(0 < getattr(self, name) < inf, "tolerances", f"{name} must be positive")
        check(self.max_abs > 0, "tolerances", "max_abs must be positive")
        for name in ("moved", "far"):
            check(0 < getattr(self, name) < 1, "tolerances", f"{name} must be between 0 and 1")
        for name in ("agreement", "ssim"):
            check(0 < getattr(self, name) <= 1, "tolerances", f"{name} must be above 0, at most 1")


@dataclass(frozen=True, kw_only=True)
class Precision:
    """Number types of weights and activations, with the thresholds of the gate.

    Attributes:
        name: ``int8``; also what the user types for ``--precision``.
        weights: numpy's name of the weights' type.
        activations: numpy's name of the type of what flows between operators.
        order: Place in tables, the most precise first.
        tolerances: How far such a file may be off.
        calibrated: Whether ranges are measured on real inputs.
        integer_work: Least share of multiply-adds in integer arithmetic, 0 to 1; layers that are
            kept in float on purpose are left out.
        trainable: Whether networks are trained to be quantized for it.
        default: Whether files of it are made when no precision is given.
        rounded: How far such a file may be from the network with its weights rounded as in the file
            (`Exporter.round_weights`), where rounding them costs so much that a fault can hide
            behind it; None where that is not asked. Of real numbers tasks without labels ask it
            (`Task.beside_rounded`).
        in_kit: Whether plugins are checked in it (`zoo.testing`). False where networks lose so much
            that the search for layers to keep is the rule, and a loss no fault of theirs.
        kept_in: In what layers are that are kept from it (`ExportRequest.keep`), in words.
        instead: What serves better, in words, where many layers would have to be kept.
        also_called: Other words for it, in lower case; no command takes them, but an error for
            them offers the name.
    """

    name: str
    weights: str
    activations: str
    order: int
    tolerances: Tolerances
    calibrated: bool = False
    integer_work: float = 0.9
    trainable: bool = False
    default: bool = False
    rounded: Tolerances | None = None
    in_kit: bool = True
    kept_in: str = "float"
    instead: str = (
        "float16 needs no more and loses nothing; dynamic-int8, or --qat, may be small and good"
    )
    also_called: tuple[str, ...] = ()

    @property
    def arithmetic(self) -> str:
        """The arithmetic of its operators, one of `zoo.contracts.layers.ARITHMETICS`."""
        if "float" in self.weights:
            return "float"
        return "hybrid" if "float" in self.activations else "integer"

    @property
    def rounding(self) -> float:
        """By which share of its size a constant is rounded at most; 0 of integers.

        Integer files hold what is added in integers that are wide enough.
        """
        if "float" not in self.weights:
            return 0.0
        import numpy as np

        return float(np.finfo(self.weights).eps) / 2.0

    def __post_init__(self) -> None:
        check_name("precision", self.name)
        check_words(self.name, self.also_called)
        check(0 < self.integer_work <= 1, self.name, "integer_work must be above 0, at most 1")


#: Of files whose weights have four bits, whatever shares a scale.
FOUR_BITS = Tolerances(
    output=9e-3,
    agreement=0.95,
    sqnr_db=20.0,
    ssim=0.85,
    points=1.0,
    percent=15.0,
    moved=0.08,
    far=0.04,
    noise=0.3,
    aligned=0.06,
    scaled=0.3,
    shifted=0.8,
    confidence=4.0,
)
#: Beside the network with its weights rounded to the same four bits: what is left is what flows
#: between operators, which LiteRT rounds to 8 bits, and ONNX Runtime in part (docs/gate.md).
ROUNDED = Tolerances(
    output=5e-3,
    agreement=0.99,
    sqnr_db=36.0,
    ssim=0.99,
    points=1.0,
    percent=5.0,
    moved=0.02,
    far=3e-3,
    noise=0.05,
    aligned=0.04,
    scaled=0.03,
    shifted=0.15,
    confidence=1.0,
)
#: Beside the network with its weights in half precision, for what computes with them in float32;
#: where results are rounded, too (`Exporter.rounds_results`), the noise of that comes on top.
HALVED = Tolerances(
    output=HALF_TOLERANCE, agreement=1.0, sqnr_db=80.0, ssim=0.9999, points=0.1, percent=1.0,
    noise=5e-4,
)  # fmt: skip
#: The built-in precisions; an exporter may declare more (`Exporter.declares`).
PRECISIONS = (
    Precision(
        name="float32",
        weights="float32",
        activations="float32",
        order=0,
        default=True,
        also_called=("fp32", "f32", "float", "single", "full", "none"),
        tolerances=Tolerances(
            output=1e-4,
            agreement=1.0,
            max_abs=1e-4,
            sqnr_db=100.0,
            ssim=0.9999,
            points=0.1,
            percent=1.0,
            moved=1e-4,
            far=1e-3,
            noise=1e-4,
            aligned=2e-5,
            scaled=1e-3,
            shifted=1e-3,
            confidence=0.1,
        ),
    ),
    Precision(
        name="float16",
        weights="float16",
        activations="float16",
        order=10,
        also_called=("fp16", "f16", "half", "half-precision"),
        tolerances=Tolerances(
            output=HALF_TOLERANCE,
            agreement=0.99,
            sqnr_db=60.0,
            ssim=0.9998,
            points=0.2,
            percent=2.0,
            moved=1e-3,
            far=1e-3,
            noise=2e-3,
            aligned=4e-4,
            scaled=0.01,
            shifted=0.02,
            confidence=0.2,
        ),
        rounded=HALVED,
    ),
    Precision(
        name="dynamic-int8",
        weights="int8",
        activations="float32",
        order=20,
        also_called=("dynamic", "dynamic-range", "drq", "w8", "int8-weights", "weight-only"),
        tolerances=Tolerances(
            output=5e-3,
            agreement=0.98,
            sqnr_db=36.0,
            ssim=0.99,
            points=1.0,
            percent=5.0,
            moved=0.08,
            far=3e-3,
            noise=0.05,
            aligned=0.04,
            scaled=0.1,
            shifted=0.4,
            confidence=1.0,
        ),
    ),
    Precision(
        name="int8",
        weights="int8",
        activations="int8",
        order=30,
        also_called=("i8", "8bit", "8-bit", "integer", "quantized", "full-int8", "qint8", "uint8"),
        calibrated=True,
        trainable=True,
        default=True,
        tolerances=Tolerances(
            output=1 / 255, agreement=0.98, sqnr_db=22.0, ssim=0.89, points=1.0, percent=15.0
        ),
    ),
    Precision(
        name="int16x8",
        weights="int8",
        activations="int16",
        order=40,
        also_called=("16x8", "int16", "i16", "w8a16"),
        calibrated=True,
        tolerances=Tolerances(
            output=1 / 255,
            agreement=0.98,
            sqnr_db=22.0,
            ssim=0.9,
            points=1.0,
            percent=1.0,
            moved=0.02,
            far=3e-3,
            noise=0.05,
            aligned=0.01,
            scaled=0.1,
            shifted=0.3,
            confidence=1.0,
        ),
    ),
    *(
        Precision(
            name=name,
            weights="int4",
            activations="float32",
            order=order,
            in_kit=False,
            kept_in="8 bits",
            instead="dynamic-int8 needs no more, and loses next to nothing",
            tolerances=FOUR_BITS,
            rounded=ROUNDED,
            also_called=words,
        )
        for order, name, words in (
            (50, "int4-blocks", ("blockwise", "block-wise", "q4", "q4_0")),
            (60, "int4-weights", ("int4", "i4", "w4", "4bit", "4-bit")),
        )
    ),
)
#: The precision that the files of all others are compared with.
BASELINE = min(PRECISIONS, key=lambda precision: precision.order)
#: The precision that networks are trained to be quantized for.
TRAINABLE = next(precision for precision in PRECISIONS if precision.trainable)


def check_precisions(
    record: str, names: Iterable[str], declared: Sequence[Precision] = (), field: str = ""
) -> None:
    """Refuses a record that names precisions which are neither built in nor declared by it."""
    known = [precision.name for precision in (*PRECISIONS, *declared)]
    twice = len({*known}) < len(known)
    check(not twice, record, "declares a precision that is built in, or one twice")
    unknown = sorted({*names} - {*known})
    check(not unknown, record, f"{field}unknown precisions: {', '.join(unknown)}")


def precision_named(name: str, declared: Iterable[Precision] = ()) -> Precision:
    """The precision called `name`, built in or declared by an exporter.

    Raises:
        UnknownName: None is; offers the nearest.
        UsageError: Two exporters declare different ones of that name.
    """
    known = (*PRECISIONS, *declared)
    found = {precision for precision in known if precision.name == name}
    if not found:
        meant = {word: one.name for one in known for word in one.also_called}
        raise UnknownName("precision", name, {one.name for one in known}, meant=meant)
    if len(found) > 1:
        raise UsageError(
            f"precision {name!r} is declared twice, and differently",
            why="the thresholds of its files depend on which declaration is taken",
            fix="switch one exporter off: zoo --without PLUGIN …; `zoo plugins list` names them",
        )
    return found.pop()

"""The task `object-detection`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from zoo.common.errors import UsageError
from zoo.common.optional_imports import require
from zoo.contracts import Check, Comparison, Metric, Precision, Preprocessing, Task, Truth
from zoo.contracts.baseline import AgainstBaseline
from zoo.contracts.geometric_transform import GeometricTransform
from zoo.contracts.graph_decoder import GraphDecoder
from zoo.contracts.prediction import SHOWN_FROM, DecodedBox, DecodedOutput
from zoo.contracts.weakness import Weakness
from zoo.results.formatting import count, plus_minus, plus_minus_range
from zoo.tasks.object_detection import comparison as compared
from zoo.tasks.object_detection.heads import Head, head_of

if TYPE_CHECKING:
    from zoo.contracts.task import Array
    from zoo.tasks.object_detection.average_precision import Matches

MEAN, HALF = "mAP 50:95", "mAP 50"
THRESHOLD, RULE = "threshold", "rule"
_RULE = "largest F1 at an overlap of 50 % on the validation split"
_NO_RULE = "a default: no box is right on the validation split"
_LOSS = "detection loss"
#: Captions of drawings that are no file's.
TRUE, BEFORE_EXPORT = "what is true", "before export"
#: Of more classes the figures of each are in the details alone.
_MOST_SHOWN = 12
#: Boxes that a line of text names.
_NAMED = 6


class ObjectDetection(Task):
    """Boxes with a class and a probability: mean average precision, as COCO measures it."""

    def activation(self, outputs: Any) -> Any:
        """Every value of the grid from 0 to 1."""
        return require("keras.layers").Activation("sigmoid", name="grid")(outputs)

    def compile(self, model: Any, optimizer: Any, options: Any) -> str:
        """Focal loss of centres and overlap of boxes; monitors the loss itself.

        Raises:
            UsageError: Labels are to be smoothed.
        """
        if options.label_smoothing:
            raise UsageError(
                "object detection does not smooth labels",
                why="most of the picture is no object: a share of it would be",
                fix="leave --label-smoothing out",
            )
        require("faster_coco_eval")  # not after the training
        loss = self.head.loss
        own = require("keras").metrics.MeanMetricWrapper(loss, name=_LOSS)
        model.compile(optimizer=optimizer, loss=loss, metrics=[own], jit_compile=False)
        return _LOSS

    def class_labels(self, labels: Array) -> Array | None:
        """None: a picture has any number of classes."""
        return None

    def transform_labels(self, labels: Any, transform: GeometricTransform) -> Any:
        """Boxes move along; what is mostly outside is dropped."""
        return transform.apply_to_boxes(labels)

    def decode(self, outputs: Array) -> Array:
        """Detections, float32 (examples, 100, 6); see `zoo.tasks.object_detection.decoding`."""
        return self.head.decode(outputs)

    def choose_decoding(self, outputs: Array, truth: Truth) -> Mapping[str, float | str]:
        """The probability from which on boxes are shown, by F1 on the validation split."""
        from zoo.tasks.object_detection.threshold import best_threshold

        own, chosen = self.head.recorded(), best_threshold(self.decode(outputs), truth.labels)
        if chosen is None:
            return {**own, THRESHOLD: SHOWN_FROM, RULE: _NO_RULE}
        return {**own, THRESHOLD: chosen, RULE: _RULE}

    def graph_decoder(self) -> GraphDecoder:
        """Of the head's kind."""
        from zoo.tasks.object_detection.decoded import reads_boxes

        return GraphDecoder(task=reads_boxes(self), build=self.head.decode_in_graph)

    @property
    def head(self) -> Head:
        """How boxes follow from outputs, and what they learn by."""
        return head_of(self.decoding)

    @property
    def threshold(self) -> float:
        """The probability from which on boxes are shown."""
        return float(self.decoding.get(THRESHOLD, SHOWN_FROM))

    def choices(self, output: Array) -> Sequence[Array]:
        """The probabilities of all classes as one, and the four values of boxes each by itself.

        A class that is nowhere has probabilities next to zero, whose own spread says nothing.
        """
        from zoo.tasks.object_detection.decoding import BOX_VALUES

        return output[..., :-BOX_VALUES, None], output[..., -BOX_VALUES:]

    def compare(self, reference: Array, candidate: Array) -> Comparison:
        """Differences of the grid, and the share of boxes that are the same."""
        return compared.compare(reference, candidate, self.decode, self.threshold)

    def parity(self, comparison: Comparison, precision: Precision) -> Check:
        """The same boxes, and a grid that is close."""
        return compared.parity(comparison, precision)

    def evaluate(self, answers: Array, truth: Truth) -> tuple[Metric, ...]:
        """Mean average precision over overlaps and at 50 %, then by size and by class.

        Nothing where no picture of the split has a box.
        """
        from zoo.tasks.object_detection.average_precision import AREAS, ends

        if not (truth.labels[..., 0] >= 0).any():
            return ()
        found = _matches(answers, truth)
        own, drawn = found.own, found.resampled
        count = len(truth.labels)

        def metric(name: str, value: float, resampled: Sequence[float]) -> Metric:
            low, high = ends(resampled)
            return Metric(
                name=name, value=value, low=min(low, value), high=max(high, value), count=count
            )

        metrics = [
            metric(MEAN, own.mean(), [one.mean() for one in drawn]),
            metric(HALF, own.mean(half=True), [one.mean(half=True) for one in drawn]),
        ]
        for area in AREAS[1:]:
            if own.has(area):
                # Without an interval: each size would take as long as all others together.
                size = own.mean(area)
                metrics.append(metric(f"{MEAN} of {area} boxes", size, [size]))
        for place, name in enumerate(truth.classes[:_MOST_SHOWN]):
            if own.has("all", place):
                values = [one.of(place) for one in drawn if one.has("all", place)]
                metrics.append(metric(f"AP 50:95 of {name}", own.of(place), values))
        return tuple(metrics)

    def accuracy(
        self, truth: Truth, reference: Array, candidate: Array, max_drop: float
    ) -> Check | None:
        """A paired bootstrap of mAP 50:95: the same pictures drawn for both.

        A file fails when it loses more than `max_drop` points *and* the 95 % interval of the
        difference lies below zero.
        """
        if not (truth.labels[..., 0] >= 0).any():
            return None
        change, low, high = _difference(reference, candidate, truth)
        # Written so that a NaN fails.
        passed = change >= -max_drop or high >= 0.0
        told = plus_minus_range(low, high)
        return Check(
            name="mAP",
            passed=passed,
            value=f"{plus_minus(change)} points of {MEAN} ({told}, 95 %, paired)",
            limit=f"no significant loss above {max_drop:g} points",
            reason=""
            if passed
            else f"loses {-change:.2f} points of {MEAN}, and chance does not explain it ({told}, "
            "95 %)",
        )

    def class_loss(self, truth: Truth, reference: Array, candidate: Array) -> Check | None:
        """True boxes of each class that are found, by the file and by the reference."""
        from zoo.tasks.object_detection.box_checks import class_loss

        return class_loss(truth.labels, reference, candidate, truth.classes, self.threshold)

    def probability_checks(
        self, truth: Truth, reference: Array, candidate: Array, precision: Precision
    ) -> tuple[Check, ...]:
        """Whether boxes that are the same are as probable: the threshold is the network's."""
        from zoo.tasks.object_detection.box_checks import probability_shift

        own, found, most = self.threshold, self.decode(candidate), precision.tolerances.confidence
        return (probability_shift(self.decode(reference), found, own, most),)

    def baseline(self, answers: Array, truth: Truth) -> AgainstBaseline | None:
        """The mean box of each class in training, on every picture."""
        from zoo.tasks.object_detection.baseline import mean_boxes

        trivial = mean_boxes(truth)
        gain, low, high = _difference(trivial, answers, truth)
        return AgainstBaseline(
            answer="the mean box of each class on every picture",
            metric=self.evaluate(trivial, truth)[0],
            gain=gain,
            low=low,
            high=high,
            better=low > 0.0,
        )

    def weaknesses(self, answers: Array, truth: Truth) -> tuple[Weakness, ...]:
        """A detector that finds nothing, or nothing that is there."""
        from zoo.tasks.object_detection.threshold import mistakes

        boxes = int((truth.labels[..., 0] >= 0).sum())
        shown = int(((answers[..., 0] >= 0) & (answers[..., 1] >= self.threshold)).sum())
        missed = int(mistakes(answers, truth.labels, self.threshold)[:, 0].sum())
        if not boxes or (shown and missed < boxes):
            return ()
        found = "finds nothing" if not shown else f"shows {shown:,} boxes, none of them right,"
        return (
            Weakness(
                code="finds-nothing",
                text=f"the detector {found} in {count(len(answers), 'picture')} with "
                f"{count(boxes, 'object')}",
                fix="train for more epochs or at another --learning-rate, and look at the boxes of "
                "the data (`zoo data`)",
            ),
        )

    def details(self, answers: Array, truth: Truth) -> Mapping[str, Any]:
        """The threshold, what is right and wrong there, and the average precision of each class."""
        import numpy as np

        from zoo.tasks.object_detection.threshold import mistakes

        missed, wrong = mistakes(answers, truth.labels, self.threshold).sum(axis=0).tolist()
        own = _matches(answers, truth).own
        labels = truth.labels[..., 0]
        return {
            **self.decoding,
            "boxes": int((labels >= 0).sum()),
            "missed": missed,
            "wrong": wrong,
            "by_class": {
                name: {
                    "boxes": int((labels == place).sum()),
                    MEAN: round(float(own.whole[place, 0]), 5),
                    HALF: round(float(own.half[place, 0]), 5),
                }
                for place, name in enumerate(truth.classes)
                if np.isfinite(own.whole[place, 0])
            },
        }

    def wrong(self, answers: Array, labels: Array) -> Array | None:
        """Pictures in which a box is missed, or one shown that is not right."""
        from zoo.tasks.object_detection.threshold import mistakes

        wrong: Array = mistakes(answers, labels, self.threshold).sum(axis=1) > 0
        return wrong

    def severity(self, answers: Array, labels: Array) -> Array | None:
        """How many boxes are missed or wrong."""
        from zoo.tasks.object_detection.threshold import mistakes

        severity: Array = mistakes(answers, labels, self.threshold).sum(axis=1)
        return severity

    def describe_answer(self, answer: Any, classes: tuple[str, ...]) -> tuple[str, float | None]:
        """The boxes that are shown, the most probable first: ``Bag 0.93, Shirt 0.71``."""
        from zoo.tasks.object_detection.decoding import above, shown

        own = above(answer, self.threshold)
        told = [f"{classes[int(box[0])]} {shown(box[1])}" for box in own[:_NAMED]]
        more = [f"{len(own) - _NAMED} more"] if len(own) > _NAMED else []
        return ", ".join([*told, *more]) or "nothing", None

    def describe_label(self, label: Any, classes: tuple[str, ...]) -> str:
        """What is in the picture: ``2 Bag, Shirt``."""
        from zoo.tasks.object_detection.decoding import objects

        counts = Counter(int(box[0]) for box in objects(label))
        told = [f"{many} {classes[n]}" if many > 1 else classes[n] for n, many in counts.items()]
        return ", ".join(told) or "nothing"

    def decoded(
        self, output: Any, classes: tuple[str, ...], most: int, steps: Sequence[str] = ()
    ) -> DecodedOutput:
        """Every box that is shown, with its place."""
        import numpy as np

        from zoo.tasks.object_detection.decoding import above

        answer = self.decode(np.asarray(output)[np.newaxis])[0]
        own = above(answer, self.threshold)
        return DecodedOutput(
            answer=self.describe_answer(answer, classes)[0],
            boxes=tuple(
                DecodedBox(
                    name=classes[int(label)],
                    score=float(score),
                    edges=(float(y_min), float(x_min), float(y_max), float(x_max)),
                )
                for label, score, y_min, x_min, y_max, x_max in own
            ),
            chosen=tuple(dict.fromkeys(classes[int(box[0])] for box in own)),
        )

    def pictures_beside(
        self,
        given: Array,
        output: Array,
        files: Mapping[str, Array],
        label: Any,
        classes: tuple[str, ...] = (),
    ) -> Mapping[str, Array]:
        """True boxes, the network's, and each file's; red is what is not in the network's answer.

        Files that answer alike share a drawing.
        """
        from zoo.tasks.object_detection.drawing import draw

        own, *others = (
            self._shown(self.decode(each[None])[0]) for each in (output, *files.values())
        )
        pictures: dict[bytes, Array] = {}
        who: dict[bytes, list[str]] = {}
        for name, boxes in zip(files, others, strict=True):
            drawn = draw(given, boxes, classes, own)
            pictures[drawn.tobytes()] = drawn
            who.setdefault(drawn.tobytes(), []).append(name)
        return {
            TRUE: draw(given, self._shown(label), classes),
            BEFORE_EXPORT: draw(given, own, classes),
            **{", ".join(who[key]): picture for key, picture in pictures.items()},
        }

    def _shown(self, boxes: Array) -> Array:
        """Rows of true boxes, or of detections that are probable enough."""
        from zoo.tasks.object_detection.decoding import COLUMNS, above, objects

        return above(boxes, self.threshold) if boxes.shape[-1] == len(COLUMNS) else objects(boxes)


def _size(preprocessing: Preprocessing) -> tuple[int, int]:
    height, width = preprocessing.network_shape[:2]
    return height, width


def _matches(answers: Array, truth: Truth) -> Matches:
    from zoo.tasks.object_detection.average_precision import matches_of

    return matches_of(answers, truth.labels, len(truth.classes), _size(truth.preprocessing))


def _difference(before: Array, after: Array, truth: Truth) -> tuple[float, float, float]:
    """By how many points of mAP 50:95 `after` is better, with its 95 % interval."""
    from zoo.tasks.object_detection.average_precision import ends

    one, other = (_matches(given, truth) for given in (before, after))
    drawn = [
        100 * (b.mean() - a.mean()) for a, b in zip(one.resampled, other.resampled, strict=True)
    ]
    return 100 * (other.own.mean() - one.own.mean()), *ends(drawn)

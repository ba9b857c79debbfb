"""Mean average precision as COCO measures it, by faster-coco-eval, with intervals by bootstrap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from zoo.common.optional_imports import require
from zoo.tasks.object_detection.decoding import MOST, objects

if TYPE_CHECKING:
    from zoo.contracts.task import Array

#: Areas by name, in the order in which the measure has them.
AREAS = ("all", "small", "medium", "large")
#: Limits of these, in pixels of the network's input: those of COCO.
LIMITS = (32**2, 96**2)
#: Pictures are drawn anew so many times.
RESAMPLES = 200
_SEED = 0
_ENDS = (2.5, 97.5)


@dataclass(frozen=True, kw_only=True, eq=False)
class Precisions:
    """Average precisions of one answer, or one drawing, by class and area; NaN where nothing is.

    Attributes:
        whole: At overlaps from 50 to 95 %, float64 (classes, areas); of drawings all sizes alone.
        half: At an overlap of 50 %.
    """

    whole: Array
    half: Array

    def mean(self, area: str = "all", half: bool = False) -> float:
        """The mean over classes; 0 where there is no object of that size."""
        import numpy as np

        own = (self.half if half else self.whole)[:, AREAS.index(area)]
        known = own[np.isfinite(own)]
        return float(known.mean()) if known.size else 0.0

    def of(self, label: int) -> float:
        """Of one class, at overlaps from 50 to 95 %."""
        return float(self.whole[label, 0])

    def has(self, area: str, label: int | None = None) -> bool:
        """Whether there is any object of that size, and of that class."""
        import numpy as np

        own = self.whole[:, AREAS.index(area)]
        return bool(np.isfinite(own if label is None else own[label]).any())


class Matches:
    """Detections beside true boxes, matched once: the measure of any drawing of the pictures.

    Args:
        detections: (pictures, most, 6), as `zoo.tasks.object_detection.decoding.decode` returns.
        labels: (pictures, most boxes, 5).
        classes: How many.
        size: Height and width of the network's input, in whose pixels areas are told.
    """

    def __init__(
        self, detections: Array, labels: Array, classes: int, size: tuple[int, int]
    ) -> None:
        self.pictures, self.classes = len(labels), classes
        self._evaluated = _evaluated(detections, labels, classes, size)

    @cached_property
    def own(self) -> Precisions:
        """Of the pictures as they are."""
        made = self._evaluated
        return _precisions(_accumulated(made._paramsEval, made._evalImgs_cpp))

    @cached_property
    def resampled(self) -> list[Precisions]:
        """Of `RESAMPLES` drawings, whatever the size of boxes; of those with a true box.

        The pictures are the same for all answers to the same labels.
        """
        drawn = (self.drawn(numbers) for numbers in drawings(self.pictures))
        # Without a box there is no precision: counted as 0, it would hide every loss.
        return [one for one in drawn if one.has("all")]

    def drawn(self, numbers: Array) -> Precisions:
        """Of pictures by number, with repetitions, as many as there are; of boxes of any size."""
        import copy

        parameters, found = copy.copy(self._evaluated._paramsEval), self._evaluated._evalImgs_cpp
        parameters.areaRng, parameters.areaRngLbl = parameters.areaRng[:1], [AREAS[0]]
        starts, chosen = range(0, len(found), len(AREAS) * self.pictures), numbers.tolist()
        # By class, then area, then picture.
        drawn = [found[start + number] for start in starts for number in chosen]
        return _precisions(_accumulated(parameters, drawn))


class _Key:
    """Arrays that are looked up by what they hold."""

    def __init__(self, detections: Array, labels: Array) -> None:
        import hashlib

        self.detections, self.labels = detections, labels
        self.digest = hashlib.sha256(detections.tobytes() + labels.tobytes()).digest()

    def __hash__(self) -> int:
        return hash(self.digest)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and self.digest == other.digest


def matches_of(detections: Array, labels: Array, classes: int, size: tuple[int, int]) -> Matches:
    """`Matches`, kept: evaluation, gate and report ask for the same."""
    return _kept(_Key(detections, labels), classes, size)


@lru_cache(maxsize=6)
def _kept(key: _Key, classes: int, size: tuple[int, int]) -> Matches:
    return Matches(key.detections, key.labels, classes, size)


def drawings(pictures: int) -> list[Array]:
    """Pictures by number, drawn with repetitions; the same for as many pictures."""
    import numpy as np

    random = np.random.default_rng(_SEED)
    return [random.integers(0, pictures, pictures) for _ in range(RESAMPLES)]


def ends(values: Sequence[float]) -> tuple[float, float]:
    """The 95 % interval of resampled values."""
    import numpy as np

    low, high = np.percentile(np.asarray(values, np.float64), _ENDS)
    return float(low), float(high)


def _accumulated(parameters: Any, matched: Any) -> Any:
    backend = require("faster_coco_eval.faster_eval_api_cpp")
    return backend.COCOevalAccumulate(parameters, matched)["precision"]


def _precisions(found: Any) -> Precisions:
    """From precision by overlap, recall, class, area and most detections; -1 is nothing."""
    import numpy as np

    known = np.where(np.asarray(found)[..., -1] < 0, np.nan, np.asarray(found)[..., -1])
    return Precisions(whole=known.mean(axis=(0, 1)), half=known[0].mean(axis=0))


def _evaluated(detections: Array, labels: Array, classes: int, size: tuple[int, int]) -> Any:
    library = require("faster_coco_eval")
    height, width = size

    def quiet(*_: Any) -> None:
        """Takes what the library prints."""

    true = library.COCO(truth_records(labels, classes, size), print_function=quiet)
    answers = library.COCO(print_function=quiet)
    answers.dataset = {**truth_records(labels[:, :0], classes, size)}
    answers.dataset["annotations"] = [
        {**one, "id": number, "area": one["bbox"][2] * one["bbox"][3], "iscrowd": 0}
        for number, one in enumerate(detection_records(detections, size), start=1)
    ]
    answers.createIndex()
    made = library.COCOeval_faster(true, answers, "bbox", print_function=quiet, separate_eval=True)
    made.params.catIds = list(range(classes))
    made.params.imgIds = list(range(len(labels)))
    made.params.maxDets = [MOST]
    largest = float(max(height * width, LIMITS[-1])) * 1e3
    small, medium = LIMITS
    made.params.areaRng = [[0, largest], [0, small], [small, medium], [medium, largest]]
    made.params.areaRngLbl = [*AREAS]
    made.evaluate()
    return made


def truth_records(labels: Array, classes: int, size: tuple[int, int]) -> dict[str, Any]:
    """True boxes in the form of COCO's annotations, in pixels of the network's input."""
    height, width = size
    annotations: list[dict[str, Any]] = []
    for picture, boxes in enumerate(labels):
        for label, y_min, x_min, y_max, x_max in objects(boxes).astype("float64").tolist():
            box = _in_pixels(y_min, x_min, y_max, x_max, size)
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": picture,
                    "category_id": int(label),
                    "bbox": box,
                    "area": box[2] * box[3],
                    "iscrowd": 0,
                }
            )
    return {
        "info": {},
        "images": [{"id": n, "height": height, "width": width} for n in range(len(labels))],
        "categories": [{"id": n, "name": str(n)} for n in range(classes)],
        "annotations": annotations,
    }


def detection_records(detections: Array, size: tuple[int, int]) -> list[dict[str, Any]]:
    """Detections in the form of COCO's results."""
    return [
        {
            "image_id": picture,
            "category_id": int(label),
            "bbox": _in_pixels(y_min, x_min, y_max, x_max, size),
            "score": score,
        }
        for picture, boxes in enumerate(detections)
        for label, score, y_min, x_min, y_max, x_max in objects(boxes).astype("float64").tolist()
    ]


def _in_pixels(
    y_min: float, x_min: float, y_max: float, x_max: float, size: tuple[int, int]
) -> list[float]:
    height, width = size
    return [x_min * width, y_min * height, (x_max - x_min) * width, (y_max - y_min) * height]

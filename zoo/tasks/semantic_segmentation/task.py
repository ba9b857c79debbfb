"""The task: what outputs mean, how good they are, and how two of them compare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from zoo.contracts import Check, Comparison, Metric, Precision, Task, Truth
from zoo.contracts.dataset import IGNORED
from zoo.contracts.prediction import DecodedMask, DecodedOutput, NamedScore
from zoo.contracts.weakness import Weakness
from zoo.results.formatting import plus_minus, plus_minus_range, share
from zoo.tasks import classes as by_class
from zoo.tasks import classification
from zoo.tasks.clusters import clustered_interval
from zoo.tasks.confidence import calibration_error, confidence_loss, resolution
from zoo.tasks.ranking import Resampled
from zoo.tasks.semantic_segmentation import class_maps, constant_maps, objective
from zoo.tasks.semantic_segmentation.boundaries import boundary_scores, mean_scores
from zoo.tasks.semantic_segmentation.overlap import confusions, overlaps
from zoo.tasks.semantic_segmentation.overlay import overlay

if TYPE_CHECKING:
    from zoo.contracts.baseline import AgainstBaseline
    from zoo.contracts.task import Array

#: Metrics of single classes are told for so many at most.
_MOST_SHOWN = 25
#: A picture whose mean intersection over union is below this is shown as a mistake.
_MISTAKEN = 0.5
#: Shares of a picture that are told in words.
_MOST_SHARES = 4


class SemanticSegmentation(Task):
    """One class for each pixel, the likeliest of its probabilities.

    Answers are classes, uint8 or uint16 (pictures, height, width), of the size of the network's
    output; so are labels.
    """

    activation = staticmethod(classification.softmax)
    compile = staticmethod(objective.compile_model)
    condensed = staticmethod(class_maps.condensed)

    def class_labels(self, labels: Array) -> Array | None:
        """The class of each pixel."""
        return labels

    def decode(self, outputs: Array) -> Array:
        """The likeliest class of each pixel."""
        return class_maps.chosen_classes(outputs)

    def choices(self, output: Array) -> Sequence[Array]:
        """Probabilities of each pixel; of chosen classes, which are none, themselves."""
        return (output,)

    def compare(self, reference: Array, candidate: Array) -> Comparison:
        """Differences of probabilities of some pixels, and the share of all with the same class.

        Where classes differ because two are equally likely is known of the former, and taken to be
        as frequent among the others.

        Raises:
            ZooError: The shapes differ.
        """
        before, after = (class_maps.sampled_probabilities(one) for one in (reference, candidate))
        classification.check_shapes(before, after)
        chosen = [class_maps.chosen_classes(one) for one in (reference, candidate)]
        classification.check_shapes(*chosen)
        width = before.shape[-1]
        found = classification.compare(before.reshape(-1, width), after.reshape(-1, width))
        differing = float((chosen[0] != chosen[1]).mean())
        seen = float((before.argmax(axis=-1) != after.argmax(axis=-1)).mean())
        surely = (1.0 - found.agreement) / seen if seen else 1.0
        return replace(found, count=len(before), agreement=1.0 - differing * min(surely, 1.0))

    def parity(self, comparison: Comparison, precision: Precision) -> Check:
        """The same class for as many pixels, and probabilities that are close."""
        return classification.parity(comparison, precision, what="pixels")

    def evaluate(self, answers: Array, truth: Truth) -> tuple[Metric, ...]:
        """Mean intersection over union, boundary F, pixel accuracy; then each class.

        Intervals are by a bootstrap over pictures.
        """
        counts = confusions(truth.labels, answers, len(truth.classes))
        pixels = counts.sum(axis=(1, 2))
        if not pixels.sum():
            return ()
        there = counts.sum(axis=(0, 2)) > 0
        drawn = Resampled(len(answers), len(truth.classes))
        each = drawn.interval(lambda weights: overlaps(counts, weights))
        outlines = boundary_scores(truth.labels, answers, len(truth.classes))
        outlines[:, ~there] = float("nan")
        boundary = drawn.interval(lambda weights: mean_scores(outlines, weights))
        right = counts.trace(axis1=1, axis2=2)
        low, high = clustered_interval(right, pixels, classification.CONFIDENCE)
        accuracy = Metric(
            name="pixel accuracy",
            value=float(right.sum() / pixels.sum()),
            low=low,
            high=high,
            count=len(answers),
        )
        found = [each.mean(objective.METRIC), boundary.mean("boundary F"), accuracy]
        shown = [place for place in range(len(there)) if there[place]][:_MOST_SHOWN]
        found += [each.of(place, f"{truth.classes[place]} IoU") for place in shown]
        return tuple(replace(one, counted="picture") for one in found)

    def accuracy(
        self, truth: Truth, reference: Array, candidate: Array, max_drop: float
    ) -> Check | None:
        """A paired bootstrap of the mean intersection over union: the same pictures for both.

        A file fails when it loses more than `max_drop` points *and* the 95 % interval of the loss
        lies above zero.
        """
        sizes = len(truth.classes)
        before, after = (confusions(truth.labels, one, sizes) for one in (reference, candidate))
        if not before.sum():
            return None
        drawn = Resampled(len(reference), sizes)
        loss = drawn.interval(
            lambda weights: 100.0 * (overlaps(before, weights) - overlaps(after, weights))
        ).mean("loss")
        # Written so that a NaN fails.
        passed = loss.value <= max_drop or loss.low <= 0.0
        ends = plus_minus_range(-loss.high, -loss.low)
        return Check(
            name=objective.METRIC,
            passed=passed,
            value=f"{plus_minus(-loss.value)} points ({ends}, 95 %, paired)",
            limit=f"no significant loss above {max_drop:g} points",
            reason=""
            if passed
            else f"loses {loss.value:.2f} points of mean IoU, and chance does not explain it "
            f"({ends}, 95 %)",
        )

    def baseline(self, answers: Array, truth: Truth) -> AgainstBaseline | None:
        """The commonest class, or that of each place in training, whichever is better."""
        return constant_maps.against_constant(answers, truth)

    def weaknesses(self, answers: Array, truth: Truth) -> tuple[Weakness, ...]:
        """Answers that are one class throughout, where there are several."""
        import numpy as np

        real = truth.labels != IGNORED
        found = np.unique(answers[real])
        if len(found) != 1 or len(np.unique(truth.labels[real])) == 1:
            return ()
        return (
            Weakness(
                code="one-class",
                text=f"every mask is one class: all pixels of {len(answers):,} pictures are "
                f"answered {truth.classes[int(found[0])]!r}",
                fix="train for more epochs or at another --learning-rate, or let classes count the "
                "same (--class-weights balanced)",
            ),
        )

    def recalls(self, answers: Array, truth: Truth) -> Mapping[str, Metric]:
        """The share of each class's pixels that is answered so."""
        labels, chosen = truth.labels.reshape(len(answers), -1), answers.reshape(len(answers), -1)
        return by_class.recalls(chosen, labels, truth.classes, "pixel")

    def unanswered(self, answers: Array, truth: Truth) -> tuple[str, ...]:
        """Classes that no pixel is answered."""
        labels, chosen = truth.labels.reshape(len(answers), -1), answers.reshape(len(answers), -1)
        return by_class.unanswered(chosen, labels, truth.classes)

    def class_loss(self, truth: Truth, reference: Array, candidate: Array) -> Check | None:
        """Pixels of each class, the file's against the reference's."""
        labels, before, after = (
            maps.reshape(len(maps), -1) for maps in (truth.labels, reference, candidate)
        )
        return by_class.class_loss(labels, before, after, truth.classes, "pixels")

    def probability_checks(
        self, truth: Truth, reference: Array, candidate: Array, precision: Precision
    ) -> tuple[Check, ...]:
        """Those of a classification, of the pixels whose probabilities are kept."""
        before, after = (class_maps.sampled_probabilities(one) for one in (reference, candidate))
        labels = class_maps.sampled_labels(truth.labels)
        width = before.shape[-1]
        return (
            confidence_loss(labels, before, after, precision.tolerances.confidence),
            resolution(before.reshape(-1, width), after.reshape(-1, width), precision),
        )

    def calibration_error(self, outputs: Array, truth: Truth) -> float | None:
        """Of the likeliest class of the pixels whose probabilities are kept."""
        labels = class_maps.sampled_labels(truth.labels)
        return calibration_error(class_maps.sampled_probabilities(outputs), labels)

    def details(self, answers: Array, truth: Truth) -> Mapping[str, Any]:
        """The confusion matrix of pixels: rows are true classes, columns answered ones."""
        counts = confusions(truth.labels, answers, len(truth.classes)).sum(axis=0)
        return {"confusion": counts.tolist(), "classes": list(truth.classes)}

    def wrong(self, answers: Array, labels: Array) -> Array | None:
        """Pictures whose own mean intersection over union is below a half."""
        severity = self.severity(answers, labels)
        return None if severity is None else severity > 1.0 - _MISTAKEN

    def severity(self, answers: Array, labels: Array) -> Array | None:
        """One less the mean intersection over union of each picture's own classes."""
        import numpy as np

        count = int(max(labels.max(), answers.max())) + 1
        each = [overlaps(one[None])[0] for one in confusions(labels, answers, count)]
        own = [1.0 - np.nanmean(one) if (~np.isnan(one)).any() else 0.0 for one in each]
        severity: Array = np.array(own)
        return severity

    def describe_answer(self, answer: Any, classes: tuple[str, ...]) -> tuple[str, float | None]:
        """The largest shares of the picture."""
        return shares_text(shares_of(answer, classes)), None

    def describe_label(self, label: Any, classes: tuple[str, ...]) -> str:
        """Likewise of the true mask."""
        return shares_text(shares_of(label, classes))

    def describe_beside(
        self, answer: Any, label: Any, classes: tuple[str, ...]
    ) -> tuple[str, float | None]:
        """The mean intersection over union of the picture's own classes."""
        severity = self.severity(answer[None], label[None])
        return "" if severity is None else f"{objective.METRIC} {share(1.0 - severity[0])} %", None

    def pictures_beside(
        self,
        given: Array,
        output: Array,
        files: Mapping[str, Array],
        label: Any,
        classes: tuple[str, ...] = (),
    ) -> Mapping[str, Array]:
        """Masks over the picture: the true one, the network's, and each file's.

        What a file answers otherwise than the network is chequered.
        """
        mask, count = class_maps.mask_of(output), class_maps.classes_of(output)
        found = {
            "what is true": overlay(given, label, count),
            "before export": overlay(given, mask, count),
        }
        for file, own in files.items():
            found[file] = overlay(given, class_maps.mask_of(own), count, mask)
        return found

    def decoded(
        self, output: Any, classes: tuple[str, ...], most: int, steps: Sequence[str] = ()
    ) -> DecodedOutput:
        """The class of each pixel, and the share of the picture that each class has."""
        mask = class_maps.mask_of(output)
        shares = shares_of(mask, classes)
        return DecodedOutput(
            mask=DecodedMask(chosen=mask, names=classes),
            answer=shares_text(shares),
            scores=shares[:most],
            probabilities=True,
            chosen=tuple(one.name for one in shares),
        )


def shares_of(mask: Array, classes: tuple[str, ...]) -> tuple[NamedScore, ...]:
    """Share of the labelled pixels of each class that is there, the largest first.

    Args:
        mask: Classes, (height, width); `IGNORED` pixels do not count.
        classes: Names.
    """
    import numpy as np

    real = mask[mask != IGNORED].astype(np.int64)
    counts = np.bincount(real, minlength=len(classes))
    order = np.argsort(-counts, kind="stable")
    return tuple(
        NamedScore(name=classes[place], value=float(counts[place]) / real.size)
        for place in order.tolist()
        if counts[place]
    )


def shares_text(shares: Sequence[NamedScore]) -> str:
    """``background 71.2 %, bag 20.1 %``; the smallest of many together."""
    told = [f"{one.name} {share(one.value)} %" for one in shares[:_MOST_SHARES]]
    if rest := shares[_MOST_SHARES:]:
        told.append(f"{len(rest)} more {share(sum(one.value for one in rest))} %")
    return ", ".join(told) or "no labelled pixel"

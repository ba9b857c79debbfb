"""How far a file's outputs may be from its network's, whatever the task.

Tasks compare decisions. That alone passes a file whose probabilities are all squeezed towards
each other, since it decides as its network does. So outputs are compared as numbers, too:
probabilities by their total variation distance, half the sum of absolute differences, which is
the share of probability that lies elsewhere, 0 to 1, and by what was done to all log-odds alike
(`distortion`); other outputs by their noise beside their own spread. What the last axis of such an
output holds (targets, channels, features) are its components, each beside its own spread: what is
small beside its neighbours is not lost unseen.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from zoo.artifacts.distortion import distortion
from zoo.common.proportions import LeastShare
from zoo.contracts import Check, Comparison, Precision, Task
from zoo.results.formatting import plus_minus

if TYPE_CHECKING:
    from zoo.contracts.precision import Tolerances
    from zoo.contracts.task import Array

#: Probabilities that moved by more than this are counted: integer files do so hardly ever.
FAR = 0.25
#: Of fewer inputs no mean is taken: golden inputs, which are three, have tolerances of their own.
LEAST = 16
#: How far a row of probabilities may be from one in all.
_SUM_TOLERANCE = 1e-3
#: A spread below this share of the size is rounding.
_CONSTANT = 1e-9
#: Other decisions on few inputs may be chance where outputs moved by no more than this share of the
#: limits, about what honest files do.
_EXCUSED = 1 / 3
#: Components that are mostly one value are judged beside this share of the whole output's spread
#: at least: the steps of eight bits are a fortieth of it.
_RECTIFIED = 1 / 32


def compare(task: Task, reference: Array, candidate: Array, rounding: float = 0.0) -> Comparison:
    """The task's comparison, with how far each output moved.

    Args:
        task: Compares decisions.
        reference: Outputs of the network, or of what else the file is to answer like.
        candidate: Outputs of the file on the same inputs.
        rounding: By which share of its size a constant of the file is rounded, which is no noise
            (`Precision.rounding`).

    Raises:
        ZooError: The shapes differ, says the task.
    """
    found = task.compare(reference, candidate)
    moved = {
        name: movement_of(task.choices(own), task.choices(theirs), rounding)
        for name, (own, theirs) in task.comparable(reference, candidate).items()
    }
    outputs = {
        name: moved[name].put_into(one) if name in moved else one
        for name, one in found.outputs.items()
    }
    return Movement.worst([*moved.values()]).put_into(replace(found, outputs=outputs))


@dataclass(frozen=True, kw_only=True)
class Movement:
    """How far one output moved: the figures of this name in `Comparison`."""

    moved: float | None = None
    far: float | None = None
    noise: float | None = None
    component: int | None = None
    scaled: float | None = None
    shifted: float | None = None
    shifted_class: int | None = None

    @classmethod
    def worst(cls, each: Sequence[Movement]) -> Movement:
        """The figure of each kind that is farthest from 0; a NaN is farther than any number."""
        import numpy as np

        if len(each) == 1:
            return each[0]

        def largest(figures: Iterable[float | None]) -> float | None:
            known = [figure for figure in figures if figure is not None]
            return known[int(np.abs(known).argmax())] if known else None

        return cls(
            moved=largest(one.moved for one in each),
            far=largest(one.far for one in each),
            noise=largest(one.noise for one in each),
            scaled=largest(one.scaled for one in each),
            shifted=largest(one.shifted for one in each),
        )

    def put_into(self, comparison: Comparison) -> Comparison:
        """The comparison with these figures."""
        return replace(comparison, **vars(self))


def movement_of(
    reference: Sequence[Array], candidate: Sequence[Array], rounding: float = 0.0
) -> Movement:
    """`movement` of an output that is one choice, or several; of these the worst of each figure.

    What is shifted among several is numbered by them.
    """
    each = [movement(own, other, rounding) for own, other in zip(reference, candidate, strict=True)]
    found = Movement.worst(each)
    if len(each) == 1 or found.shifted is None:
        return found
    places = [place for place, one in enumerate(each) if one.shifted_class is not None]
    import numpy as np

    worst = int(np.abs([float(each[place].shifted or 0.0) for place in places]).argmax())
    # Of two probabilities that add up to one, one shift is the other's with its sign turned.
    turned = -1.0 if each[places[worst]].shifted_class == 1 else 1.0
    return replace(found, shifted=turned * found.shifted, shifted_class=places[worst])


def movement(reference: Array, candidate: Array, rounding: float = 0.0) -> Movement:
    """How far an output moved: ``noise`` of outputs that are no probabilities, all else of those.

    Nothing of outputs that are no real numbers, and where so few inputs were compared that a mean
    says little.
    """
    import numpy as np

    if reference.dtype.kind != "f" or len(reference) < LEAST:
        return Movement()  # Numbers of classes, say: how far apart they are says nothing.
    difference = candidate - reference
    if is_probabilities(reference):
        distances = np.abs(difference).sum(axis=-1, dtype=np.float64) / 2.0
        # Written so that a NaN counts as far.
        far = float((~(distances <= FAR)).mean())
        alike = distortion(reference, candidate)
        return Movement(moved=float(distances.mean()), far=far, **vars(alike))
    width = reference.shape[-1] if reference.ndim > 1 else 1
    noise = _noise(reference.reshape(-1, width), difference.reshape(-1, width), rounding)
    worst = int(noise.argmax())  # The first NaN, if there is one.
    return Movement(noise=float(noise[worst]), component=worst if width > 1 else None)


def _noise(reference: Array, difference: Array, rounding: float) -> Array:
    """The noise of each component as a share of its spread: float64 (components,).

    Both are (values, components).
    """
    import numpy as np

    # Several targets may be of different size: how far they are from each other is no spread.
    means = reference.mean(axis=0, dtype=np.float64)
    own = reference - means
    # Where a component lies is a constant of the file, and rounded as such.
    difference = np.maximum(np.abs(difference) - rounding * np.abs(means), 0.0)
    spreads, sizes = own.std(axis=0), np.abs(reference).mean(axis=0, dtype=np.float64)
    whole, size = float(own.std()), float(sizes.mean())
    # Of what never changes the size counts.
    constant = spreads <= _CONSTANT * sizes
    spreads[constant] = np.where(sizes[constant] > 0.0, sizes[constant], whole or size or 1.0)
    # A feature behind a rectifier that is hardly ever active has no spread to speak of.
    mostly_one = (reference == np.median(reference, axis=0)).mean(axis=0) > 0.5
    spreads[mostly_one] = np.maximum(spreads[mostly_one], _RECTIFIED * whole)
    noise: Array = np.sqrt(np.square(difference).mean(axis=0, dtype=np.float64)) / spreads
    return noise


def is_probabilities(outputs: Array) -> bool:
    """Whether each row is a distribution over at least two classes."""
    import numpy as np

    if outputs.ndim < 2 or outputs.shape[-1] < 2:
        return False
    sums = outputs.sum(axis=-1)
    return bool(outputs.min() >= 0.0 and np.abs(sums - 1.0).max() <= _SUM_TOLERANCE)


def parity(task: Task, comparison: Comparison, precision: Precision) -> Check:
    """The task's parity, failed where outputs moved farther than the precision allows.

    So it is where decisions differ more often than the precision allows, though the task puts that
    down to chance (`Check.unsure`), unless inputs are few and outputs moved as those of honest
    files do.

    Args:
        task: Judges decisions.
        comparison: From `compare`; figures that it lacks were not measured.
        precision: Of the file.
    """
    check, allowed = task.parity(comparison, precision), task.tolerances(precision)
    values, limits, reasons = [check.value], [check.limit], [check.reason]
    for name, one in (comparison.outputs or {"": comparison}).items():
        of = f"{name} " if name else ""
        told: list[str] = []
        # Each is written so that a NaN, which compares false to everything, fails.
        if one.moved is not None:
            values.append(f"{of}moved by {one.moved:.2g}")
            limits.append(f"{of}moved by {allowed.moved:g}")
            if not one.moved <= allowed.moved:
                told.append(f"{of or 'its '}probabilities are moved by {one.moved:.2g} on average")
        if one.far is not None:
            limits.append(f"{of}by more than {FAR:g} on {allowed.far:.1%}")
            values.append(f"{of}by more than {FAR:g} on {one.far:.2%}")
            near = LeastShare(share=1.0 - one.far, count=comparison.count, least=1.0 - allowed.far)
            if not near.passed:
                told.append(f"{of or 'its '}probabilities are far off on {one.far:.1%} of inputs")
        if one.scaled is not None:
            limits.append(f"{of}log-odds scaled by {allowed.scaled:.2g}")
            values.append(f"{of}log-odds scaled by {one.scaled:.2g}")
            if not abs(one.scaled) <= allowed.scaled:
                how = "less sure" if one.scaled < 0 else "surer"
                told.append(
                    f"{of}log-odds are scaled by {plus_minus(one.scaled, '.2g')}: "
                    f"answers are all {how}"
                )
        if one.shifted is not None:
            limits.append(f"{of}shifted by {allowed.shifted:.2g}")
            values.append(f"{of}shifted by {one.shifted:.2g}")
            if not abs(one.shifted) <= allowed.shifted:
                told.append(
                    f"{of}log-odds of class {one.shifted_class} are shifted by "
                    f"{plus_minus(one.shifted, '.2g')}"
                )
        if one.noise is not None:
            values.append(f"{of}noise {one.noise:.2g}")
            limits.append(f"{of}noise {allowed.noise:g}")
            if not one.noise <= allowed.noise:
                what = f"the output {name}" if name else "the output"
                if one.component is not None:
                    what = f"component {one.component} of {what}"
                told.append(f"{what} differs by {one.noise:.2g} of its own spread")
        few = one.agreed(precision).few
        enough = one.agreement >= allowed.agreement or (few and _as_honest(one, allowed))
        if check.is_unsure_of(name) and not enough:
            why = "outputs were not seen to move so little that chance explains it"
            told.append(
                f"{1 - one.agreement:.1%} of {of or 'its '}decisions are others, and "
                + (why if few else f"{one.count:,} inputs are too many for chance")
            )
        reasons += told
    passed = check.passed and not any(reasons[1:])
    return replace(
        check,
        passed=passed,
        value=", ".join(values),
        limit=", ".join(limits),
        reason="; ".join(filter(None, reasons)),
        unsure=check.unsure if passed else "",
    )


def _as_honest(one: Comparison, allowed: Tolerances) -> bool:
    """Whether outputs were measured, and moved as little as those of honest files."""
    found = [(one.moved, allowed.moved), (one.noise, allowed.noise)]
    shares = [figure / limit for figure, limit in found if figure is not None]
    return bool(shares) and all(share <= _EXCUSED for share in shares)

"""How a file's codes and pictures are held against its network's."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from zoo.contracts import Check, Comparison, Precision
from zoo.tasks import picture_checks
from zoo.tasks.classification import check_shapes

if TYPE_CHECKING:
    from zoo.contracts.task import Array

CODE, PICTURE = "code", "picture"
#: A number of 16 bits.
_LARGEST = 2**15 - 1
#: Mean absolute error of rounding to whole numbers: what files of integers may add to it.
_ROUNDING = 0.25
#: Share of the whole numbers that files of real numbers must have in common with the network's, at
#: most: the others lie in the middle between two. It is less where weights are rounded coarsely.
_SAME = 0.99
#: Pictures are compared by themselves where so many have the same code.
_FEW = 16
#: A channel of less spread, in steps of rounding, is mostly 0: it is compared as it is stored.
_FAINT = 1.0
_MOST_DB = 200.0


def codes_of(outputs: Array) -> Array:
    """The whole numbers that are coded, int16, of the shape of a network's real ones.

    NaN is 0, and what 16 bits cannot hold is the nearest that they can.
    """
    import numpy as np

    values = np.nan_to_num(outputs.astype(np.float32), nan=0.0, posinf=_LARGEST, neginf=-_LARGEST)
    codes: Array = np.clip(np.rint(values), -_LARGEST, _LARGEST).astype(np.int16)
    return codes


def compare(reference: Array, candidate: Array) -> Comparison:
    """Codes by their noise and the share of equal whole numbers; pictures as pictures are.

    A number in the middle between two whole ones may be rounded to either, and the picture follows:
    so pictures are compared where codes are the same, if there are some.

    Raises:
        ZooError: The shapes differ.
    """
    import numpy as np

    check_shapes(reference[CODE], candidate[CODE])
    own, other = (codes_of(one[CODE]) for one in (reference, candidate))
    apart = np.abs(reference[CODE].astype(np.float64) - candidate[CODE])
    spread = max(float(reference[CODE].std(dtype=np.float64)), 2.0**-126)
    noise = math.sqrt(float(np.square(apart).mean())) / spread
    # Written so that a NaN stays one.
    quiet = _MOST_DB if noise < 10 ** (-_MOST_DB / 20) else -20.0 * math.log10(noise)
    code = Comparison(
        count=len(own),
        max_abs=float(apart.max()),
        mean_abs=float(apart.mean()),
        agreement=float((own == other).mean()),
        sqnr_db=quiet,
    )
    both = same_codes(reference, candidate)
    return Comparison.combined({CODE: code, PICTURE: picture_checks.compare(*both)})


def same_codes(reference: Array, candidate: Array) -> tuple[Array, Array]:
    """The pictures of both whose codes are the same, if there are some; else all."""
    import numpy as np

    own, other = (codes_of(one[CODE]) for one in (reference, candidate))
    alike = (own == other).reshape(len(own), -1).all(axis=1)
    both = reference[PICTURE], candidate[PICTURE]
    if alike.sum() < min(_FEW, len(own)):
        return both
    # One that holds a NaN is compared, whatever its code.
    alike |= ~np.isfinite(both[1]).reshape(len(own), -1).all(axis=1)
    return both[0][alike], both[1][alike]


def comparable(reference: Array, candidate: Array) -> dict[str, tuple[Array, Array]]:
    """What is to be near, by name: codes, and pictures of the same whole numbers.

    Of a file whose code is whole numbers already, what its rounding explains is left out. So it is
    of faint channels in all files, which are held against one step of rounding, not against their
    own spread: real numbers that are mostly stored as 0 may be so in their own way.
    """
    import numpy as np

    own, other = (one[CODE].astype(np.float64) for one in (reference, candidate))
    stored = np.rint(other)
    beyond = np.sign(stored - own) * np.maximum(np.abs(stored - own) - 0.5, 0.0)
    apart = beyond if np.array_equal(other, stored) else other - own
    spread = own.std(axis=tuple(range(own.ndim - 1)))
    # Noise is told beside the spread of a channel, which is made one step so.
    apart = np.where(spread < _FAINT, beyond * (spread / _FAINT), apart)
    return {CODE: (own, own + apart), PICTURE: same_codes(reference, candidate)}


def parity(comparison: Comparison, precision: Precision) -> Check:
    """Whether files make the codes and the pictures that the Keras network makes."""
    code, picture = (comparison.outputs.get(name, comparison) for name in (CODE, PICTURE))
    noise = math.nan if code.sqnr_db is None else code.sqnr_db
    integers = precision.arithmetic == "integer"
    least = precision.tolerances.sqnr_db
    same = min(_SAME, precision.tolerances.agreement)
    # Written so that a NaN, which compares false to everything, fails.
    near = code.mean_abs <= _ROUNDING if integers else noise >= least and code.agreement >= same
    value = (
        f"{noise:.1f} dB, {code.agreement:.2%} of the whole numbers the same, "
        f"mean |Δ| {code.mean_abs:.2g}"
    )
    limit = (
        f"mean |Δ| at most {_ROUNDING:g}"
        if integers
        else f"at least {least:g} dB, {same:.0%} of the whole numbers the same"
    )
    return Check.combined(
        {
            CODE: Check(
                name="parity",
                passed=near,
                value=value,
                limit=limit,
                reason="" if near else f"the code is another: {value}",
            ),
            PICTURE: picture_checks.parity(picture, precision),
        }
    )

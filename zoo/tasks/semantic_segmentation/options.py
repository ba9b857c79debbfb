"""The options of training for masks: validated by pydantic, which lists do not wait for."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from zoo.contracts.declaration import Real
from zoo.contracts.training import Section


class SegmentationOptions(Section):
    """Options of training for masks.

    Attributes:
        dice: Weight of the Dice loss (Milletari et al. 2016, arXiv:1606.04797) beside the
            cross-entropy: one less the overlap of probabilities and true mask, of each class that
            a batch has, whatever its size; 0 for none.
    """

    dice: Annotated[Real, Field(ge=0, le=100)] = 0.0

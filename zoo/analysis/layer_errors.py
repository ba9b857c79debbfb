"""Errors by layer as they are recorded, read from a `LayerComparison`."""

from __future__ import annotations

import math

from zoo.analysis.layer_ranking import HARMLESS_DB, cause_of, sensitive_layers
from zoo.contracts import LayerComparison, OperatorRecord
from zoo.results.layer_errors import LayerError


def layer_errors(found: LayerComparison) -> tuple[LayerError, ...]:
    """One for each computing operator, in the file's order."""
    harmful = [one for one in sensitive_layers(found) if one.decibels < HARMLESS_DB]
    ranks = {one.place: rank for rank, one in enumerate(harmful, 1)}
    return tuple(
        LayerError(
            layer="+".join(record.layers) or record.name,
            operator=record.kind,
            arithmetic=record.arithmetic,
            sqnr_db=_figure(record.sqnr_db),
            own_sqnr_db=_figure(record.own_sqnr_db),
            cause=main_error(record),
            rank=ranks.get(place),
        )
        for place, record in enumerate(found.operators)
    )


def main_error(record: OperatorRecord) -> str:
    """Where an operator's own error comes from; nothing for one that loses nothing."""
    loses = record.own_sqnr_db is not None and record.own_sqnr_db < HARMLESS_DB
    return cause_of(record) if loses and record.arithmetic != "float" else ""


def _figure(decibels: float | None) -> float | None:
    """To a hundredth; None also of what another's exporter gives that is no number."""
    return None if decibels is None or not math.isfinite(decibels) else round(decibels, 2)

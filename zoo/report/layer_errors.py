"""Recorded errors by layer, in words and as rows of text."""

from __future__ import annotations

from collections.abc import Sequence

from zoo.analysis.findings import decibels
from zoo.analysis.layer_ranking import HARMLESS_DB
from zoo.report.layer_table import SAME_DB, decibel_text
from zoo.results import formatting as fmt
from zoo.results.layer_errors import LayerError, LayerErrors

#: Of a table of `error_rows`; figures begin with "#".
HEADINGS = ("Layer", "Operator", "#By itself, dB", "#In the whole file, dB", "Main error")
_LONGEST = 44


def error_rows(layers: Sequence[LayerError]) -> list[tuple[str, ...]]:
    """One row for each layer, under `HEADINGS`."""
    return [
        (
            fmt.plain(layer.layer, _LONGEST),
            fmt.plain(layer.operator, _LONGEST),
            decibel_text(layer.own_sqnr_db),
            decibel_text(layer.sqnr_db),
            layer.cause,
        )
        for layer in layers
    ]


def worst_in_words(found: LayerErrors) -> str:
    """The layer that loses the most by itself, what has gathered at the end, what is unknown."""
    known = found.worst_first
    told = [_worst(known[0]) if known else "No layer can be compared with the float32 file’s."]
    gathered = [layer.sqnr_db for layer in found.layers if layer.sqnr_db is not None]
    if known and gathered and gathered[-1] < SAME_DB:
        told.append(f"The last layer has {decibels(gathered[-1])} in the whole file.")
    unknown = len(found.layers) - len(known)
    if known and unknown:
        told.append(f"{fmt.count(unknown, 'layer')} cannot be compared.")
    return " ".join(told)


def _worst(layer: LayerError) -> str:
    own = layer.own_sqnr_db or 0.0
    named = f"{fmt.plain(layer.layer, _LONGEST)} ({fmt.plain(layer.operator, _LONGEST)})"
    if own >= SAME_DB:
        return "No layer differs from the float32 file’s."
    if own >= HARMLESS_DB:
        return f"No layer adds an error that shows. The worst, {named}, has {decibels(own)}."
    cause = f", from {_CAUSES[layer.cause]}" if layer.cause in _CAUSES else ""
    return f"{named} adds the most error: {decibels(own)} by itself{cause}."


_CAUSES = {
    "inputs": "the range of its inputs",
    "weights": "its weights",
    "output": "the range of its output",
    "kernel": "how its kernel computes",
}

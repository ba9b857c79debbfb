"""A file and its float twin, layer by layer, as rows of text."""

from __future__ import annotations

from zoo.analysis.findings import clips, layers_of
from zoo.analysis.layer_errors import main_error
from zoo.analysis.layer_ranking import BYTE
from zoo.contracts import LayerComparison, OperatorRecord
from zoo.results import formatting as fmt
from zoo.results.disturbances import worst_of_each

HEADINGS = (
    *("layer", "operator", "computes in", "SNR cumulative, dB", "SNR isolated, dB"),
    *("main error", "clipped %", "bytes", "float bytes", "µs", "float µs"),
)
#: From here on nothing differs to speak of: what differs by nothing has no decibels.
SAME_DB = 150.0
RIGHT = "lllrrlrrrrr"
#: What a narrow terminal does without, the first one first, and what may be wrapped there.
SPARE = ("float bytes", "float µs", "bytes", "clipped %", "computes in", "operator")
PROSE = ("layer", "computes in")


def rows(found: LayerComparison) -> list[tuple[str, ...]]:
    """One row for each computing operator, in the file's order, under `HEADINGS`."""
    return [_row(record, "~" if found.noise else "") for record in found.operators]


def noise_line(found: LayerComparison) -> str:
    """What disturbed the times, for below the table; empty when the machine was quiet."""
    if not found.noise:
        return ""
    return f"~ times are noisy, do not rely on them: {'; '.join(worst_of_each(found.noise))}"


def _row(record: OperatorRecord, noisy: str) -> tuple[str, ...]:
    clipped = fmt.share(record.clipped, 2) if clips(record) else fmt.MISSING
    return (
        fmt.plain(layers_of(record), 44),
        record.kind,
        _computes_in(record),
        decibel_text(record.sqnr_db),
        decibel_text(record.own_sqnr_db),
        main_error(record),
        clipped,
        f"{record.weight_bytes:,}",
        f"{record.twin_weight_bytes:,}",
        _microseconds(record.microseconds, noisy),
        _microseconds(record.twin_microseconds, noisy),
    )


def _computes_in(record: OperatorRecord) -> str:
    """``hybrid``; of weights of few bits ``hybrid, 4 bits``."""
    small = record.weight_bits is not None and record.weight_bits < BYTE
    return f"{record.arithmetic}, {record.weight_bits} bits" if small else record.arithmetic


def decibel_text(value: float | None) -> str:
    """A ratio of signal to noise, without its unit."""
    if value is None:
        return fmt.MISSING
    return "same" if value >= SAME_DB else f"{value:.1f}".replace("-", fmt.MINUS)


def _microseconds(value: float | None, noisy: str) -> str:
    return fmt.MISSING if value is None else f"{noisy}{value:.1f}"

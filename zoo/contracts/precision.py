"""Number types that files are written in."""

from __future__ import annotations

#: Every precision the product knows; an exporter claims some of them.
PRECISIONS = ("float32", "float16", "dynamic-int8", "int8", "int16x8")
#: Those that need calibration data.
CALIBRATED = frozenset({"int8", "int16x8"})
#: How the ranges of integers follow from what tensors held; ``auto`` takes the one with which the
#: file errs least on inputs that were not calibrated on.
CALIBRATIONS = ("auto", "minmax", "percentile", "entropy", "mse", "moving-average")
#: How a recurrent layer's loop over time may be written; ``auto`` leaves it to the exporter.
RECURRENT_FORMS = ("auto", "fused", "unrolled", "while")

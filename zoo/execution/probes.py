"""Tiny files with known outputs, run to find out whether a runtime works on a device."""

from __future__ import annotations

from pathlib import Path

#: Files that hold one dense layer, `WEIGHTS` and `BIAS`, in each format that devices may take.
PROBES = Path(__file__).with_name("probe_files")
WEIGHTS = ((1.0, 2.0, 3.0, 4.0), (-1.0, 0.0, 1.0, 0.0), (0.5, 0.25, 0.0, -2.0))
BIAS = (0.5, -1.0, 2.0)
#: Largest error of an answer: a processor with halves alone would still be within it.
TOLERANCE = 0.02

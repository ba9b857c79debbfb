"""Outputs that are rounded to whole numbers: integer files give and take these as they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

keras = pytest.importorskip("keras")
pytest.importorskip("onnxruntime")
pytest.importorskip("ai_edge_litert")

from tiny_networks import FORMATS, REGISTRY, answers_of  # noqa: E402

from zoo.contracts import ExportRequest  # noqa: E402


def file_of(folder: Path, exporter: Any, model: Any, samples: Any, **whole: bool) -> Path:
    path = folder / f"file{exporter.suffix}"
    exporter.export(
        ExportRequest(
            model=model,
            path=path,
            precision="int8",
            calibration=samples,
            input_name="given",
            output_names=("made",),
            integer_input=False,
            **whole,
        )
    )
    return path


@pytest.mark.parametrize("format_name", FORMATS)
def test_an_integer_file_rounds_once(format_name: str, tmp_path: Path) -> None:
    """Steps that a range gave, 0.47 here, would round a number twice."""
    exporter = REGISTRY.exporters.get(format_name)
    draw = np.random.default_rng(0)
    samples = draw.normal(0, 20, (40, 4, 4, 3)).clip(-60, 60).astype(np.float32)
    given = keras.Input((4, 4, 3), batch_size=1)
    turned = keras.initializers.Orthogonal(seed=1)
    layer = keras.layers.Conv2D(4, 1, use_bias=False, kernel_initializer=turned)
    encoder = keras.Model(given, layer(given))
    own = np.asarray(layer(samples))
    made = {}
    for whole in (False, True):
        path = file_of(tmp_path, exporter, encoder, samples, whole_outputs=whole)
        made[whole] = answers_of(path, samples)
    assert np.array_equal(made[True], np.rint(made[True]))
    assert not np.array_equal(made[False], np.rint(made[False]))
    # What int8 loses beyond rounding itself.
    lost = {whole: (np.rint(found) != np.rint(own)).mean() for whole, found in made.items()}
    assert lost[True] < lost[False]

    whole_samples = np.rint(samples)
    kept = {}
    for whole in (False, True):
        path = file_of(tmp_path, exporter, encoder, whole_samples, whole_input=whole)
        kept[whole] = np.abs(answers_of(path, whole_samples) - layer(whole_samples))
    assert kept[True].mean() < kept[False].mean()

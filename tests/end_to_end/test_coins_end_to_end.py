"""A photograph and its segmentation, as they come with scikit-image: read, learnt, quantized."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from zoo.common.progress import quiet
from zoo.pipeline.job import make_job
from zoo.pipeline.options import recipe_from
from zoo.pipeline.plan import PlanScope
from zoo.pipeline.run import execute
from zoo.registry import load_registry

for module in ("tensorflow", "ai_edge_litert", "skimage", "PIL"):
    pytest.importorskip(module)

pytestmark = pytest.mark.slow

SIDE, STEP = 48, 16
#: Columns of the photograph: no pixel is in two splits.
PARTS = {"train": (0, 216), "validation": (216, 288), "test": (288, 384)}


def written(folder: Path) -> str:
    """Squares of the coins, and which of their pixels are coins: brighter ones, without holes."""
    from PIL import Image
    from scipy.ndimage import binary_fill_holes
    from skimage import data, filters, morphology

    photograph = data.coins()
    lit = photograph - filters.gaussian(photograph, 40, preserve_range=True)
    coins = morphology.opening(binary_fill_holes(lit > filters.threshold_otsu(lit)))
    for split, (left, right) in PARTS.items():
        for kind in ("images", "masks"):
            (folder / split / kind).mkdir(parents=True)
        for top in range(0, photograph.shape[0] - SIDE + 1, STEP):
            for start in range(left, right - SIDE + 1, STEP):
                square = slice(top, top + SIDE), slice(start, start + SIDE)
                name = f"{top}_{start}.png"
                Image.fromarray(photograph[square]).save(folder / split / "images" / name)
                Image.fromarray(coins[square].astype(np.uint8)).save(
                    folder / split / "masks" / name
                )
    (folder / "classes.txt").write_text("table\ncoin\n", encoding="utf-8")
    return f"masks:{folder}"


def test_coins_are_cut_out_by_a_network_trained_to_be_quantized(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    data, registry = written(tmp_path / "coins"), load_registry()
    recipe = recipe_from(
        model="unet_small",
        data=data,
        format=("tflite",),
        precision=("int8",),
        set={"filters": [4, 8]},
        input_size=SIDE,
        channels=1,
        from_scratch=True,
        epochs=4,
        batch_size=8,
        learning_rate=0.01,
        calibration_method="minmax",
        qat=True,
        qat_epochs=1,
        task_option={"dice": 1.0},
    )
    run = execute(
        make_job(recipe, registry),
        scope=PlanScope(bench=False),
        output=tmp_path / "runs",
        named=True,
        store_url=None,
        on_step=quiet,
    )
    assert run.passed, [one.record.reason for one in run.finished.values()]
    steps = {one.record.step: one.record for one in run.finished.values()}
    assert any("qat" in name for name in steps), [*steps]
    assert run.metrics["mean IoU"].value > 0.85
    assert {*run.metrics} >= {"mean IoU", "table IoU", "coin IoU"}

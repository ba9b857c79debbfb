"""Local response normalization: what it computes, and that files of every format carry it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from shared_agents import answers

from zoo.contracts import ExportRequest
from zoo.networks.building import build_network, deployed_model
from zoo.registry import PluginSettings, load_registry

pytest.importorskip("tensorflow")

REGISTRY = load_registry(PluginSettings(installed=False))


def small(**hyperparameters: Any) -> Any:
    architecture, variant = REGISTRY.variant("alexnet_small")
    return build_network(architecture, variant, 10, hyperparameters)


def test_response_normalization_is_the_formula_of_the_paper() -> None:
    """Section 3.3: b_i = a_i / (k + α Σ a_j²)^β over five neighbouring maps."""
    layer = small(normalization="lrn").get_layer("lrn1")
    maps = np.random.default_rng(1).normal(size=(1, 2, 2, 8)).astype(np.float32) * 50
    squares = np.pad(maps**2, [(0, 0)] * 3 + [(2, 2)])
    sums = sum(squares[..., i : i + 8] for i in range(5))
    expected = maps / (2 + 1e-4 * sums) ** 0.75
    np.testing.assert_allclose(np.asarray(layer(maps)), expected, rtol=1e-5)


@pytest.mark.parametrize("exporter", list(REGISTRY.exporters), ids=lambda exporter: exporter.name)
def test_files_carry_response_normalization(exporter, tmp_path: Path) -> None:
    _, variant = REGISTRY.variant("alexnet_small")
    task = REGISTRY.tasks.get(variant.task)
    network = small(normalization="lrn")
    pixels = np.random.default_rng(1).integers(0, 256, (4, 28, 28, 1)).astype(np.uint8)
    path = tmp_path / f"network{exporter.suffix}"
    exporter.export(
        ExportRequest(
            model=deployed_model(network, variant.preprocessing, task),
            path=path,
            precision="float32",
            calibration=None,
            input_name="pixels",
            output_names=task.output_names,
            integer_input=True,
        )
    )
    operators = set(exporter.inspect(path).operators)
    assert operators & {"LRN", "LOCAL_RESPONSE_NORMALIZATION"}
    answered = answers(exporter.runtimes[0], path, pixels)
    expected = np.asarray(
        deployed_model(network, variant.preprocessing, task, batch=None)(np.float32(pixels))
    )
    assert task.compare(expected, answered).max_abs <= 1e-4


def test_each_normalization_has_the_parameters_that_it_needs() -> None:
    plain, response, batch = (
        small(normalization=name).count_params() for name in ("none", "lrn", "batch")
    )
    maps = 32 + 64 + 96 + 96 + 64
    assert plain == response
    # Four values per map take the place of one bias.
    assert batch == plain + 3 * maps

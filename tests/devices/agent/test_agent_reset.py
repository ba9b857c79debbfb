"""What is timed is one sequence after another, each from a fresh state."""

from __future__ import annotations

from typing import Any

import numpy as np

from zoo.devices.agent.zoo_agent.runtimes.base import Model
from zoo.devices.agent.zoo_agent.timing import bench


class Recorded(Model):
    """Stands for a runtime: writes down in which order it is called."""

    def __init__(self) -> None:
        self.inputs = [
            {"name": "x", "shape": [1, 4], "dtype": "float32", "scale": None, "zero_point": None}
        ]
        self.calls: list[str] = []
        self.invoke = lambda: self.calls.append("invoke")

    def reset(self) -> None:
        self.calls.append("reset")

    def write(self, arrays: list[Any]) -> None:
        assert arrays[0].dtype == np.float32


def test_each_timed_invocation_begins_with_a_reset() -> None:
    model = Recorded()
    answer = bench(
        model, {"min_runs": 50, "min_seconds": 0.0, "max_seconds": 60.0, "warmup_seconds": 0.02}
    )
    assert answer["samples"]["count"] >= 50
    assert model.calls.count("invoke") >= 51
    assert set(model.calls[0::2]) == {"reset"}
    assert set(model.calls[1::2]) == {"invoke"}

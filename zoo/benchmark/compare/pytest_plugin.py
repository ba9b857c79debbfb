"""The pytest plugin: the fixture ``zoo_latency``, for budgets and comparisons in anybody's tests.

pytest imports this file whenever edgezoo is installed, so it imports nothing but pytest itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from zoo.benchmark.compare.latency_fixture import Latency

_UNSETTLED = ("skip", "fail")


def pytest_addoption(parser: pytest.Parser) -> None:
    """What becomes of a test of which nothing can be told."""
    help = 'a test whose verdict is "can\'t tell": skip or fail [skip]'
    group = parser.getgroup("edgezoo")
    group.addoption("--zoo-unsettled", choices=_UNSETTLED, default=None, help=help)
    parser.addini("zoo_unsettled", help, default="skip")


@pytest.fixture
def zoo_latency(request: pytest.FixtureRequest) -> Latency:
    """Times files and holds them against budgets, or against each other.

    ``zoo_latency("net.tflite", "p90<=20ms", device="host")`` fails when the budget is exceeded;
    ``zoo_latency.compare("old.tflite", "new.tflite")`` when the second is slower. Both skip the
    test, with the reason, when the machine was too noisy to tell (``--zoo-unsettled fail`` fails
    it), and return what was measured.
    """
    from zoo.benchmark.compare.latency_fixture import Latency

    config = request.config
    unsettled = config.getoption("--zoo-unsettled") or config.getini("zoo_unsettled")
    if unsettled not in _UNSETTLED:
        raise pytest.UsageError(f"zoo_unsettled must be skip or fail, not {unsettled!r}")
    return Latency(unsettled=unsettled, note=request.node.user_properties.append)

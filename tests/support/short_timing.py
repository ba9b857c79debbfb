"""Timing that takes a moment: what is done with times is tested, not how long something takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from zoo.benchmark.tiers import TIERS


@pytest.fixture(scope="module", autouse=True)
def short_timing() -> Iterator[None]:
    """The default tier, `brief`, samples for a twentieth of its time, in this process."""
    moment = replace(TIERS["brief"], seconds=0.05, warmup_seconds=0.02)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(TIERS, "brief", moment)
        yield

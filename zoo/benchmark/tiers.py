"""How long to measure: floors on inferences and on time, both of which must be reached."""

from __future__ import annotations

import math
from dataclasses import dataclass

from zoo.common.errors import UnknownName


@dataclass(frozen=True, kw_only=True)
class Tier:
    """A grade of care.

    Attributes:
        runs: Least number of inferences in all processes together.
        seconds: Least time of sampling in all processes together.
        processes: Fresh processes that share them.
        warmup_seconds: Limit of the warm-up in each process.
        limit_seconds: Sampling of one process ends here even below the floors, and says so.
        window_seconds: A long run is sampled in windows of this length, each with its own look at
            the machine; 0 samples each process in one go.
        first_seconds: Of a long run, the beginning that is told apart.
        steady_seconds: Of a long run, the end that is told apart.
    """

    name: str
    runs: int
    seconds: float
    processes: int
    warmup_seconds: float
    limit_seconds: float
    window_seconds: float = 0.0
    first_seconds: float = 60.0
    steady_seconds: float = 600.0

    @property
    def runs_each(self) -> int:
        """Least number of inferences in one process."""
        return math.ceil(self.runs / self.processes)

    @property
    def seconds_each(self) -> float:
        """Least time of sampling in one process."""
        return self.seconds / self.processes


#: `brief` is for a first look: one process, no claim beyond its interval. The floors of smoke,
#: quick and full are those of MLPerf Mobile. Five processes are what a comparison of two records
#: needs to say more than "can't tell"; smoke has fewer. `sustained` is one process, since heat is
#: what it looks for, and a pause between processes would let the device cool.
TIERS = {
    tier.name: tier
    for tier in (
        Tier(
            name="brief", runs=64, seconds=1.0, processes=1, warmup_seconds=0.5, limit_seconds=60.0
        ),
        Tier(
            name="smoke", runs=64, seconds=6.0, processes=3, warmup_seconds=1.0, limit_seconds=120.0
        ),
        Tier(
            name="quick",
            runs=128,
            seconds=10.0,
            processes=5,
            warmup_seconds=2.0,
            limit_seconds=300.0,
        ),
        Tier(
            name="full",
            runs=1024,
            seconds=60.0,
            processes=5,
            warmup_seconds=5.0,
            limit_seconds=1200.0,
        ),
        Tier(
            name="sustained",
            runs=1024,
            seconds=1800.0,
            processes=1,
            warmup_seconds=0.0,
            limit_seconds=2100.0,
            window_seconds=10.0,
        ),
    )
}


def tier_named(name: str) -> Tier:
    """The tier called `name`, or an error with suggestions."""
    if name not in TIERS:
        raise UnknownName("tier", name, TIERS)
    return TIERS[name]

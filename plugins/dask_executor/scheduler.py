"""The scheduler that ``zoo worker --scheduler`` starts."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from distributed import Scheduler

from .configuration import ANNOUNCED

#: Seconds between two signs of life of a worker, which tell what it performs.
_BEAT = 2.0


class ZooScheduler(Scheduler):  # type: ignore[misc]
    """Lets in one worker for each device, and misses those that are cut off."""

    async def add_worker(self, comm: Any, **told: Any) -> None:
        """Refuses a worker that announces a device of another one, as Dask does a taken name.

        Workers look for themselves before they join, and two may do so at the same moment.
        """
        others = [ws.extra for ws in self.workers.values() if ws.name != told["name"]]
        if taken := _devices(told["extra"]) & {name for one in others for name in _devices(one)}:
            message = f"devices of other workers: {', '.join(sorted(taken))}"
            await comm.write({"status": "error", "message": message, "time": time.time()})
            return
        await super().add_worker(comm, **told)

    def heartbeat_worker(self, *args: Any, **told: Any) -> dict[str, Any]:
        """Asks for fewer signs of life, each of which costs both sides a millisecond or two."""
        answer: dict[str, Any] = super().heartbeat_worker(*args, **told)
        if "heartbeat-interval" in answer:
            answer["heartbeat-interval"] = max(_BEAT, answer["heartbeat-interval"])
        return answer

    async def check_worker_ttl(self) -> None:
        """Gives up workers that were not heard of; Dask would wait for their nannies, too."""
        now = time.time()
        silent = [
            ws.address for ws in self.workers.values() if now - ws.last_seen > self.worker_ttl
        ]
        for address in silent:
            await self.remove_worker(address, stimulus_id=f"silent-{now}")


def _devices(extra: Mapping[str, Any]) -> set[str]:
    """Names of the devices that a worker announces in its registration."""
    announced = extra.get(ANNOUNCED) or {}
    return {str(device["name"]) for device in announced.get("devices", ())}

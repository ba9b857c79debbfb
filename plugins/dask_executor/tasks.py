"""What workers are called with: functions of modules that they have, and text."""

from __future__ import annotations

import json
import threading
from typing import Any

from zoo.common.clock import utc_now
from zoo.common.progress import Event
from zoo.pipeline.executors.host import OrderHost
from zoo.pipeline.executors.order import OrderHead

from .configuration import ANNOUNCED, TOPIC

_HOSTS: list[OrderHost] = []
_RUNNING: dict[str, dict[str, str]] = {}
_LOCK = threading.Lock()


def host() -> OrderHost:
    """The processes of this worker."""
    with _LOCK:
        if not _HOSTS:
            _HOSTS.append(OrderHost())
        return _HOSTS[0]


def perform_order(text: str) -> str:
    """Performs an order on this worker; its events go to whoever listens."""
    from distributed import get_worker

    worker = get_worker()
    order = OrderHead.head(text)

    def tell(**said: Any) -> None:
        worker.log_event(TOPIC, {"order": order.id, **said})

    def emit(event: Event) -> None:
        tell(event=json.dumps(event, default=str))

    told = {"order": order.id, "step": str(order.step), "run": order.run, "device": order.device}
    _RUNNING[order.id] = {**told, "since": utc_now()}
    tell(begun=True)
    try:
        answer = host().perform(text, emit)
    finally:
        _RUNNING.pop(order.id, None)
    # Whoever hears it need not have it fetched from here, which takes four messages.
    tell(answer=answer)
    return answer


def running() -> list[dict[str, str]]:
    """What is performed now."""
    return list(_RUNNING.values())


def unfinished_orders(dask_scheduler: Any) -> list[str]:
    """Names of the steps whose orders a scheduler knows and that have no answer, running or not."""
    ended = ("memory", "erred", "forgotten", "released")
    return [
        str((task.annotations or {}).get(ANNOUNCED, ""))
        for key, task in dask_scheduler.tasks.items()
        if str(key).startswith("zoo-") and task.state not in ended
    ]


def cancel_order(id: str) -> None:
    """Ends an order, if it is performed here."""
    if _HOSTS:
        _HOSTS[0].cancel(id)


def close_host(*_: Any) -> None:
    """Ends all processes of this worker."""
    while _HOSTS:
        _HOSTS.pop().close()

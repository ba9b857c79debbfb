"""What a Dask worker loads first: it announces itself as a worker of the zoo.

``dask worker HOST:PORT --preload zoo.plugins.dask_executor.preload --device pi4 --label gpu``
"""

from __future__ import annotations

from typing import Any

import click

from .configuration import keep_quiet
from .resources import announcement, offered, worker_of
from .tasks import close_host, running


@click.command()
@click.option("--announcement", "told", default="", help="As zoo worker found it out.")
@click.option("--device", "devices", multiple=True, help="A device that hangs on this machine.")
@click.option("--label", "labels", multiple=True, help="What its machine has, such as gpu.")
@click.option("--jobs", default=1, help="Steps side by side.")
def dask_setup(
    worker: Any, told: str, devices: tuple[str, ...], labels: tuple[str, ...], jobs: int
) -> None:
    """Announces devices, labels and the version of edgezoo."""
    if told:
        import json

        announced = worker_of(json.loads(told), {})
        keep_quiet()  # zoo worker tells in its own words
    else:
        from zoo.pipeline.executors.announcing import announced_worker
        from zoo.registry import load_registry

        announced = announced_worker(load_registry(), str(worker.name), devices, labels, jobs)
    plain = announcement(announced)
    worker.startup_information["zoo"] = lambda _: plain
    worker.metrics["zoo"] = lambda _: running()
    worker.state.total_resources.update(offered(announced))
    worker.state.available_resources.update(offered(announced))


def dask_teardown(worker: Any) -> None:
    """Ends the processes of steps."""
    close_host()

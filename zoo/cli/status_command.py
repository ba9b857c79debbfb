"""``zoo status``."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from zoo.cli.options import Settings, complete, examples, json_option, print_json
from zoo.cli.tables import print_table
from zoo.common import terminal

if TYPE_CHECKING:
    from zoo.contracts.executor import ExecutorWorker
    from zoo.pipeline.executors.status import ExecutorStatus


@click.command(
    name="status",
    epilog=examples("zoo status", "zoo status --check", "zoo status --executor dask://HOST:8786"),
)
@click.option(
    "--executor",
    metavar="ADDRESS",
    shell_complete=complete("executor"),
    help="Whose workers to show [ZOO_EXECUTOR, or this machine].",
)
@click.option(
    "--tls", type=click.Path(), metavar="DIR", help="Folder with ca.pem, cert.pem and key.pem."
)
@click.option(
    "--check", is_flag=True, help="Go to this machine's devices, and record whether they answer."
)
@json_option
@click.pass_obj
def command(
    settings: Settings, executor: str | None, tls: str | None, check: bool, as_json: bool
) -> None:
    """Show the executor, its workers, their devices, and what waits and runs.

    Without an executor: this machine's devices, and who measures on them now. A device that fails
    two checks in a row (--check, or zoo devices doctor) is set aside: nothing is timed there, and
    no worker announces it, until a check passes.
    """
    from zoo.pipeline.executors.status import status_of
    from zoo.pipeline.recipe import RecipeExecutor

    asked = RecipeExecutor(address=executor, tls=tls)
    found = status_of(settings.registry(), asked, check=check)
    if as_json:
        print_json(asdict(found))
        return
    _print(found)


def _print(found: ExecutorStatus) -> None:
    from zoo.pipeline.executors.connection import LOCAL
    from zoo.pipeline.executors.fitting import other_software

    terminal.echo(f"executor: {found.executor}")
    if found.workers:
        terminal.echo()
        print_table(
            ("worker", "host", "version", "labels", "steps"),
            [_worker(worker) for worker in found.workers],
            spare=("host",),
            prose=("labels", "steps"),
        )
        for worker in found.workers:
            if other := other_software(worker):
                terminal.echo(f"{worker.name} gets no steps: it {other}")
    elif found.executor != LOCAL:
        terminal.echo(f"no worker has joined; start one: zoo worker --join {found.executor}")
    if kinds := sorted({*found.waiting, *found.running}):
        terminal.echo()
        print_table(
            ("step", "waiting", "running"),
            [
                (kind, str(found.waiting.get(kind, 0)), str(found.running.get(kind, 0)))
                for kind in kinds
            ],
            right=" rr",
        )
    terminal.echo()
    print_table(
        ("device", "kind", "worker", "state", "health", "since", "by"),
        [
            (
                *(one.name, one.kind, one.worker or "this machine", one.state, one.health),
                *(one.since.replace("T", " ").removesuffix("+00:00"), one.leased_by),
            )
            for one in found.devices
        ],
        spare=("kind",),
        prose=("by", "since"),
    )
    for one in found.devices:
        if one.problem:
            terminal.echo(f"\n{one.name}: {one.problem}")
            terminal.echo(f"  fix: zoo devices doctor {one.name}")


def _worker(worker: ExecutorWorker) -> tuple[str, ...]:
    steps = ", ".join(f"{told.get('step', '')} ({told.get('run', '')})" for told in worker.running)
    return (worker.name, worker.host, worker.version, ", ".join(worker.labels), steps or "none")

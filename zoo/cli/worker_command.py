"""``zoo worker``."""

from __future__ import annotations

import re
from typing import Any

import click

from zoo.cli.options import Settings, complete, complete_device, examples, option, split_commas
from zoo.common import terminal

#: Where a scheduler listens that nobody gave another place: this machine's programs alone reach it.
_LISTEN = "127.0.0.1:8786"


@click.command(
    name="worker",
    epilog=examples(
        "zoo worker --scheduler --listen 10.0.0.1:8786",
        "zoo worker --join dask://10.0.0.1:8786 --device pi4,phone-7 --label gpu",
    ),
)
@click.option(
    "--join",
    metavar="ADDRESS",
    shell_complete=complete("executor"),
    help="Join this executor as a worker.",
)
@click.option(
    "--device",
    "devices",
    multiple=True,
    metavar="NAME",
    shell_complete=complete_device,
    help="A device that hangs on this machine; may be repeated or comma-separated.",
)
@click.option(
    "--label",
    "labels",
    multiple=True,
    metavar="WORD",
    help="What it has, such as gpu, which trainings with --accelerators gpu:0 ask for; may be "
    "repeated or comma-separated.",
)
@option("--jobs", default=1, type=click.IntRange(1), help="Steps side by side, but on devices")
@click.option("--name", metavar="NAME", help="Of the worker [the machine's, and a number].")
@click.option("--scheduler", is_flag=True, help="Start what workers and commands connect to.")
@option("--listen", default=_LISTEN, metavar="HOST:PORT", help="Where the scheduler listens")
@click.option(
    "--tls", type=click.Path(), metavar="DIR", help="Folder with ca.pem, cert.pem and key.pem."
)
@click.pass_context
def command(
    context: click.Context,
    join: str | None,
    devices: tuple[str, ...],
    labels: tuple[str, ...],
    jobs: int,
    name: str | None,
    scheduler: bool,
    listen: str,
    tls: str | None,
) -> None:
    """Perform steps of other people's commands, here, until Ctrl-C.

    One machine starts a scheduler; every machine that shall work joins it; commands use them all by
    --executor dask://HOST:PORT. Whoever reaches the scheduler can run programs on its workers:
    let it listen in a network that you trust, or with --tls.
    """
    from zoo.common.errors import UsageError
    from zoo.pipeline.executors.announcing import announced_worker
    from zoo.pipeline.executors.connection import driver_of

    settings: Settings = context.obj
    registry = settings.registry()

    def tell(text: Any) -> None:
        terminal.echo(str(text))

    if scheduler == bool(join):
        raise UsageError(
            "zoo worker takes either --scheduler or --join",
            fix=f"start one scheduler: zoo worker --scheduler; then: zoo worker --join {_LISTEN}",
        )
    if name is not None and not re.fullmatch(r"\w[\w.-]{0,99}", name):
        raise UsageError(
            f"a worker cannot be called {name!r}",
            fix="a name has letters, digits, and . _ - between them",
        )
    if scheduler and (idle := _typed(context, "devices", "labels", "jobs", "name")):
        raise UsageError(
            f"{idle} is for workers, and --scheduler starts none",
            fix=f"give it to a worker: zoo worker --join {listen} {idle} …",
        )
    if join and _typed(context, "listen"):
        raise UsageError(
            "--listen is for the scheduler, and --join starts a worker",
            why="a worker listens nowhere: it joins the scheduler at the address of --join",
            fix=f"leave it out: zoo worker --join {join}",
        )
    address = str(join or listen)
    if "://" not in address:
        served = [e.name for e in registry.executors if e.driver is not None]
        if len(served) > 1:
            typed = ", ".join(f"{name}://{address}" for name in served)
            raise UsageError(f"{address!r} does not say which executor", fix=f"type one of {typed}")
        address = f"{served[0]}://{address}"
    driver = driver_of(registry, address, tls)
    if scheduler:
        driver.serve(tell)
        return
    worker = announced_worker(registry, name, split_commas(devices), split_commas(labels), jobs)
    driver.work(worker, tell)


def _typed(context: click.Context, *names: str) -> str:
    """The first of some options that was typed; empty for none."""
    for one in context.command.params:
        source = context.get_parameter_source(one.name or "")
        if one.name in names and source is not click.core.ParameterSource.DEFAULT:
            return one.opts[0]
    return ""

"""``zoo serve``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from zoo.cli.options import Settings, examples, json_option, option, print_json, store_option
from zoo.common import terminal

if TYPE_CHECKING:
    from zoo.server.serving import Address


@click.command(
    name="serve",
    epilog=examples("zoo serve", "zoo serve --port 0", "zoo serve --lan"),
)
@option("--port", default=8765, type=click.IntRange(0, 65535), help="Port; 0 takes a free one")
@click.option("--lan", is_flag=True, help="Let other machines of the network connect, too.")
@store_option
@json_option
@click.pass_obj
def command(settings: Settings, port: int, lan: bool, store: str | None, as_json: bool) -> None:
    """Serve the pages of models, leaderboards, runs and devices to browsers.

    They show what is in the store of results, and what is added while they are open. Only this
    machine can connect, unless --lan is given; the address holds a random token, and whoever lacks
    it sees nothing.
    """
    from zoo.common.optional_imports import require_extra

    for extra in ("report", "serve"):
        require_extra(extra)
    from zoo.server.serving import serve

    serve(
        settings.registry(),
        store=store,
        port=port,
        lan=lan,
        on_address=_print_json if as_json else _print,
        on_note=lambda text: terminal.echo(f"note: {text}", err=True),
    )


def _print(address: Address) -> None:
    terminal.echo(f"pages: {address.local}")
    for one in address.network:
        terminal.echo(f"       {one}")
    terminal.echo("Ctrl-C ends it", err=True)


def _print_json(address: Address) -> None:
    print_json({"local": address.local, "network": list(address.network)})

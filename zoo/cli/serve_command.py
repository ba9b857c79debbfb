"""``zoo serve``."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from zoo.cli.options import (
    Settings,
    complete_device,
    examples,
    json_option,
    option,
    print_json,
    store_option,
)
from zoo.common import terminal
from zoo.common.errors import UsageError

if TYPE_CHECKING:
    from zoo.server.network import Address


@click.command(
    name="serve",
    epilog=examples(
        "zoo serve", "zoo serve --port 0", "zoo serve --lan", "zoo serve --lan --https"
    ),
)
@option("--port", default=8765, type=click.IntRange(0, 65535), help="Port; 0 takes a free one")
@click.option("--lan", is_flag=True, help="Let other machines of the network connect, too.")
@click.option(
    "--https",
    is_flag=True,
    help="With --lan: encrypt for other machines, by a certificate that they are told to trust "
    "once. Browsers have threads, WebGPU and a fine clock there.",
)
@click.option(
    "--new-authority",
    is_flag=True,
    help="With --https: make another certificate, to be trusted anew; the one before ends.",
)
@click.option(
    "--open-on",
    metavar="DEVICE",
    multiple=True,
    shell_complete=complete_device,
    help="Open the page to join in the browser of a phone on a cable, a device of kind adb "
    "(repeatable); it needs no network, and has threads, WebGPU and a fine clock.",
)
@store_option
@json_option
@click.pass_obj
def command(
    settings: Settings,
    port: int,
    lan: bool,
    https: bool,
    new_authority: bool,
    open_on: tuple[str, ...],
    store: str | None,
    as_json: bool,
) -> None:
    """Serve the pages of models, leaderboards, runs and devices to browsers.

    They show what is in the store of results, and what is added while they are open. Only this
    machine can connect, unless --lan is given; the address holds a random token, and whoever lacks
    it sees nothing.
    """
    from zoo.common.optional_imports import require_extra

    if https and not lan:
        raise UsageError(
            "--https is for other machines, and none can connect",
            why="on this machine itself browsers treat http://127.0.0.1 as they do https",
            fix="zoo serve --lan --https",
        )
    if new_authority and not https:
        raise UsageError(
            "--new-authority makes a certificate for --https, which was not asked for",
            fix="zoo serve --lan --https --new-authority",
        )
    for extra in ("report", "serve"):
        require_extra(extra)
    from zoo.server.serving import serve

    serve(
        settings.registry(),
        store=store,
        port=port,
        lan=lan,
        https=https,
        new_authority=new_authority,
        open_on=open_on,
        on_address=_print_json if as_json else _print,
        tell=lambda words: terminal.echo_lines(words, err=True),
    )


def _print(address: Address) -> None:
    if address.certificate:
        _print_certificate(address)
    terminal.echo(f"pages: {address.local}")
    for one in address.network:
        terminal.echo(f"       {one}")
    if address.network:
        _draw(address.network[0])
    terminal.echo("Ctrl-C ends it", err=True)


def _print_certificate(address: Address) -> None:
    if address.made:
        terminal.echo(f"a new certificate was made: {address.made}", err=True)
    terminal.echo("1. other devices trust this machine once, by the certificate at")
    for one in address.certificate:
        terminal.echo(f"       {one}")
    _draw(address.certificate[0])
    terminal.echo(f"   {address.authority}, valid until {address.ends}; SHA-256 fingerprint:")
    half = len(address.fingerprint) // 2 + 1
    terminal.echo(f"       {address.fingerprint[:half]}")
    terminal.echo(f"       {address.fingerprint[half:]}")
    terminal.echo("2. then they open the https address; this machine the one without")


def _draw(address: str) -> None:
    """A QR code for cameras of phones, where there is a terminal that is wide enough."""
    if not terminal.at_terminal():
        return
    import segno

    rows = [list(row) for row in segno.make(address, micro=False).matrix_iter(border=2)]
    if len(rows[0]) > (terminal.width() or 0):
        return
    rows += [[1] * len(rows[0])] if len(rows) % 2 else []
    # Two rows of squares in a line of text, the light ones drawn: terminals are dark as a rule.
    signs = {(0, 0): "█", (0, 1): "▀", (1, 0): "▄", (1, 1): " "}
    lines = [
        "".join(signs[bool(upper), bool(lower)] for upper, lower in zip(*pair, strict=True))
        for pair in zip(rows[::2], rows[1::2], strict=True)
    ]
    terminal.echo_lines("\n".join(lines), err=True)


def _print_json(address: Address) -> None:
    print_json(asdict(address))

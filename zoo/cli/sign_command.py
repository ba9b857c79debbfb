"""``zoo sign``."""

from __future__ import annotations

import os
from pathlib import Path

import click

from zoo.cli.options import Settings, examples, json_option, print_json
from zoo.common import terminal
from zoo.common.shown_text import printable


@click.command(
    name="sign",
    epilog=examples(
        "zoo sign lenet5.digits.int8.tflite --key key.pem",
        "zoo sign bundles/lenet5.digits.int8 --key key.pem",
        "zoo verify lenet5.digits.int8.tflite --signer public.pem",
    ),
)
@click.argument("target", metavar="FILE|FOLDER", type=click.Path())
@click.option(
    "--key",
    required=True,
    metavar="KEY.pem",
    type=click.Path(),
    help="Private key: P-256, P-384 or P-521. A passphrase is asked for, or is ZOO_KEY_PASSPHRASE.",
)
@click.option("--replace", is_flag=True, help="Replace a signature that is there.")
@json_option
@click.pass_context
def command(ctx: click.Context, /, target: str, key: str, replace: bool, as_json: bool) -> None:
    """Sign an exported file with what belongs to it, or all that is in a folder.

    The signature of FILE is FILE.sig beside it; each file of a model of several gets one. That of
    FOLDER, of a run or a bundle, is model.sig in it, and covers everything there. `zoo verify
    --signer` checks both. Nothing is sent anywhere.
    """
    from zoo.artifacts.signing.keys import is_encrypted
    from zoo.artifacts.signing.sign import sign
    from zoo.results.records import as_plain

    settings: Settings = ctx.obj
    passphrase = _passphrase(key) if is_encrypted(Path(key)) else None
    made = sign(
        target, key=key, passphrase=passphrase, replace=replace, registry=settings.registry()
    )
    if as_json:
        print_json([{**as_plain(one), "file": str(one.file)} for one in made])
        return
    for one in made:
        terminal.echo(f"{one.file}, by the key {one.key[:16]}…, covers")
        for name in one.covers:
            terminal.echo(f"  {name}")
    terminal.echo(f"whoever has your public key: zoo verify {target} --signer PUBLIC.pem")


def _passphrase(key: str) -> str | None:
    """From the environment, or typed at a terminal without an echo; None if neither is there."""
    given = os.environ.get("ZOO_KEY_PASSPHRASE")
    if given is not None or not terminal.at_terminal():
        return given
    asked: str = click.prompt(f"Passphrase of {printable(key)}", hide_input=True, err=True)
    return asked

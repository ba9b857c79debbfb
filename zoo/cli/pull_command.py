"""``zoo pull``."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from zoo.cli.options import Settings, complete_values, examples, json_option, print_json
from zoo.common import terminal
from zoo.common.errors import BadFile
from zoo.common.shown_text import printable


@click.command(
    name="pull",
    epilog=examples(
        "zoo pull hf:ana/lenet5-digits",
        "zoo pull hf:ana/lenet5-digits --revision v1 --output lenet5",
    ),
)
@click.argument("name", metavar="hf:OWNER/NAME", shell_complete=complete_values("hf:"))
@click.option("--output", type=click.Path(), help="The folder [the repository's name].")
@click.option("--revision", metavar="NAME", help="Branch, tag or commit [the newest].")
@click.option("--unproven", is_flag=True, help="Download files that did not pass their gate, too.")
@json_option
@click.pass_obj
def command(
    settings: Settings,
    /,
    name: str,
    output: str | None,
    revision: str | None,
    unproven: bool,
    as_json: bool,
) -> None:
    """Download what `zoo push` uploaded to the Hugging Face hub into a folder.

    Each file is compared with the SHA-256 of the repository's list, and each exported file is
    verified as by `zoo verify`; the folder appears when all is well. An interrupted pull goes on.
    Nothing of what comes is executed.
    """
    from zoo.analysis.verify.verify import verify
    from zoo.artifacts.hub.pull import pull
    from zoo.results.records import as_plain

    registry = settings.registry()

    def check(file: Path) -> None:
        found = verify(file, registry=registry)
        failed = [claim for claim in found.claims if claim.status == "fails"]
        if failed:
            raise BadFile(
                f"{file.name} of {name} is not what its manifest claims",
                why="; ".join(f"{one.name}: {one.found}, {one.reason}" for one in failed),
                fix="ask whoever pushed it",
            )
        held = sum(claim.status == "holds" for claim in found.claims)
        if not as_json:
            terminal.echo(f"  {printable(file.name)}: {held} claims hold, 0 fail")

    came = pull(registry, name, output=output, revision=revision, unproven=unproven, check=check)
    if as_json:
        print_json({**as_plain(came), "folder": str(came.folder)})
        return
    terminal.echo(f"{came.folder}/  {len(came.files)} files of {name}, commit {came.commit[:12]}")
    terminal.echo(f"next  zoo bench {shlex.quote(str(came.folder / came.exported[0]))}")

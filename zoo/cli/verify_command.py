"""``zoo verify``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from zoo.cli.options import (
    Settings,
    data_option,
    device_option,
    examples,
    json_option,
    print_json,
)
from zoo.cli.tables import print_value
from zoo.common import terminal

if TYPE_CHECKING:
    from zoo.analysis.verify.verify import Verification

_MARKS = {"holds": "ok", "fails": "--", "not checked": " ?"}


@click.command(
    name="verify",
    epilog=examples(
        "zoo verify lenet5.digits.int8.tflite",
        "zoo verify lenet5.digits.int8.tflite --data digits --runtime litert",
        "zoo verify lenet5.digits.int8.tflite --device emulated-pi4",
        "zoo verify lenet5.digits.int8.tflite --signer public.pem",
    ),
)
@click.argument("file", type=click.Path())
@data_option("Also measure the quality on the test split of this dataset.")
@click.option(
    "--runtime", metavar="NAME", help="Run golden inputs in this runtime alone [all installed]."
)
@device_option("Device that runs the file [this machine].")
@click.option(
    "--signer",
    metavar="PUBLIC.pem",
    type=click.Path(),
    help="Public key, or certificate with it, that FILE or its folder must be signed by.",
)
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    /,
    file: str,
    data: str | None,
    runtime: str | None,
    device: str | None,
    signer: str | None,
    as_json: bool,
) -> None:
    """Recompute what the manifest of FILE claims, and say which claims hold.

    Needs a runtime of the format, and no TensorFlow. The exit code is 1 when a claim fails; claims
    that cannot be checked here are named, and do not count. With --signer, FILE may be a folder
    that `zoo sign` signed; of it the signature alone is checked.
    """
    from zoo.analysis.verify.verify import verify
    from zoo.report.progress import StepProgress
    from zoo.results.records import as_plain

    settings: Settings = ctx.obj
    with StepProgress(quiet=as_json) as progress:
        found = verify(
            file,
            data=data,
            runtime=runtime,
            device=device,
            signer=signer,
            on_step=progress,
            registry=settings.registry(),
        )
    if as_json:
        print_json({**as_plain(found), "passed": found.passed})
    else:
        _print(found)
    ctx.exit(0 if found.passed else 1)


def _print(found: Verification) -> None:
    from zoo.report.quality import finding_lines
    from zoo.results.formatting import plain

    about = f"{found.model_id}, {found.precision}"
    if not found.model_id:  # of a folder, or without a valid signature, no manifest is read
        signed = any(claim.name == "signature" for claim in found.claims)
        about = "the signature alone" if signed else "no usable manifest"
    terminal.echo(plain(f"{found.file}: {about}"))
    for line in finding_lines(found.findings):
        terminal.echo(line)
    width = max(len(plain(claim.name)) for claim in found.claims) + 2
    for claim in found.claims:
        text = claim.found if claim.status == "holds" else claim.reason
        if claim.status == "fails":
            text = f"{claim.found}; {claim.reason}"
        print_value(f"  {_MARKS[claim.status]} {plain(claim.name)}", plain(text), 5 + width)
    counts = {status: sum(c.status == status for c in found.claims) for status in _MARKS}
    terminal.echo(
        f"{counts['holds']} claims hold, {counts['fails']} fail, "
        f"{counts['not checked']} not checked here"
    )

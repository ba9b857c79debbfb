"""``zoo verify``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from zoo.cli.options import (
    Settings,
    complete_backend,
    complete_runtime,
    data_option,
    device_option,
    examples,
    json_option,
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
@click.argument("file", metavar="FILE|FOLDER", type=click.Path())
@data_option("Also measure the quality on the test split of this dataset.")
@click.option(
    "--runtime",
    metavar="NAME",
    shell_complete=complete_runtime,
    help="Run golden inputs in this runtime alone [all installed].",
)
@device_option("Device that runs the file [this machine].")
@click.option(
    "--backend",
    metavar="NAME",
    shell_complete=complete_backend,
    help="Where operators run on a device that has a choice [as the device's options say].",
)
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
    backend: str | None,
    signer: str | None,
    as_json: bool,
) -> None:
    """Recompute what the manifest of FILE claims, and say which claims hold.

    Needs a runtime of the format, and no TensorFlow. The exit code is 1 when a claim fails; claims
    that cannot be checked here are named, and do not count. Of a folder, each file in it is
    verified; with --signer, the signature of the folder by `zoo sign` alone.
    """
    from zoo.analysis.verify.verify import verify
    from zoo.artifacts.files_of_folder import expanded_folders
    from zoo.cli.files_in_turn import in_turn
    from zoo.report.progress import StepProgress
    from zoo.results.records import as_plain

    settings: Settings = ctx.obj
    registry = settings.registry()
    names = [file] if signer is not None else expanded_folders(registry, [file])

    def verified(name: str) -> Verification:
        with StepProgress(quiet=as_json) as progress:
            return verify(
                name,
                data=data,
                runtime=runtime,
                device=device,
                backend=backend,
                signer=signer,
                on_step=progress,
                registry=registry,
            )

    each, code = in_turn(
        file,
        names,
        verified,
        print_one=_print,
        plain=lambda found: {**as_plain(found), "passed": found.passed},
        as_json=as_json,
        debug=settings.debug,
    )
    ctx.exit(code or (0 if all(found.passed for found in each) else 1))


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

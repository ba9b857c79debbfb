"""``zoo compare``."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zoo.cli.network_operands import network_options, one_file_each
from zoo.cli.options import (
    JUNIT_FILE,
    PAGE_FILE,
    Settings,
    complete_runtime,
    complete_tier,
    data_option,
    device_option,
    examples,
    json_option,
    option,
    print_json,
    store_option,
)
from zoo.cli.tables import print_table
from zoo.common import terminal

if TYPE_CHECKING:
    from zoo.benchmark.compare.comparing import Comparisons

#: Exit codes beside 0 (the same or faster) and 2 (wrong input).
SLOWER = 1
CANNOT_TELL = 3


@click.command(
    name="compare",
    epilog=examples(
        "zoo compare old.tflite new.tflite",
        "zoo compare net.tflite",
        "zoo compare before after --margin 5",
        "zoo compare runs/lenet5.digits-1a2b3c4d runs/lenet5.digits-5e6f7a8b",
        "zoo compare old.keras new.keras --data digits",
    ),
)
@click.argument("first", type=click.Path())
@click.argument("second", required=False, type=click.Path())
@device_option("Device to time files on [the record's, else this machine].")
@click.option(
    "--threads", type=click.IntRange(1, 1024), help="Threads of the runtime [the record's, 1]."
)
@option(
    "--tier",
    default="quick",
    help="Thoroughness of the measurement, shared by all turns",
    shell_complete=complete_tier,
)
@click.option(
    "--runtime",
    shell_complete=complete_runtime,
    help="Runtime of the files [the record's, else the first of the format].",
)
@click.option(
    "--turns",
    type=click.IntRange(1, 100),
    help="Fresh processes of each file, taking turns; at least 9 for two files [12].",
)
@click.option(
    "--shape",
    multiple=True,
    metavar="NAME=AxBxC",
    help="Shape of an input, with the batch, where files leave sizes open; may be repeated for "
    "other inputs [the record's].",
)
@option(
    "--margin",
    type=click.FloatRange(0, 100, min_open=True, max_open=True),
    default=3.0,
    help="Equivalence margin in per cent: smaller differences count as none",
)
@data_option("Dataset that networks among them are exported with [that of their weights' card].")
@network_options(one=True)
@click.option("--html", type=PAGE_FILE, help="Also write a page with a chart here.")
@click.option("--junit", type=JUNIT_FILE, help="Also write the verdicts as JUnit XML here.")
@store_option
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    /,
    first: str,
    second: str | None,
    device: str | None,
    threads: int | None,
    tier: str,
    runtime: str | None,
    turns: int | None,
    shape: tuple[str, ...],
    margin: float,
    html: str | None,
    junit: str | None,
    store: str | None,
    as_json: bool,
    **network: Any,
) -> None:
    """Tell whether SECOND is faster than FIRST, slower or the same, or that it cannot be decided.

    Each is a file, a run's folder or name, the tag of a `zoo bench --tag`, a model id, or `last`:
    the newest record of the other's file. One file alone is compared with `last`. Files are timed
    now, in turn; of recorded measurements the kept samples are compared. A network (my.keras,
    weights) is exported first, as by `zoo export`, and its file timed.

    The exit code is 0 for the same or faster, 1 for slower, 3 when it cannot be decided.
    """
    from zoo.api.networks import is_network
    from zoo.artifacts.files_of_folder import is_folder_of_files, only_file
    from zoo.benchmark.compare.beforehand import check_beside_networks, check_settings
    from zoo.benchmark.compare.comparing import compare
    from zoo.benchmark.compare.ratio import TURNS
    from zoo.common.optional_imports import require_extra
    from zoo.report.progress import StepProgress
    from zoo.results.records import RECORDS

    settings: Settings = ctx.obj
    if html is not None:
        require_extra("report")  # not after the work
    registry = settings.registry()
    named = [first] if second is None else [first, second]
    # The folder of a run has recorded measurements of all its files; any other, files alone.
    named = [
        str(only_file(registry, Path(name), "two are compared"))
        if is_folder_of_files(registry, name) and not (Path(name) / RECORDS).is_file()
        else name
        for name in named
    ]
    others = [n for n in named if not is_network(registry, n, by_id=False, bare=True)]
    if len(others) < len(named):  # Their export takes minutes.
        check_settings(registry, device, tier, turns or TURNS)
        check_beside_networks(registry, store, others, len(named) - len(others), turns or TURNS)
    made = one_file_each(registry, named, network, quiet=as_json, by_id=False, bare=True)
    with StepProgress(quiet=as_json) as progress:
        found = compare(
            *made,
            device=device,
            threads=threads,
            tier=tier,
            runtime=runtime,
            turns=turns or TURNS,
            shape=shape,
            margin=margin / 100.0,
            store=store,
            on_step=progress,
            registry=registry,
        )
    if html is not None:
        from zoo.common.files import OTHER_FILE, write_text
        from zoo.common.shown_text import without_passwords
        from zoo.report.pages.comparison import render

        again = without_passwords(shlex.join(["zoo", *sys.argv[1:]]))
        write_text(Path(html), render(found, again), fix=OTHER_FILE)
    if junit is not None:
        from zoo.benchmark.compare.junit import cases_of_comparisons, write_junit

        write_junit(Path(junit), "zoo compare", cases_of_comparisons(found))
    if as_json:
        from zoo.benchmark.compare.wording import plain

        print_json(plain(found))
    else:
        _print(found, html)
    ctx.exit(exit_code(found))


def exit_code(found: Comparisons) -> int:
    """Slower weighs more than not known."""
    if found.slower:
        return SLOWER
    return 0 if found.settled else CANNOT_TELL


def _print(found: Comparisons, html: str | None) -> None:
    from zoo.benchmark.compare.wording import (
        PAIR,
        SPARE,
        TABLE,
        basis,
        first_line,
        pair_rows,
        row,
        sentence,
    )

    warning = first_line(found)
    if warning:
        terminal.echo(warning)
    if len(found.pairs) == 1:
        (pair,) = found.pairs
        terminal.echo(sentence(pair))
        terminal.echo()
        print_table(PAIR[0], pair_rows(pair), right=PAIR[1], spare=SPARE)
    else:
        print_table(
            TABLE[0],
            [row(pair) for pair in found.pairs],
            right=TABLE[1],
            spare=SPARE,
            prose=["file"],
        )
        terminal.echo()
        for pair in found.pairs:
            if pair.reason:
                terminal.echo(f"{pair.second.measurement.file}: {pair.reason}")
    for words in dict.fromkeys(basis(pair) for pair in found.pairs):
        if words:
            terminal.echo(f"\n{words}")
    for label, files in (("first", found.only_first), ("second", found.only_second)):
        if files:
            terminal.echo(f"only in the {label}: {', '.join(files)}")
    if html is not None:
        terminal.echo(f"\npage     {html}")

"""Networks among the files that a command takes: their options, and the files made of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from zoo.cli.options import Function
from zoo.cli.recipe_options import recipe_options, recipe_values
from zoo.common import terminal
from zoo.common.errors import UsageError, ZooError
from zoo.pipeline.recipe_fields import NETWORK, by_keyword
from zoo.registry import Registry

#: Defaults in words, where one file is made of a network.
_ONE = {"format": "the first that can be written", "precision": "the first below float32"}


def network_options(*, one: bool = False) -> Callable[[Function], Function]:
    """Options that say which files are made of a network, where files are taken.

    Args:
        one: Whether one file is made of each.
    """
    return recipe_options(*NETWORK, **(_ONE if one else {}))


def all_files(
    registry: Registry, operands: Sequence[str], given: Mapping[str, Any], *, quiet: bool
) -> tuple[list[str], bool, dict[str, ZooError]]:
    """The operands, with all files of a folder, or made of a network, in its place.

    Returns:
        The files; whether any of a network was rejected; and why files of folders cannot be used,
        which are not among the first.

    Raises:
        UsageError: An option for networks, and none is named.
    """
    from zoo.api.networks import exported_files
    from zoo.artifacts.files_of_folder import damaged_files, expanded_folders

    typed, operands = operands, expanded_folders(registry, operands)
    damaged = damaged_files(registry, typed, operands)
    operands = [name for name in operands if name not in damaged]
    made, refused = _made(registry, exported_files, operands, given, quiet=quiet)
    return [file for name in operands for file in made.get(name, [name])], refused, damaged


def samples_for(registry: Registry, operands: Sequence[str], given: dict[str, Any]) -> str | None:
    """The dataset that files are timed with, taken out of the options for networks.

    Where networks are among the operands, it is what these are exported with.
    """
    from zoo.api.networks import is_network

    if any(is_network(registry, name) for name in operands):
        return None
    samples: str | None = given["data"]
    given["data"] = None
    return samples


def one_file_each(
    registry: Registry,
    operands: Sequence[str],
    given: Mapping[str, Any],
    *,
    quiet: bool,
    twin: bool = False,
    by_id: bool = True,
    bare: bool = False,
    own: Sequence[str] = (),
) -> list[str]:
    """The operands, with the file made of a network in its place.

    Args:
        registry: Tells networks and files apart.
        operands: As typed.
        given: Values of `network_options`, and ``data``.
        quiet: Whether no progress is shown.
        twin: Whether the float file is made beside it.
        by_id: Whether models of the zoo count by their name.
        bare: Whether files without a manifest are taken as they are.
        own: Keywords of options that the command itself takes, networks or none.

    Raises:
        UsageError: An option for networks, and none is named.
    """
    from zoo.api.networks import exported_file

    make = partial(exported_file, twin=twin)
    made, _ = _made(registry, make, operands, given, quiet=quiet, by_id=by_id, bare=bare, own=own)
    return [made[name][0] if name in made else name for name in operands]


def _made(
    registry: Registry,
    make: Callable[..., Any],
    operands: Sequence[str],
    given: Mapping[str, Any],
    *,
    quiet: bool,
    by_id: bool = True,
    bare: bool = True,
    own: Sequence[str] = (),
) -> tuple[dict[str, list[str]], bool]:
    from zoo.api.networks import is_network
    from zoo.report.progress import StepProgress
    from zoo.report.quality import finding_lines

    values = recipe_values(given)
    networks = [
        n for n in dict.fromkeys(operands) if is_network(registry, n, by_id=by_id, bare=bare)
    ]
    useless = [key for key, value in values.items() if value is not None and key not in own]
    if useless and not networks:
        raise UsageError(
            f"{by_keyword()[useless[0]].flag} says how a network is exported, and none is named",
            why=f"{', '.join(operands)}: exported already",
            fix="leave it out, or name a network",
        )
    made, refused = {}, False
    with StepProgress(quiet=quiet) as progress:
        for name in networks:
            found = make(registry, name, on_step=progress, **values)
            made[name] = [str(file) for file in found.files]
            refused |= bool(found.refused)
            for line in (*finding_lines(found.findings), *found.refused):
                terminal.echo_lines(line, err=True)
    return made, refused

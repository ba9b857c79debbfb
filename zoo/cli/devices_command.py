"""``zoo devices``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from zoo.cli.options import Settings, complete, complete_device, examples, json_option, print_json
from zoo.cli.tables import print_table
from zoo.common import terminal

if TYPE_CHECKING:
    from zoo.common.errors import ZooError
    from zoo.contracts import DeviceKind
    from zoo.execution.device import Device
    from zoo.execution.health import DeviceState
    from zoo.registry import Registry


@click.group(
    name="devices",
    epilog=examples(
        "zoo devices list",
        "zoo devices add pi4 ssh host=pi4.local user=pi",
        "zoo devices doctor pi4",
    ),
)
def command() -> None:
    """List, add, check, set up and remove the devices that files are timed on."""


@command.command(name="list", epilog=examples("zoo devices list"))
@json_option
@click.pass_obj
def list_devices(settings: Settings, as_json: bool) -> None:
    """List devices by name, and the kinds that can be added; contacts none."""
    from zoo.execution.devices import known_devices

    registry = settings.registry()
    rows = [_listed(name, device) for name, device in known_devices(registry).items()]
    kinds = [_kind(registry, kind) for kind in registry.devices]
    if as_json:
        print_json({"devices": rows, "kinds": kinds})
        return
    shown = [
        (r["name"], r.get("kind", "BROKEN"), r.get("where", ""), r.get("file", "")) for r in rows
    ]
    print_table(("device", "kind", "where", "named in"), shown, prose=("where",))
    terminal.echo()
    print_table(
        ("kind", "options (required first)", "what it is"),
        [(str(k["kind"]), ", ".join(k["options"]), str(k["summary"])) for k in kinds],
        prose=("options (required first)", "what it is"),
    )
    for kind in kinds:
        if kind["known"]:
            terminal.echo(f"\n{kind['kind']} devices known by name: {', '.join(kind['known'])}")
    for kind in kinds:
        if kind["backends"]:
            names = ", ".join(kind["backends"])
            terminal.echo(f"\n{kind['kind']} devices have backends (--backend): {names}")
    for row in (*rows, *kinds):
        if "problem" in row:
            name = row.get("name") or row["kind"]
            terminal.echo(f"\n{name}: {row['problem']}")
            terminal.echo(f"  fix: {row['fix']}")


def _listed(name: str, device: Device | ZooError) -> dict[str, Any]:
    """A device's row, or what is wrong with it; one that is broken costs its row alone."""
    from zoo.common.errors import ZooError

    try:
        if not isinstance(device, ZooError):
            return _row(device)
        problem = device
    except ZooError as error:
        problem = error
    return {"name": name, **_problem(problem)}


def _row(device: Device) -> dict[str, Any]:
    return {
        "name": device.name,
        "kind": device.kind.name,
        "where": device.address,
        "options": {k: v for k, v in device.options.items() if v is not None},
        "file": str(device.source) if device.source else "",
    }


def _kind(registry: Registry, kind: DeviceKind) -> dict[str, Any]:
    from zoo.common.errors import ZooError
    from zoo.execution.devices import backends_of, devices_known_to, options_of

    row: dict[str, Any] = {"kind": kind.name, "summary": kind.summary}
    row |= {"options": [], "known": [], "backends": []}
    try:
        row |= {
            "options": list(options_of(registry, kind)),
            "known": [*devices_known_to(registry, kind)],
            "backends": [*backends_of(registry, kind)],
        }
    except ZooError as error:
        row |= _problem(error)
    return row


def _problem(error: ZooError) -> dict[str, str | None]:
    why = f" ({' '.join(error.why.split())})" if error.why else ""
    return {"problem": error.what + why, "fix": error.fix}


@command.command(name="doctor", epilog=examples("zoo devices doctor", "zoo devices doctor pi4"))
@click.argument("names", nargs=-1, shell_complete=complete_device)
@json_option
@click.pass_context
def doctor(ctx: click.Context, names: tuple[str, ...], as_json: bool) -> None:
    """Check each device: whether it can be reached, what runs there, its condition.

    Without names: this machine, and those that a devices.toml names. The exit code is 1 when one
    of them cannot be used.
    """
    from zoo.execution.devices import device_named, known_devices
    from zoo.execution.health import checked_device

    settings: Settings = ctx.obj
    registry = settings.registry()
    known = known_devices(registry) if names else {}
    # An entry that is not usable costs itself alone; a name that nobody gave stops us.
    wanted: dict[str, Any] = {
        name: known[name] if name in known else device_named(registry, name) for name in names
    }
    wanted = wanted or _own_devices(registry)
    if not as_json:
        _ask_for(wanted.values())
    states = [checked_device(registry, device, name) for name, device in wanted.items()]
    if as_json:
        print_json([asdict(state) for state in states])
    else:
        _print(states)
    if not all(state.ok for state in states):
        ctx.exit(1)


def _ask_for(devices: Iterable[Device | ZooError]) -> None:
    """Asks, where somebody can answer, for a project's file that was not allowed; once."""
    from zoo.cli.trust import allowed_by_user
    from zoo.execution.device import Device
    from zoo.execution.trust import Untrusted

    if not terminal.at_terminal():
        return
    for device in devices:
        try:
            if isinstance(device, Device):
                device.require_trust()
        except Untrusted as error:
            allowed_by_user(error)
            return


def _own_devices(registry: Registry) -> dict[str, Any]:
    """This machine and what the files name: a phone that nobody has is not missing."""
    from zoo.execution.device import Device
    from zoo.execution.devices import known_devices

    found = known_devices(registry)
    return {
        name: device
        for name, device in found.items()
        if not isinstance(device, Device) or device.source or device.kind.local
    }


def _print(states: list[DeviceState]) -> None:
    print_table(
        ("", "device", "where", "machine", "runtimes", "now"),
        [
            (
                "ok" if state.ok else "--",
                state.name,
                state.address,
                _machine(state),
                _runtimes(state),
                _condition_text(state),
            )
            for state in states
        ],
        prose=("machine", "runtimes", "now"),
    )
    for state in states:
        for fault in state.faults:
            terminal.echo(f"\n{state.name}: times are marked noisy: {fault}")
        for hint in state.hints:
            terminal.echo(f"\n{state.name}: {hint}")
        if not state.ok:
            terminal.echo(f"\n{state.name}: {state.problem}")
            terminal.echo(f"  fix: {state.fix}")


def _machine(state: DeviceState) -> str:
    about = state.about
    if "cpu" not in about:
        return ", ".join(str(state.readings[k]) for k in ("model", "soc") if k in state.readings)
    software = f"Python {about['python']}" if "python" in about else str(about.get("os", ""))
    words = (str(about.get("cpu")), f"{about.get('cores')} cores", software)
    return ", ".join(filter(None, words))


def _runtimes(state: DeviceState) -> str:
    versions = state.about.get("runtimes") or {}
    return ", ".join(f"{name} {versions.get(name, '')}".strip() for name in state.runtimes)


def _condition_text(state: DeviceState) -> str:
    told = []
    if "temperature_c" in state.readings:
        told.append(f"{state.readings['temperature_c']:.0f} °C")
    told += [str(state.readings[k]) for k in ("governor", "throttled") if state.readings.get(k)]
    return ", ".join(told)


@command.command(
    name="add",
    epilog=examples(
        "zoo devices add pi4 ssh host=pi4.local user=pi",
        "zoo devices add bench-pi ssh host=10.0.0.7 python=/home/pi/venv --project",
    ),
)
@click.argument("name")
@click.argument("kind", shell_complete=complete("device kind"))
@click.argument("options", nargs=-1, metavar="[KEY=VALUE]…")
@click.option(
    "--project", is_flag=True, help="Write to this folder's devices.toml [the user's own]."
)
@json_option
@click.pass_obj
def add(
    settings: Settings,
    name: str,
    kind: str,
    options: tuple[str, ...],
    project: bool,
    as_json: bool,
) -> None:
    """Add a device under a NAME, for use with --device; contacts nothing.

    `zoo devices list` shows the kinds and their options.
    """
    from zoo.common.errors import UsageError
    from zoo.execution.devices import add_device

    given: dict[str, str] = {}
    for option in options:
        key, equals, value = option.partition("=")
        if not (key and equals):
            raise UsageError(
                f"{option!r} is no option", fix="write KEY=VALUE, as in host=pi4.local"
            )
        given[key] = value
    device = add_device(settings.registry(), name, kind, given, project=project)
    if as_json:
        print_json(_row(device))
        return
    terminal.echo(f"added {device.name} ({device.kind.name}, {device.address}) to {device.source}")
    terminal.echo(f"next  zoo devices doctor {device.name}")


@command.command(name="remove", epilog=examples("zoo devices remove pi4"))
@click.argument("name", shell_complete=complete_device)
@json_option
def remove(name: str, as_json: bool) -> None:
    """Remove a device's name; nothing is changed on the device."""
    from zoo.execution.devices import remove_device

    file = remove_device(name)
    if as_json:
        print_json({"name": name, "file": str(file)})
        return
    terminal.echo(f"removed {name} from {file}")


@command.command(name="allow", epilog=examples("zoo devices allow"))
@json_option
def allow(as_json: bool) -> None:
    """Allow this folder's devices.toml, as it is now.

    Its devices start programs here and connect to machines, and a cloned folder brings its file
    along. Read it before. After an edit by others it has to be allowed again.
    """
    from zoo.execution.devices_file import allow_project, read_file

    file = allow_project()
    names = list(read_file(file))
    if as_json:
        print_json({"file": str(file), "devices": names})
        return
    terminal.echo(f"allowed {file}: {', '.join(names) or 'no device'}")


@command.command(name="setup", epilog=examples("zoo devices setup pi4"))
@click.argument("name", shell_complete=complete_device)
@json_option
@click.pass_obj
def setup(settings: Settings, name: str, as_json: bool) -> None:
    """Install what a device needs to run files, if its kind supports that."""
    from zoo.execution.devices import device_named
    from zoo.execution.health import setup_device

    registry = settings.registry()
    told: list[str] = []
    tell = told.append if as_json else terminal.echo
    ready = setup_device(registry, device_named(registry, name), tell)
    if as_json:
        print_json({"name": name, "told": told, "ready": ready})
        return
    terminal.echo(ready)

"""The ADB server, and which of its phones is meant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zoo.common.errors import UnknownName, UsageError
from zoo.common.optional_imports import require
from zoo.execution.failures import last_stderr_lines

from ..shared.remote import SHORT, DeviceUnreachable

if TYPE_CHECKING:
    from .options import AdbOptions


def client_of(options: AdbOptions) -> Any:
    """A client of the ADB server that the options name."""
    adbutils = require("adbutils")
    if options.server is None:
        return adbutils.AdbClient(socket_timeout=SHORT)
    host, _, port = options.server.rpartition(":")
    return adbutils.AdbClient(host=host, port=int(port), socket_timeout=SHORT)


def ready_phones(client: Any) -> list[str]:
    """Serials of all phones that are ready; one that is not, or none, is an error."""
    found = _connected(client)
    return [choose_phone(client, serial) for serial in sorted(found)] or [
        choose_phone(client, None)
    ]


def choose_phone(client: Any, wanted: str | None) -> str:
    """The serial of the phone that is meant, once it is ready."""
    found = _connected(client)
    if wanted is None and len(found) > 1:
        raise UsageError(
            f"{len(found)} phones are connected: {', '.join(sorted(found))}",
            fix="name the one you mean: zoo devices add NAME adb serial=…",
        )
    if not found:
        raise DeviceUnreachable(
            "no phone is connected" + (f" as {wanted}" if wanted else ""),
            fix="plug it in, and switch on USB debugging in its developer options",
        )
    serial = wanted or next(iter(found))
    if serial not in found:
        raise UnknownName("phone", serial, found, fix=None)
    if found[serial] != "device":
        raise DeviceUnreachable(
            f"the phone {serial} is {found[serial]}",
            fix="unlock it and allow this computer to debug it"
            if found[serial] == "unauthorized"
            else "plug it in again",
        )
    return serial


def _connected(client: Any) -> dict[str, str]:
    """Serial → state of all phones that the server lists."""
    adbutils = require("adbutils")
    try:
        with client.make_connection() as connection:
            connection.send_command("host:devices")
            connection.check_okay()
            rows = [line.split("\t") for line in connection.read_string_block().splitlines()]
    except (adbutils.AdbError, OSError, EOFError, ValueError) as error:
        raise DeviceUnreachable(
            "there is no ADB server",
            why=last_stderr_lines(str(error)),
            fix="install Android's platform tools, then: adb start-server",
        ) from error
    return {row[0]: row[1] for row in rows if len(row) == 2}

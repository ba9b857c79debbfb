"""The connection to a Dask scheduler."""

from __future__ import annotations

import re
import socket
import time
from pathlib import Path
from typing import Any

from zoo.common.errors import ZooError, first_line

from .configuration import host_and_port, prepare, scheduler_address, security_of
from .tls import check_encryption

#: Seconds in which a scheduler must answer.
_TIMEOUT = 5


def connect(address: str, tls: Path | None, *, starting: bool = False) -> Any:
    """A client of the scheduler at an address.

    Args:
        address: Of the scheduler.
        tls: Folder of certificates; None without encryption.
        starting: Whether it may be starting just now, and gets a few seconds to listen.

    Raises:
        UsageError: The address, or the folder of certificates, cannot be used.
        ZooError: Nothing answers there.
    """
    place, security = scheduler_address(address, tls), security_of(tls)
    for attempt in reversed(range(_TIMEOUT if starting else 1)):
        try:
            check_encryption(*host_and_port(address), tls, _TIMEOUT)
            break
        except OSError as error:
            if not attempt or not isinstance(error, ConnectionRefusedError):
                raise unreachable(address, error, tls) from error
            time.sleep(1)
    distributed = prepare()
    try:
        return distributed.Client(
            place,
            timeout=_TIMEOUT,
            security=security,
            set_as_default=False,
            direct_to_workers=False,
            name="zoo",
        )
    except (OSError, ValueError, TypeError) as error:
        raise unreachable(address, error, tls) from error


def unreachable(address: str, error: BaseException, tls: Path | None) -> ZooError:
    """The error for a scheduler that does not answer."""
    cause = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    # Dask names the object that failed first.
    said = re.sub(r"^in <[^>]*>: (\w+: )?", "", first_line(cause)) if str(cause).strip() else ""
    silent = not said or isinstance(cause, TimeoutError)
    why = f"no answer within {_TIMEOUT} s" if silent else said
    if isinstance(cause, ConnectionRefusedError):
        why = "no program listens there"
    elif isinstance(cause, socket.gaierror):
        why = f"no machine is known by this name ({said})"
    encrypted = "" if tls is None else " and that it was started with --tls, too"
    return ZooError(
        f"the Dask scheduler {address} cannot be reached",
        why=why,
        fix=f"see that it runs{encrypted}: zoo worker --scheduler --listen HOST:PORT",
    )

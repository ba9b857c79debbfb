"""The connection to a Dask scheduler."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from zoo.common.errors import ZooError, first_line

from .configuration import host_and_port, prepare, scheduler_address, security_of
from .tls import check_encryption

#: Seconds in which a scheduler must answer.
_PATIENCE = 5


def connect(address: str, tls: Path | None) -> Any:
    """A client of the scheduler at an address.

    Raises:
        UsageError: The address, or the folder of certificates, cannot be used.
        ZooError: Nothing answers there.
    """
    place, security = scheduler_address(address, tls), security_of(tls)
    check_encryption(*host_and_port(address), tls, _PATIENCE)
    distributed = prepare()
    try:
        return distributed.Client(
            place,
            timeout=_PATIENCE,
            security=security,
            set_as_default=False,
            direct_to_workers=False,
            name="zoo",
        )
    except (OSError, ValueError, TypeError) as error:
        raise unreachable(address, error, tls) from error


def unreachable(address: str, error: BaseException, tls: Path | None) -> ZooError:
    """The error for a scheduler that does not answer."""
    cause = error.__cause__ or error
    # Dask names the object that failed first.
    said = re.sub(r"^in <[^>]*>: (\w+: )?", "", first_line(cause)) if str(cause).strip() else ""
    why = said or f"no answer within {_PATIENCE} s"
    encrypted = "" if tls is None else " and that it was started with --tls, too"
    return ZooError(
        f"the Dask scheduler {address} cannot be reached",
        why=why,
        fix=f"see that it runs{encrypted}: zoo worker --scheduler --listen HOST:PORT",
    )

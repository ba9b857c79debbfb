"""Names and addresses by which a network can call this machine, as they change."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable

from zoo.common.errors import ZooError

#: Between two looks at the addresses of this machine.
LOOK_SECONDS = 15.0


def addresses_of_machine() -> tuple[str, ...]:
    """Names and addresses by which the network can call this machine; the likeliest one first.

    Raises:
        ZooError: It has none.
    """
    import psutil

    found = [
        address.address
        for addresses in psutil.net_if_addrs().values()
        for address in addresses
        if address.family == socket.AF_INET and not address.address.startswith("127.")
    ]
    if not found:
        raise ZooError(
            "this machine has no address in a network",
            why="only the loopback interface is up",
            fix="connect it to a network, or leave out --lan",
        )
    first = _primary_address()
    # Machines have networks of containers and of virtual machines, too.
    found.sort(key=lambda address: address != first)
    host = socket.gethostname()
    local = [] if "." in host else [f"{host}.local"]
    return (*found, host, *local)


def _primary_address() -> str | None:
    """The address from which this machine reaches others; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        try:
            asked.connect(("192.0.2.254", 9))  # kept free for examples
        except OSError:
            return None
        return str(asked.getsockname()[0])


class Watch:
    """Looks at the addresses of this machine from time to time, in a thread of its own.

    Args:
        find: Finds them.
        changed: Receives them when they are others than before.
    """

    def __init__(
        self,
        find: Callable[[], tuple[str, ...]],
        changed: Callable[[tuple[str, ...]], None],
        seconds: float = LOOK_SECONDS,
    ) -> None:
        self._find, self._changed, self._seconds = find, changed, seconds
        self._over = threading.Event()

    def start(self, names: tuple[str, ...]) -> None:
        """Begins; `names` are those of now."""
        threading.Thread(target=self._loop, args=(names,), daemon=True).start()

    def _loop(self, names: tuple[str, ...]) -> None:
        while not self._over.wait(self._seconds):
            # Between two networks it has none.
            with contextlib.suppress(ZooError, OSError):
                found = self._find()
                if found != names:
                    names = found
                    self._changed(names)

    def close(self) -> None:
        """Ends it."""
        self._over.set()

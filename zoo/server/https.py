"""https with certificates of the user's own authority, and what devices that refuse them report."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Sequence
from typing import Any

from zoo.server.authority import Authority, host_names, outside_of

#: One sentence of a kind in so many seconds: a browser tries again and again.
_QUIET_SECONDS = 60.0
_DISTRUST = (
    "a device does not trust the certificate: open the page of the certificate there, install it, "
    "and compare its fingerprint; then load the https address again"
)
#: What failed handshakes are called by OpenSSL → what happened and what to do.
_REFUSALS = {
    "UNKNOWN_CA": _DISTRUST,
    "CERTIFICATE_UNKNOWN": _DISTRUST,
    "BAD_CERTIFICATE": _DISTRUST,
    "UNSUPPORTED_CERTIFICATE": _DISTRUST,
    "CERTIFICATE_EXPIRED": (
        "a device says that the certificate has expired or is not yet valid: compare date and time "
        "there with those of this machine, then load the https address again"
    ),
    "HTTP_REQUEST": "a device asked without encryption here: the address begins with https://",
    "PROTOCOL_VERSION": "a device has no TLS 1.2: take a browser of the last ten years",
    "UNSUPPORTED_PROTOCOL": "a device has no TLS 1.2: take a browser of the last ten years",
}


def refusal(reason: str) -> str:
    """What a failed handshake means, in a sentence; empty for one that says nothing."""
    return next((words for name, words in _REFUSALS.items() if reason.endswith(name)), "")


class Https:
    """The certificate of this machine, renewed when its addresses change.

    Args:
        authority: Signs it.
        names: Names and addresses of this machine.
        tell: Receives what devices refuse, in sentences for the person at the command.
    """

    def __init__(
        self, authority: Authority, names: Sequence[str], tell: Callable[[str], None]
    ) -> None:
        self.authority = authority
        self._tell, self._told = tell, dict[str, float]()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self.context.sslobject_class = self._watched()
        self.renew(names)

    def renew(self, names: Sequence[str]) -> tuple[str, ...]:
        """Takes a fresh certificate, for connections from now on.

        Returns:
            Those of the names that the authority may not sign for.
        """
        outside = outside_of(self.authority, names)
        named = [name for name in host_names(names) if name not in outside]
        self.authority.sign(named or ["localhost"]).configure_cert(self.context)
        return outside

    def refused(self, reason: str) -> None:
        """A handshake failed; says so, and not again for a while."""
        words, now = refusal(reason), time.monotonic()
        if words and now - self._told.get(words, -_QUIET_SECONDS) >= _QUIET_SECONDS:
            self._told[words] = now
            self._tell(words)

    def _watched(self) -> type[ssl.SSLObject]:
        refused = self.refused

        class Watched(ssl.SSLObject):
            """A connection that reports why its handshake failed."""

            def do_handshake(self) -> None:
                try:
                    super().do_handshake()
                except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                    raise
                except ssl.SSLError as error:
                    refused(error.reason or "")
                    raise

            def read(self, *given: Any) -> Any:
                # With TLS 1.3 a device that has come late to its verdict sends it after that.
                try:
                    return super().read(*given)
                except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                    raise
                except ssl.SSLError as error:
                    refused(error.reason or "")
                    raise

        return Watched

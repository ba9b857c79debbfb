"""`zoo serve` as a process, and tabs of a Chromium that has opened its pages."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from chromium import Browser

from zoo.common.errors import ZooError


class Serving:
    """A server that runs.

    Attributes:
        told: What it prints as JSON: its addresses.
    """

    def __init__(self, process: subprocess.Popen[str], errors: Path) -> None:
        self._process, self._errors = process, errors
        assert process.stdout is not None
        lines: list[str] = []
        while not lines or lines[-1] != "}\n":
            line = process.stdout.readline()
            assert line, self.said()
            lines.append(line)
        self.told: dict[str, Any] = json.loads("".join(lines))

    def said(self) -> str:
        """Its standard error."""
        return self._errors.read_text()

    @property
    def join(self) -> str:
        """The page for this machine's own browsers."""
        return f"{self.told['local']}join/browser/"


def skip_without_network() -> None:
    """Skips where other devices cannot reach this machine."""
    from zoo.server.addresses import addresses_of_machine

    try:
        addresses_of_machine()
    except ZooError as error:
        pytest.skip(error.what)


@contextmanager
def serving(folder: Path, *flags: str) -> Iterator[Serving]:
    """The command, until the end of the block."""
    errors = folder / "said"
    with (
        errors.open("w") as said,
        subprocess.Popen(
            [sys.executable, "-m", "zoo", "serve", "--port", "0", "--json", *flags],
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
            env={**os.environ, "ZOO_STORE": f"sqlite:///{folder / 'records.sqlite'}"},
        ) as process,
    ):
        try:
            yield Serving(process, errors)
        finally:
            process.terminate()


def trusting(home: Path, authority: bytes, host: str, port: int) -> list[str]:
    """Has a Chromium whose home is a folder trust an authority; flags for where NSS' tool lacks.

    The flag names the key of the server's certificate, since Chromium looks at nothing else then.
    """
    if (certutil := shutil.which("certutil")) is None:
        text = ssl.get_server_certificate((host, port))
        from cryptography import x509
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        key = x509.load_pem_x509_certificate(text.encode()).public_key()
        held = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        digest = base64.b64encode(hashlib.sha256(held).digest()).decode()
        return [f"--ignore-certificate-errors-spki-list={digest}"]
    place = home / ".pki" / "nssdb"
    place.mkdir(parents=True)
    (home / "authority.pem").write_bytes(authority)
    base = [certutil, "-d", f"sql:{place}"]
    subprocess.run([*base, "-N", "--empty-password"], check=True)
    subprocess.run(
        [*base, "-A", "-t", "C,,", "-n", "edgezoo", "-i", str(home / "authority.pem")], check=True
    )
    return []


class Tab:
    """A page of a browser in a window of its own."""

    def __init__(self, browser: Browser, url: str) -> None:
        self._browser = browser
        made = browser._call("Target.createTarget", url="about:blank", newWindow=True)
        self._target = made["targetId"]
        attached = browser._call("Target.attachToTarget", targetId=self._target, flatten=True)
        self._session = attached["sessionId"]
        self.call("Page.enable")
        self.load("Page.navigate", url=url)

    def load(self, method: str, **parameters: Any) -> None:
        """Has this page load one, and waits for that: meanwhile it answers no questions."""
        seen = self._browser.events
        seen.clear()
        self.call(method, **parameters)
        while not any(
            event["method"] == "Page.loadEventFired" and event.get("sessionId") == self._session
            for event in seen
        ):
            seen.append(self._browser._read())

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Asks this page."""
        return self._browser._call(method, self._session, **parameters)

    def evaluate(self, expression: str) -> Any:
        """The value of an expression there."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        return answer.get("result", {}).get("value")

    def join(self, name: str) -> None:
        """Types a name and joins; the form has to be there."""
        self.evaluate(
            f"document.getElementById('device').value = {name!r};"
            "document.querySelector('#join button').click()"
        )

    def text(self, element: str) -> str:
        """The text of an element."""
        return str(self.evaluate(f"document.getElementById({element!r})?.textContent ?? ''"))

    def close(self) -> None:
        """Closes it, as its owner does."""
        self._browser._call("Target.closeTarget", targetId=self._target)

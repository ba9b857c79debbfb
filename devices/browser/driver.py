"""A browser of this machine as a device: a page's workers are its agents."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from zoo.common.errors import ZooError
from zoo.contracts import AgentProcess, Condition, DeviceDriver

from ..agent.zoo_agent.machine import cpu
from ..agent.zoo_agent.machine import fingerprint as machine_fingerprint
from ..local.transport import LocalTransport
from . import RUNTIMES
from .browsers import BrowserProcess, find_browser
from .messages import Hello
from .npm_packages import fetch, packages, versions
from .options import BrowserOptions
from .pages import Page, Pages
from .relay import Relay, RelayTransport
from .server import PageServer

#: A file of one layer for each runtime: what a call costs without work.
PROBE_OF = {each.name: each.probe for each in RUNTIMES if each.probe is not None}
#: Seconds for a browser to start and show the page.
_START_SECONDS = 90.0
HIDDEN_FAULT = "the tab was hidden meanwhile, and browsers slow down what is hidden"
SOFTWARE_FAULT = "the processor imitates the GPU, so its times say nothing of one"


class BrowserTransport:
    """A browser that shows our page; started anew where it has ended.

    Args:
        options: Of the device.
        program: Of the browser.
    """

    def __init__(self, options: BrowserOptions, program: Path) -> None:
        self._options, self._program = options, program
        self._pages = Pages()
        self._server = PageServer(self._pages, options.port)
        self._browser: BrowserProcess | None = None

    def put(self, local: Path) -> str:
        """Lets the page ask for a file; its name there is its SHA-256."""
        return self._pages.put(local)

    def page(self) -> Page:
        """The page, in a browser that is started where none runs.

        Raises:
            ZooError: The browser does not start, or lacks what the page needs.
        """
        browser, page = self._browser, self._pages.current(0.0)
        if browser is not None and (browser.ended is not None or page is None):
            browser.close()
            browser = None
        if browser is None:
            options = self._options
            browser = self._browser = BrowserProcess(
                self._program,
                self._server.address,
                backend=options.backend,
                software=options.software,
            )
            page = self._awaited(browser)
        assert page is not None
        require_able(page.hello)
        return page

    def _awaited(self, browser: BrowserProcess) -> Page:
        for _ in range(int(_START_SECONDS)):
            if page := self._pages.current(1.0):
                return page
            if browser.ended is not None:
                break
        code = browser.ended
        how = (
            f"shows no page within {_START_SECONDS:g} s"
            if code is None
            else f"ended with code {code}"
        )
        raise ZooError(
            f"{self._program} {how}",
            why=browser.said() or None,
            fix="try whether it starts by itself, or name another: browser = … in devices.toml",
        )

    def hello(self) -> Hello:
        """What the page tells of its browser."""
        return self.page().hello

    def start_agent(self, runtime: str) -> AgentProcess:
        """A fresh worker each time: warm caches of one file must not serve the next."""
        page = self.page()
        model, flags, _ = cpu()
        about = {"cpu": model, "flags": flags, "os": platform.platform()}
        return page.start(_request(self, self._options, runtime, page.hello, about))

    def condition(self) -> Condition:
        """That of the machine, and whether the page was in view."""
        machine, page = LocalTransport().condition(), self._pages.current(0.0)
        hidden = page is not None and page.hidden()
        told = Condition() if page is None else page.power.condition()
        faults = [*machine.faults, *told.faults, *([HIDDEN_FAULT] if hidden else [])]
        faults += [SOFTWARE_FAULT] if self._options.software else []
        return Condition(
            readings={**machine.readings, "visible": not hidden, **told.readings},
            faults=tuple(faults),
            hints=(*machine.hints, *told.hints),
        )

    def close(self) -> None:
        """Ends the browser and the server."""
        if self._browser is not None:
            self._browser.close()
        self._server.close()


class JoinedTransport(RelayTransport):
    """A page elsewhere that has joined a server of this machine."""

    def __init__(self, options: BrowserOptions, name: str) -> None:
        super().__init__(Relay(name), HIDDEN_FAULT)
        self._options = options

    def start_agent(self, runtime: str) -> AgentProcess:
        """A fresh worker each time."""
        hello = self.hello()
        require_able(hello)
        system = hello.platform or "not told"
        about = {"cpu": hello.model or system, "os": system}
        return self.start(_request(self, self._options, runtime, hello, about))


def require_able(hello: Hello) -> None:
    """Refuses a browser that lacks what the page needs.

    Raises:
        ZooError: Names what it lacks.
    """
    if hello.missing:
        raise ZooError(
            f"{hello.browser} is too old to run files",
            why=f"it has no {', '.join(hello.missing)}",
            fix="take a browser of the last two years",
        )


def _request(
    transport: BrowserTransport | JoinedTransport,
    options: BrowserOptions,
    runtime: str,
    hello: Hello,
    about: dict[str, Any],
) -> dict[str, Any]:
    """What a page is asked to start."""
    told = hello.model_dump(exclude={"missing", "visible", "cores", "identity", "name"})
    return {
        "runtime": runtime,
        "backend": options.backend,
        "webnn_device": options.webnn_device,
        "software": options.software,
        "probe": transport.put(PROBE_OF[runtime]),
        "versions": versions(),
        "fingerprint": identity(options, hello),
        "about": {**told, "browser": hello.browser, **about},
    }


def identity(options: BrowserOptions, hello: Hello) -> str:
    """Identifies a machine with a browser and where operators run."""
    machine = machine_fingerprint() if options.page is None else hello.identity
    words = (machine, hello.browser, where(options), str(options.software))
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:16]


def where(options: BrowserOptions) -> str:
    """Where operators run, in a word or two."""
    on = f" {options.webnn_device}" if options.backend == "webnn" else ""
    return f"{options.backend}{on}"


class BrowserDriver(DeviceDriver[BrowserOptions]):
    """A browser of this machine, or a page elsewhere."""

    @property
    def address(self) -> str:
        """Which browser, and where operators run."""
        options = self.options
        if options.page is not None:
            return f"the page {options.page}"
        return f"{options.browser or 'a browser'} of this machine, {where(options)}"

    def connect(self) -> BrowserTransport | JoinedTransport:
        """Serves the page, for which a browser starts with the first agent; or finds the page."""
        if self.options.page is not None:
            return JoinedTransport(self.options, self.options.page)
        return BrowserTransport(self.options, find_browser(self.options.browser))

    @cached_property
    def hello(self) -> Hello:
        """What the browser tells of itself; asked once per command."""
        transport = self.connect()
        try:
            return transport.hello()
        finally:
            transport.close()

    def fingerprint(self) -> str:
        """The machine, the browser and the runtimes."""
        told = [f"{name} {version}" for name, version in sorted(versions().items())]
        hello = self.hello
        words = [identity(self.options, hello), hello.browser, where(self.options), *told]
        return "; ".join(words)

    def runtimes(self) -> Sequence[str]:
        """Those that were fetched."""
        if self.options.page is None:
            find_browser(self.options.browser)
        return list(versions())

    @property
    def setup_runtimes(self) -> list[str]:
        """All runtimes of pages."""
        return [each.name for each in RUNTIMES]

    def setup(self, tell: Callable[[str], None]) -> str:
        """Fetches the runtimes by npm."""
        page = self.options.page
        name = find_browser(self.options.browser).name if page is None else f"the page {page}"
        fetch(tell)
        told = ", ".join(f"{p.name} {p.version}" for p in packages() if not p.into)
        return f"{name} has {told}"

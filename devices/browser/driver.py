"""A browser of this machine as a device: a page's workers are its agents."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path

from zoo.common.errors import ZooError
from zoo.contracts import AgentProcess, Condition, DeviceDriver

from ..agent.zoo_agent.machine import cpu
from ..agent.zoo_agent.machine import fingerprint as machine_fingerprint
from ..local.transport import LocalTransport
from . import RUNTIMES
from .browsers import BrowserProcess, find_browser
from .npm_packages import fetch, packages, versions
from .options import BrowserOptions
from .pages import Page, Pages
from .server import PageServer

#: A file of one layer for each runtime: what a call costs without work.
PROBE_OF = {each.name: each.probe for each in RUNTIMES if each.probe is not None}
#: Seconds for a browser to start and show the page.
_PATIENCE = 90.0
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
                gpu=options.backend == "webgpu",
                software=options.software,
            )
            page = self._awaited(browser)
        assert page is not None
        if page.hello.missing:
            raise ZooError(
                f"{page.hello.browser} is too old to run files",
                why=f"it has no {', '.join(page.hello.missing)}",
                fix="install a browser of the last two years, or name another: browser = …",
            )
        return page

    def _awaited(self, browser: BrowserProcess) -> Page:
        for _ in range(int(_PATIENCE)):
            if page := self._pages.current(1.0):
                return page
            if browser.ended is not None:
                break
        code = browser.ended
        how = f"shows no page within {_PATIENCE:g} s" if code is None else f"ended with code {code}"
        raise ZooError(
            f"{self._program} {how}",
            why=browser.said() or None,
            fix="try whether it starts by itself, or name another: browser = … in devices.toml",
        )

    def start_agent(self, runtime: str) -> AgentProcess:
        """A fresh worker each time: warm caches of one file must not serve the next."""
        page = self.page()
        options = self._options
        model, flags, _ = cpu()
        told = page.hello.model_dump(exclude={"missing", "visible", "cores"})
        browser = page.hello.browser
        about = {**told, "os": browser, "browser": browser, "cpu": model, "flags": flags}
        return page.start(
            {
                "runtime": runtime,
                "backend": options.backend,
                "software": options.software,
                "probe": self.put(PROBE_OF[runtime]),
                "versions": versions(),
                "fingerprint": identity(options, page.hello.browser),
                "about": about,
            }
        )

    def condition(self) -> Condition:
        """That of the machine, and whether the page was in view."""
        machine, page = LocalTransport().condition(), self._pages.current(0.0)
        hidden = page is not None and page.hidden()
        faults = [*machine.faults, *([HIDDEN_FAULT] if hidden else [])]
        faults += [SOFTWARE_FAULT] if self._options.software else []
        return Condition(
            readings={**machine.readings, "visible": not hidden},
            faults=tuple(faults),
            hints=machine.hints,
        )

    def close(self) -> None:
        """Ends the browser and the server."""
        if self._browser is not None:
            self._browser.close()
        self._server.close()


def identity(options: BrowserOptions, browser: str) -> str:
    """Identifies this machine with a browser and where operators run."""
    words = (machine_fingerprint(), browser, options.backend, str(options.software))
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:16]


class BrowserDriver(DeviceDriver[BrowserOptions]):
    """A browser of this machine."""

    @property
    def address(self) -> str:
        """Which browser, and where operators run."""
        return f"{self.options.browser or 'a browser'} of this machine, {self.options.backend}"

    def connect(self) -> BrowserTransport:
        """Serves the page; the browser starts with the first agent."""
        return BrowserTransport(self.options, find_browser(self.options.browser))

    @cached_property
    def browser(self) -> str:
        """Name and version, as it calls itself; started once per command to be asked."""
        transport = self.connect()
        try:
            return transport.page().hello.browser
        finally:
            transport.close()

    def fingerprint(self) -> str:
        """The machine, the browser and the runtimes."""
        told = [f"{name} {version}" for name, version in sorted(versions().items())]
        words = [identity(self.options, self.browser), self.browser, self.options.backend, *told]
        return "; ".join(words)

    def runtimes(self) -> Sequence[str]:
        """Those that were fetched."""
        find_browser(self.options.browser)
        return list(versions())

    def setup(self, tell: Callable[[str], None]) -> str:
        """Fetches the runtimes by npm."""
        program = find_browser(self.options.browser)
        fetch(tell)
        told = ", ".join(f"{p.name} {p.version}" for p in packages() if not p.into)
        return f"{program.name} has {told}"

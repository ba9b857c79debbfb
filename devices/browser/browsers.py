"""Browsers of this machine: which there are, and one that shows a page without a window."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from pathlib import Path

from zoo.common.errors import ZooError
from zoo.common.paths import expanded
from zoo.execution.failures import last_stderr_lines

from .profiles import Profile

#: Programs in the order of preference.
PROGRAMS = (
    *("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"),
    *("microsoft-edge", "brave-browser", "firefox", "firefox-esr"),
)
_APPLICATIONS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Firefox.app/Contents/MacOS/firefox",
)
#: A fresh profile, no background requests, and no throttling of what is not in view.
_CHROMIUM = (
    *("--headless", "--no-first-run", "--no-default-browser-check", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-extensions"),
    *("--disable-default-apps", "--disable-breakpad", "--disable-dev-shm-usage", "--mute-audio"),
    *("--disable-background-timer-throttling", "--disable-renderer-backgrounding"),
    *("--disable-backgrounding-occluded-windows", "--password-store=basic"),
    *("--use-mock-keychain", "--metrics-recording-only", "--disable-quic"),
    # The browser ends when this pipe is closed, even if this process is killed.
    "--remote-debugging-pipe",
)
_IMITATED_GPU = ("--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader")
_GPU = ("--enable-unsafe-webgpu", "--enable-features=Vulkan", "--ignore-gpu-blocklist")
#: Of backends that take more than WebAssembly.
_FLAGS = {
    "webgpu": _GPU,
    "webnn": ("--enable-features=WebMachineLearningNeuralNetwork", "--ignore-gpu-blocklist"),
}
#: Seconds for a browser to end by itself.
_GRACE = 3.0


def find_browser(named: str | None) -> Path:
    """The program of a browser.

    Args:
        named: By its path or found on PATH; None for the first that is there.

    Raises:
        ZooError: There is none.
    """
    if named is not None:
        place = shutil.which(named) or str(expanded(named))
        if not Path(place).is_file():
            raise ZooError(
                f"there is no browser at {named!r}",
                fix='name its program: browser = "chromium" in devices.toml',
            )
        return Path(place)
    found = [shutil.which(name) for name in PROGRAMS]
    found += [name for name in _APPLICATIONS if Path(name).is_file()]
    first = next((place for place in found if place), None)
    if first is None:
        raise ZooError(
            "there is no browser on this machine",
            why=f"none of {', '.join(PROGRAMS)} is on PATH",
            fix="install one (Debian: apt-get install chromium), or name its program: "
            'browser = "/path/to/chrome" in devices.toml',
        )
    return Path(first)


class BrowserProcess:
    """A browser with a profile of its own that shows one page, without a window.

    Args:
        program: Chromium or a browser built on it, or Firefox.
        address: Of the page.
        backend: What runs operators.
        software: Whether the processor may imitate a GPU.
    """

    def __init__(self, program: Path, address: str, *, backend: str, software: bool) -> None:
        self._profile = Profile()
        folder = self._profile.folder
        self._said = (folder / "said").open("w+b")
        if "firefox" in program.name.lower():
            command = [str(program), "--headless", "--no-remote", "--profile", str(folder), address]
        else:
            more = [f"--user-data-dir={folder}"]
            imitated = backend == "webgpu" and software
            more += _IMITATED_GPU if imitated else _FLAGS.get(backend, ("--disable-gpu",))
            # As root Chromium starts without its sandbox alone; the page is ours.
            more += ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
            # The shell hands its input on as descriptor 3, and leaves.
            bridge = ["/bin/sh", "-c", 'exec "$@" 3<&0 4>/dev/null', "sh"]
            command = [*bridge, str(program), *_CHROMIUM, *more, address]
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=self._said,
                stderr=self._said,
                start_new_session=True,
            )
        except OSError as error:
            self._said.close()
            self._profile.remove()
            raise ZooError(f"{program} cannot be started", why=error.strerror) from error
        self._profile.used_by(self._process.pid)

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    @property
    def ended(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs."""
        return self._process.poll()

    def said(self) -> str:
        """The end of what it printed."""
        self._said.flush()
        text = Path(self._said.name).read_bytes()[-4096:].decode("utf-8", "replace")
        return last_stderr_lines(text)

    def close(self) -> None:
        """Ends it with all that it started, and removes the profile."""
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_GRACE)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_GRACE)
        self._said.close()
        self._profile.remove()

"""Two phones at once, each a Chromium of its own: one is hidden and reloaded, one is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
from browser_runtimes import fetch_runtimes
from chromium import Browser, browser, find_chromium
from served import Tab, serving, skip_without_network, trusting

from zoo.devices.browser import joined
from zoo.devices.browser.driver import HIDDEN_FAULT
from zoo.execution.probes import PROBES

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_chromium() is None, reason="needs Chromium"),
]
pytest.importorskip("websockets", reason="needs the extra serve")
pytest.importorskip("trustme", reason="needs the extra serve")

FILES = (PROBES / "dense.tflite", PROBES / "dense.onnx")
WIDTH = 390
AGENT = (
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/156.0.0.0 Mobile Safari/537.36"
)
MIDDLE = """
(() => {
  const button = document.querySelector("#join button");
  button.scrollIntoView();
  const { x, y, width, height } = button.getBoundingClientRect();
  return [x + width / 2, y + height / 2];
})()
"""


def until(find: Callable[[], Any], what: Callable[[], Any] = str) -> None:
    """Waits as long as it takes on a busy machine, and not for ever."""
    for _ in range(1800):
        if find():
            return
        time.sleep(0.05)
    raise AssertionError(f"it did not come to pass: {what()}")


class Phone(Tab):
    """A tab with the screen, the touch and the name of a phone."""

    def __init__(self, browser: Browser, url: str, model: str) -> None:
        super().__init__(browser, "about:blank")
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=WIDTH,
            height=844,
            deviceScaleFactor=3,
            mobile=True,
        )
        self.call("Emulation.setTouchEmulationEnabled", enabled=True)
        told = {"platform": "Android", "platformVersion": "16", "architecture": "", "model": model}
        self.call(
            "Emulation.setUserAgentOverride",
            userAgent=AGENT,
            userAgentMetadata={**told, "mobile": True},
        )
        self.load("Page.navigate", url=url)

    def type(self, name: str) -> None:
        """Types a name, as a keyboard on the screen does."""
        self.evaluate("document.getElementById('device').focus()")
        self.call("Input.insertText", text=name)

    def tap(self) -> None:
        """Taps the button that joins."""
        x, y = self.evaluate(MIDDLE)
        for kind, points in (("touchStart", [{"x": x, "y": y}]), ("touchEnd", [])):
            self.call("Input.dispatchTouchEvent", type=kind, touchPoints=points)

    def states(self) -> list[str]:
        """What it shows of each file."""
        rows = (
            "Array.from(document.querySelectorAll('#files tr'), (row) => row.cells[3].textContent)"
        )
        return list(self.evaluate(rows) or [])

    def show(self, state: str) -> None:
        """Makes its window the smallest, or normal."""
        window = self._browser._call("Browser.getWindowForTarget", targetId=self._target)
        bounds = {"windowState": state}
        self._browser._call("Browser.setWindowBounds", windowId=window["windowId"], bounds=bounds)

    def is_timing(self, number: int) -> bool:
        """Whether one of the files is timed at the moment, for the first time."""
        return self.states()[number : number + 1] == ["is timed"]


def pages() -> list[str]:
    return sorted(name for each in joined.servers() for name in each.names)


def joining(phone: Phone, name: str) -> None:
    until(lambda: phone.evaluate("document.readyState === 'complete'"))
    phone.type(name)
    phone.tap()
    until(lambda: phone.text("name") == name, lambda: phone.text("state"))


def kill(shown: Browser) -> None:
    """Ends all processes of a browser at once, as phones do that lack memory."""
    first = psutil.Process(shown.pid)
    for each in (first, *first.children(recursive=True)):
        try:
            os.kill(each.pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def test_each_phone_has_records_of_its_own_whatever_happens_to_them(tmp_path: Path) -> None:
    fetch_runtimes()
    skip_without_network()
    for folder in ("home", "secured", "plain"):
        (tmp_path / folder).mkdir()
    with ExitStack() as stack:
        secured = stack.enter_context(serving(tmp_path / "secured", "--lan", "--https"))
        plain = stack.enter_context(serving(tmp_path / "plain", "--lan"))
        address = str(urlsplit(plain.told["network"][0]).hostname)
        # One phone calls this machine by its name and by https, the other one by its address.
        base = secured.told["network"][-1]
        host, port = str(urlsplit(base).hostname), int(urlsplit(base).port or 0)
        with urllib.request.urlopen(f"{secured.told['certificate'][0]}edgezoo.pem") as answer:
            flags = trusting(tmp_path / "home", answer.read(), address, port)
        mapped = f"--host-resolver-rules=MAP {host} {address}"
        first = browser(tmp_path / "a", mapped, *flags, home=tmp_path / "home")
        ana = Phone(stack.enter_context(first), f"{base}join/browser/", "Pixel 8")
        killed = stack.enter_context(browser(tmp_path / "b"))
        leo = Phone(killed, f"{plain.told['network'][0]}join/browser/", "Pixel 6a")
        joining(ana, "ana")
        joining(leo, "leo")
        assert pages() == ["ana", "leo"]
        assert ana.evaluate("navigator.maxTouchPoints") > 0
        assert ana.evaluate("document.documentElement.scrollWidth") == WIDTH

        told = tmp_path / "told.json"
        command = [sys.executable, "-m", "zoo", "bench", *map(str, FILES), "--tier", "brief"]
        with told.open("w") as out:
            bench = subprocess.Popen(
                [*command, "--device", "ana,leo", "--json"],
                stdout=out,
                env={**os.environ, "ZOO_STORE": f"sqlite:///{tmp_path / 'records.sqlite'}"},
            )
        stack.callback(bench.wait)
        stack.callback(bench.kill)

        # Its owner looks at something else while the first file is timed, and at all of its tries.
        until(lambda: ana.is_timing(0), ana.states)
        ana.show("minimized")
        # The second file is timed when the page is reloaded.
        until(lambda: ana.is_timing(1), ana.states)
        ana.show("normal")
        ana.load("Page.reload")
        until(lambda: ana.text("name") == "ana", lambda: ana.text("state"))

        # The other one is killed while its first file is timed, and comes back.
        until(lambda: leo.is_timing(0), leo.states)
        kill(killed)
        until(lambda: pages() == ["ana"], pages)
        again = stack.enter_context(browser(tmp_path / "b"))
        leo = Phone(again, f"{plain.told['network'][0]}join/browser/", "Pixel 6a")
        until(lambda: leo.evaluate("document.getElementById('device')?.value") == "leo")
        leo.tap()
        until(lambda: leo.text("name") == "leo", lambda: leo.text("state"))
        bench.wait(120)
        assert pages() == ["ana", "leo"]
        ana_again = ana.text("state")

    assert bench.returncode == 1
    assert ana_again.startswith("connected")
    rows = {(row["device"], Path(row["file"]).suffix): row for row in json.loads(told.read_text())}
    assert len(rows) == 4
    for name, suffix in (("ana", ".onnx"), ("leo", ".tflite")):
        assert rows[name, suffix]["error"]["type"] == "AgentDied"
        assert "closed or reloaded, or the browser crashed" in rows[name, suffix]["error"]["why"]
        assert rows[name, suffix]["measurement"] is None
    hidden, back = (rows[key]["measurement"] for key in (("ana", ".tflite"), ("leo", ".onnx")))
    assert HIDDEN_FAULT in hidden["noise"]
    assert HIDDEN_FAULT not in back["noise"]
    assert rows["ana", ".tflite"]["verdict"] == "noisy"
    found = {}
    for one in (hidden, back):
        about = one["environment"]
        found[one["device"]] = (about["secure"], about["isolated"], about["model"])
    # Without encryption a browser does not tell which phone it is.
    assert found == {"ana": (True, True, "Pixel 8"), "leo": (False, False, "")}
    assert hidden["device_fingerprint"] != back["device_fingerprint"]
    times = [one["environment"]["clock_resolution_ns"] for one in (hidden, back)]
    assert times[0] < 50_000 <= times[1]
    assert all(one["p50_ms"] > 0 for one in (hidden, back))

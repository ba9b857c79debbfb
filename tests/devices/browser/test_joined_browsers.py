"""Real browsers that join `zoo serve`: by https as phones do, and many tabs at once."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from browser_runtimes import fetch_runtimes
from chromium import Browser, browser, find_chromium
from served import Serving, Tab, serving, skip_without_network, trusting

from zoo.contracts.transport import Work
from zoo.devices.browser import joined
from zoo.devices.browser.driver import JoinedTransport
from zoo.devices.browser.options import BrowserOptions
from zoo.execution.failures import AgentDied, AgentRefused
from zoo.execution.probes import BIAS, PROBES, TOLERANCE, WEIGHTS
from zoo.execution.session import AgentSession

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_chromium() is None, reason="needs Chromium"),
]
client = pytest.importorskip("websockets.sync.client", reason="needs the extra serve")
pytest.importorskip("trustme", reason="needs the extra serve")

FILE, TABS = PROBES / "dense.tflite", 20
INPUTS = np.random.default_rng(0).normal(size=(3, len(WEIGHTS[0]))).astype(np.float32)
EXPECTED = INPUTS @ np.asarray(WEIGHTS, np.float32).T + np.asarray(BIAS, np.float32)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """One server, which others reach by https."""
    fetch_runtimes()
    skip_without_network()
    with serving(tmp_path_factory.mktemp("serve"), "--lan", "--https") as made:
        yield made


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One that comes from this machine, where https is not needed."""
    with browser(tmp_path_factory.mktemp("tabs")) as made:
        yield made


def until(find: Callable[[], Any], what: Callable[[], Any] = str) -> Any:
    """Waits as long as it takes on a busy machine, and not for ever."""
    for _ in range(1200):
        if found := find():
            return found
        time.sleep(0.1)
    raise AssertionError(f"it did not come to pass: {what()}")


def opened(browser: Browser, url: str, name: str) -> Tab:
    """A tab that asks to join."""
    tab = Tab(browser, url)
    until(
        lambda: tab.evaluate("document.readyState === 'complete' && location.protocol !== 'about:'")
    )
    tab.join(name)
    return tab


def transport(name: str, **options: Any) -> JoinedTransport:
    return JoinedTransport(BrowserOptions(page=name, **options), name)


def answers(name: str, threads: int = 1) -> dict[str, Any]:
    """What the page of a name says of itself, after it has answered rightly."""
    with AgentSession(transport(name), "litert-js", 120.0) as session:
        session.load(FILE, threads, purpose="timing")
        assert np.abs(session.run(INPUTS) - EXPECTED).max() <= TOLERANCE
        return session.describe()


def pages() -> set[str]:
    return {name for each in joined.servers() for name in each.names}


def test_a_phone_that_trusts_the_authority_has_threads_and_another_is_refused(
    served: Serving, tmp_path: Path
) -> None:
    base = served.told["network"][-1]
    host, port = str(urlsplit(base).hostname), int(urlsplit(base).port or 0)
    address = str(urlsplit(served.told["network"][0]).hostname)
    # The phone calls this machine by a name that is not localhost.
    mapped = f"--host-resolver-rules=MAP {host} {address}"
    page = served.told["certificate"][-1]
    with urllib.request.urlopen(f"http://{address}:{urlsplit(page).port}/edgezoo.pem") as answer:
        authority = answer.read()
    for folder in ("home", "other"):
        (tmp_path / folder).mkdir()
    flags = trusting(tmp_path / "home", authority, address, port)
    with browser(tmp_path / "a", mapped, *flags, home=tmp_path / "home") as phone:
        certificate = Tab(phone, page)
        until(lambda: "✓" in certificate.text("trust"), lambda: certificate.text("trust"))
        tab = opened(phone, f"{base}join/browser/", "phone")
        until(lambda: "phone" in pages(), lambda: (tab.text("state"), served.said()))
        about = answers("phone", threads=2)
        assert tab.text("context").startswith("This page is secure")
        relay = transport("phone")
        relay.announce(Work(files=(FILE,), processes=3, seconds=90.0))
        assert {"charging", "battery_level", "pressure", "visible"} == set(
            relay.condition().readings
        )
        until(lambda: tab.text("plan") == "1 file, started 3 times each: 2 min at least.")
        with AgentSession(relay, "litert-js", 120.0) as session:
            session.load(FILE, purpose="timing")
            session.bench(min_runs=5, min_seconds=0.0, max_seconds=20.0, warmup_seconds=0.0)
        until(lambda: "1 of 3" in tab.text("files"))
        assert "ms (median of" in tab.text("files")
        # With one thread and with two, say: one row, which both runs fill.
        relay.announce(Work(files=(FILE, FILE), processes=3, seconds=4.0))
        until(lambda: tab.text("plan") == "1 file, started 6 times each: 4 s at least.")
        assert "0 of 6" in tab.text("files")
        broken = tmp_path / "broken.tflite"
        broken.write_bytes(FILE.read_bytes()[:100])
        relay.announce(Work(files=(broken,), processes=3, seconds=4.0))
        with (
            AgentSession(relay, "litert-js", 120.0) as session,
            pytest.raises(AgentRefused) as refused_file,
        ):
            session.load(broken, purpose="timing")
        until(lambda: "waits" not in tab.text("files") and "loaded" not in tab.text("files"))
        shown = tab.text("files").split("0 of 3")[1].strip()
        assert len(shown) > 10
        assert shown in f"{refused_file.value.what} {refused_file.value.why}"
    assert (about["secure"], about["isolated"]) == (True, True)
    assert 0 < about["clock_resolution_ns"] < 100_000
    with browser(tmp_path / "b", mapped, home=tmp_path / "other") as stranger:
        certificate = Tab(stranger, page)
        until(lambda: "does not trust" in certificate.text("trust"))
        refused = Tab(stranger, f"{base}join/browser/")
        until(lambda: refused.evaluate("location.protocol") == "chrome-error:")
    assert "a device does not trust the certificate" in served.said()


def test_twenty_tabs_are_twenty_devices_and_each_may_fail_alone(
    served: Serving, chromium: Browser
) -> None:
    names = [f"tab-{number}" for number in range(TABS)]
    tabs = {name: opened(chromium, served.join, name) for name in names}
    until(lambda: set(names) <= pages(), pages)
    with ThreadPoolExecutor(TABS) as threads:
        abouts = list(threads.map(answers, names))
    assert all(about["isolated"] for about in abouts)
    # Tabs of one browser are one machine, whatever they are called.
    assert len({about["fingerprint"] for about in abouts}) == 1

    # One is closed while it works: that costs its run alone.
    with AgentSession(transport("tab-0"), "litert-js", 60.0) as session:
        session.load(FILE, purpose="timing")
        tabs["tab-0"].close()
        with pytest.raises(AgentDied):
            session.bench(min_runs=1, min_seconds=5.0, max_seconds=5.0, warmup_seconds=0.0)
    until(lambda: "tab-0" not in pages())

    # One is hidden, as its socket says, and one is reloaded, which joins again by itself.
    tabs["tab-1"].evaluate(
        "Object.defineProperty(document, 'visibilityState', {value: 'hidden'});"
        "document.dispatchEvent(new Event('visibilitychange'))"
    )
    until(lambda: any("hidden" in fault for fault in transport("tab-1").condition().faults))
    tabs["tab-2"].load("Page.reload")
    until(lambda: "tab-2" in pages())
    assert answers("tab-2")["isolated"]

    # One loses its network and comes back.
    tabs["tab-3"].evaluate("for (const name of ['error', 'warn']) console[name] = () => {}")
    offline = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    tabs["tab-3"].call("Network.enable")
    tabs["tab-3"].call("Network.emulateNetworkConditions", offline=True, **offline)
    with AgentSession(transport("tab-4"), "litert-js", 60.0) as session:
        session.load(FILE)
    tabs["tab-3"].call("Network.emulateNetworkConditions", offline=False, **offline)
    until(lambda: "tab-3" in pages())
    assert answers("tab-3")["isolated"]

    # One sends garbage, and is closed; the others go on.
    origin = "http://" + urlsplit(served.join).netloc
    with client.connect(
        served.join.replace("http", "ws", 1) + "control", origin=origin, proxy=None
    ) as socket:
        socket.send(json.dumps({"hello": {"name": "tab-5", "garbage": [0] * 1000}}))
        with pytest.raises(Exception, match="1008"):
            socket.recv(timeout=10)
    assert answers("tab-5")["isolated"]
    for name in names[1:]:
        tabs[name].close()
    until(lambda: not set(names) & pages())

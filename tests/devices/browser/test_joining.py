"""Pages elsewhere that join a server here, with a stand-in for their browser."""

from __future__ import annotations

import getpass
import json
import os
import platform
import secrets
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import pytest

from zoo.common.errors import ZooError
from zoo.contracts import Condition
from zoo.contracts.transport import Work
from zoo.devices.browser import join_routes, joined, joining, server
from zoo.devices.browser.driver import JoinedTransport
from zoo.devices.browser.options import BrowserOptions
from zoo.devices.browser.pages import Pages
from zoo.execution.devices import device_named
from zoo.execution.failures import AgentDied
from zoo.execution.session import AgentSession
from zoo.registry import load_registry

client = pytest.importorskip("websockets.sync.client", reason="needs the extra serve")
from websockets.exceptions import ConnectionClosed  # noqa: E402

HELLO = {
    "user_agent": "Mozilla/5.0 (X) Firefox/140.0",
    "platform": "Android 16",
    "secure": False,
    "isolated": False,
    "visible": True,
    "identity": "ab" * 16,
}


class Served:
    """The routes of a server, where `zoo serve` would mount them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        found: list[Any] = []

        def routes(pages: Pages) -> Any:
            # The port is known only once it is bound, and the address has to name it.
            with pytest.MonkeyPatch.context() as patching:
                made = joining.JoinedPages
                patching.setattr(joining, "JoinedPages", lambda at: self._keep(made(at)))
                found.extend(join_routes(f"http://127.0.0.1:{self.port}/{self.token}/"))
            return found

        self.token = "t" + secrets.token_hex(8)
        monkeypatch.setattr(server.secrets, "token_urlsafe", lambda count: self.token)
        monkeypatch.setattr(server, "routes", routes)
        self.port = free_port()
        self.server = server.PageServer(Pages(), self.port)
        monkeypatch.undo()

    def _keep(self, pages: Any) -> Any:
        self.pages = pages
        return pages

    def socket(self, name: str, **headers: Any) -> Any:
        address = f"127.0.0.1:{self.port}"
        return client.connect(
            f"ws://{address}/{self.token}/{name}", origin=f"http://{address}", proxy=None
        )


def free_port() -> int:
    import socket

    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


@pytest.fixture
def served(tmp_path, monkeypatch) -> Iterator[Served]:
    monkeypatch.setattr(joined, "cache_folder", lambda: tmp_path / "cache")
    with pytest.MonkeyPatch.context() as patching:
        made = Served(patching)
    yield made
    made.server.close()


@contextmanager
def page(served: Served, name: str, identity: str = "ab" * 16) -> Iterator[tuple[Any, str]]:
    """A page that has joined, and the name that it was given."""
    with served.socket("control") as socket:
        socket.send(json.dumps({"hello": {**HELLO, "name": name, "identity": identity}}))
        welcome = json.loads(socket.recv(timeout=5))["welcome"]
        assert welcome["machine"] == f"{getpass.getuser()}@{platform.node()}"
        yield socket, welcome["name"]


def until(done: Any) -> None:
    for _ in range(1000):
        if done():
            return
        threading.Event().wait(0.01)
    raise AssertionError("it did not come to pass")


class Worker(threading.Thread):
    """A stand-in for the page's side: each agent answers, drops the page, or says nothing."""

    def __init__(
        self, served: Served, control: Any, *, drops: bool = False, answers: bool = True
    ) -> None:
        super().__init__(daemon=True)
        self.served, self.control, self.drops, self.answers = served, control, drops, answers
        self.start()

    def run(self) -> None:
        start = json.loads(self.control.recv(timeout=20))["start"]
        with self.served.socket(f"agent/{start['number']}") as socket:
            if not self.answers:
                with suppress(ConnectionClosed):
                    while socket.recv(timeout=20):
                        pass
                return
            request = json.loads(socket.recv(timeout=20))
            if self.drops:
                self.control.socket.close()
                return
            told = {
                **start["about"],
                "fingerprint": start["fingerprint"],
                "runtimes": start["versions"],
            }
            socket.send(json.dumps({"protocol": 1, "id": request["id"], "ok": True, **told}))
            socket.close()


def test_a_page_is_a_device_by_its_name_while_it_is_open(served):
    registry = load_registry()
    with page(served, "ana-pixel8") as (_, name):
        assert name == "ana-pixel8"
        assert device_named(registry, name).options["page"] == name
        assert device_named(registry, f"{name}-webgpu").options["backend"] == "webgpu"
        (file,) = (joined.cache_folder() / "browser/joined").glob("*.json")
        assert file.stat().st_mode & 0o077 == 0
    until(lambda: not joined.known_pages())
    with pytest.raises(ZooError, match="unknown device"):
        device_named(registry, "ana-pixel8")


def test_two_pages_of_one_name_are_two_devices(served):
    with page(served, "phone") as (_, one), page(served, "phone", "cd" * 16) as (_, other):
        assert (one, other) == ("phone", "phone-2")
        assert {"phone", "phone-2"} <= set(joined.known_pages())


@pytest.mark.parametrize("named", ["phone", "phone-2"])
def test_a_browser_that_comes_again_is_the_same_device(served, named):
    """Its connection from before has not ended: it had lost its network, say."""
    with page(served, "phone", "cd" * 16), page(served, "phone") as (before, given):
        assert given == "phone-2"
        Worker(served, before, answers=False)
        transport = JoinedTransport(BrowserOptions(page=given), given)
        with (
            AgentSession(transport, "litert-js", 20.0) as session,
            page(served, named) as (_, again),
        ):
            assert again == given
            with pytest.raises(AgentDied, match="line to the device broke") as caught:
                session.describe()
            with pytest.raises(ConnectionClosed) as closed:
                before.recv(timeout=5)
            assert sorted(joined.known_pages()) == ["phone", "phone-2"]
        assert "the same browser has joined again" in str(caught.value)
        assert closed.value.rcvd.code == 4001


@pytest.mark.parametrize("name", ["", "Ana", "../x", "a b", "a" * 41])
def test_names_that_are_no_words_of_commands_are_refused(served, name):
    with served.socket("control") as socket:
        socket.send(json.dumps({"hello": {**HELLO, "name": name}}))
        with pytest.raises(ConnectionClosed):
            socket.recv(timeout=5)
    assert not joined.known_pages()


def test_a_command_reaches_an_agent_in_the_page(served, tmp_path):
    file = tmp_path / "net.onnx"
    file.write_bytes(b"net")
    with page(served, "phone") as (control, _):
        transport = JoinedTransport(BrowserOptions(page="phone"), "phone")
        assert len(transport.put(file)) == 64
        assert transport.hello().browser == "Firefox 140.0"
        told = dict.fromkeys(("charging", "battery_level", "pressure"), "unknown")
        assert transport.condition() == Condition(readings={"visible": True, **told})
        worker = Worker(served, control)
        with AgentSession(transport, "onnxruntime-web", 20.0) as session:
            told = session.describe()
        worker.join(10)
    assert told["fingerprint"]
    assert told["os"] == "Android 16"
    assert told["browser"] == "Firefox 140.0"


def test_the_page_is_told_what_will_run(served, tmp_path):
    names = ["net.onnx", "é" * 100 + ".onnx", *(f"{at}.onnx" for at in range(60))]
    files = [tmp_path / name for name in names]
    for file in files:
        file.write_bytes(file.name.encode())
    with page(served, "phone") as (control, _):
        transport = JoinedTransport(BrowserOptions(page="phone"), "phone")
        transport.announce(Work(files=tuple(files), processes=5, seconds=24.0))
        plan = json.loads(control.recv(timeout=5))["plan"]
        named = transport.put(files[0])
    assert plan["files"][0] == {"name": "net.onnx", "bytes": 8, "sha256": named}
    assert (plan["processes"], plan["seconds"]) == (5, 24.0)
    assert len(plan["files"]) < len(files)


def test_battery_and_load_of_the_device_are_told(served):
    with page(served, "phone") as (control, _):
        transport = JoinedTransport(BrowserOptions(page="phone"), "phone")
        for charging, level, pressure in [
            (True, 0.5, "nominal"),
            (False, 0.49, "critical"),
            (False, 0.48, "fair"),
        ]:
            power = {"charging": charging, "level": level, "pressure": pressure}
            control.send(json.dumps({"power": power}))
        control.send(json.dumps({"visible": False}))
        until(lambda: hidden_there(served))
        found = transport.condition()
    assert found.readings["charging"] is False
    assert found.readings["battery_level"] == 0.48
    assert found.readings["pressure"] == "critical"
    assert any("plugged in or unplugged" in fault for fault in found.faults)
    assert "the battery went from 50% to 48% meanwhile" in found.hints
    assert any("critical pressure" in hint for hint in found.hints)


def hidden_there(served: Served) -> bool:
    """Whether the last message of the page has come."""
    (page,) = served.pages._pages
    return page._hidden_at is not None


@pytest.mark.parametrize(
    "power", [{"level": 7}, {"charging": "yes"}, {"pressure": "high"}, {"volts": 4}, []]
)
def test_a_page_that_tells_nonsense_of_its_battery_is_closed(served, power):
    with page(served, "phone") as (control, _):
        control.send(json.dumps({"power": power}))
        with pytest.raises(ConnectionClosed):
            control.recv(timeout=5)


def test_a_page_that_is_closed_while_it_works_costs_that_run(served):
    with page(served, "phone") as (control, _):
        transport = JoinedTransport(BrowserOptions(page="phone"), "phone")
        Worker(served, control, drops=True)
        with (
            AgentSession(transport, "litert-js", 20.0) as session,
            pytest.raises(AgentDied, match="line to the device broke") as caught,
        ):
            session.describe()
    assert "page is gone" in str(caught.value)


def test_a_page_that_was_reloaded_is_waited_for(served, monkeypatch):
    with ExitStack() as stack:
        first = stack.enter_context(ExitStack())
        first.enter_context(page(served, "phone"))
        transport = JoinedTransport(BrowserOptions(page="phone"), "phone")
        first.close()
        back = threading.Timer(0.3, lambda: stack.enter_context(page(served, "phone")))
        back.start()
        assert transport.hello().identity == HELLO["identity"]
        back.join()


def test_a_page_that_stays_away_is_told(served, monkeypatch):
    monkeypatch.setattr(joining, "BACK_SECONDS", 0.1)
    with page(served, "phone"):
        transport = JoinedTransport(BrowserOptions(page="phone"), "phone")
    until(lambda: not joined.known_pages())
    with pytest.raises(ZooError, match="the page 'phone' cannot be used") as caught:
        transport.hello()
    assert "did not come back" in str(caught.value)


def test_without_the_secret_the_relay_answers_nothing(served):
    with page(served, "phone"):
        for order in ("garbage", json.dumps({"secret": "guess", "page": "phone", "put": "/etc"})):
            with served.socket("relay") as socket:
                socket.send(order)
                with pytest.raises(ConnectionClosed):
                    socket.recv(timeout=5)


def test_what_a_dead_server_left_behind_is_no_device(tmp_path, monkeypatch):
    monkeypatch.setattr(joined, "cache_folder", lambda: tmp_path)
    folder = tmp_path / "browser/joined"
    folder.mkdir(parents=True)
    process = os.fork()
    if process == 0:
        os._exit(0)
    os.waitpid(process, 0)
    told = {"pid": process, "began": 1.0, "address": "http://x/", "secret": "s", "names": ["gone"]}
    (folder / "1-a.json").write_text(json.dumps(told))
    # Its number is that of another process by now.
    (folder / "1-c.json").write_text(json.dumps({**told, "pid": os.getpid()}))
    (folder / "1-b.json").write_text("garbage")
    assert joined.known_pages() == {}
    assert [file.name for file in folder.iterdir()] == ["1-b.json"]
    with pytest.raises(ZooError, match="no page named 'gone' is open"):
        JoinedTransport(BrowserOptions(page="gone"), "gone")

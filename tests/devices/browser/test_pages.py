"""The local server and its pages, with a stand-in for the browser that speaks the same sockets."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from zoo.common.errors import ZooError
from zoo.contracts.exporter import TensorInfo
from zoo.devices.browser import RUNTIMES, browsers, messages
from zoo.devices.browser.driver import PROBE_OF
from zoo.devices.browser.pages import Page, Pages
from zoo.devices.browser.server import PageServer
from zoo.execution.failures import AgentDied
from zoo.execution.session import AgentSession

client = pytest.importorskip("websockets.sync.client", reason="needs the extra serve")
from websockets.exceptions import ConnectionClosed, InvalidStatus  # noqa: E402

HELLO = {"user_agent": "Stand-in/1", "secure": True, "isolated": True, "visible": True}


@pytest.fixture(scope="module")
def server() -> Iterator[PageServer]:
    pages = Pages()
    made = PageServer(pages)
    made.pages = pages  # type: ignore[attr-defined]
    yield made
    made.close()


@pytest.fixture
def pages(server: Any) -> Pages:
    return server.pages


def path_of(server: PageServer, name: str) -> str:
    return server.address.split(str(server.port), 1)[1] + name


def get(server: PageServer, path: str, method: str = "GET") -> SimpleNamespace:
    line = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    line.request(method, path)
    answer = line.getresponse()
    found = SimpleNamespace(status=answer.status, headers=answer.headers, body=answer.read())
    line.close()
    return found


def open_socket(server: PageServer, name: str, origin: str | None = None) -> Any:
    return client.connect(
        f"ws://127.0.0.1:{server.port}{path_of(server, name)}",
        origin=f"http://127.0.0.1:{server.port}" if origin is None else origin,
        proxy=None,
    )


@contextmanager
def joined(server: PageServer, pages: Pages, **hello: Any) -> Iterator[tuple[Any, Page]]:
    with open_socket(server, "control") as socket:
        socket.send(json.dumps({"hello": {**HELLO, **hello}}))
        assert "welcome" in json.loads(socket.recv(timeout=5))
        page = pages.current(10.0)
        assert page is not None
        yield socket, page
    wait_until(lambda: pages.current(0.0) is None)


def wait_until(done: Any) -> None:
    for _ in range(500):
        if done():
            return
        time.sleep(0.01)
    raise AssertionError("it did not come to pass")


def started(page: Page) -> tuple[threading.Thread, list[Any]]:
    """Has the page asked for an agent, in a thread, since it waits for the worker."""
    found: list[Any] = []

    def start() -> None:
        try:
            found.append(page.start({"runtime": "litert-js"}))
        except ZooError as error:
            found.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    return thread, found


def test_the_page_and_its_modules_are_served_in_isolation(server):
    found = get(server, path_of(server, ""))
    assert found.status == 200
    assert b"page.js" in found.body
    assert found.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert found.headers["Cross-Origin-Embedder-Policy"] == "require-corp"
    policy = found.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy
    assert "'unsafe-eval'" not in policy.replace("'wasm-unsafe-eval'", "")
    module = get(server, path_of(server, "agent.js"))
    assert module.status == 200
    assert module.headers["Content-Type"].startswith("text/javascript")


@pytest.mark.parametrize(
    "name",
    [
        *("nothing.js", "../page/agent.js", "%2e%2e/driver.py", "..%2fdriver.py", "file/", "file"),
        *("file/" + "0" * 64, "runtime/litert-js/", "runtime/litert-js/../../x", "runtime/none/a"),
        *("packages.toml", "control", "agent/1"),
    ],
)
def test_nothing_else_is_served(server, name):
    assert get(server, path_of(server, name)).status == 404


def test_without_the_token_there_is_nothing_and_only_get_is_answered(server):
    assert get(server, "/").status == 404
    assert get(server, "/guess/").status == 404
    assert get(server, path_of(server, ""), "POST").status == 405
    with (
        pytest.raises((InvalidStatus, ConnectionClosed)),
        client.connect(
            f"ws://127.0.0.1:{server.port}/guess/control",
            origin=f"http://127.0.0.1:{server.port}",
            proxy=None,
        ) as socket,
    ):
        socket.recv(timeout=5)


def test_a_file_is_served_by_its_hash_alone_once_it_was_put(server, pages, tmp_path):
    file = tmp_path / "net.tflite"
    file.write_bytes(b"weights")
    name = pages.put(file)
    found = get(server, path_of(server, f"file/{name}"))
    assert found.body == b"weights"
    assert found.headers["Content-Type"] == "application/octet-stream"
    assert get(server, path_of(server, "file/net.tflite")).status == 404


@pytest.mark.parametrize("origin", ["http://example.org", "http://127.0.0.1:1", "null"])
def test_sockets_of_other_origins_are_refused(server, pages, origin):
    with (
        pytest.raises((InvalidStatus, ConnectionClosed)),
        open_socket(server, "control", origin) as socket,
    ):
        socket.recv(timeout=5)
    assert pages.current(0.0) is None


@pytest.mark.parametrize(
    "said",
    [
        "garbage",
        "[]",
        "{}",
        json.dumps({"visible": True}),
        json.dumps({"hello": {**HELLO, "extra": 1}}),
        json.dumps({"hello": {**HELLO, "secure": "yes"}}),
        json.dumps({"hello": {**HELLO, "user_agent": "x" * 500}}),
        json.dumps({"hello": {**HELLO, "cores": -1}}),
        json.dumps({"hello": HELLO}) + " " * messages.MOST_CONTROL,
        b"\x00\x01",
    ],
)
def test_a_page_that_sends_garbage_is_disconnected(server, pages, said):
    with open_socket(server, "control") as socket:
        socket.send(said)
        with pytest.raises(ConnectionClosed):
            socket.recv(timeout=5)
    assert pages.current(0.0) is None


def test_an_agent_speaks_lines_and_closes_with_zero(server, pages):
    with joined(server, pages) as (socket, page):
        thread, found = started(page)
        request = json.loads(socket.recv(timeout=5))["start"]
        with open_socket(server, f"agent/{request['number']}") as worker:
            thread.join(10)
            agent = found[0]
            agent.send("question")
            assert worker.recv(timeout=5) == "question"
            worker.send("answer")
            assert agent.receive(5.0) == "answer"
            with pytest.raises(TimeoutError):
                agent.receive(0.01)
        assert agent.receive(5.0) is None
        assert agent.stop() == 0
        with pytest.raises(BrokenPipeError):
            agent.send("late")


def test_a_worker_that_nobody_asked_for_is_refused(server, pages):
    with (
        joined(server, pages),
        pytest.raises((InvalidStatus, ConnectionClosed)),
        open_socket(server, "agent/7") as worker,
    ):
        worker.recv(timeout=5)


def test_a_tab_that_is_closed_while_it_works_is_an_error_that_says_so(server, pages):
    with ExitStack() as stack:
        socket = stack.enter_context(open_socket(server, "control"))
        socket.send(json.dumps({"hello": HELLO}))
        socket.recv(timeout=5)
        page = pages.current(10.0)

        class Transport:
            def start_agent(self, runtime: str) -> Any:
                thread, found = started(page)
                number = json.loads(socket.recv(timeout=5))["start"]["number"]
                self.worker = stack.enter_context(open_socket(server, f"agent/{number}"))
                thread.join(10)
                return found[0]

        transport = Transport()
        with AgentSession(transport, "litert-js", 20.0) as session:

            def close() -> None:
                transport.worker.recv(timeout=5)
                socket.close()
                transport.worker.socket.close()

            closing = threading.Thread(target=close)
            closing.start()
            with pytest.raises(AgentDied) as caught:
                session.describe()
            closing.join()
        assert "tab was closed or reloaded" in str(caught.value)
    wait_until(lambda: pages.current(0.0) is None)


def test_a_worker_that_cannot_start_says_why(server, pages):
    with joined(server, pages) as (socket, page):
        thread, found = started(page)
        number = json.loads(socket.recv(timeout=5))["start"]["number"]
        socket.send(json.dumps({"failed": number, "why": "no module agent.js"}))
        thread.join(10)
        assert "no module agent.js" in str(found[0])


def test_a_page_remembers_that_it_was_hidden_until_asked(server, pages):
    with joined(server, pages) as (socket, page):
        assert not page.hidden()
        socket.send(json.dumps({"visible": False}))
        socket.send(json.dumps({"visible": True}))
        wait_until(lambda: page._was_hidden and page._hidden_at is None)
        assert page.hidden()
        assert not page.hidden()


def test_a_port_that_is_taken_is_told(server):
    with pytest.raises(ZooError, match=f"no page can be served on port {server.port}"):
        PageServer(Pages(), server.port)


def test_without_a_browser_it_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(browsers, "_APPLICATIONS", ())
    with pytest.raises(ZooError, match="no browser on this machine") as caught:
        browsers.find_browser(None)
    assert "apt-get install chromium" in str(caught.value)
    with pytest.raises(ZooError, match="no browser at 'crome'"):
        browsers.find_browser("crome")


def test_each_runtime_has_a_file_that_it_is_tried_with():
    assert set(PROBE_OF) == {"litert-js", "onnxruntime-web"}


@pytest.mark.parametrize("dtype", ["float32", "int32", "uint8", "int8", "int16", "int64", "bool"])
def test_litert_js_refuses_types_that_it_has_no_arrays_of(dtype):
    refusal = next(each.refusal for each in RUNTIMES if each.name == "litert-js")
    plain = TensorInfo(name="x", shape=(1, 4), dtype="float32")
    other = TensorInfo(name="y", shape=(1, 4), dtype=dtype)
    told = refusal(SimpleNamespace(inputs=(plain,), outputs=(other,)))
    assert told == refusal(SimpleNamespace(inputs=(other,), outputs=(plain,)))
    assert told.startswith(f"'y' is {dtype}") == (dtype not in {"float32", "int32", "uint8"})

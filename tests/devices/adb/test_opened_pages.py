"""Pages of this machine in browsers of phones on a cable, with a stand-in for the ADB server."""

from __future__ import annotations

from pathlib import Path

import pytest
from adb_phone import KIND, REGISTRY, driver_of, options
from adb_phone import own_home as own_home
from adb_server import SERIAL, AdbServer

from zoo.common.errors import ZooError
from zoo.execution.device import Device

PORT, PATH = 8765, "/token/join/browser/"


@pytest.mark.parametrize("named", [True, False])
def test_a_page_is_opened_on_the_phone_that_is_named_or_on_all(server: AdbServer, named) -> None:
    server.phones["R58N"] = "device"
    driver = driver_of(server, serial=SERIAL if named else None)
    serials = [SERIAL] if named else sorted(server.phones)
    assert driver.open_page(PORT, PATH) == f"the phone {', '.join(serials)}"
    asked = [
        f"reverse:forward:tcp:{PORT};tcp:{PORT}",
        f"am start -a android.intent.action.VIEW -d http://127.0.0.1:{PORT}{PATH}",
    ]
    assert server.log.read_text().splitlines() == asked * len(serials)
    there = {f"tcp:{PORT}": f"tcp:{PORT}"}
    assert server.reversed == dict.fromkeys(serials, there)
    driver.close_pages()
    assert not any(server.reversed.values())
    driver.close_pages()


def test_a_way_back_that_was_there_before_stays(server: AdbServer) -> None:
    led = server.reversed[SERIAL] = {f"tcp:{PORT}": f"tcp:{PORT}", "tcp:9": "tcp:9"}
    driver = driver_of(server)
    driver.open_page(PORT, PATH)
    driver.close_pages()
    assert set(led) == {f"tcp:{PORT}", "tcp:9"}


def test_a_port_that_leads_elsewhere_is_refused_and_left_alone(server: AdbServer) -> None:
    led = server.reversed[SERIAL] = {f"tcp:{PORT}": "tcp:3000"}
    driver = driver_of(server)
    with pytest.raises(ZooError, match=f"port {PORT} of the phone {SERIAL} leads to tcp:3000"):
        driver.open_page(PORT, PATH)
    driver.close_pages()
    assert led == {f"tcp:{PORT}": "tcp:3000"}


def test_a_phone_that_was_unplugged_is_no_trouble_at_the_end(server: AdbServer) -> None:
    driver = driver_of(server)
    driver.open_page(PORT, PATH)
    server.unplug()
    driver.close_pages()


@pytest.mark.parametrize("browser", [True, False])
def test_the_command_leaves_nothing_on_the_phone(
    server: AdbServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, browser: bool
) -> None:
    serving = pytest.importorskip("zoo.server.serving", reason="needs the extra serve")
    seen: list[dict[str, str]] = []

    async def interrupted(_: object) -> None:
        seen.append(dict(server.reversed[SERIAL]))
        raise KeyboardInterrupt

    monkeypatch.setattr(serving, "_run", interrupted)
    monkeypatch.setattr(serving, "device_named", lambda *_: phone(server))
    if not browser:
        server.environment["NO_BROWSER"] = "1"
    with pytest.raises(KeyboardInterrupt if browser else ZooError):
        serving.serve(
            REGISTRY,
            store=f"sqlite:///{tmp_path}/records.sqlite",
            port=0,
            open_on=("phone",),
            on_address=lambda _: None,
            tell=lambda _: None,
        )
    assert [len(led) for led in seen] == [1] * browser
    assert server.reversed[SERIAL] == {}


def phone(server: AdbServer) -> Device:
    return Device(name="phone", kind=KIND, options=options(server))


def test_a_phone_without_a_browser_is_told(server: AdbServer) -> None:
    server.environment["NO_BROWSER"] = "1"
    with pytest.raises(ZooError, match=f"the phone {SERIAL} opened no page") as caught:
        driver_of(server).open_page(PORT, PATH)
    assert "unable to resolve" in str(caught.value)


def test_no_phone_and_one_that_is_not_ready_are_told(server: AdbServer) -> None:
    server.phones[SERIAL] = "unauthorized"
    with pytest.raises(ZooError, match="unauthorized"):
        driver_of(server).open_page(PORT, PATH)
    server.phones.clear()
    with pytest.raises(ZooError, match="no phone is connected"):
        driver_of(server).open_page(PORT, PATH)

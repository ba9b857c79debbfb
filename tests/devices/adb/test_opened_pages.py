"""Pages of this machine in browsers of phones on a cable, with a stand-in for the ADB server."""

from __future__ import annotations

import pytest
from adb_phone import driver_of
from adb_phone import own_home as own_home
from adb_server import SERIAL, AdbServer

from zoo.common.errors import ZooError

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

"""What a driver raises costs one result, and names the line of the plugin that brings it."""

from __future__ import annotations

import pytest

from zoo.common import plugin_errors
from zoo.execution.driver_guard import DriverFailed, driver_guard


def test_the_line_of_a_driver_is_named(monkeypatch):
    def connect() -> None:
        raise AttributeError("no port")

    def guarded() -> str:
        with pytest.raises(DriverFailed, match="'box' failed to connect") as error:
            attempt()
        return error.value.why

    def attempt() -> None:
        with driver_guard("'box'", "connect"):
            connect()

    monkeypatch.setattr(plugin_errors, "_SOURCES", {})
    assert guarded() == "AttributeError: no port"
    plugin_errors.note_source(__file__, "box")
    line = connect.__code__.co_firstlineno + 1
    assert guarded().endswith(f"no port ({__file__}, line {line}, in {connect.__qualname__})")

"""The page tells where a file was timed, what it used and what its operators took."""

from __future__ import annotations

from dataclasses import replace

import pytest
from report_views import Page, row, run

from zoo.report.pages.html import render
from zoo.results.measurements import Energy, OperatorTime, Profile

EVIL = "<img src=x onerror=alert(1)>"


def operator(kind: str, ms: float, name: str = "made") -> OperatorTime:
    return OperatorTime(name=name, operator=kind, executor="XNNPACK", ms=ms)


def page(**changes: object) -> str:
    return Page(render(replace(run(), rows=(row(**changes),)))).text


def test_where_and_by_what_meter() -> None:
    energy = Energy(meter="RAPL package-0", joules=3.0, mj_per_inference=0.25, watts=12.0)
    text = page(ran_on="pi4: XNNPACK 4/6", energy=(energy,))
    assert "Timed on pi4: XNNPACK 4/6, in litert." in text
    assert "0.250 mJ for one inference, by RAPL package-0, idle power included" in text


def test_nothing_is_said_of_what_nobody_timed() -> None:
    assert "Timed on" not in page(p50=None)
    assert "mJ" not in page(ran_on="host: XNNPACK")


def test_operators_the_slowest_first() -> None:
    rows = (operator("ADD", 0.25), operator("CONV_2D", 0.75), operator("RESHAPE", -0.01))
    text = page(profile=Profile(method="the runtime's profiler", operators=rows))
    assert text.index("CONV_2D") < text.index("ADD") < text.index("RESHAPE")
    assert "The runtime’s profiler" in text or "The runtime's profiler" in text
    assert "75" in text


@pytest.mark.parametrize("where", ["operator", "name", "executor"])
def test_names_are_text_and_nothing_else(where: str) -> None:
    hostile = replace(operator("ADD", 0.25), **{where: EVIL})
    found = render(replace(run(), rows=(row(profile=Profile(method=EVIL, operators=(hostile,))),)))
    assert "<img src=x" not in found

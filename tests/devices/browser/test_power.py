"""Battery and load of a page's device, as far as its browser tells."""

from __future__ import annotations

import pickle

from zoo.devices.browser.messages import Power
from zoo.devices.browser.power import PowerCourse


def test_what_no_browser_tells_is_unknown():
    course = PowerCourse()
    found = course.condition()
    assert set(found.readings.values()) == {"unknown"}
    assert found.faults == found.hints == ()


def test_a_change_is_told_once_and_the_state_each_time():
    course = PowerCourse()
    course.note(Power(charging=True, level=1.0, pressure="serious"))
    course.note(Power(charging=True, level=1.0, pressure="nominal"))
    first, second = course.condition(), course.condition()
    assert first.readings == {"charging": True, "battery_level": 1.0, "pressure": "serious"}
    assert first.hints == ("its browser reports serious pressure on the processors",)
    assert second.readings == {"charging": True, "battery_level": 1.0, "pressure": "nominal"}
    assert second.faults == second.hints == ()
    course.note(Power(charging=False, level=1.0, pressure="nominal"))
    assert course.condition().faults == ("its device was plugged in or unplugged meanwhile",)
    assert course.condition().faults == ()


def test_a_page_that_nobody_asks_about_takes_no_more_memory_with_time():
    course = PowerCourse()
    for step in range(2000):
        course.note(Power(charging=True, level=1 - step / 2000, pressure="fair"))
    assert len(pickle.dumps(course)) < 1000
    assert course.condition().hints == ("the battery went from 100% to 0% meanwhile",)

"""The XML is what every continuous integration reads: elements, attributes and their order."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.benchmark.compare.junit import Case, junit_xml

OUTCOMES = st.sampled_from(["passed", "failure", "error", "skipped"])
CASES = st.lists(
    st.builds(
        Case,
        group=st.text(min_size=1),
        name=st.text(min_size=1),
        outcome=OUTCOMES,
        seconds=st.floats(0, 1e6),
        kind=st.text(),
        message=st.text(),
        details=st.text(),
    ),
    max_size=6,
)


def check(text: str) -> ElementTree.Element:
    """What the schema of Ant's JUnit task asks for, which others are laxer than."""
    root = ElementTree.fromstring(text.encode())
    assert root.tag == "testsuites"
    for suite in root:
        asked = {"package", "id", "name", "timestamp", "hostname", "tests", "failures", "errors"}
        assert suite.tag == "testsuite"
        assert set(suite.attrib) == {*asked, "skipped", "time"}
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", suite.attrib["timestamp"])
        assert suite.attrib["hostname"]
        order = [child.tag for child in suite]
        cases = [child for child in suite if child.tag == "testcase"]
        assert order == ["properties", *["testcase"] * len(cases), "system-out", "system-err"]
        outcomes = [child.tag for case in cases for child in case]
        plural = {"failures": "failure", "errors": "error", "skipped": "skipped"}
        for name, outcome in plural.items():
            assert int(suite.attrib[name]) == outcomes.count(outcome)
        assert int(suite.attrib["tests"]) == len(cases)
        for case in cases:
            assert set(case.attrib) == {"name", "classname", "time"}
            assert re.fullmatch(r"\d+\.\d+", case.attrib["time"])
            assert len(case) <= 1
            for told in case:
                assert told.tag in plural.values()
                assert "type" in told.attrib or told.tag == "skipped"
            for value in case.attrib.values():
                assert value == " ".join(value.split()), "the schema's tokens"
    return root


@given(CASES)
def test_any_cases_make_a_valid_document(cases: list[Case]) -> None:
    check(junit_xml("zoo bench", cases))


def test_what_stands_in_it() -> None:
    cases = [
        Case(group="net.tflite", name="p90<=20ms", outcome="passed", seconds=1.5, details="12 ms"),
        Case(
            group="net.tflite",
            name="size<=1kB",
            outcome="failure",
            kind="over",
            message="over:\nsize is <2 kB>",
            details="size is <2 kB>\x1b[31m",
        ),
    ]
    suite = check(junit_xml("zoo bench", cases))[0]
    assert (suite.attrib["failures"], suite.attrib["time"]) == ("1", "1.500")
    failure = suite.find("testcase/failure")
    assert failure is not None
    assert failure.attrib == {"message": "over: size is <2 kB>", "type": "over"}
    assert failure.text == "size is <2 kB>\N{REPLACEMENT CHARACTER}[31m"


@pytest.mark.parametrize(
    "damage",
    [
        ('tests="1"', 'tests="2"'),
        ("<properties />", ""),
        (' type="over"', ""),
        ("T", "t"),
        ('time="0.000"', 'time="now"'),
    ],
)
def test_a_wrong_document_would_be_noticed(damage: tuple[str, str]) -> None:
    text = junit_xml("s", [Case(group="g", name="n", outcome="failure", kind="over")])
    check(text)
    with pytest.raises((AssertionError, ElementTree.ParseError)):
        check(re.sub(*damage, text) if damage[0] == "T" else text.replace(*damage))

"""The fixture ``zoo_latency`` in somebody's own tests."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path
from xml.etree import ElementTree

import measured  # noqa: F401
import pytest

# pytester forgets what is first imported in its runs, and numpy cannot be imported again.
import zoo.benchmark.compare.latency_fixture  # noqa: F401

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[3]
PLUGIN = "zoo.benchmark.compare.pytest_plugin"
#: Stands in for the hardware in the tests within the test.
CONFTEST = """
    from dataclasses import replace
    from importlib import import_module
    import pytest
    from measured import PLAIN, side
    from zoo.common.errors import ZooError
    from zoo.benchmark.timing import Timing
    from zoo.benchmark.compare.comparing import Comparisons
    from zoo.benchmark.compare.comparison import compare_sides

    BASE = [100.0 + 0.1 * n for n in range(12)]

    @pytest.fixture(autouse=True)
    def clocked(monkeypatch):
        def bench(files, **options):
            (file,) = files
            if file == "bad.tflite":
                raise ZooError("there is no file bad.tflite", fix="check the path")
            noisy = file == "noisy.tflite"
            measurement = replace(PLAIN, file=file, quiet=not noisy, noise=("steal",) * noisy)
            return [Timing(file=file, threads=1, measurement=measurement)]

        def compare(first, second, **options):
            factor = {"slow.tflite": 1.06, "wild.tflite": 1.0}.get(second, 1.0)
            wild = second == "wild.tflite"
            medians = [m * factor * (1 + wild * 0.1 * (n % 3 - 1)) for n, m in enumerate(BASE)]
            pair = compare_sides(side(BASE), side(medians, file=second), together=True)
            return Comparisons(pairs=(pair,))

        fixture = import_module("zoo.benchmark.compare.latency_fixture")
        monkeypatch.setattr(fixture, "bench", bench)
        monkeypatch.setattr(fixture, "compare", compare)
"""


@pytest.fixture
def tests(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.syspath_prepend(str(ROOT / "tests"))
    pytester.makeconftest(CONFTEST)
    return pytester


def run(tests: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return tests.runpytest("-p", "no:cacheprovider", *arguments)


def test_budgets(tests: pytest.Pytester) -> None:
    tests.makepyfile(
        """
        def test_within(zoo_latency):
            assert zoo_latency("net.tflite", "p90<=2ms", device="host").p90_ms == 1.5

        def test_over(zoo_latency):
            zoo_latency("net.tflite", "p90<=1ms")

        def test_noisy(zoo_latency):
            zoo_latency("noisy.tflite", "p90<=1ms")

        def test_wrong_budget(zoo_latency):
            zoo_latency("net.tflite", "p9<=1ms")

        def test_wrong_file(zoo_latency):
            zoo_latency("bad.tflite", "p90<=1ms")
        """
    )
    result = run(tests, "-rs")
    result.assert_outcomes(passed=1, failed=3, skipped=1)
    result.stdout.fnmatch_lines(
        [
            "*net.tflite: p90<=1ms: over: p90 is 1.5 ms (1.4 ms to 1.6 ms)*",
            "*there is no file bad.tflite*",
            "*noisy.tflite: p90<=1ms: can't tell: *but the machine was not quiet: steal*",
        ]
    )
    assert "latency_fixture.py" not in result.stdout.str().partition("short test summary")[0]


def test_comparisons(tests: pytest.Pytester) -> None:
    tests.makepyfile(
        """
        def test_same(zoo_latency):
            (pair,) = zoo_latency.compare("old.tflite", "new.tflite")
            assert pair.verdict == "same"

        def test_slower(zoo_latency):
            zoo_latency.compare("old.tflite", "slow.tflite")

        def test_wild(zoo_latency):
            zoo_latency.compare("old.tflite", "wild.tflite")
        """
    )
    result = run(tests)
    result.assert_outcomes(passed=1, failed=1, skipped=1)
    result.stdout.fnmatch_lines(["*slower: slow.tflite takes 1.060 (*) times as long as*"])


@pytest.mark.parametrize("way", ["option", "ini"])
def test_what_cannot_be_told_may_fail(tests: pytest.Pytester, way: str) -> None:
    tests.makepyfile(
        """
        def test_noisy(zoo_latency):
            zoo_latency("noisy.tflite", "p90<=1ms")
        """
    )
    if way == "ini":
        tests.makeini("[pytest]\nzoo_unsettled = fail")
    run(tests, *(("--zoo-unsettled", "fail") if way == "option" else ())).assert_outcomes(failed=1)


def test_a_wrong_setting_is_told(tests: pytest.Pytester) -> None:
    tests.makepyfile("def test_it(zoo_latency): pass")
    tests.makeini("[pytest]\nzoo_unsettled = maybe")
    result = run(tests)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*zoo_unsettled must be skip or fail, not 'maybe'*"])


def test_figures_stand_in_pytest_s_own_junit(tests: pytest.Pytester) -> None:
    tests.makepyfile(
        """
        def test_within(zoo_latency):
            zoo_latency("net.tflite", "p90<=2ms")

        def test_over(zoo_latency):
            zoo_latency("net.tflite", "p90<=1ms")
        """
    )
    run(tests, "--junit-xml", "out.xml")
    suite = ElementTree.parse(tests.path / "out.xml").getroot()[0]
    assert (suite.attrib["tests"], suite.attrib["failures"]) == ("2", "1")
    case = next(suite.iter("testcase"))
    found = {p.attrib["name"]: p.attrib["value"] for p in case.iter("property")}
    assert found["zoo net.tflite p90_ms"] == "1.5"


def test_the_entry_point_names_the_plugin() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["entry-points"]["pytest11"] == {"zoo": PLUGIN}
    assert callable(import_module(PLUGIN).pytest_addoption)
    assert (
        "zoo.benchmark.compare"
        in tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"][
            "setuptools"
        ]["packages"]
    )


def test_others_pytest_is_not_slowed() -> None:
    """Everybody's pytest imports the plugin: it may bring nothing that pytest has not."""
    code = (
        "import sys, pytest; before = set(sys.modules); import zoo.benchmark.compare.pytest_plugin;"
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    packages = {"zoo", "zoo.benchmark", "zoo.benchmark.compare", "zoo.common"}
    packages.add("zoo.common.telemetry")  # a few lines that set variables
    assert set(done.stdout.split()) == {*packages, PLUGIN}

"""Budgets on the report page and in the terminal's table."""

from __future__ import annotations

import pytest
from report_views import row, run

from zoo.benchmark.compare.judgement import Judgement
from zoo.report.pages.html import render
from zoo.report.table import print_files

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")


def judgement(verdict, reason: str) -> Judgement:
    return Judgement(
        budget="p90<=20ms",
        quantity="p90",
        limit=20.0,
        value=12.0,
        low=11.0,
        high=13.0,
        verdict=verdict,
        reason=reason,
    )


def with_verdict(verdict, reason: str = "p90 is 12 ms (11 ms to 13 ms)"):
    return row(budgets=(("pi4", judgement(verdict, reason)),))


@pytest.mark.parametrize(
    ("verdict", "badge"), [("within", "passed"), ("over", "rejected"), ("can't tell", "skipped")]
)
def test_the_page_has_a_line_for_each(verdict: str, badge: str) -> None:
    page = render(run(rows=(with_verdict(verdict),)))
    assert '<h3 id="budgets">' in page
    shown = verdict.replace("'", "&#39;")
    assert f'<span class="badge {badge}">{shown}</span>' in page
    assert "p90&lt;=20ms" in page


def test_what_stands_in_it_is_text() -> None:
    page = render(run(rows=(with_verdict("over", "<script>alert(1)</script>"),)))
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_no_budgets_no_section(capsys: pytest.CaptureFixture[str]) -> None:
    assert 'id="budgets"' not in render(run())
    print_files([row()])
    assert "budget" not in capsys.readouterr().out


def test_the_table_has_a_column(capsys: pytest.CaptureFixture[str]) -> None:
    print_files([with_verdict("over"), row("int8")])
    heading, first, second, *_ = capsys.readouterr().out.splitlines()
    assert "budget" in heading
    assert first.split()[-2:] == ["over", "passed"]
    assert second.split()[-2:] == ["–", "passed"]

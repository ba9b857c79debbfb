"""What tests of the page share: its source, drawn once."""

from __future__ import annotations

from importlib import resources

import pytest
from report_views import (
    Page,
    run,
)

from zoo.report.pages.html import render


def page_script() -> str:
    """The script of all pages."""
    return resources.files("zoo.report.pages").joinpath("page.js").read_text("utf-8")


@pytest.fixture(scope="module")
def source() -> str:
    return render(run())


@pytest.fixture(scope="module")
def page(source: str) -> Page:
    return Page(source)

"""What tests of the page share: its source, drawn once."""

from __future__ import annotations

import pytest
from report_views import (
    Page,
    run,
)

from zoo.report.pages.html import render


@pytest.fixture(scope="module")
def source() -> str:
    return render(run())


@pytest.fixture(scope="module")
def page(source: str) -> Page:
    return Page(source)

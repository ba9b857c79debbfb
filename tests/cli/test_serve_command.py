"""What ``zoo serve`` refuses before it serves."""

from __future__ import annotations

import pytest
from commands import Zoo
from commands import zoo as zoo


@pytest.mark.parametrize(
    ("flags", "fix"),
    [
        (["--https"], "zoo serve --lan --https"),
        (["--lan", "--new-authority"], "zoo serve --lan --https --new-authority"),
    ],
)
def test_options_that_need_another_name_it(zoo: Zoo, flags, fix) -> None:
    found = zoo("serve", *flags)
    assert found.code == 2
    assert f"fix: {fix}" in found.err

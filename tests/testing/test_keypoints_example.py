"""A stranger's task, with labels that nobody can make up, is put through the kit."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from zoo.registry import PluginSettings, load_registry
from zoo.testing import Conformance

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "zoo-keypoints" / "zoo_keypoints.py"
CODE = EXAMPLE.read_text(encoding="utf-8")


def test_it_is_short_and_what_the_page_shows() -> None:
    assert len(CODE.splitlines()) <= 200
    page = (ROOT / "docs" / "adding-a-task.md").read_text(encoding="utf-8")
    shown = re.findall(r"```python\n# zoo_keypoints.py\n(.*?)```", page, re.DOTALL)
    assert shown == [CODE]


def kit(folder: Path, code: str) -> Conformance:
    plugin = folder / "zoo_keypoints.py"
    plugin.write_text(code, encoding="utf-8")
    settings = PluginSettings(paths=(str(plugin),))
    return Conformance(load_registry(settings), "points32", data="digit_points", isolated=False)


def test_what_it_learns_from_is_real(tmp_path: Path) -> None:
    verdicts = kit(tmp_path, CODE).run(["record", "gradients", "weights", "new-head", "overfit"])
    assert [(v.check, v.status) for v in verdicts if v.status != "passed"] == []
    assert "on one another's labels" in verdicts[-1].measured


@pytest.mark.slow
def test_a_network_that_sees_nothing_does_not_learn_by_heart(tmp_path: Path) -> None:
    blind = CODE.replace("    x = inputs\n", "    x = layers.Rescaling(0.0)(inputs)\n")
    assert blind != CODE
    verdict = kit(tmp_path, blind).check("overfit")
    assert verdict.status == "failed"
    assert "of that on one another's labels" in verdict.measured

"""``zoo plugins check``: what a name means, the table, and the exit codes."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result

from zoo.cli.main import zoo
from zoo.common.errors import UnknownName, UsageError
from zoo.registry import PluginSettings, load_registry
from zoo.testing import Conformance, conformance_checks, light_checks
from zoo.testing.selection import select

QUICK = "out*,head,gradients,seed,weights,new-head,overfit,train,export-*"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(zoo, list(arguments))


def test_verdicts_check_by_check(plugin) -> None:
    done = run("--plugin", str(plugin()), "plugins", "check", "small8", "--skip", QUICK)
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert lines[1].split() == ["small8", "verdict", "measured"]
    assert [line.split()[:2] for line in lines[2:6]] == [
        [name, "passed"] for name in ("imports", "info", "build", "record")
    ]
    assert lines[-1] == "small8: 4 of 4 checks passed"
    assert "small8 record" in done.stderr


def test_a_failure_says_what_to_do_and_ends_in_1(plugin) -> None:
    path = str(plugin(parameters=7))
    done = run("--plugin", path, "plugins", "check", "small8", "--skip", QUICK)
    assert done.exit_code == 1
    assert "record   FAILED   the network has 475 parameters" in done.stdout
    assert "what to do\n  record: write parameters=475, multiply_adds=1_728" in done.stdout
    assert "small8: 3 of 4 checks passed, 1 failed" in done.stdout


def test_what_was_not_tried_is_no_pass(plugin) -> None:
    path = str(plugin("    return inputs\n"))
    done = run("--plugin", path, "plugins", "check", "small8", "--skip", QUICK)
    assert done.exit_code == 1
    assert "record   skipped  not tried: the network cannot be built" in done.stdout
    assert "small8: 2 of 4 checks passed, 1 failed, 1 skipped" in done.stdout


def test_json(plugin) -> None:
    path = str(plugin(parameters=7))
    done = run("--plugin", path, "plugins", "check", "small8", "--json", "--skip", QUICK)
    assert done.exit_code == 1
    assert done.stderr == ""
    answer = json.loads(done.stdout)
    assert answer["passed"] is False
    assert [v["status"] for v in answer["verdicts"]] == ["passed", "passed", "passed", "failed"]
    assert set(answer["verdicts"][0]) == {
        *("variant", "check", "status", "measured", "fix", "seconds")
    }


def test_a_plugin_that_cannot_be_loaded_is_a_failed_row(tmp_path) -> None:
    path = tmp_path / "torn.py"
    path.write_text("import zoo\nraise LookupError('torn')\n")
    done = run("--plugin", str(path), "plugins", "check", "torn")
    assert done.exit_code == 1
    assert "load  FAILED   LookupError: torn" in done.stdout
    assert "line 2" in done.stdout


@pytest.mark.parametrize(
    ("name", "suggestion"), [("lennet5", "'lenet5'"), ("resnet9", "'resnet8'"), ("zzz", "")]
)
def test_an_unknown_name_offers_the_nearest(name, suggestion) -> None:
    with pytest.raises(UnknownName, match=f"unknown model or plugin '{name}'") as caught:
        select(load_registry(PluginSettings(installed=False)), name)
    assert suggestion in str(caught.value)


def test_a_variant_gets_everything_a_family_its_smallest(registry) -> None:
    found = registry()
    every = conformance_checks(found)
    assert select(found, "resnet20").checks == {"resnet20": every}
    family = select(found, "resnet")
    assert family.checks["resnet8"] == every
    assert family.checks["resnet20"] == light_checks()
    assert family.notes[0].startswith("only resnet8, the smallest of resnet, is trained")
    assert select(found, "small").checks == {"small8": every}
    assert select(found, "small").notes == ()


def test_a_plugin_stands_for_its_families(registry) -> None:
    found = registry()
    plugin = next(p for p in found.plugins if p.origin == "local")
    assert list(select(found, plugin.full_name).checks) == ["small8"]
    with pytest.raises(UsageError, match="the plugin 'digits' provides no architecture"):
        select(found, "digits")


def test_patterns_that_fit_nothing_are_mistakes(registry) -> None:
    found = registry()
    kept = select(found, "small8", ["export-*", "train"]).checks["small8"]
    assert "train" not in kept
    assert not [name for name in kept if name.startswith("export-")]
    with pytest.raises(UnknownName, match="unknown check 'exports'"):
        select(found, "small8", ["exports"])
    with pytest.raises(UsageError, match="every check is skipped"):
        select(found, "small8", ["*"])


def test_a_misspelt_dataset_is_told_before_any_work(registry) -> None:
    with pytest.raises(UnknownName, match="unknown dataset 'digit'"):
        Conformance(registry(), "small8", data="digit")

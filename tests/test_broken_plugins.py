"""A plugin that fails, misspells a hook or takes a name costs its own row alone."""

from __future__ import annotations

import sys

import pytest
from makers import (
    plugin_text,
)
from plugin_sites import install as install
from plugin_sites import row
from plugin_sites import site as site

from zoo.common.errors import UnknownName, UsageError
from zoo.registry import PluginSettings, load_registry

BROKEN = {
    "raises on import": ("raise RuntimeError('no such luck')", "RuntimeError: no such luck"),
    "exits on import": ("raise SystemExit(3)", "SystemExit: 3"),
    "is not Python": ("def (:", "SyntaxError: "),
    "lacks a package": ("import a_package_that_nobody_has", "ModuleNotFoundError: "),
    "has a long message": ("raise RuntimeError('one\\ntwo\\n\\nthree')", "one two three"),
    "yields a wrong type": (
        "import zoo\n@zoo.hookimpl\ndef zoo_architectures():\n    yield 'tiny'",
        "zoo_architectures must yield Architecture records, but yielded a str",
    ),
    "yields another hook's record": (
        plugin_text("tiny").replace("def zoo_architectures", "def zoo_tasks"),
        "zoo_tasks must yield Task records, but yielded a Architecture",
    ),
    "yields an invalid record": (plugin_text("Tiny"), "variant name 'Tiny8' is not usable"),
    "yields nothing": (
        "import zoo\n@zoo.hookimpl\ndef zoo_architectures():\n    return None",
        "must yield Architecture records, but returned a NoneType",
    ),
    "misspells a hook": (
        plugin_text("tiny").replace("def zoo_architectures", "def zoo_achitectures"),
        "unknown hook 'zoo_achitectures'",
    ),
    "takes an argument that no hook gives": (
        plugin_text("tiny").replace("def zoo_architectures()", "def zoo_architectures(inputs)"),
        "inputs",
    ),
    "raises halfway": (
        plugin_text("tiny") + "    raise KeyError('halfway')",
        "KeyError: 'halfway'",
    ),
    "exits in the hook": (plugin_text("tiny") + "    import sys; sys.exit('bye')", "bye"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_broken_plugin_costs_its_row_alone(install, how):
    source, reason = BROKEN[how]
    install("a-broken-one", "broken", source)
    install("b-good-one", "good", plugin_text("good"))
    registry = load_registry()
    broken = row(registry, "broken")
    assert reason in broken.problem
    assert "\n" not in broken.problem
    assert broken.provides == []
    assert [p for p in registry.plugins if p.problem] == [broken]
    assert registry.architectures.names() == sorted(
        {*load_registry(PluginSettings(installed=False)).architectures.names(), "good"}
    )
    with pytest.raises(UnknownName):
        registry.variant("tiny8")


def test_misspelt_hook_is_forgotten_before_the_next_plugin(tmp_path):
    bad, good = tmp_path / "bad.py", tmp_path / "good.py"
    bad.write_text(BROKEN["misspells a hook"][0])
    good.write_text(plugin_text("good"))
    registry = load_registry(PluginSettings(paths=(str(bad), str(good))))
    assert "zoo_achitectures" in row(registry, "bad").problem
    assert row(registry, "good").problem is None
    assert registry.variant("good8")


def test_interruption_is_not_a_broken_plugin(install):
    """Ctrl-C while a plugin is imported stops the command; its own KeyboardInterrupt does not."""
    install("own", "own", "raise KeyboardInterrupt")
    assert row(load_registry(), "own").problem.startswith("KeyboardInterrupt (")
    install("slow", "slow", "import os, signal\nos.kill(os.getpid(), signal.SIGINT)")
    with pytest.raises(KeyboardInterrupt):
        load_registry()


def test_reason_names_the_line_of_the_plugin(tmp_path):
    file = tmp_path / "bad.py"
    file.write_text("x = 1\n\nx / 0\n")
    problem = row(load_registry(PluginSettings(paths=(str(file),))), "bad").problem
    assert problem == f"ZeroDivisionError: division by zero ({file}, line 3)"


def test_two_providers_of_one_name(install):
    install("zoo-left", "left", plugin_text("twin"), version="1.2")
    install("zoo-right", "right", plugin_text("twin"), version="3.4")
    registry = load_registry()
    with pytest.raises(UsageError) as caught:
        registry.architectures.get("twin")
    assert "zoo-left 1.2 (left)" in caught.value.what
    assert "zoo-right 3.4 (right)" in caught.value.what
    with pytest.raises(UsageError, match="model 'twin8' is provided twice"):
        registry.variant("twin8")
    with pytest.raises(UsageError):
        registry.architectures.provider("twin")
    assert "twin" in registry.architectures.names()
    assert list(registry.architectures.conflicts()) == ["twin"]
    assert "twin" not in [a.name for a in registry.architectures]
    assert "twin8" not in [v.name for _, v in registry.variants()]
    assert registry.variant("lenet5")[0].name == "lenet"
    word = caught.value.fix.split("--without ")[1].split()[0]
    assert load_registry(PluginSettings(without=(word,))).variant("twin8")


def test_two_families_with_one_variant_name(install):
    install("zoo-left", "left", plugin_text("lefty", variant="shared"))
    install("zoo-right", "right", plugin_text("righty", variant="shared"))
    registry = load_registry()
    assert registry.architectures.get("lefty")
    assert registry.architectures.get("righty")
    with pytest.raises(UsageError, match="provided twice"):
        registry.variant("shared")


def test_advice_works_when_both_plugins_have_one_name(install):
    """``--without NAME`` would switch both off, so the advice names the distribution too."""
    install("zoo-mine", "lenet", plugin_text("lenet", variant="lenet5"))
    with pytest.raises(UsageError) as caught:
        load_registry().variant("lenet5")
    word = caught.value.fix.split("--without ")[1].split()[0]
    assert word == "zoo-mine:lenet"
    registry = load_registry(PluginSettings(without=(word,)))
    assert registry.variant("lenet5")[1].parameters == 61_706
    assert row(registry, "lenet", "zoo-mine").problem == "switched off by --without"


def test_failed_import_leaves_no_module(tmp_path):
    file = tmp_path / "falls_over.py"
    file.write_text("raise RuntimeError('no')")
    load_registry(PluginSettings(paths=(str(file),)))
    assert "zoo_local_falls_over" not in sys.modules


#: How a plugin is unusable, and what its row, and an error for a name of its own, tell of it.
UNUSABLE = {
    "raises": ("1 / 0\n", "ZeroDivisionError: division by zero ({}, line 1)", "correct the line"),
    "lacks a package": ("import nosuch", "No module named 'nosuch'", "provides 'nosuch'"),
    "has a helper beside it": ("import helper", "No module named 'helper'", "make its folder"),
    "imports relatively": ("from .helper import x", "no known parent", "make its folder a package"),
    "has bad syntax": ("def f(:", "SyntaxError: invalid syntax ({}, line 1)", "correct the line"),
    "lacks the mark": ("def zoo_tasks(): yield 1", "write @zoo.hookimpl above it", "correct that"),
    "has no hook": ("x = 1", "it has no hook", "correct that in the plugin"),
    "exits": ("raise SystemExit(3)", "SystemExit: 3 ({}, line 1)", "correct the line"),
    "recurs": ("def f(): f()\nf()", "RecursionError: ", "correct the line"),
    "is cancelled": ("import asyncio\nraise asyncio.CancelledError", "CancelledError (", "line"),
}


@pytest.mark.parametrize("how", UNUSABLE)
def test_an_unknown_name_tells_of_plugins_that_are_not_used(tmp_path, how):
    source, problem, fix = UNUSABLE[how]
    (tmp_path / "helper.py").write_text("x = 1\n")
    file = tmp_path / "mine.py"
    file.write_text(source)
    registry = load_registry(PluginSettings(paths=(str(file),), installed=False))
    assert problem.format(file) in row(registry, "mine").problem
    for names in (registry.tasks, registry.datasets, registry.devices):
        with pytest.raises(UnknownName) as error:
            names.get("mine28")
        assert error.value.why == f"the plugin 'mine' is not used: {row(registry, 'mine').problem}"
        assert fix in error.value.fix
        assert error.value.fix.endswith("`zoo plugins list` shows all plugins")
    with pytest.raises(UnknownName) as error:
        registry.variant("lenet4")
    assert error.value.fix.startswith("did you mean 'lenet5'")
    assert fix in error.value.fix


def test_an_unknown_name_tells_of_the_likest_plugin_first(tmp_path):
    for name in ("a", "b", "c", "d", "tiny"):
        (tmp_path / f"{name}.py").write_text("def zoo_tasks(): pass")
    (tmp_path / "helper.py").write_text("raise ValueError('no plugin: never imported')")
    registry = load_registry(PluginSettings(paths=(str(tmp_path),), installed=False))
    assert {p.name for p in registry.plugins if p.origin == "local"} == {*"abcd", "tiny"}
    with pytest.raises(UnknownName) as error:
        registry.variant("tiny8")
    first, _, _, more = error.value.why.split("; ")
    assert first.startswith("the plugin 'tiny' is not used: ")
    assert more == "and 2 other plugins are not used"
    (tmp_path / "idle.py").write_text("import zoo\n@zoo.hookimpl\ndef zoo_tasks(): return ()")
    idle = PluginSettings(paths=(str(tmp_path / "idle.py"),), without=("lenet",), installed=False)
    with pytest.raises(UnknownName) as error:
        load_registry(idle).variant("lenet5")
    assert error.value.why == (
        "the plugin 'lenet' is not used: switched off by --without; "
        "the plugin 'idle' provides nothing"
    )
    assert error.value.fix.startswith(
        "leave --without out; `zoo plugins list` shows all plugins; or"
    )

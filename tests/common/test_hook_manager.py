"""Hooks are found wherever a function bears the mark; nothing else is looked at."""

from __future__ import annotations

import functools
from types import ModuleType

import pluggy

from zoo.common.hook_manager import HookManager

SPEC, MARK = pluggy.HookspecMarker("zoo"), pluggy.HookimplMarker("zoo")


class Specs:
    @SPEC
    def found(self):
        """What plugins find."""


@MARK
def found():
    return "a function"


class Holder:
    @MARK
    def found(self):
        return "a method"


def asked(plugin: object) -> list[str]:
    manager = HookManager("zoo")
    manager.add_hookspecs(Specs)
    manager.register(plugin)
    manager.check_pending()
    return manager.hook.found()


def module(**names: object) -> ModuleType:
    made = ModuleType("made")
    vars(made).update(names)
    return made


def test_marked_functions_of_modules_and_methods_of_objects_are_hooks():
    assert asked(module(found=found, text="a", kind=int, nothing=None)) == ["a function"]
    assert asked(Holder()) == ["a method"]
    assert asked(module(found=Holder().found)) == ["a method"], "bound already"


def test_what_bears_no_mark_is_no_hook_and_is_not_called():
    class Loud:
        def __getattr__(self, name):
            raise AssertionError(name)

    assert asked(module(found=lambda: "unmarked", loud=Loud())) == []


def test_names_that_are_plain_are_not_looked_at(monkeypatch):
    seen = []
    monkeypatch.setattr(
        pluggy.PluginManager, "parse_hookimpl_opts", lambda self, plugin, name: seen.append(name)
    )
    plain = module(found=found, other=asked, text="a", kind=Specs, part=functools, none=None)
    assert asked(plain) == []
    assert seen == ["found"]

"""A manager of hooks that looks for them where some can be."""

from __future__ import annotations

from types import FunctionType, ModuleType
from typing import Any

import pluggy

#: Types of what a module holds beside functions and classes.
_NO_HOOKS = (ModuleType, str, int, tuple, dict, frozenset, type(None))


class HookManager(pluggy.PluginManager):
    """Leaves out names that can be no hooks: pluggy looks at every name of a module at length."""

    def parse_hookimpl_opts(self, plugin: object, name: str) -> Any:
        """The options that the mark of a hook holds; None where there is no mark."""
        if type(plugin) is ModuleType:
            found = vars(plugin).get(name)
            if type(found) is FunctionType:
                unmarked = f"{self.project_name}_impl" not in vars(found)
            else:
                unmarked = issubclass(type(found), type) or type(found) in _NO_HOOKS
            if unmarked:
                return None
        return super().parse_hookimpl_opts(plugin, name)

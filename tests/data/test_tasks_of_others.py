"""Datasets that come with the zoo serve tasks that plugins bring."""

from __future__ import annotations

from types import ModuleType

import pytest
from makers import task

from zoo.common.errors import UsageError
from zoo.contracts.checks import InvalidRecord
from zoo.contracts.plugin import Plugin
from zoo.data.opening import check_task, serves
from zoo.hookspecs import hookimpl
from zoo.registry import PluginSettings, load_registry


def test_a_task_says_whose_datasets_serve_it(tmp_path):
    folder = f"folder:{tmp_path}"
    own = task(name="ages", datasets_of=("image-classification", "sequence-classification"))
    registry = load_registry(PluginSettings(installed=False))
    plugin = Plugin(name="mine", origin="local", distribution="mine.py", version="local")
    module = ModuleType("mine")
    module.zoo_tasks = hookimpl(lambda: [own, task(name="others")])
    registry.register(plugin, lambda: module)
    assert plugin.problem is None
    for data in (folder, "csv:a.csv?window=9", "digits"):
        check_task(registry, data, "ages", "tiny")
    for name in ("others", "sequence-tagging"):
        with pytest.raises(UsageError, match="does not fit 'tiny'") as error:
            check_task(registry, folder, name, "tiny")
        advice = "write datasets_of=('image-classification',) in its record"
        assert (advice in error.value.fix) is (name == "others")
    assert serves(own, ("image-generation", "sequence-classification"))
    assert not serves(own, ("image-generation",))
    for wrong in ("image-classification", ("Image",)):
        with pytest.raises(InvalidRecord, match="datasets_of"):
            task(datasets_of=wrong)


def test_data_that_fit_are_named() -> None:
    registry = load_registry(PluginSettings(installed=False))
    wanted = {"image-enhancement": "pairs:PATH", "audio-classification": "wav:PATH"}
    for of_task, named in wanted.items():
        with pytest.raises(UsageError) as refused:
            check_task(registry, "digits", of_task, "net")
        assert named in str(refused.value.fix)
        assert "digits" not in str(refused.value.fix)

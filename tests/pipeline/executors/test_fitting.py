"""Workers with another Python, or without a plugin of the command, get no step, and are named."""

from __future__ import annotations

from typing import Any

import pytest

from zoo.common.errors import EnvironmentFailed, ZooError
from zoo.common.versions import python_version
from zoo.contracts.executor import AnnouncedDevice, ExecutorWorker, StepOrder
from zoo.contracts.plugin import Plugin
from zoo.pipeline.executors.announcing import announced_worker
from zoo.pipeline.executors.connection import Connection
from zoo.pipeline.executors.fitting import installed_plugins, refuse_without_plugins
from zoo.pipeline.recipe import RecipeExecutor
from zoo.plugins.dask_executor.resources import (
    announcement,
    fitting,
    offered,
    resources_of,
    worker_of,
)
from zoo.registry import PluginSettings, load_registry

OWN = announced_worker(load_registry(PluginSettings(installed=False)), "own")
PI4 = AnnouncedDevice(name="pi4", kind="host", machine="a board")
NEEDED = {"zoo-mynet": "1.2"}


def worker(name: str, **told: Any) -> ExecutorWorker:
    given = {"version": OWN.version, "python": OWN.python, **told}
    return ExecutorWorker(name=name, host=f"host-of-{name}", **given)


def connection(*workers: ExecutorWorker) -> Connection:
    class Driver:
        def workers(self) -> tuple[ExecutorWorker, ...]:
            return workers

    return Connection(shown="third://x", driver=Driver(), asked=RecipeExecutor())  # type: ignore[arg-type]


def test_a_worker_announces_its_python() -> None:
    assert OWN.python == python_version()
    assert worker_of(announcement(OWN), {}).python == OWN.python


def test_a_worker_with_another_python_is_skipped_and_named() -> None:
    old, own = worker("old", python="3.9", devices=(PI4,)), worker("own")
    there = connection(old, own)
    assert there.workers() == [own]
    assert there.out_of_reach() == {
        "pi4": "the worker old on host-of-old, which announces it, runs Python 3.9, and the "
        f"command runs {python_version()}"
    }
    with pytest.raises(ZooError, match="version of Python") as told:
        connection(old).workers()
    assert "old on host-of-old runs Python 3.9" in str(told.value.why)
    assert python_version() in str(told.value.fix)


def test_only_a_worker_with_the_plugins_and_python_is_given_an_order() -> None:
    order = StepOrder(id="a", name="a", text="", version=OWN.version, plugins=NEEDED)
    fits = worker("fits", plugins={"zoo-mynet": "1.2", "zoo-other": "3"})
    others = [
        worker("bare"),
        worker("older", plugins={"zoo-mynet": "1.1"}),
        worker("snake", plugins=NEEDED, python="3.9"),
    ]
    assert fitting(order, [*others, fits]) == [fits]
    taken = resources_of(order, lambda: [*others, fits])
    assert all(offered(fits).get(name, 0) >= count for name, count in taken.items())
    for other in others:
        assert any(offered(other).get(name, 0) < count for name, count in taken.items())


def test_plugins_that_no_worker_has_are_named_with_both_versions() -> None:
    workers = [worker("bare"), worker("older", plugins={"zoo-mynet": "1.1"})]
    with pytest.raises(EnvironmentFailed) as told:
        refuse_without_plugins(workers, NEEDED, "dask://x:1")
    assert told.value.what == (
        "no worker of dask://x:1 has the plugins that the command uses: zoo-mynet 1.2"
    )
    assert told.value.why == (
        "bare on host-of-bare has no zoo-mynet; older on host-of-older has zoo-mynet 1.1"
    )
    assert '"zoo-mynet==1.2"' in str(told.value.fix)
    refuse_without_plugins([*workers, worker("fits", plugins=NEEDED)], NEEDED, "dask://x:1")


def test_plugins_of_edgezoo_itself_are_no_others() -> None:
    def plugin(origin: str, distribution: str) -> Plugin:
        return Plugin(name="a", origin=origin, distribution=distribution, version="1.2")

    plugins = [plugin("built-in", "edgezoo"), plugin("installed", "zoo-mynet")]
    assert installed_plugins(plugins) == NEEDED

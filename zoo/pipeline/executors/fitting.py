"""Which workers have the software that steps need: the command's own versions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from zoo.common.errors import EnvironmentFailed
from zoo.common.versions import python_version, version_of
from zoo.contracts.executor import ExecutorWorker
from zoo.contracts.plugin import Plugin


def installed_plugins(plugins: Iterable[Plugin]) -> dict[str, str]:
    """Name and version of each installed distribution that brings some of these plugins."""
    found = {p.distribution: p.version for p in plugins if p.origin == "installed"}
    return dict(sorted(found.items()))


def other_software(worker: ExecutorWorker) -> str:
    """What of edgezoo or Python is another version than here, in words; empty for nothing."""
    own, python = version_of("edgezoo"), python_version()
    if worker.version != own:
        return f"has edgezoo {worker.version}, and the command has {own}"
    if worker.python not in ("", python):
        return f"runs Python {worker.python}, and the command runs {python}"
    return ""


def has_plugins(worker: ExecutorWorker, needed: Mapping[str, str]) -> bool:
    """Whether a worker has all plugins in these versions."""
    return all(worker.plugins.get(name) == version for name, version in needed.items())


def refuse_without_plugins(
    workers: Sequence[ExecutorWorker], needed: Mapping[str, str], shown: str
) -> None:
    """Refuses steps whose plugins no worker has.

    Args:
        workers: Of the command's version.
        needed: Distribution → version, as here.
        shown: Address of the executor.

    Raises:
        EnvironmentFailed: Names plugins and versions on both sides.
    """
    if not workers or any(has_plugins(worker, needed) for worker in workers):
        return
    lacking = []
    for worker in workers:
        there = [
            f"{name} {worker.plugins[name]}" if name in worker.plugins else f"no {name}"
            for name, version in needed.items()
            if worker.plugins.get(name) != version
        ]
        lacking.append(f"{worker.name} on {worker.host} has {' and '.join(there)}")
    asked = [f"{name} {version}" for name, version in needed.items()]
    pinned = " ".join(f'"{name}=={version}"' for name, version in needed.items())
    raise EnvironmentFailed(
        f"no worker of {shown} has the plugins that the command uses: {', '.join(asked)}",
        why="; ".join(lacking),
        fix=f"on the workers: pip install {pinned}, and start them again",
    )

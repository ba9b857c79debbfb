"""From the address that a user typed to the engine that performs steps."""

from __future__ import annotations

import atexit
import contextlib
import os
import secrets
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from zoo.common.errors import UsageError, ZooError
from zoo.common.optional_imports import require_extra
from zoo.common.paths import cache_folder, expanded
from zoo.common.shown_text import printable, without_passwords
from zoo.common.versions import python_version, version_of
from zoo.contracts.executor import Executor, ExecutorDriver, ExecutorWorker
from zoo.contracts.executor_fields import EXECUTOR_VARIABLE, TLS_VARIABLE
from zoo.pipeline.content_store.store import ContentStore, open_store, store_url
from zoo.pipeline.executors.fitting import other_software
from zoo.pipeline.recipe import RecipeExecutor
from zoo.registry import Registry

#: The executor that needs no address: this machine.
LOCAL = "local"
_OPEN: dict[tuple[str, str, str], Connection] = {}
_OPENING = threading.Lock()


@dataclass(kw_only=True, eq=False)
class Connection:
    """An engine that answered.

    Attributes:
        shown: The address as it was typed.
        driver: The connection itself.
        asked: As a recipe says it.
        store: Through which inputs and results travel; None where workers share our cache.
        session: Tells this command from others.
    """

    shown: str
    driver: ExecutorDriver
    asked: RecipeExecutor
    store: ContentStore | None = None
    session: str = field(default_factory=lambda: secrets.token_hex(8))

    def workers(self) -> list[ExecutorWorker]:
        """The workers that may be given steps: those of our version.

        Raises:
            ExecutorLost: The engine does not answer any more.
            ZooError: None has joined, or none of our version; or two announce one device.
        """
        joined = self.driver.workers()
        own = version_of("edgezoo")
        same = [worker for worker in joined if worker.version == own]
        fitting = [worker for worker in same if not other_software(worker)]
        if not joined:
            raise ZooError(
                f"{self.shown} has no worker",
                why="steps are performed by workers, and none has joined",
                fix=f"start one: zoo worker --join {self.shown}",
            )
        if not same:
            others = "; ".join(f"{w.name} on {w.host} has {w.version}" for w in joined)
            raise ZooError(
                f"no worker of {self.shown} has edgezoo {own}",
                why=f"steps are performed by the same version that plans them: {others}",
                fix=f'on the workers: pip install "edgezoo=={own}", and start them again',
            )
        if not fitting:
            others = "; ".join(f"{w.name} on {w.host} {other_software(w)}" for w in same)
            raise ZooError(
                f"no worker of {self.shown} runs the command's version of Python",
                why=others,
                fix=f"start the workers with Python {python_version()}",
            )
        refuse_doubled(fitting)
        return fitting

    def out_of_reach(self) -> dict[str, str]:
        """Of devices that workers of other versions announce: why they get no steps."""
        return {
            device.name: f"the worker {worker.name} on {worker.host}, which announces it, {other}"
            for worker in self.driver.workers()
            if (other := other_software(worker))
            for device in worker.devices
        }

    def place_of(self, device: str) -> str:
        """A device and the worker that announces it, for messages."""
        with contextlib.suppress(ZooError):  # it may be gone, too
            for worker in self.driver.workers():
                if device in {announced.name for announced in worker.devices}:
                    return f"{device} at worker {worker.name}"
        return device

    def mark(self) -> Path:
        """A file in this machine's cache, which workers that share it see."""
        path = cache_folder() / "executors" / f"{self.session}.mark"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
            atexit.register(path.unlink, missing_ok=True)
        return path


def refuse_doubled(workers: Sequence[ExecutorWorker]) -> None:
    """Refuses workers of which two announce one device.

    Raises:
        UsageError: Names the device and both workers.
    """
    owners: dict[str, ExecutorWorker] = {}
    for worker in workers:
        for device in worker.devices:
            other = owners.setdefault(device.name, worker)
            if other is not worker:
                raise UsageError(
                    f"the device {device.name!r} is announced by two workers",
                    why=f"{other.name} on {other.host}, and {worker.name} on {worker.host}",
                    fix="leave it out of --device of one of them; if it is two devices, give "
                    "them two names in devices.toml",
                )


def executor_named(registry: Registry, address: str) -> tuple[Executor, str]:
    """The executor of an address, and what follows its ``://``.

    Raises:
        UnknownName: There is no such executor; offers the nearest.
        UsageError: Nothing follows, or something follows that should not.
        MissingExtra: What it needs is not installed.
    """
    name, separator, place = address.partition("://")
    whole = address if separator else f"_://{address}"
    shown = printable(without_passwords(whole).removeprefix("_://"))
    if not separator and ":" in name:
        engine, _, rest = name.partition(":")
        engines = [e.name for e in registry.executors if e.argument]
        meant = [engine] if engine in engines else engines
        behind = rest.lstrip("/") if engine in engines else name
        addressed = printable(without_passwords(" or ".join(f"{e}://{behind}" for e in meant)))
        raise UsageError(
            f"--executor {shown} does not say which engine listens there",
            fix=f"type: --executor {addressed}",
        )
    executor = registry.executors.get(name)
    typed = f"{name}://{executor.argument}" if executor.argument else name
    if bool(place) != bool(executor.argument) or (separator and not place):
        raise UsageError(f"--executor {shown} is no address", fix=f"type: --executor {typed}")
    if executor.extra:
        require_extra(executor.extra)
    return executor, place


def driver_of(registry: Registry, address: str, tls: str | None = None) -> ExecutorDriver:
    """The driver of an address, not connected yet; fails like `executor_named`."""
    executor, place = executor_named(registry, address)
    if executor.driver is None:
        raise UsageError(
            f"{address} is this machine itself", fix="name another executor: dask://HOST:PORT"
        )
    return executor.driver_class()(place, tls_folder(tls))


def tls_folder(given: str | None) -> Path | None:
    """The folder of certificates that was given, or that the environment names."""
    found = given or os.environ.get(TLS_VARIABLE)
    return expanded(found) if found else None


def address_of(asked: RecipeExecutor) -> str:
    """The address that a recipe, or else the environment, names; this machine without."""
    return asked.address or os.environ.get(EXECUTOR_VARIABLE) or LOCAL


def refuse_idle(asked: RecipeExecutor) -> None:
    """Refuses what is for an executor where none was named.

    A recipe that names one is switched off by ``local``, with all that belongs to it.

    Raises:
        UsageError: Names the option.
    """
    if asked.address is not None or address_of(asked) != LOCAL:
        return
    options = {"--artifacts": asked.artifacts, "--tls": asked.tls}
    for option in (name for name, given in options.items() if given):
        raise UsageError(
            f"{option} is for workers of an executor, and none was named",
            why="this machine performs the steps, with its own cache and without a connection",
            fix=f"add --executor dask://HOST:PORT (or {EXECUTOR_VARIABLE}), or leave {option} out",
        )


def connect(
    registry: Registry, asked: RecipeExecutor, *, any_workers: bool = False
) -> Connection | None:
    """The connection that a recipe asks for; None for this machine. One is kept per address.

    Args:
        registry: Knows executors; gets the devices of the workers.
        asked: As a recipe says it.
        any_workers: Whether it may be one without workers, or whose workers get no step.

    Raises:
        UsageError: Something is given for an executor, and none is named.
        ZooError: It cannot be reached, has no worker, or none that fits.
    """
    try:
        return _connect(registry, asked, any_workers)
    except ZooError as error:
        if asked.address is None and os.environ.get(EXECUTOR_VARIABLE):
            said = f"the environment variable {EXECUTOR_VARIABLE} names it"
            error.why = f"{error.why}; {said}" if error.why else said
        raise


def _connect(registry: Registry, asked: RecipeExecutor, any_workers: bool) -> Connection | None:
    refuse_idle(asked)
    address = address_of(asked)
    executor, _ = executor_named(registry, address)
    if executor.driver is None:
        return None
    artifacts = store_url(asked.artifacts) or ""
    if artifacts and "://" not in artifacts:
        open_store(artifacts)  # refuses what is neither a folder nor an address
        artifacts = str(expanded(artifacts).absolute())  # a worker has another working folder
    place = (address, artifacts, str(tls_folder(asked.tls) or ""))
    with _OPENING:
        if place not in _OPEN:
            driver = driver_of(registry, address, asked.tls)
            driver.connect()
            store = None
            if artifacts:
                store = open_store(artifacts)
                store.check()
            made = Connection(shown=address, driver=driver, asked=asked, store=store)
            _OPEN[place] = made
            atexit.register(_close, made)
        found = _OPEN[place]
    if any_workers:
        return found
    registry.announced = {d.name: d for worker in found.workers() for d in worker.devices}
    registry.out_of_reach = found.out_of_reach()
    return found


def forget(connection: Connection) -> None:
    """Drops a connection that was lost, so that the next command opens another one."""
    with _OPENING:
        for place in [place for place, known in _OPEN.items() if known is connection]:
            del _OPEN[place]
    _close(connection)


def _close(connection: Connection) -> None:
    with contextlib.suppress(Exception):  # the engine may be gone, and so is what it held
        connection.driver.close()

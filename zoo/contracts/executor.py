"""Executors: engines that perform steps on other machines."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zoo.common.errors import EnvironmentFailed, UsageError
from zoo.common.progress import OnEvent
from zoo.contracts.checks import InvalidRecord, check, check_name


class ExecutorLost(EnvironmentFailed):
    """The engine does not answer any more: nothing is wrong with the step that it performed."""


@dataclass(frozen=True, kw_only=True)
class AnnouncedDevice:
    """A device as the worker that it hangs on describes it.

    Attributes:
        name: What users type for ``--device``.
        kind: Name of its `zoo.DeviceKind`.
        options: As in ``devices.toml``.
        machine: Its fingerprint, which the worker asked it for.
    """

    name: str
    kind: str
    options: Mapping[str, Any] = field(default_factory=dict)
    machine: str = ""


@dataclass(frozen=True, kw_only=True)
class ExecutorWorker:
    """A worker that has joined.

    Attributes:
        name: Unique among the workers.
        host: Name of its machine.
        version: Of edgezoo there.
        jobs: Steps that it performs side by side, those on devices aside.
        labels: Such as ``gpu``.
        devices: Those that hang on it.
        python: Version of Python there, such as ``3.11``; empty where it is not known.
        plugins: Name and version of each installed distribution that brings plugins.
        running: What it performs now, as it told with each order: id of the order, name of the
            step, of its run, and since when.
    """

    name: str
    host: str
    version: str
    jobs: int = 1
    labels: tuple[str, ...] = ()
    devices: tuple[AnnouncedDevice, ...] = ()
    python: str = ""
    plugins: Mapping[str, str] = field(default_factory=dict)
    running: tuple[Mapping[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class StepOrder:
    """One step to be performed, as data.

    Attributes:
        id: Content address of the step. Two orders of one address are one: whoever comes second
            gets the answer of the first.
        name: Of the step, for people.
        text: In JSON, for `zoo.pipeline.executors.host.OrderHost.perform` on the worker; it holds
            names, a recipe and content addresses, and no code.
        version: Of edgezoo; workers of another one must not get it.
        plugins: Distributions whose plugins its plan uses, with their versions; likewise.
        device: The device that it measures on, and nothing else may meanwhile; empty for none.
        alone: Whether its worker may do nothing else meanwhile, because the device has no processor
            of its own.
        label: What its worker must be labelled with; empty for nothing.
    """

    id: str
    name: str
    text: str
    version: str
    plugins: Mapping[str, str] = field(default_factory=dict)
    device: str = ""
    alone: bool = False
    label: str = ""


class ExecutorDriver(ABC):
    """The connection to one engine; its methods are called from several threads.

    Args:
        address: What stands behind ``NAME://``.
        tls: Folder with ca.pem, cert.pem and key.pem; None without encryption.
    """

    def __init__(self, address: str, tls: Path | None = None) -> None:
        self.address, self.tls = address, tls

    @abstractmethod
    def connect(self) -> None:
        """Called once, before all others but `work` and `serve`.

        Raises:
            ZooError: It cannot be reached; told within seconds.
        """

    @abstractmethod
    def workers(self) -> Sequence[ExecutorWorker]:
        """The workers that have joined.

        Raises:
            ExecutorLost: It does not answer any more.
        """

    def waiting(self) -> Mapping[str, int]:
        """Kinds of steps that wait for a worker, and how many orders of each there are.

        Raises:
            ExecutorLost: It does not answer any more.
        """
        return {}

    @abstractmethod
    def perform(self, order: StepOrder, emit: OnEvent) -> str:
        """Has a worker call `OrderHost.perform` with the order's text; returns its answer.

        An order whose worker dies is given to another worker once.

        Args:
            order: The step.
            emit: Receives progress events.

        Raises:
            ExecutorLost: The engine does not answer any more.
            ZooError: Two workers died of it.
        """

    @abstractmethod
    def cancel(self, order: StepOrder) -> None:
        """Has the worker that performs an order call `OrderHost.cancel`; raises nothing."""

    def close(self) -> None:  # noqa: B027 - there may be nothing to end
        """Ends the connection; orders that nobody waits for any more may be dropped."""

    def work(self, worker: ExecutorWorker, tell: Callable[[str], None]) -> None:
        """Joins the engine at `address` as a worker; returns when it is interrupted.

        Args:
            worker: What it announces.
            tell: Receives what happens, in words for people.

        Raises:
            ZooError: It cannot be reached, or does not take the worker.
        """
        raise UsageError(
            "workers of this executor are not started by zoo worker",
            fix="start them as its own documentation says",
        )

    def serve(self, tell: Callable[[str], None]) -> None:
        """Starts what workers and commands connect to, at `address`; returns when interrupted.

        Raises:
            ZooError: It cannot be started.
        """
        raise UsageError(
            "this executor is not started by zoo worker --scheduler",
            fix="start it as its own documentation says",
        )


@dataclass(frozen=True, kw_only=True)
class Executor:
    """An engine that performs steps.

    Attributes:
        name: What stands before ``://`` of ``--executor``.
        summary: One line for lists.
        argument: What follows ``://``, for help texts: ``HOST:PORT``; empty for nothing.
        driver: Returns the class that does the work, which lists must not import; None for this
            machine, where steps are performed by the process that plans them.
        extra: The part of edgezoo that installs what it needs; empty for none.
    """

    name: str
    summary: str
    argument: str = ""
    driver: Callable[[], type[ExecutorDriver]] | None = None
    extra: str = ""

    def __post_init__(self) -> None:
        check_name("executor", self.name)
        usable = self.driver is None or callable(self.driver)
        check(usable, self.name, "driver must be callable or None")
        given = bool(self.argument) == (self.driver is not None)
        check(given, self.name, "needs an argument where it has a driver, and none where not")

    def driver_class(self) -> type[ExecutorDriver]:
        """The class that does the work.

        Raises:
            InvalidRecord: `driver` returned something else.
        """
        made = None if self.driver is None else self.driver()
        if not (isinstance(made, type) and issubclass(made, ExecutorDriver)):
            raise InvalidRecord(
                f"executor {self.name!r}: driver must return a class of zoo.ExecutorDriver, "
                f"not {made!r}"
            )
        return made

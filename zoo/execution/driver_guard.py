"""Around drivers: whatever they raise becomes an error that costs one result, and never all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.common.errors import ProcessFailed, ZooError
from zoo.common.plugin_errors import plugin_line
from zoo.common.shown_text import printable
from zoo.contracts.transport import Condition
from zoo.execution.figures import table
from zoo.execution.tool_process import ToolProcess

if TYPE_CHECKING:
    from zoo.contracts.runtime import Runtime, VendorTool
    from zoo.contracts.transport import AgentProcess, Transport, Work

#: Remarks of a device that are kept, and characters of each.
_MOST_REMARKS, _MOST_LETTERS = 20, 500
#: Exceptions that no state of a device excuses.
_FAULTS = (
    *(ArithmeticError, AssertionError, AttributeError, ImportError, LookupError, NameError),
    *(NotImplementedError, RecursionError, SyntaxError, TypeError, ValueError),
)


class DriverFailed(ProcessFailed):
    """A driver raised what drivers may not raise."""


@contextmanager
def driver_guard(driver: str, step: str, *allowed: type[Exception]) -> Iterator[None]:
    """Turns whatever a driver raises into an error with its words.

    Args:
        driver: In words: the kind of device, and the plugin that brings the driver.
        step: What it was asked to do.
        allowed: What it may raise beside a `ZooError`.

    Raises:
        DriverFailed: It raised something else.
    """
    known: tuple[type[Exception], ...] = (ZooError, *allowed)
    try:
        yield
    except known:
        raise
    # A driver is foreign code: whatever it raises costs its own row.
    except Exception as error:
        said = " ".join(str(error).split())[:400] or "no message"
        fix = "check that the device is on and connected, then type the same command again"
        if isinstance(error, _FAULTS) and not isinstance(error, OSError):
            fix = (
                "this is a fault in the driver's code, whatever the device does: report it to the "
                "driver's author; `zoo --debug …` shows the line"
            )
        found = plugin_line(error)
        place = f" ({found[1]})" if found else ""
        raise DriverFailed(
            f"the driver {driver} failed to {step}",
            why=f"{type(error).__name__}: {said}{place}",
            fix=fix,
        ) from error


def _words(told: Sequence[str]) -> tuple[str, ...]:
    """Remarks of a device, limited in number and length, without control characters."""
    remarks = list(told)[:_MOST_REMARKS]
    for remark in remarks:
        if not isinstance(remark, str):
            raise TypeError(f"a remark is {str(remark)[:60]!r}, and must be text")
    return tuple(printable(text)[:_MOST_LETTERS] for text in remarks)


class GuardedProcess:
    """An agent whose lines may break in any way."""

    def __init__(self, process: AgentProcess, driver: str) -> None:
        self._process, self._driver = process, driver

    def send(self, line: str) -> None:
        """Writes one line."""
        with driver_guard(self._driver, "send a request", TimeoutError, BrokenPipeError):
            self._process.send(line)

    def receive(self, timeout: float | None) -> str | None:
        """The next line."""
        with driver_guard(self._driver, "receive an answer", TimeoutError):
            return self._process.receive(timeout)

    def kill(self) -> None:
        """Ends the process at once."""
        with driver_guard(self._driver, "kill the agent"):
            self._process.kill()

    def stop(self) -> int | None:
        """Ends the process; its exit code."""
        with driver_guard(self._driver, "stop the agent"):
            return self._process.stop()

    def diagnostics(self) -> str:
        """The last lines of its error stream."""
        with driver_guard(self._driver, "tell what the agent said"):
            return self._process.diagnostics()


class GuardedTransport:
    """A transport whose driver may raise anything.

    Args:
        inner: The driver's own.
        driver: In words: the kind of device, and the plugin that brings the driver.
        tool: A vendor's benchmark tool that is there: started as if it were an agent's runtime.
        brought: Runtimes whose sources plugins bring: an agent there is given them.
    """

    def __init__(
        self,
        inner: Transport,
        driver: str,
        tool: VendorTool | None = None,
        brought: Sequence[Runtime] = (),
    ) -> None:
        self._inner, self._driver, self._tool = inner, driver, tool
        self.brought = tuple(brought)

    def put(self, local: Path) -> str:
        """Makes a local file available there."""
        with driver_guard(self._driver, f"put {local.name} on the device"):
            return self._inner.put(local)

    def announce(self, work: Work) -> None:
        """Says what is about to be timed, to a device whose transport has a method for that."""
        announce = getattr(self._inner, "announce", None)
        if announce is not None:
            with driver_guard(self._driver, "announce what is about to be timed"):
                announce(work)

    def start_agent(self, runtime: str) -> AgentProcess:
        """Starts the agent there."""
        if self._tool is not None and self._tool.name == runtime:
            return GuardedProcess(ToolProcess(self._tool, self._inner), self._driver)
        with driver_guard(self._driver, "start the agent"):
            return GuardedProcess(self._inner.start_agent(runtime), self._driver)

    def condition(self) -> Condition:
        """How the device is now."""
        with driver_guard(self._driver, "tell how the device is"):
            found = self._inner.condition()
        try:
            if not isinstance(found, Condition):
                raise TypeError(f"a {type(found).__name__} came in place of a zoo.Condition")
            return Condition(
                readings=table(dict(found.readings), "a reading"),
                faults=_words(found.faults),
                hints=_words(found.hints),
            )
        except (TypeError, ValueError) as error:
            raise ProcessFailed(
                "what the device reports of its condition cannot be used",
                why=str(error),
                fix="see what its programs print: `zoo devices doctor` reads the same",
            ) from error

    def close(self) -> None:
        """Releases the device; never fails."""
        # The results are in hand by now. What was not let go of is met by whoever connects next.
        with suppress(Exception):
            self._inner.close()

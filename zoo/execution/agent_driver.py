"""A driver whose device describes itself through the agent."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from zoo.common.errors import ZooError
from zoo.contracts import DeviceDriver, Transport
from zoo.contracts.device import Options
from zoo.execution.failures import AgentGarbled

#: What a fingerprint is made of.
_NEEDED = ("fingerprint", "python", "runtimes")


class AgentDriver(DeviceDriver[Options]):
    """A driver that asks the agent for the machine and its runtimes: `connect` is left to write.

    Attributes:
        asked: Runtimes in whose environments the agent is asked; one is enough where all runtimes
            share an environment. Those that cannot be started are passed over.
    """

    asked: Sequence[str] = ()

    def look(self) -> Transport:
        """Connects only to look: may leave locks and clocks alone."""
        return self.connect()

    @cached_property
    def about(self) -> dict[str, Any]:
        """What the agent says of the machine, with all runtimes; asked once per command.

        Raises:
            ZooError: No agent could be asked.
        """
        transport = self.look()
        try:
            return self.describe(transport)
        finally:
            transport.close()

    def describe(self, transport: Transport) -> dict[str, Any]:
        """Asks the agent behind a transport."""
        from zoo.execution.session import AgentSession

        about: dict[str, Any] = {}
        failure: ZooError | None = None
        for runtime in self.asked:
            try:
                with AgentSession(transport, runtime, self.patience) as session:
                    found = session.describe()
            except ZooError as error:  # no wheel for that processor, say
                failure = error
                continue
            if missing := [key for key in _NEEDED if key not in found]:
                failure = AgentGarbled(
                    f"the agent's description of its device has no {missing[0]}",
                    fix="something else answers in the agent's place: see what runs there",
                )
                continue
            about = {**found, "runtimes": {**about.get("runtimes", {}), **found["runtimes"]}}
        if not about and failure is not None:
            raise failure
        return about

    def forget(self) -> None:
        """Has the agent asked again, after the device was changed."""
        self.__dict__.pop("about", None)

    def fingerprint(self) -> str:
        """The machine as the agent there names it, with the versions that decide a latency."""
        versions = [f"{name} {version}" for name, version in sorted(self.about["runtimes"].items())]
        return "; ".join(
            [str(self.about["fingerprint"]), f"python {self.about['python']}", *versions]
        )

    def runtimes(self) -> Sequence[str]:
        """The agent's runtimes that are installed there."""
        return list(self.about["runtimes"])

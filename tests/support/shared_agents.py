"""Agents that answer for all tests of this process: starting one for each file takes longer."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from zoo.devices.local.host import HostTransport
from zoo.execution.session import AgentSession


@cache
def agent(runtime: str) -> AgentSession:
    """This machine's agent with a runtime; it ends as its process does, by the end of its input."""
    return AgentSession(HostTransport(), runtime).__enter__()


def answers(runtime: str, path: Path, inputs: Any) -> Any:
    """What a file answers in a runtime. After a failure other tests get another agent."""
    session = agent(runtime)
    try:
        session.load(path)
        return session.run(inputs)
    except Exception:  # whatever it was, the agent may have ended
        agent.cache_clear()
        session.close()
        raise

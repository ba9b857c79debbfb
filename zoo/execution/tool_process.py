"""A vendor's benchmark tool behind the agent's protocol: a summary in place of samples."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.contracts.runtime import ToolOrder, VendorTool

if TYPE_CHECKING:
    from zoo.contracts.transport import Transport


class ToolProcess:
    """Answers an agent's requests by running the tool, once for each ``bench``.

    Args:
        tool: To be run.
        transport: Where, as the kind of the tool's device made it.
    """

    def __init__(self, tool: VendorTool, transport: Transport) -> None:
        self._tool, self._transport = tool, transport
        self._request: dict[str, Any] = {}
        self._loaded: dict[str, Any] = {}

    def send(self, line: str) -> None:
        """Takes one request."""
        self._request = json.loads(line)

    def receive(self, timeout: float | None) -> str | None:
        """The answer to it; the tool has a time limit of its own.

        Raises:
            ZooError: The tool died, hung, refused or gave no figures.
        """
        request = self._request
        told = {"protocol": request["protocol"], "id": request["id"]}
        command = getattr(self, f"_{request['command']}", None)
        if command is None:
            message = f"{self._tool.name} does not support {request['command']}"
            error = {"type": "BadRequest", "message": message}
            return json.dumps({**told, "ok": False, "error": error})
        return json.dumps({**told, "ok": True, **command(request)})

    def kill(self) -> None:
        """Nothing runs between two answers."""

    def stop(self) -> int | None:
        """Nothing runs between two answers."""
        return 0

    def diagnostics(self) -> str:
        """Its words are in the errors that it raises."""
        return ""

    def _describe(self, request: dict[str, Any]) -> dict[str, Any]:
        tool = self._tool
        versions = {tool.name: tool.version}
        return {"runtime": tool.name, "runtime_version": tool.version, "runtimes": versions}

    def _load(self, request: dict[str, Any]) -> dict[str, Any]:
        self._loaded = request
        return {
            "runtime": self._tool.name,
            "runtime_version": self._tool.version,
            "api": self._tool.name,
            "inputs": [],
            "outputs": [],
            "threads": request["threads"],
            # What it takes is in the summary.
            "load_ns": 0,
            "memory_before_bytes": 0,
            "delegate": {},
        }

    def _bench(self, request: dict[str, Any]) -> dict[str, Any]:
        limits = ("min_runs", "min_seconds", "max_seconds", "warmup_seconds")
        order = ToolOrder(
            threads=self._loaded["threads"], **{name: request[name] for name in limits}
        )
        found = self._tool.run(self._transport, Path(self._loaded["path"]), order)
        return {"summary": asdict(found)}

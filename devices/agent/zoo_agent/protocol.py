"""The agent's side of the protocol: requests on stdin, answers on stdout, one JSON object a line.

Requests and answers look like this::

    {"protocol": 1, "id": 7, "command": "load", "path": "net.tflite", "threads": 1}
    {"protocol": 1, "id": 7, "ok": true, "inputs": [...], ...}
    {"protocol": 1, "id": 8, "ok": false, "error": {"type": "NotLoaded", "message": "..."}}

Commands: `describe`, `load`, `run`, `bench`, `locate`, `profile`, `close`. An error is an answer:
only `close` and the end of stdin end the agent.
"""

from __future__ import annotations

import json
from typing import Any

from .arrays import decode, encode
from .common import PROTOCOL, AgentError, Json
from .machine import peak_memory
from .running import run
from .runtimes.base import Model, Options
from .runtimes.loading import import_runtime, open_model, version_of
from .runtimes.table import OWN, described, own_runtime
from .system import digest_of


class Agent:
    """Answers requests, one at a time, about one loaded file."""

    def __init__(self, runtime: str, options: Options) -> None:
        self.runtime = runtime
        self.options = options
        self.model: Model | None = None
        self.closed = False

    def answer(self, line: bytes) -> Json:
        """The answer to one line, whatever the line is and whatever happens."""
        request: Any = None
        try:
            request = json.loads(line)
            if not isinstance(request, dict) or not isinstance(request.get("command"), str):
                raise AgentError("BadRequest", "a request is an object with a command")
            if request.get("protocol") != PROTOCOL:
                spoken = (
                    f"the agent uses protocol {PROTOCOL}, the request {request.get('protocol')}"
                )
                raise AgentError("ProtocolMismatch", spoken)
            result = {"ok": True, **self._do(request)}
        except AgentError as error:
            result = error.refusal()
        except (KeyError, json.JSONDecodeError, UnicodeDecodeError) as error:
            result = AgentError("BadRequest", f"{type(error).__name__}: {error}").refusal()
        except Exception as error:  # A runtime's own exceptions must not end the agent.
            import traceback

            traceback.print_exc()
            result = AgentError("RuntimeFailed", f"{type(error).__name__}: {error}").refusal()
        number = request.get("id") if isinstance(request, dict) else None
        return {"protocol": PROTOCOL, "id": number, **result}

    def _do(self, request: Json) -> Json:
        command = request["command"]
        if command == "describe":
            from .description import describe

            told = [described(each) for each in request.get("runtimes", ())]
            return describe(self.runtime, told or list(OWN.values()), self.options)
        if command == "load":
            return self._load(request)
        if command == "close":
            self.closed = True
            return {}
        if command not in ("run", "bench", "locate", "profile"):
            raise AgentError("BadRequest", f"unknown command {command!r}")
        if self.model is None:
            raise AgentError("NotLoaded", f"{command} before load")
        if command == "bench":
            from .timing import bench

            accelerated, own = self.options.gpu is not None, self.model.own_threads
            return {**bench(self.model, request), "accelerated": accelerated, "own_threads": own}
        if command == "locate":
            return {"delegate": self.model.locate()}
        if command == "profile":
            return {"profile": self.model.profile(float(request.get("seconds", 10.0)))}
        outputs = run(self.model, [decode(packed) for packed in request["inputs"]])
        return {"outputs": [encode(values) for values in outputs]}

    def _load(self, request: Json) -> Json:
        self.model = None  # Frees the file before, so that two never share the memory.
        told = request.get("runtime")
        runtime = own_runtime(self.runtime) if told is None else described(told)
        code, module = import_runtime(runtime)
        memory = peak_memory()
        model = self.model = open_model(runtime.name, code, module, request, self.options)
        return {
            "runtime": runtime.name,
            "runtime_version": version_of(runtime.distributions),
            "api": model.api,
            "inputs": model.inputs,
            "outputs": model.outputs,
            "load_ns": model.load_ns,
            "memory_before_bytes": memory,
            "threads": int(request.get("threads", 1)),
            "batch": model.batch,
            "delegate": model.delegate(),
            "locate": True,
            "sha256": digest_of(str(request["path"])) if request.get("digest") else "",
        }

"""Agents that are forked from one process with the runtimes in it: thousands start in a suite.

Each is a process of its own and runs the agent's own code, without importing numpy and the runtimes
anew. In its place edgezoo starts a small client, which passes its pipes to the server and ends with
the agent.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

#: Hands its pipes to the server, and waits for the agent's exit code.
CLIENT = """
import json, socket, sys
server = socket.socket(socket.AF_UNIX)
server.connect(sys.argv[1])
socket.send_fds(server, [json.dumps(sys.argv[2:]).encode()], [0, 1, 2])
code = server.recv(1)
sys.exit(code[0] if code else 70)
"""


@contextmanager
def warm_agents() -> Iterator[None]:
    """While the block runs, agents of this machine are forked from a warm process."""
    from zoo.devices.local.transport import LocalTransport
    from zoo.devices.shared.agent_files import AGENT
    from zoo.execution.agent_process import PipeProcess

    with tempfile.TemporaryDirectory() as folder:
        address = str(Path(folder) / "agents")
        server = subprocess.Popen(
            [sys.executable, __file__, address, str(AGENT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert server.stdout is not None
        server.stdout.readline()  # It is ready.
        cold = LocalTransport.start_agent

        def start(transport: Any, runtime: str) -> Any:
            if transport._python is not None or runtime in transport._pythons:
                return cold(transport, runtime)
            arguments = ["--runtime", runtime, *transport._arguments]
            return PipeProcess([sys.executable, "-I", "-S", "-c", CLIENT, address, *arguments])

        LocalTransport.start_agent = start  # type: ignore[method-assign]
        try:
            yield
        finally:
            LocalTransport.start_agent = cold  # type: ignore[method-assign]
            server.kill()
            server.wait()


def serve(address: str, agent: str) -> None:
    """Forks an agent for each client."""
    sys.path.insert(0, agent)
    from zoo_agent.common import PROTOCOL
    from zoo_agent.main import main
    from zoo_agent.telemetry import switch_off

    switch_off()
    from zoo_agent.protocol import Agent
    from zoo_agent.runtimes.base import Options

    for module in ("numpy", "ai_edge_litert.interpreter", "onnxruntime"):
        importlib.import_module(module)
    # What an agent says of itself takes modules, too.
    describe = {"protocol": PROTOCOL, "id": 0, "command": "describe"}
    Agent("litert", Options("", True, None, False)).answer(json.dumps(describe).encode())
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(address)
    listening.listen(64)
    threading.Thread(target=_end_with_suite, daemon=True).start()
    print("ready", flush=True)
    while True:
        client, _ = listening.accept()
        message, pipes, _, _ = socket.recv_fds(client, 1 << 16, 3)
        if os.fork() == 0:
            listening.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            code = 70
            try:
                for number, pipe in enumerate(pipes):
                    os.dup2(pipe, number)
                    os.close(pipe)
                threading.Thread(target=_end_with, args=(client,), daemon=True).start()
                sys.argv = ["agent", *json.loads(message)]
                code = main()
            finally:
                client.send(bytes([code & 255]))
                os._exit(code)
        for pipe in pipes:
            os.close(pipe)
        client.close()


def _end_with_suite() -> None:
    """Ends the server with the suite, which holds the other end of this pipe."""
    os.read(0, 1)  # Not by sys.stdin, whose lock forks would inherit.
    os._exit(0)


def _end_with(client: socket.socket) -> None:
    """Ends the agent when its client was killed."""
    client.recv(1)
    os._exit(70)


if __name__ == "__main__":
    serve(*sys.argv[1:])

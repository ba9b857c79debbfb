"""The real agent behind a script that misbehaves, as no real runtime does on request.

Arguments: the command at which to, what to do then, and those of the agent.
"""

import base64
import json
import os
import signal
import struct
import subprocess
import sys
import time
import zlib

AT, FAULT, *COMMAND = sys.argv[1:]
LIMIT = "import os,resource,sys; resource.setrlimit(resource.RLIMIT_AS, (%d, %d)); "
RUN = "os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"


def misbehave(answer: bytes) -> bytes:
    """Does it, and returns the answer as it is then."""
    changed = json.loads(answer)
    if FAULT == "torn line":
        os.write(1, answer[: len(answer) // 2])
        os.kill(os.getpid(), signal.SIGABRT)
    elif FAULT == "garbage":
        return b"Bus error (core dumped)\n"
    elif FAULT == "hang":
        time.sleep(600)
    elif FAULT == "other version":
        changed["protocol"] = 0
    elif FAULT == "clock back":
        changed["wall_seconds"] = 1e-9
    elif FAULT == "too fast":
        count = changed["samples"]["count"]
        raw = zlib.compress(struct.pack("<q", 20) * count)
        changed["samples"]["data"] = base64.b64encode(raw).decode()
    elif FAULT == "flood":
        for _ in range(50):
            os.write(2, b"e" * 1_000_000)
        os.write(2, b"\x1b[31mthe last words\n")
        sys.exit(3)
    elif FAULT == "end":
        sys.exit(3)
    elif FAULT.startswith("SIG"):
        os.kill(os.getpid(), getattr(signal, FAULT))
    return json.dumps(changed).encode() + b"\n"


def main() -> None:
    command = [sys.executable, *COMMAND]
    if FAULT == "little memory":
        size = 100_000_000
        command = [sys.executable, "-c", LIMIT % (size, size) + RUN, *COMMAND]
    pipe = subprocess.PIPE
    agent = subprocess.Popen(command, stdin=pipe, stdout=pipe)
    assert agent.stdin is not None
    assert agent.stdout is not None
    try:
        for line in sys.stdin.buffer:
            asked = json.loads(line)["command"]
            agent.stdin.write(line)
            agent.stdin.flush()
            answer = agent.stdout.readline()
            if not answer:
                break
            os.write(1, misbehave(answer) if asked == AT else answer)
    except BrokenPipeError:
        pass
    agent.stdin.close()
    sys.exit(agent.wait())


main()

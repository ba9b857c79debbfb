"""What can go wrong between the zoo and an agent."""

from __future__ import annotations

import re
import signal

from zoo.common.errors import ProcessFailed, ZooError


class AgentDied(ProcessFailed):
    """The agent ended without an answer."""


class AgentHung(ProcessFailed):
    """The agent gave no answer in time and was stopped."""


class AgentGarbled(ProcessFailed):
    """The agent's line was no answer."""


class AgentMismatch(ZooError):
    """The agent speaks another version of the protocol."""


class OtherFile(ZooError):
    """The agent works on another file, or in another way, than it was asked to."""


class AgentRefused(ZooError):
    """The agent answered that it cannot do what was asked.

    Attributes:
        kind: The agent's word for it: ``MissingRuntime``, ``CannotLoad``, ``BadInput``, …
    """

    def __init__(
        self, what: str, *, why: str | None = None, fix: str | None = None, kind: str = ""
    ) -> None:
        super().__init__(what, why=why, fix=fix)
        self.kind = kind


_CAUSES = {
    "SIGSEGV": "native code of the runtime crashed",
    "SIGBUS": "native code of the runtime crashed, or the file shrank while it was mapped",
    "SIGABRT": "native code of the runtime gave up",
    "SIGILL": "the processor lacks an instruction that the runtime was built for",
    "SIGFPE": "native code of the runtime divided by zero",
    "SIGKILL": "it was killed from outside; on Linux most often for lack of memory",
    "SIGTERM": "it was terminated by a signal",
}
_FIXES = {
    "MissingRuntime": "install that runtime where the agent runs, or choose another runtime",
    "CannotLoad": "check that the file is whole and meant for this runtime",
    "CannotRun": "choose another runtime or format for this file",
    "NotOnGpu": "`zoo devices doctor NAME` tells what that device lacks; without --device it is "
    "timed on this machine's processor",
    "FixedBatch": "leave out --batch; it is for files that leave the batch open, and edgezoo's own "
    "have a number for each side",
    "FixedShape": "leave out --shape, or name a runtime that takes other sizes: --runtime …",
    "NoThreads": "leave out --threads: with one thread it runs there",
    "BadOption": "correct the device's entry in devices.toml",
    "ClockFault": "its times mean nothing: see what sets the clock of that machine",
    "NoProfile": "leave out --profile, or choose another runtime",
    "BadInput": "send raw examples in the shape of the file's input",
}
#: What to do about a signal that ended the agent.
_REFUSAL_FIXES = {
    "SIGILL": "install a build of the runtime for that processor, or choose another runtime",
    "SIGKILL": "end other programs on the device, or choose a smaller file; there, `dmesg` tells "
    "whether the kernel killed it for its memory",
}
#: What runtimes say of files that are newer than they are.
_TOO_OLD = re.compile(
    r"Didn't find op for builtin|[Uu]nresolved custom op|Unsupported model IR version"
    r"|is under development and support|No Op registered for|is not a registered function/op"
    r"|Could not find an implementation|[Uu]nsupported opset"
)
#: What Python, C++ and runtimes say when memory is out.
_NO_MEMORY = re.compile(
    r"MemoryError|bad_alloc|Unable to allocate|Cannot allocate memory|[Oo]ut of memory"
    r"|[Ff]ailed to allocate|Memory allocation"
)
_LAST_WORDS = 400


def signal_of(code: int | None) -> str | None:
    """Name of the signal that an exit code stands for; None when it stands for none."""
    # Shells and SSH report a signal as 128 + its number.
    number = -code if code is not None and code < 0 else (code or 0) - 128
    try:
        return signal.Signals(number).name
    except ValueError:
        return None


def crash_error(command: str, code: int | None, diagnostics: str) -> AgentDied:
    """The error for an agent that ended while `command` was under way.

    Args:
        command: What it was asked.
        code: Its exit code; None when the line to the device broke.
        diagnostics: Its error stream.
    """
    if code is None:
        return AgentDied(
            f"the line to the device broke during {command!r}",
            why=last_stderr_lines(diagnostics) or None,
            fix="check power and network of the device, then type the same command again",
        )
    name = signal_of(code)
    how = f"was killed by {name}" if name else "ended"
    why = _CAUSES.get(name, "it was ended by a signal") if name else f"exit code {code}"
    words = last_stderr_lines(diagnostics)
    if name is None and _NO_MEMORY.search(words):
        name = "SIGKILL"  # It noticed by itself what the kernel would have killed it for.
    return AgentDied(
        f"the agent {how} during {command!r}",
        why=why + (f"; its last output: {words}" if words else ""),
        fix=_REFUSAL_FIXES.get(name, "try another precision, format or runtime for this file")
        if name
        else None,
    )


def refusal_error(command: str, kind: str, message: str) -> AgentRefused:
    """The error for an answer that says no."""
    why, fix = None, _FIXES.get(kind)
    if _NO_MEMORY.search(message):
        why = "the device has too little memory for it"
        fix = "end other programs there, or choose a smaller file"
    elif _TOO_OLD.search(message):
        why = "the runtime there does not support an operator or the format of the file"
        fix = "install a newer runtime there, or choose another runtime or format for this file"
    return AgentRefused(f"the agent could not {command}: {message}", why=why, fix=fix, kind=kind)


def last_stderr_lines(diagnostics: str) -> str:
    """The end of an error stream in one line."""
    lines = (line.strip() for line in diagnostics.splitlines())
    return " | ".join(line for line in lines if line)[-_LAST_WORDS:]

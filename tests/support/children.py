"""What the tests let child processes do; named by ``children:function``."""

from __future__ import annotations

import ctypes
import gc
import importlib
import os
import signal
import struct
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from zoo.common.errors import (
    BadData,
    BadFile,
    MissingExtra,
    ProcessFailed,
    UnknownName,
    UsageError,
    ZooError,
)

Emit = Callable[[dict[str, Any]], None]


def add(*, a: int, b: int, emit: Emit) -> int:
    for number in (a, b):
        emit({"event": "number", "value": number})
    return a + b


def deep(*, calls: int, emit: Emit) -> int:
    return 1 + deep(calls=calls - 1, emit=emit) if calls else 0


def process(*, emit: Emit) -> dict[str, Any]:
    main = sys.modules["__main__"]
    return {"pid": os.getpid(), "parent": os.getppid(), "main": getattr(main, "__file__", None)}


def modules(*, emit: Emit) -> list[str]:
    return sorted(sys.modules)


def collected(*, emit: Emit) -> tuple[bool, bool]:
    """Whether garbage is looked for here, and whether among what TensorFlow's import made."""
    kept = gc.get_freeze_count()
    return gc.isenabled(), kept < 100_000


def imported(*, name: str, emit: Emit) -> str:
    return importlib.import_module(name).__name__


def echo(*, value: Any, emit: Emit) -> Any:
    return value


def leave_files(*, ends: str, emit: Emit) -> None:
    """Leaves temporary files, as libraries do that count on their process's own end."""
    tempfile.mkstemp()
    Path(tempfile.mkdtemp(), "inside").write_text("a")
    emit({"event": "left", "folder": tempfile.gettempdir()})
    if ends == "fails":
        raise BadData("it broke")
    if ends == "is ended":
        time.sleep(600)
    if ends == "crashes":
        os.kill(os.getpid(), signal.SIGSEGV)


def leave_a_mark(*, emit: Emit) -> bool:
    """Whether this process was used before."""
    used = hasattr(leave_a_mark, "mark")
    leave_a_mark.mark = True  # type: ignore[attr-defined]
    return used


def fail(*, kind: str, emit: Emit) -> None:
    errors: dict[str, ZooError] = {
        "ZooError": ZooError("it broke", why="rust", fix="paint it"),
        "UsageError": UsageError("it broke", why="rust", fix="paint it"),
        "BadData": BadData("it broke", why="rust", fix="paint it"),
        "BadFile": BadFile("it broke", why="rust", fix="paint it"),
        "ProcessFailed": ProcessFailed("it broke", why="rust", fix="paint it"),
        "UnknownName": UnknownName("model", "lenett", ["lenet"]),
        "MissingExtra": MissingExtra("onnx", "onnx"),
    }
    raise errors[kind]


def fail_strangely(*, emit: Emit) -> None:
    raise LookupError("no such thing")


def exit_politely(*, emit: Emit) -> None:
    sys.exit(3)


def exit_at_once(*, code: int, emit: Emit) -> None:
    os._exit(code)


def die_by(*, number: int, words: str, emit: Emit) -> None:
    sys.stderr.write(words)
    sys.stderr.flush()
    os.kill(os.getpid(), number)
    time.sleep(60)  # the signal takes a moment to arrive


def crash_in_native_code(*, emit: Emit) -> None:
    signal.signal(signal.SIGSEGV, signal.SIG_DFL)
    ctypes.string_at(0)


def die_in_the_middle_of_a_message(*, emit: Emit) -> None:
    connection = emit.__closure__[0].cell_contents  # type: ignore[attr-defined]
    os.write(connection.fileno(), struct.pack("!i", 1000) + b"half")
    os._exit(0)


def wait_forever(*, emit: Emit) -> None:
    emit({"event": "waiting", "pid": os.getpid()})
    while True:
        time.sleep(60)


def fill_memory(*, emit: Emit) -> int:
    return len(bytearray(1 << 32))


def use_memory(*, size: int, emit: Emit) -> int:
    return len(bytearray(size))


def print_garbage(*, emit: Emit) -> str:
    print("garbage from python")
    os.write(1, b"garbage from native code\n")
    os.write(2, b"warnings from native code\n")
    return "done"


def return_what_cannot_travel(*, emit: Emit) -> Any:
    return lambda: None


def interrupted(*, emit: Emit) -> str:
    """Ctrl-C reaches the whole process group; the parent decides what ends."""
    os.kill(os.getpid(), signal.SIGINT)
    return "goes on"


def surroundings(*, emit: Emit) -> dict[str, str | None]:
    variables = {name: os.environ.get(name) for name in ("ZOO_NEW", "ZOO_OLD", "NEW")}
    return {"folder": str(Path.cwd()), **variables}


def append_many(url: str, start: Any, name: str, answer: Any, count: int = 10) -> None:
    from zoo.results.records import StepRecord
    from zoo.results.store import Store

    try:
        start.wait()
        store = Store(url)
        for number in range(count):
            record = StepRecord(step=f"step {number}", kind="test", key="k", status="passed")
            store.append(name, record, samples=b"raw")
        answer.put("")
    except BaseException as error:
        answer.put(f"{type(error).__name__}: {error}")


def names_of_variables(*, emit: Emit) -> list[str]:
    import runpy

    file = Path(__file__).parents[1] / "networks" / "test_networks_and_weights.py"
    tests = runpy.run_path(str(file))
    return list(tests["variable_names"](tests["network"]()))


def throw_bad_alloc(*, emit: Emit) -> None:
    """As C++ does that nobody catches: the words of the standard library, then an abort."""
    held = []
    try:
        while True:
            held.append(bytearray(1 << 24))
    except MemoryError:
        held.clear()
        os.write(2, b"terminate called after throwing an instance of 'std::bad_alloc'\n")
        os.abort()


def reserve_addresses(*, size: int, emit: Emit) -> int:
    import mmap

    protection = 0  # nothing can be read or written there yet
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    with mmap.mmap(-1, size, flags=flags, prot=protection) as reserved:
        return len(reserved)


def loaded_from(*, emit: Emit) -> str:
    import statistics

    return str(statistics.__file__)


def take_memory(*, size: int, fails: bool, emit: Emit) -> None:
    import numpy as np

    assert np.full(size, 1, np.uint8).max(initial=0) <= 1
    if fails:
        raise ValueError("it failed after all")

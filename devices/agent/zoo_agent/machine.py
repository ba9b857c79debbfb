"""The machine that the agent runs on: its processor, its memory, what its kernel counts."""

from __future__ import annotations

import os
import platform
import re
import resource
import sys
import time
from pathlib import Path

from .common import AgentError, clock
from .system import read_text, system_value

#: Instruction sets that decide which kernels a runtime picks.
FLAGS = re.compile(
    r"avx|avx2|fma|f16c|avx_vnni|avx512(f|_vnni|_bf16)|amx_.*|neon|asimd.*|i8mm|sve.*"
)
SPIN_ITERATIONS = 20_000
SPIN_REPEATS = 15


def cpu() -> tuple[str, list[str], float | None]:
    """Model name, interesting flags, current frequency in MHz."""
    fields: dict[str, str] = {}
    for line in read_text("/proc/cpuinfo").splitlines():
        key, _, value = line.partition(":")
        fields.setdefault(key.strip(), value.strip())
    model = fields.get("model name") or read_text("/proc/device-tree/model")
    if not model and "CPU part" in fields:
        model = f"implementer {fields.get('CPU implementer')} part {fields['CPU part']}"
    if not model and sys.platform == "darwin":
        model = system_value("sysctl", "-n", "machdep.cpu.brand_string")
    words = (fields.get("flags") or fields.get("Features") or "").split()
    flags = sorted(filter(FLAGS.fullmatch, words))
    khz = read_text("/sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq")
    mhz = float(khz) / 1000 if khz else float(fields.get("cpu MHz") or 0) or None
    return model or platform.processor() or "unknown", flags, mhz


def fingerprint() -> str:
    """Identifies the machine without giving its id away."""
    import hashlib

    identity = read_text("/etc/machine-id") or read_text("/var/lib/dbus/machine-id")
    if not identity and sys.platform == "darwin":
        identity = system_value("sysctl", "-n", "kern.uuid")
    words = (identity or platform.node(), cpu()[0], platform.machine(), str(os.cpu_count()))
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:16]


def pin(mask: str) -> None:
    """Keeps this process, and the threads that it starts, on the processors of a mask."""
    if not hasattr(os, "sched_setaffinity"):
        raise AgentError("BadOption", f"{platform.system()} pins no process to processors")
    asked = {place for place in range(int(mask, 16).bit_length()) if int(mask, 16) >> place & 1}
    here = os.sched_getaffinity(0)
    if not asked or not asked <= here:
        have = ", ".join(map(str, sorted(here)))
        raise AgentError(
            "BadOption", f"the mask {mask} names processors that are not here; there are {have}"
        )
    os.sched_setaffinity(0, asked)


def spin() -> list[int]:
    """Times of a fixed piece of work: slower than usual means that a neighbour was there."""
    times = []
    for _ in range(SPIN_REPEATS):
        started, value = clock(), 1
        for _ in range(SPIN_ITERATIONS):
            value = (value * 1103515245 + 12345) & 0x7FFFFFFF
        times.append(clock() - started)
    return times


def peak_memory() -> int:
    """Highest resident memory of this process in bytes."""
    # ru_maxrss would count the parent's memory too: Linux keeps it across fork and exec.
    for line in read_text("/proc/self/status").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def counters() -> dict[str, float]:
    """What the kernel counts about this process and about stolen time, in seconds."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    ticks = read_text("/proc/stat").partition("\n")[0].split()
    throttled = read_text("/sys/fs/cgroup/cpu.stat").partition("throttled_usec")[2].split()
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    cores = Path("/sys/devices/system/cpu").glob("cpu[0-9]*/thermal_throttle/core_throttle_count")
    return {
        "wall_seconds": time.perf_counter(),
        "calendar_seconds": time.time(),
        # Goes on while the machine sleeps, which the clock of the samples does not.
        "awake_or_not_seconds": time.perf_counter() if boot is None else time.clock_gettime(boot),
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "involuntary_switches": float(usage.ru_nivcsw),
        "steal_seconds": float(ticks[8]) / os.sysconf("SC_CLK_TCK") if len(ticks) > 8 else 0.0,
        "throttled_seconds": float(throttled[0]) / 1e6 if throttled else 0.0,
        "thermal_throttles": float(sum(int(read_text(str(core)) or 0) for core in cores)),
    }


def busy_mhz() -> list[float]:
    """Clock of the processor that this process runs on, right after work; empty if not told."""
    fields = read_text("/proc/self/stat").rpartition(")")[2].split()
    if len(fields) < 37:
        return []
    khz = read_text(f"/sys/devices/system/cpu/cpu{fields[36]}/cpufreq/scaling_cur_freq")
    return [float(khz) / 1000] if khz else []

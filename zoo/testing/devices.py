"""The conformance kit for devices: does a driver keep what its record promises?

A driver's whole test file::

    import pytest
    from zoo.testing.devices import DEVICE_CHECKS, check_device

    @pytest.mark.parametrize("check", DEVICE_CHECKS)
    def test_conformance(check):
        check_device("my-board", check)

``zoo plugins check my-board`` runs the same checks and prints a table.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from zoo.common.progress import Event
from zoo.common.worker import flatten
from zoo.contracts import Transport
from zoo.execution.device import Device
from zoo.execution.devices import device_named
from zoo.execution.failures import AgentDied, AgentRefused
from zoo.execution.probes import BIAS, TOLERANCE, WEIGHTS
from zoo.execution.protocol import PROTOCOL
from zoo.execution.session import AgentSession
from zoo.registry import Registry, load_registry
from zoo.testing.offline_analysis import OFFLINE_CHECKS, offline_check
from zoo.testing.verdict import Finding, Nonconformance, NotTried, Verdict

_HOSTILE = "a b'$(id)`id`;\n*.probe"
_RUNS = 8
#: Seconds for an answer that needs no work, from a device that may be slow.
_PATIENCE = 60.0
#: A device that answers a long request faster than this has not done it.
_SOON = 0.5
_LONG = 20.0

OnStep = Callable[[str, Event], None]


def _quiet(step: str, event: Event) -> None:
    """Progress for callers who want none."""


class DeviceConformance:
    """The checks of one device."""

    def __init__(self, registry: Registry, device: Device, *, on_step: OnStep = _quiet) -> None:
        self._registry = registry
        self.device = device
        self._on_step = on_step

    def run(self, checks: Iterable[str] | None = None) -> list[Verdict]:
        """The verdicts of several checks, in order; None runs all."""
        return [self.check(n) for n in (checks_of(self.device) if checks is None else checks)]

    def check(self, name: str) -> Verdict:
        """The verdict of one check."""
        step, started = f"{self.device.name} {name}", time.perf_counter()
        self._on_step(step, {"event": "start", "kind": "check"})
        status: Any = "failed"
        try:
            if self.device.kind.analysis:
                finding = offline_check(name, self._registry, self.device)
            else:
                finding = _CHECKS[name](self)
            status = "passed" if finding.passed else "failed"
        except NotTried as reason:
            finding, status = Finding(passed=False, measured=f"not tried: {reason}"), "skipped"
        except Exception as error:  # A driver may raise anything; it costs this check alone.
            failure = flatten(error)
            why = f": {failure.why}" if failure.why else ""
            finding = Finding(passed=False, measured=f"{failure.what}{why}", fix=failure.fix or "")
        seconds = time.perf_counter() - started
        self._on_step(step, {"event": "end", "status": status, "seconds": seconds, "cached": False})
        return Verdict(
            variant=self.device.name,
            check=name,
            status=status,
            measured=finding.measured,
            fix=finding.fix,
            seconds=seconds,
        )

    @contextmanager
    def _transport(self) -> Iterator[Transport]:
        transport = self.device.connect()
        try:
            yield transport
        finally:
            transport.close()

    @contextmanager
    def _loaded(self) -> Iterator[tuple[AgentSession, str]]:
        """An agent with a probe loaded, and the runtime that it was loaded in."""
        probe, runtime = self._probe()
        with self._transport() as transport, AgentSession(transport, runtime, _PATIENCE) as session:
            session.load(probe)
            yield session, runtime

    def _probe(self) -> tuple[Path, str]:
        """A file that the device can run, and the runtime for it."""
        there = self.device.runtimes()
        for runtime in self._registry.runtimes:
            if runtime.probe is not None and runtime.name in there:
                return runtime.probe, runtime.name
        raise NotTried(f"no runtime there for which a file is at hand; it has {list(there)}")

    def describe(self) -> Finding:
        """Fresh agents, and the record, name the same machine."""
        known = {each.name for each in self._registry.runtimes}
        if unknown := [name for name in self.device.setup_runtimes if name not in known]:
            return _failed(
                f"its setup brings {', '.join(unknown)}, of which no record of a runtime tells",
                "name runtimes that zoo_runtimes yields in setup_runtimes",
            )
        first, again = self.device.fingerprint(), self.device.fingerprint()
        runtimes = list(self.device.runtimes())
        if not runtimes:
            return _failed("no runtime is there", "install one where the agent runs")
        told = []
        with self._transport() as transport:
            for _ in range(2):
                with AgentSession(transport, runtimes[0], _PATIENCE) as session:
                    told.append(session.describe())
        names = [about.get("fingerprint") for about in told]
        if first != again or names[0] != names[1] or not names[0]:
            return _failed(
                f"it calls itself {first!r} and {again!r}, its agents {names}",
                "a fingerprint depends on the machine alone",
            )
        return _passed(f"{names[0]}, {told[0].get('cpu')}, {', '.join(runtimes)}")

    def load(self) -> Finding:
        """Files arrive, whatever they are called; the same file has the same place."""
        probe, runtime = self._probe()
        with tempfile.TemporaryDirectory(prefix="zoo-check-") as folder, self._transport() as t:
            hostile = Path(folder) / f"{_HOSTILE}{probe.suffix}"
            shutil.copyfile(probe, hostile)
            places = [t.put(probe), t.put(probe), t.put(hostile)]
            with AgentSession(t, runtime, _PATIENCE) as session:
                for place in places[1:]:
                    loaded = session.load(place)
        if places[0] != places[1]:
            return _failed(f"one file went to {places[:2]}", "name it there by its content")
        shapes = [tensor.shape for tensor in loaded.inputs]
        if shapes != [(1, len(WEIGHTS[0]))]:
            return _failed(f"its inputs are {shapes}", "copy the bytes as they are")
        return _passed(f"{runtime} {loaded.runtime_version}, {loaded.delegate.get('name')}")

    def run_(self) -> Finding:
        """The answers are right."""
        import numpy as np

        inputs = np.random.default_rng(0).normal(size=(9, len(WEIGHTS[0]))).astype(np.float32)
        expected = inputs @ np.asarray(WEIGHTS, np.float32).T + np.asarray(BIAS, np.float32)
        with self._loaded() as (session, _):
            found = session.run(inputs)
        error = float(np.abs(found - expected).max())
        if found.shape != expected.shape or not error <= TOLERANCE:
            return _failed(f"answers of shape {found.shape} err by {error:.3g}", "see the runtime")
        return _passed(f"largest error {error:.2g}")

    def refuse(self) -> Finding:
        """A request that cannot be met is an answer, not the end."""
        with self._loaded() as (session, _):
            try:
                session.load("/no/such/file")
            except AgentRefused as refusal:
                session.describe()
                return _passed(f"{refusal.kind}, and the agent goes on")
        return _failed("a file that is not there was loaded", "start the agent that edgezoo brings")

    def bench(self) -> Finding:
        """Samples are complete and fit into the time that they took."""
        with self._loaded() as (session, _):
            run = session.bench(
                min_runs=_RUNS, min_seconds=0.0, max_seconds=_PATIENCE, warmup_seconds=0.1
            )
        total = int(run.samples.sum()) * 1e-9
        if len(run.samples) < _RUNS or not run.floors_met or run.samples.min() <= 0:
            least = f"the least {run.samples.min()} ns" if len(run.samples) else "none at all"
            return _failed(f"{len(run.samples)} of {_RUNS} samples, {least}", "see the agent")
        if total > run.wall_seconds * 1.01:
            return _failed(
                f"{total:.3g} s of samples in {run.wall_seconds:.3g} s", "its clock jumps"
            )
        return _passed(f"{len(run.samples)} samples, first {run.first_ns * 1e-6:.3g} ms")

    def condition(self) -> Finding:
        """The state is told in plain words and numbers."""
        with self._transport() as transport:
            found = transport.condition()
        return _passed(", ".join([*found.readings, *found.faults]) or "nothing is reported")

    def close(self) -> Finding:
        """An agent that is done ends by itself, and the device can be taken again."""
        _, runtime = self._probe()
        codes = []
        for _ in range(2):
            with self._transport() as transport:
                process = transport.start_agent(runtime)
                process.send(json.dumps({"protocol": PROTOCOL, "id": 1, "command": "close"}))
                answer, end = process.receive(_PATIENCE), process.receive(_PATIENCE)
                codes.append(process.stop())
            if answer is None or end is not None:
                return _failed(f"{answer!r}, then {end!r}", "pass lines on, then the end")
        if codes != [0, 0]:
            return _failed(f"exit codes {codes}", "pass the agent's exit code on")
        return _passed("exit code 0, twice")

    def dead(self) -> Finding:
        """Killed while it works, an agent is known to be dead; the next one works."""
        with self._loaded() as (session, _):
            killer = threading.Timer(_SOON, session.kill)
            killer.start()
            try:
                _work_long(session)
            except AgentDied as death:
                told = death.what
            else:
                return _failed("it went on", "kill() must end the agent, also from a thread")
            finally:
                killer.join()
        with self._loaded():
            return _passed(told)

    def slow(self) -> Finding:
        """One that does not answer in time is noticed and stopped; the next one works."""
        probe, runtime = self._probe()
        with self._transport() as transport:
            process = transport.start_agent(runtime)
            try:
                for number, request in enumerate(_long_requests(transport.put(probe)), 1):
                    process.send(json.dumps({"protocol": PROTOCOL, "id": number, **request}))
                    if request["command"] != "bench":
                        process.receive(_PATIENCE)
                try:
                    answer = process.receive(_SOON)
                except TimeoutError as silence:
                    told = str(silence)
                else:
                    return _failed(
                        f"{str(answer)[:60]!r} came at once", "receive() must wait for a line"
                    )
            finally:
                process.kill()
                process.stop()
        with self._loaded():
            return _passed(told)


def _long_requests(path: str) -> list[dict[str, Any]]:
    bench = {"command": "bench", "min_runs": 1, "min_seconds": _LONG, "max_seconds": _LONG}
    return [{"command": "load", "path": path, "threads": 1}, bench]


def _work_long(session: AgentSession) -> None:
    session.bench(min_runs=1, min_seconds=_LONG, max_seconds=_LONG, warmup_seconds=0.0)


def _passed(measured: str) -> Finding:
    return Finding(passed=True, measured=measured)


def _failed(measured: str, fix: str) -> Finding:
    return Finding(passed=False, measured=measured, fix=fix)


_CHECKS: dict[str, Callable[[DeviceConformance], Finding]] = {
    "describe": DeviceConformance.describe,
    "load": DeviceConformance.load,
    "run": DeviceConformance.run_,
    "refuse": DeviceConformance.refuse,
    "bench": DeviceConformance.bench,
    "condition": DeviceConformance.condition,
    "close": DeviceConformance.close,
    "dead": DeviceConformance.dead,
    "slow": DeviceConformance.slow,
}
#: Every check by name, in order, of devices that the agent runs on.
DEVICE_CHECKS = tuple(_CHECKS)


def checks_of(device: Device) -> tuple[str, ...]:
    """The checks that fit a device: of one that nothing is timed on, `OFFLINE_CHECKS`."""
    return OFFLINE_CHECKS if device.kind.analysis else DEVICE_CHECKS


def check_device(name: str, check: str, *, registry: Registry | None = None) -> None:
    """Runs one check of a device, for test runners.

    Args:
        name: Of the device, as for ``--device``.
        check: One of `checks_of` the device.
        registry: None discovers plugins anew.

    Raises:
        Nonconformance: The check failed.
        unittest.SkipTest: It could not be tried.
    """
    import unittest

    registry = registry or load_registry()
    verdict = DeviceConformance(registry, device_named(registry, name)).check(check)
    if verdict.status == "skipped":
        raise unittest.SkipTest(verdict.measured)
    if verdict.status == "failed":
        raise Nonconformance.of(verdict)

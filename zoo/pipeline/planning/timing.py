"""Steps that time files on devices."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from zoo.common.cache_key import step_key
from zoo.common.code_fingerprint import code_of
from zoo.common.errors import ZooError
from zoo.contracts import Exporter
from zoo.execution.device import Device
from zoo.execution.runtimes import distributions_of
from zoo.pipeline.engine import Outcome, Step, Work
from zoo.pipeline.job import Job
from zoo.pipeline.planning.code import file_plugins
from zoo.pipeline.steps.bench import bench


@dataclass(frozen=True, kw_only=True)
class Place:
    """A device, and which machine it is today; or why that cannot be told."""

    device: Device
    machine: str
    problem: ZooError | None = None

    @classmethod
    def of(cls, device: Device) -> Place:
        """Asks the device; one that does not answer costs its own steps alone, later."""
        try:
            return cls(device=device, machine=device.fingerprint())
        except ZooError as error:
            # Whatever it turns out to be, no result is known of it.
            return cls(device=device, machine=secrets.token_hex(8), problem=error)


def bench_step(job: Job, exporter: Exporter, judge: Step, place: Place) -> Step:
    """The latency of one file that passed its gate, in one place."""
    options, device = job.recipe.bench, place.device
    key = step_key(
        "bench",
        {
            **options.model_dump(mode="json"),
            "device": device.name,
            "kind": device.kind.name,
            "options": dict(device.options),
            # A latency belongs to one machine and to the runtimes installed there.
            "machine": place.machine,
        },
        needs=[judge.key],
        code=code_of(["zoo.pipeline.steps.bench"], file_plugins(job, exporter, device.kind)),
        distributions=distributions_of(job.registry, device.kind),
    )

    def work(work: Work) -> Outcome:
        if place.problem is not None:
            raise place.problem
        judged = work.needs[judge.name]
        return bench(
            job.registry,
            work,
            source=judged.folder / str((judged.record.result or {})["file"]),
            device=device,
            tier=options.tier,
            profile=options.profile,
            threads=options.threads,
        )

    return Step(
        name=judge.name.replace("gate", "bench", 1) + f" {device.name}",
        kind="bench",
        key=key,
        work=work,
        needs=(judge.name,),
        exclusive=True,
    )

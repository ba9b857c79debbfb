"""Steps that examine files for devices that nothing is timed on."""

from __future__ import annotations

from collections.abc import Mapping

from zoo.common.cache_key import step_key
from zoo.common.code_fingerprint import code_of
from zoo.contracts import Exporter
from zoo.pipeline.engine import Finished, Outcome, Step, Work
from zoo.pipeline.job import Job
from zoo.pipeline.planning.code import file_plugins
from zoo.pipeline.planning.timing import Place
from zoo.pipeline.steps.examine import examine

KIND = "examine"


def step_name(cell: str, device: str) -> str:
    """What the step of one file, as `cell_name` calls it, and one device is called."""
    return f"{KIND} {cell} {device}"


def examine_step(job: Job, exporter: Exporter, judge: Step, place: Place) -> Step:
    """What is found of one file that passed its gate, for one device."""
    device = place.device
    key = step_key(
        KIND,
        {
            "device": device.name,
            "kind": device.kind.name,
            "options": dict(device.options),
            "described": place.machine,
        },
        needs=[judge.key],
        code=code_of(["zoo.pipeline.steps.examine"], file_plugins(job, exporter, device.kind)),
        distributions=device.kind.distributions,
    )

    def needless(before: Mapping[str, Finished]) -> str:
        format = str((before[judge.name].record.result or {}).get("format"))
        judged = before[judge.name].record.status == "passed"
        if judged and format not in device.kind.formats:
            return f"{device.name!r} takes no {format} files"
        return ""

    def work(work: Work) -> Outcome:
        if place.problem is not None:
            raise place.problem
        judged = work.needs[judge.name]
        source = judged.folder / str((judged.record.result or {})["file"])
        return examine(job.registry, source=source, device=device)

    return Step(
        name=step_name(judge.name.removeprefix("gate "), device.name),
        kind=KIND,
        key=key,
        work=work,
        needs=(judge.name,),
        # Its key depends on what is installed here, as that of a timing does.
        exclusive=True,
        needless=needless,
    )

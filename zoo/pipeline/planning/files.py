"""Steps that write files and judge them."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial

from zoo.common.cache_key import step_key
from zoo.common.code_fingerprint import code_of
from zoo.contracts import Exporter
from zoo.contracts.precision import TRAINABLE
from zoo.execution.runner import judging_device
from zoo.execution.runtimes import distributions_of
from zoo.pipeline.conversion_limits import conversion_limits
from zoo.pipeline.engine import Outcome, Step, Work
from zoo.pipeline.job import Job
from zoo.pipeline.planning.code import depends_on, file_plugins, network_plugins
from zoo.pipeline.planning.common import cell_name, in_child, subject_of
from zoo.pipeline.planning.need import needless
from zoo.pipeline.planning.training import trained_by, training_told
from zoo.pipeline.steps.export import file_name
from zoo.pipeline.steps.gate import gate
from zoo.pipeline.steps.repair import can_repair, export_within_budget


def export_step(
    job: Job,
    exporter: Exporter,
    precision: str,
    fingerprint: str,
    train: Step,
    learnt: Step | None = None,
    calibrated: Step | None = None,
) -> Step:
    """One file.

    With `learnt`, it is of the network that was trained to be quantized, and needless where
    `calibrated`, the gate of the same cell, found no loss above the limit.
    """
    recipe = job.recipe
    limits = conversion_limits(recipe.limits)
    measured = job.registry.precision(precision).calibrated
    # What will be trained to be quantized needs no layers in float.
    train_instead = recipe.qat.enabled and exporter in job.trained_exporters
    repairs = (
        recipe.export.repair == "auto"
        and not (train_instead and precision == TRAINABLE.name)
        and can_repair(job.registry, exporter.name, precision)
    )
    budget = {"max_drop": recipe.gate.max_drop, "depends": depends_on(job)} if repairs else None
    local = judging_device(job.registry).kind
    key = step_key(
        "export",
        {
            "format": exporter.name,
            "precision": precision,
            "fingerprint": fingerprint,
            "recurrent": recipe.export.recurrent,
            # What a float file does not depend on must not have it made again.
            "keep": recipe.export.keep if measured else (),
            "repair": budget,
            "target": asdict(job.target),
            "options": job.export_options[exporter.name],
            "calibration": recipe.calibration.model_dump(mode="json") if measured else None,
            "seed": recipe.seed,
        },
        needs=[train.key] if learnt is None else [train.key, learnt.key],
        code=code_of(
            ["zoo.pipeline.steps.repair" if repairs else "zoo.pipeline.steps.export"],
            [*network_plugins(job), *file_plugins(job, exporter, local)],
        ),
        distributions=exporter.distributions,
    )

    def work(work: Work) -> Outcome:
        arguments = {
            "subject": subject_of(job, work),
            "format": exporter.name,
            "precision": precision,
            "data": recipe.data,
            "recurrent": recipe.export.recurrent,
            "keep": recipe.export.keep,
            "target": job.target.name,
            "options": job.export_options[exporter.name],
            "calibration": recipe.calibration.model_dump(mode="json"),
            "seed": recipe.seed,
            "folder": str(work.folder),
            "trained": None if learnt is None else trained_by(job, work),
            "training": None if learnt is None else training_told(job, work),
        }
        if not repairs:
            return in_child("zoo.pipeline.steps.export:export", arguments, work, limits=limits)
        result = export_within_budget(
            job.registry, work, arguments, max_drop=recipe.gate.max_drop, limits=limits
        )
        return Outcome(result=result)

    name = f"export {cell_name(exporter.name, precision, trained=learnt is not None)}"
    # With more memory, what crashed for want of it may go well.
    failure_key = step_key("failure", {"limits": asdict(limits)}, needs=[key])
    if learnt is None or calibrated is None:
        return Step(
            name=name,
            kind="export",
            key=key,
            failure_key=failure_key,
            work=work,
            needs=(train.name,),
        )
    return Step(
        name=name,
        kind="export",
        key=key,
        failure_key=failure_key,
        work=work,
        needs=(train.name, learnt.name),
        after=(calibrated.name,),
        needless=partial(needless, gates=[calibrated.name], limit=recipe.gate.max_drop),
    )


def gate_step(
    job: Job,
    exporter: Exporter,
    precision: str,
    export: Step,
    reference: Step,
    twin: Step | None,
    origin: Step | None = None,
    calibrated: Step | None = None,
) -> Step:
    """One verdict.

    With `origin`, the evaluation of the network that was trained to be quantized, it is on a file
    of that network, which stands in for the one that `calibrated` judged.
    """
    options = job.recipe.gate
    local = judging_device(job.registry).kind
    key = step_key(
        "gate",
        {
            **options.model_dump(mode="json"),
            "depends": depends_on(job),
            **({"budgets": job.recipe.budgets} if job.recipe.budgets else {}),
        },
        needs=[export.key, *(step.key for step in (reference, twin, origin) if step is not None)],
        code=code_of(
            ["zoo.pipeline.steps.gate"],
            [*network_plugins(job), *file_plugins(job, exporter, local)],
        ),
        distributions=(*exporter.distributions, *distributions_of(job.registry, local)),
    )
    file = file_name(job.model_id, precision, exporter, origin is not None)

    def work(work: Work) -> Outcome:
        before = work.needs[twin.name] if twin else None
        has_outputs = before is not None and before.record.status in ("passed", "rejected")
        evaluated = work.needs[reference.name]
        return gate(
            job.registry,
            work,
            source=work.needs[export.name].folder / file,
            data=job.recipe.data,
            reference=evaluated.folder,
            preprocessing=(evaluated.record.result or {})["preprocessing"],
            twin=before.folder if before is not None and has_outputs else None,
            max_drop=options.max_drop,
            parity_inputs=options.parity_inputs,
            trained=None if origin is None else work.needs[origin.name].folder,
            budgets=job.recipe.budgets,
        )

    return Step(
        name=f"gate {cell_name(exporter.name, precision, trained=origin is not None)}",
        kind="gate",
        key=key,
        work=work,
        needs=(export.name, reference.name, *([origin.name] if origin else [])),
        after=(twin.name,) if twin else (),
        replaces=calibrated.name if calibrated else "",
    )

"""Claims that running the file answers: golden outputs, fresh state, quality on the test split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from zoo.analysis.verify.claims import ClaimList
from zoo.analysis.verify.dataset_claims import check_dataset
from zoo.analysis.verify.golden_claims import check_golden_answers
from zoo.artifacts import closeness
from zoo.artifacts.artifact import Artifact, GateReference, Manifest, require_manifest
from zoo.artifacts.carried_states import carried_states
from zoo.artifacts.file_chain import FileChain
from zoo.artifacts.file_task import task_of
from zoo.artifacts.gate import finite_outputs
from zoo.artifacts.golden_samples import Golden, GoldenArrays, fitting_inputs, read_golden
from zoo.artifacts.reference_outputs import comparison_split
from zoo.common.errors import BadFile, ZooError
from zoo.common.named_arrays import describe_shapes, differences, fields_of
from zoo.common.progress import OnEvent
from zoo.contracts import Dataset, Precision, Task
from zoo.data.opening import data_for_task, open_dataset
from zoo.execution.chain_runner import chain_answers, combine_outputs, joined_outputs, run_chain
from zoo.execution.device import Device
from zoo.execution.runner import FileOutputs, run_inputs
from zoo.registry import Registry
from zoo.tasks.quality import quality_of


def check_golden(
    claims: ClaimList,
    registry: Registry,
    artifact: Artifact,
    manifest: Manifest,
    precision: Precision,
    device: Device,
    runtimes: list[str],
) -> None:
    """The golden outputs in every runtime, and that no input changes the answer to the next."""
    if manifest.golden is None:
        claims.skip("golden inputs", "the manifest has none: the gate has not kept any")
        return
    try:
        arrays = read_golden(manifest.golden, artifact.path)
    except BadFile as error:
        claims.check("golden inputs", False, error.what, error.why or "")
        return
    kinds = dict.fromkeys(values.dtype.name for values in fields_of(arrays.inputs).values())
    told = f"{len(arrays.inputs)} of {manifest.golden.dataset}, {', '.join(kinds)}"
    fits = arrays.fit(manifest.preprocessing)
    if not claims.check("golden inputs", fits, told, fitting_inputs(manifest.preprocessing)):
        return
    carried = carried_states(artifact.contents, manifest.preprocessing)
    if carried is not None and not carried.passed:
        claims.skip("golden outputs", "the file's states are not those of the manifest")
        return
    if not runtimes:
        lacking = " or ".join(artifact.exporter.runtimes)
        claims.skip("golden outputs", f"no runtime of the format is installed here: {lacking}")
        return
    known = _task(registry, manifest)
    check_golden_answers(claims, manifest, arrays, known)
    # Quality is that of all parts together.
    task = None if manifest.part else known
    for runtime in runtimes:
        _check_runtime(claims, artifact, manifest, arrays, task, precision, device, runtime)


def _check_runtime(
    claims: ClaimList,
    artifact: Artifact,
    manifest: Manifest,
    arrays: GoldenArrays,
    task: Task | None,
    precision: Precision,
    device: Device,
    runtime: str,
) -> None:
    import numpy as np

    name = f"golden outputs in {runtime}"
    assert manifest.golden is not None
    golden = manifest.golden
    try:
        answered, turned = (
            run_inputs(raw, artifact.path, runtime, device, preprocessing=manifest.preprocessing)
            for raw in (arrays.inputs, arrays.inputs[::-1])
        )
    # The runtime may refuse, fail or die of an altered file: that is an answer, too.
    except ZooError as error:
        claims.check(name, False, error.what, error.why or "the file does not run")
        return
    outputs, backwards = answered.outputs, turned.outputs[::-1]
    try:
        found = differences(arrays.outputs, outputs)
    except ValueError:
        shapes = describe_shapes(outputs), describe_shapes(arrays.outputs)
        claims.check(name, False, f"of shape {shapes[0]}", f"golden: {shapes[1]}")
        return
    distances = {output: float(values.max()) for output, values in found.items()}
    apart = max(distances.values())
    exact = np.array_equal(outputs, arrays.outputs)
    said = "bit for bit the same" if exact else f"max |Δ| {apart:.2g}"
    limits = ", ".join(f"{golden.limit(o):g}{' in ' if o else ''}{o}" for o in distances)
    reason = f"a right answer is within {limits} ({golden.tolerance})"
    right = all(distance <= golden.limit(output) for output, distance in distances.items())
    if right and not exact and _same_environment(golden, answered):
        # Rounding can differ between machines; the same kernels do not round differently.
        right = False
        reason = (
            "the same runtime on the same kind of processor answered otherwise when the file was "
            "judged: the model is another"
        )
    claims.check(
        name,
        right,
        f"{len(outputs)} inputs in {answered.runtime} {answered.runtime_version}: {said}",
        reason,
    )
    if task is not None and apart > 0:
        compared = closeness.compare(task, arrays.outputs, outputs)
        parity = closeness.parity(task, compared, precision)
        claims.check(f"golden decisions in {runtime}", parity.passed, parity.value, parity.reason)
    same = np.array_equal(outputs, backwards)
    most = max(float(values.max()) for values in differences(outputs, backwards).values())
    kept = artifact.contents.keeps_state
    claims.check(
        f"fresh state in {runtime}",
        same,
        "backwards, the answers are the same"
        + (": the state of the file is reset" if kept else ""),
        f"backwards, answers differ by up to {most:.2g}: an input changes the answer to the next",
    )


def _same_environment(kept: Golden | GateReference, answered: FileOutputs) -> bool:
    now = (answered.runtime, answered.runtime_version, answered.processor)
    return now == (kept.runtime, kept.runtime_version, kept.processor)


def check_golden_chain(
    claims: ClaimList,
    registry: Registry,
    chain: FileChain,
    precision: Precision,
    device: Device,
    runtimes: list[str],
) -> None:
    """The golden outputs of the last of several files, from the golden inputs of the first."""
    goldens = [manifest.golden for manifest in chain.manifests]
    if len(goldens) == 1 or not runtimes or any(golden is None for golden in goldens):
        return
    try:
        arrays = [
            read_golden(golden, artifact.path)
            for golden, artifact in zip(goldens, chain.artifacts, strict=True)
            if golden is not None
        ]
    except BadFile:
        return  # The file's own claim has failed.
    same = len({golden.examples for golden in goldens if golden is not None}) == 1
    if not claims.check("golden inputs of all parts", same, "the same examples", "others"):
        return
    task = _task(registry, chain.manifest)
    for runtime in runtimes:
        name = f"all parts in {runtime}"
        try:
            answered = chain_answers(arrays[0].inputs, chain, runtime, device)
            apart = _apart_in_chain(chain, arrays, answered)
        except ZooError as error:
            claims.check(name, False, error.what, error.why or "the files do not run together")
            continue
        except ValueError as error:
            claims.check(name, False, str(error), "the parts do not fit")
            continue
        problems = [f"{output} is off by {off:.2g}" for output, off, limit in apart if off > limit]
        said = ", ".join(f"{output} within {off:.2g}" for output, off, _ in apart)
        limits = ", ".join(f"{limit:g} in {output}" for output, _, limit in apart)
        claims.check(name, not problems, "; ".join(problems) or said, f"right is within {limits}")
        if task is not None:
            right = joined_outputs(chain, [one.outputs for one in arrays])
            found = joined_outputs(chain, [one.outputs for one in answered])
            parity = closeness.parity(task, closeness.compare(task, right, found), precision)
            claims.check(f"decisions in {runtime}", parity.passed, parity.value, parity.reason)


def _apart_in_chain(
    chain: FileChain, arrays: Sequence[GoldenArrays], answered: Sequence[FileOutputs]
) -> list[tuple[str, float, float]]:
    """Each output of every file, how far it is off, and how far it may be."""
    found = []
    for artifact, right, own in zip(chain.artifacts, arrays, answered, strict=True):
        golden = require_manifest(artifact).golden
        assert golden is not None
        for name, values in differences(right.outputs, own.outputs).items():
            limit = golden.in_chain_limit(name)
            shown = name or artifact.contents.outputs[0].name
            # A NaN, which compares false to everything, is infinitely off.
            off = float(values.max())
            found.append((shown, off if off == off else float("inf"), limit))
    return found


def check_quality(
    claims: ClaimList,
    registry: Registry,
    chain: FileChain,
    device: Device,
    runtimes: list[str],
    data: str | None,
    emit: OnEvent,
) -> None:
    """With a dataset: its content, and the metrics on its test split."""
    manifest = chain.manifest
    if manifest.gate is None:
        return
    # Without labels there are none, and what files answer there is compared all the same.
    names = ", ".join(metric.name for metric in manifest.gate.metrics) or "outputs on the data"
    if manifest.gate.findings is None:
        claims.skip(
            "the network",
            "an older edgezoo judged it, and recorded no findings about its "
            f"network: zoo evaluate {chain.first.path.name} measures that",
        )
    if data is None:
        claims.skip(names, f"it takes the test split: --data {_judged_on(manifest)}")
        return
    data = data_for_task(registry, data, manifest.task)
    dataset = open_dataset(registry, data)
    check_dataset(claims, manifest, dataset)
    task = _task(registry, manifest)
    if task is None or not runtimes:
        why = f"the task {manifest.task!r}" if task is None else "a runtime of the format"
        claims.skip(names, f"{why} is not here")
        return
    points = registry.precision(manifest.precision).tolerances.confidence
    try:
        found = _check_metrics(
            claims, chain, device, runtimes[0], dataset, data, task, points, emit
        )
    except ZooError as error:
        claims.skip(names, error.what + (f": {error.why}" if error.why else ""))
        return
    if manifest.gate.findings is not None and manifest.gate.metrics:
        weak = [finding.text for finding in found["findings"] if finding.weak]
        claims.check(
            "the network",
            not weak or any(finding.weak for finding in manifest.gate.findings),
            "; ".join(weak) or _beside_baseline(found),
            "the manifest says nothing of it",
        )
    for claimed in manifest.gate.metrics:
        again = next((metric for metric in found["metrics"] if metric.name == claimed.name), None)
        if again is None:
            claims.check(claimed.name, False, "the task does not measure it", "it was renamed")
            continue
        claims.check(
            claimed.name,
            claimed.low <= again.value <= claimed.high and again.count == claimed.count,
            f"{again.value:.4f} on {again.count:,} {again.counted}s of {dataset.name}/test, "
            f"in {runtimes[0]}",
            f"the manifest says {claimed.value:.4f} ({claimed.low:.4f} – {claimed.high:.4f}) "
            f"on {claimed.count:,}",
        )


def _beside_baseline(found: Mapping[str, Any]) -> str:
    """What `quality_of` found beside the baseline, of a network that nothing speaks against."""
    baseline = found["baseline"]
    if baseline is not None and baseline.better:
        return f"better than its baseline, {baseline.answer}"
    text: str = found["findings"][0].text
    return text


def _judged_on(manifest: Manifest) -> str:
    return manifest.golden.dataset.rpartition("/")[0] if manifest.golden else manifest.dataset.name


def _check_metrics(
    claims: ClaimList,
    chain: FileChain,
    device: Device,
    runtime: str,
    dataset: Dataset,
    data: str,
    task: Task,
    points: float,
    emit: OnEvent,
) -> dict[str, Any]:
    from zoo.data.preprocessing.inputs import kind_of, truth_of

    kind_of(chain.manifest.preprocessing).check_names(dataset, chain.name)
    truth = truth_of(dataset, "test", chain.manifest.preprocessing)
    split = comparison_split(dataset, 0)
    answered = combine_outputs(
        chain, run_chain(chain, runtime, device, split, emit=emit, keep=task.condensed)
    )
    _check_answers(claims, chain.manifest, answered, data)
    _check_confidence(
        claims, chain.manifest, task.calibration_error(answered.outputs, truth), points
    )
    return quality_of(task, task.answers(answered.outputs, truth), truth)


def _check_confidence(
    claims: ClaimList, manifest: Manifest, found: float | None, points: float
) -> None:
    """The calibration error in any runtime: accuracy alone does not show squeezed probabilities."""
    claimed = None if manifest.gate is None else manifest.gate.calibration_error
    if claimed is None or found is None:
        return
    claims.check(
        "calibration error",
        100.0 * abs(found - claimed) <= points,
        f"{found:.2%}, within {points:g} points of the manifest's",
        f"the manifest says {claimed:.2%}",
    )


def _check_answers(claims: ClaimList, manifest: Manifest, answered: FileOutputs, data: str) -> None:
    """All answers to the test split: finite, and where the gate ran the file, the very same.

    Golden inputs are few: what is wrong for some inputs alone, they need not show.
    """
    from zoo.data.readers.hashing import array_hash

    finite = finite_outputs(answered.outputs)
    claims.check("finite", finite.passed, finite.value, finite.reason)
    gate, name = manifest.gate, "answers"
    if gate is None or not gate.outputs_sha256:
        claims.skip(name, "the manifest has no hash of them: an older edgezoo wrote it")
    elif _judged_on(manifest) != data:
        claims.skip(name, f"the gate's were those to {_judged_on(manifest)}")
    elif not _same_environment(gate, answered):
        claims.skip(
            name, "the gate ran the file in another runtime, or on another kind of processor"
        )
    else:
        claims.check(
            name,
            array_hash(answered.outputs).hex() == gate.outputs_sha256,
            f"{len(answered.outputs):,} in {answered.runtime} {answered.runtime_version}: bit for "
            "bit the gate's",
            "the same runtime on the same kind of processor answered otherwise when the file was "
            "judged: the model is another",
        )


def _task(registry: Registry, manifest: Manifest) -> Task | None:
    try:
        return task_of(registry, manifest)
    except ZooError:
        return None

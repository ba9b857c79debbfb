"""The claim that a file with free sides answers at further sizes as when it was judged."""

from __future__ import annotations

from zoo.analysis.verify.claims import ClaimList
from zoo.artifacts.artifact import Artifact, Manifest
from zoo.artifacts.further_sizes import NAME, compare_kept
from zoo.artifacts.golden_samples import read_golden
from zoo.common.errors import BadFile, ZooError
from zoo.execution.device import Device
from zoo.execution.further_sizes import further_answers, size_of
from zoo.networks.free_sides import enlarged, names_of


def check_further_sizes(
    claims: ClaimList,
    artifact: Artifact,
    manifest: Manifest,
    device: Device,
    runtimes: list[str],
) -> None:
    """Runs golden inputs that are larger along each free side, in every runtime."""
    if not manifest.free_sides:
        return
    kept = {one.side: one for one in manifest.further}
    sides = names_of(manifest.free_sides)
    if manifest.golden is None or {*kept} != {*sides}:
        claims.skip(NAME, f"the manifest has no answers at further sizes of {', '.join(sides)}")
        return
    try:
        inputs = read_golden(manifest.golden, artifact.path).inputs[:2]
    except BadFile as error:
        claims.check(NAME, False, error.what, error.why or "")
        return
    limits = [manifest.golden.limit(tensor.name) for tensor in artifact.contents.outputs]
    for runtime in runtimes:
        for side in sides:
            name = f"{NAME}, {side}, in {runtime}"
            try:
                arrays = enlarged(inputs, manifest.free_sides, side)
                outputs = further_answers(artifact, arrays, side, runtime, device)
                right, told = compare_kept(kept[side], outputs, limits)
                size = size_of(artifact, arrays, side)
            # The runtime may refuse or die at a size that was fixed: that is an answer, too.
            except ZooError as error:
                claims.check(name, False, error.what, error.why or "the file does not run there")
                continue
            # A manifest may say anything.
            except (ValueError, IndexError, KeyError, TypeError) as error:
                claims.check(name, False, "the manifest does not fit the file", str(error))
                continue
            claims.check(
                name,
                right,
                f"{side} = {size}: {told}",
                "when the file was judged, it answered otherwise: a size was fixed in it",
            )

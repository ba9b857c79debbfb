"""Recomputing what a file's manifest claims, on any machine that has a runtime.

TensorFlow is not needed: contents are read from the file's bytes, answers come from the agent.
What cannot be examined here is said to be so, with what it would need.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from zoo.analysis.verify.claims import Claim, ClaimList
from zoo.analysis.verify.contents import check_contents, check_gate, check_origin
from zoo.analysis.verify.further_sizes import check_further_sizes
from zoo.analysis.verify.golden_claims import check_decoding_of_parts
from zoo.analysis.verify.normalization import check_normalization
from zoo.analysis.verify.outputs import check_golden, check_golden_chain, check_quality
from zoo.analysis.verify.signatures import check_signatures, mention_signature
from zoo.artifacts.artifact import (
    Artifact,
    Manifest,
    parse_manifest,
    require_manifest,
)
from zoo.artifacts.file_chain import FileChain, open_chain
from zoo.artifacts.format_of_file import find_exporter
from zoo.common.brief import Brief
from zoo.common.errors import BadFile, UnknownName, UsageError
from zoo.common.progress import OnEvent, OnStep, quiet
from zoo.contracts import Exporter
from zoo.execution.backends import device_on
from zoo.execution.device import Device
from zoo.execution.runtimes import is_tool, runtimes_of
from zoo.registry import Registry, load_registry
from zoo.results.records import QualityFinding


@dataclass(frozen=True, kw_only=True, repr=False)
class Verification(Brief):
    """Which claims of a file hold.

    Attributes:
        model_id: Of the network; empty when nothing could be read.
        claims: In the order in which they were examined.
        findings: What the manifest says against the network, or against how it was judged. They
            fail no claim: the file is what it says.
    """

    file: str
    model_id: str
    precision: str
    claims: tuple[Claim, ...]
    findings: tuple[QualityFinding, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether no claim fails; those that were not checked do not count."""
        return all(claim.status != "fails" for claim in self.claims)


def verify(
    file: str | Path,
    *,
    data: str | None = None,
    runtime: str | None = None,
    device: str | None = None,
    backend: str | None = None,
    signer: str | Path | None = None,
    on_step: OnStep = quiet,
    progress: bool | None = None,
    registry: Registry | None = None,
) -> Verification:
    """Recomputes what a file's manifest claims; of a part of a model, what all its files claim.

    Args:
        file: An exported file; what belongs to it (other parts of the model, golden inputs,
            weights) may lie beside it. With `signer` also a folder, of which the signature alone
            is checked.
        data: Also measures the quality on the test split of this dataset.
        runtime: Take this one alone; None for all that the device has and that run the format.
        device: Where the file answers; None for this machine.
        backend: Where operators run there; None takes what the device's own options name.
        signer: PEM file of a public key, or of a certificate with it: the file must have a
            signature by it, or be in a folder that has one. Without a valid one nothing of the
            file is read or run.
        on_step: Receives progress.
        progress: Whether it is shown where no `on_step` is given; None: on a terminal and in a
            notebook. Commands show their own.
        registry: None discovers plugins anew.

    Raises:
        BadFile: There is no such file, or nobody knows its format.
        UsageError: The runtime does not run the format, or the device has it not; or the signer's
            key cannot be used.
        ZooError: The device cannot be reached.
    """
    registry = registry or load_registry()
    path = Path(file)
    claims = ClaimList()
    if signer is not None and path.is_dir():
        if check_signatures(claims, [path], Path(signer)):
            claims.skip("files", "name one of them to recompute what its manifest claims")
        return _check_claims(path, None, claims)
    exporter = find_exporter(registry, path)
    if signer is not None and not check_signatures(claims, [path], Path(signer)):
        return _check_claims(path, None, claims)
    where = device_on(registry, device, backend)
    runtimes = _runtimes(registry, where, exporter, runtime)
    if signer is None:
        mention_signature(claims, path)
    try:
        text = exporter.read_manifest(path)
        contents = exporter.inspect(path)
        manifest = None if text is None else parse_manifest(text, path)
    except BadFile as error:
        claims.check("readable", False, error.what, error.why or "it is damaged")
        return _check_claims(path, None, claims)
    artifact = Artifact(path=path, exporter=exporter, contents=contents, manifest=manifest)
    claims.check("readable", True, f"{exporter.name}, {path.stat().st_size:,} bytes")
    if manifest is None:
        claims.check(
            "manifest",
            False,
            "there is none",
            "the file was cut off, or was not made by edgezoo: nothing is claimed of it",
        )
        return _check_claims(path, None, claims)
    emit = _progress(on_step)
    chain = _chain(claims, registry, artifact, manifest)
    files = (artifact,) if chain is None else chain.artifacts
    others = [one.path for one in files if one.path != path]
    if signer is not None and not check_signatures(claims, others, Path(signer)):
        return _check_claims(path, manifest, claims)
    for one in files:
        claims.part = require_manifest(one).part
        check_contents(claims, one, require_manifest(one))
    claims.part = ""
    try:
        precision = registry.precision(manifest.precision)
    except UnknownName as error:
        claims.check("precision", False, error.what, error.fix or "")
        return _check_claims(path, manifest, claims)
    if chain is not None:
        check_gate(claims, chain, precision)
        check_origin(claims, registry, chain)
        claims.part = chain.manifest.part
        check_normalization(claims, registry, chain.first)
    for one in files:
        claims.part = require_manifest(one).part
        check_golden(claims, registry, one, require_manifest(one), precision, where, runtimes)
        check_further_sizes(claims, one, require_manifest(one), where, runtimes)
    claims.part = ""
    if chain is not None:
        check_decoding_of_parts(claims, chain)
        check_golden_chain(claims, registry, chain, precision, where, runtimes)
        check_quality(claims, registry, chain, where, runtimes, data, emit)
    return _check_claims(path, manifest, claims)


def _chain(
    claims: ClaimList, registry: Registry, artifact: Artifact, manifest: Manifest
) -> FileChain | None:
    """The model that the file is, or is a part of; None where its parts are not those judged."""
    if not manifest.part:
        return FileChain(artifacts=(artifact,))
    try:
        chain = open_chain(registry, artifact.path)
    except BadFile as error:
        claims.check("all parts", False, error.what, error.why or error.fix or "")
        return None
    claims.check("all parts", True, f"{', '.join(chain.names)}: the files judged together")
    return chain


def _progress(on_step: OnStep) -> OnEvent:
    return lambda event: on_step("verify", event)


def _check_claims(path: Path, manifest: Manifest | None, claims: ClaimList) -> Verification:
    return Verification(
        file=str(path),
        model_id="" if manifest is None else manifest.model_id,
        precision="" if manifest is None else manifest.precision,
        claims=tuple(claims.rows),
        findings=() if manifest is None else manifest.findings,
    )


def _runtimes(
    registry: Registry, device: Device, exporter: Exporter, asked: str | None
) -> list[str]:
    """The format's own runtimes that the device has, preferred first; or the one asked for."""
    known = [name for name in runtimes_of(registry, exporter) if not is_tool(registry, name)]
    here = device.runtimes()
    if asked is None:
        own = [name for name in exporter.runtimes if name in here]
        return own or [name for name in device.further_runtimes(exporter.name) if name in here]
    if asked not in known:
        raise UnknownName("runtime of this format", asked, known)
    if asked not in here:
        raise UsageError(
            f"the runtime {asked!r} is not installed on {device.name!r}",
            fix="`zoo devices doctor` shows those that are",
        )
    return [asked]

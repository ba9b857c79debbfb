"""The network that a file was exported from, run by TensorFlow: what did exporting gain?"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path

from zoo.artifacts.artifact import Artifact, Manifest
from zoo.artifacts.file_chain import refuse_part
from zoo.benchmark.candidate import Candidate
from zoo.common.cache_key import step_key
from zoo.common.code_fingerprint import code_of
from zoo.common.errors import ZooError
from zoo.common.files import ensure_writable, is_intact_zip, sha256_of
from zoo.common.named_arrays import each_of
from zoo.common.paths import cache_folder
from zoo.common.worker import Children, call
from zoo.contracts import Dataset
from zoo.contracts.precision import HALF_TOLERANCE
from zoo.execution.output_check import ExpectedOutputs
from zoo.execution.runtimes import reference_runtime
from zoo.networks.checkpoints import SUFFIX, Checkpoint, resolve
from zoo.registry import Registry

_ARCHIVE, _ANSWERS = ".savedmodel.zip", "answers.npz"
_TOOLS = ("tensorflow", "keras", "numpy")
#: GPUs multiply with ten bits after the point, as in float16, unless they are told otherwise.
_TOLERANCE = HALF_TOLERANCE


class Reference:
    """The network of a file, before its export.

    It is written when it is first asked for, and once for all devices.
    """

    def __init__(self, registry: Registry, artifact: Artifact, children: Children) -> None:
        self.artifact = artifact
        self._registry, self._children = registry, children
        self._lock = threading.Lock()
        self._found: tuple[Checkpoint, Path] | ZooError | None = None

    @property
    def name(self) -> str:
        """The model id; of a file that names none, its own name without the suffix."""
        manifest = self.artifact.manifest
        return self.artifact.path.stem if manifest is None else manifest.model_id

    def candidate(self, threads: int, batch: int | None, dataset: Dataset | None) -> Candidate:
        """What to measure; nothing of it depends on the device.

        Args:
            threads: For one inference.
            batch: Examples in one inference; None for one.
            dataset: Also measures the quality on its test split.

        Raises:
            ZooError: The weights are not here, or the network cannot be built.
        """
        checkpoint, archive = self._written()
        judge = None
        if dataset is not None:
            from zoo.execution.accuracy import quality_measurement

            task = self._registry.tasks.get(checkpoint.variant.task)
            task = task.with_decoding(checkpoint.card().decoding)
            judge = quality_measurement(task, checkpoint.preprocessing, self.name, dataset)
        return Candidate(
            path=archive,
            reference=self.name,
            runtime=reference_runtime(self._registry),
            threads=threads,
            batch=batch,
            value_range=checkpoint.preprocessing.value_range,
            check=_expected(archive.with_name(_ANSWERS)).check,
            judge=judge,
            judged_on="" if dataset is None else dataset.content_hash,
        )

    def _written(self) -> tuple[Checkpoint, Path]:
        with self._lock:
            if self._found is None:
                try:
                    checkpoint = weights_of(self._registry, self.artifact)
                    archive = write_reference(self._registry, checkpoint, self._children)
                    self._found = (checkpoint, archive)
                except ZooError as error:
                    self._found = error
        if isinstance(self._found, ZooError):
            raise self._found
        return self._found


def references_of(
    registry: Registry, artifacts: Iterable[Artifact], children: Children
) -> list[Reference]:
    """One for each network that some of the files came from; files without a manifest each one."""
    distinct: dict[object, Artifact] = {}
    for artifact in artifacts:
        refuse_part(
            artifact,
            "its network does the work of all of them",
            "leave out --reference, or name files of whole models",
        )
        manifest = artifact.manifest
        key = artifact.path if manifest is None else (manifest.model_id, manifest.weights_sha256)
        distinct.setdefault(key, artifact)
    return [Reference(registry, artifact, children) for artifact in distinct.values()]


def weights_of(registry: Registry, artifact: Artifact) -> Checkpoint:
    """The very weights that a file was exported from: beside it, or known by their model id.

    Raises:
        ZooError: They are not here; says what to do.
    """
    path, manifest = artifact.path, artifact.manifest
    if manifest is None:
        raise ZooError(
            f"{path} has no network to compare with",
            why="it has no manifest that says which weights it came from",
            fix="export it with edgezoo, or leave out --reference",
        )
    reasons = []
    beside = path.with_name(manifest.model_id + SUFFIX)
    for named in [str(beside)] * beside.is_file() + [manifest.model_id]:
        try:
            _, _, checkpoint = resolve(registry, named)
        except ZooError as error:
            reasons.append(str(error.what))
            continue
        if checkpoint is not None and sha256_of(checkpoint.path) == manifest.weights_sha256:
            return checkpoint
        reasons.append(f"{named} is not them" if checkpoint is not None else f"{named} has none")
    raise _not_here(path, manifest, reasons)


def _not_here(path: Path, manifest: Manifest, reasons: list[str]) -> ZooError:
    wanted = manifest.model_id + SUFFIX
    return ZooError(
        f"the weights that {path.name} was exported from are not here",
        why=f"its manifest asks for {wanted} with the SHA-256 {manifest.weights_sha256[:16]}…; "
        + "; ".join(reasons),
        fix=f"copy {wanted} and its {manifest.model_id}.toml to {path.parent}, or leave out "
        "--reference",
    )


def write_reference(registry: Registry, checkpoint: Checkpoint, children: Children) -> Path:
    """The network as a SavedModel in one zip, in the cache; written if it is not there yet."""
    key = step_key(
        "reference",
        {
            "model": checkpoint.model_id,
            "weights": sha256_of(checkpoint.path),
            "card": sha256_of(checkpoint.card_path),
        },
        code=code_of(
            ["zoo.benchmark.saved_network"],
            [
                registry.variant_plugin(checkpoint.variant.name),
                registry.tasks.provider(checkpoint.variant.task),
            ],
        ),
        distributions=_TOOLS,
    )
    folder = cache_folder() / "references" / key[:32]
    archive = folder / f"{checkpoint.model_id}{_ARCHIVE}"
    if not (is_intact_zip(archive) and is_intact_zip(folder / _ANSWERS)):
        from zoo.networks.loading import Subject

        ensure_writable(folder)
        call(
            "zoo.benchmark.saved_network:write_reference",
            {
                "subject": Subject(model=str(checkpoint.path), plugins=registry.settings),
                "archive": str(archive),
                "answers": str(folder / _ANSWERS),
            },
            children=children,
        )
    return archive


def _expected(answers: Path) -> ExpectedOutputs:
    import numpy as np

    with np.load(answers, allow_pickle=False) as stored:
        inputs, outputs = each_of(stored["inputs"]), each_of(stored["outputs"])
    largest = [float(np.abs(one[np.isfinite(one)]).max(initial=0.0)) for one in outputs]
    return ExpectedOutputs(
        reference="the Keras network, on made-up inputs",
        inputs=inputs,
        outputs=outputs,
        limits=[_TOLERANCE * max(1.0, one) for one in largest],
    )

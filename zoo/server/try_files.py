"""A file tried in the reader's own browser: what that takes, and why it cannot be."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.artifacts.artifact import Artifact, Manifest
from zoo.artifacts.bundle.facts import facts_of, labels_of
from zoo.artifacts.bundle.side_files import golden_files, text_files
from zoo.artifacts.golden_samples import read_golden
from zoo.common.errors import ZooError
from zoo.contracts import PageRuntime, UsageRequest
from zoo.contracts.outputs import CODE
from zoo.data.preprocessing.resize_patterns import resize_patterns
from zoo.data.readers.query import parse_query
from zoo.registry import Registry
from zoo.server.kept_files import KeptFile

#: Kind of input → what a reader gives for it.
_GIVEN = {
    "image": "picture",
    "series": "table",
    "tokens": "text",
    "sound": "sound",
    "waveform": "sound",
}
#: Answers that no page shows: bytes of an entropy coder, pictures out of noise.
_UNSHOWN = (CODE, "image")
#: Of the facts of a file, those that pages read.
_TOLD = ("answer", "golden", "input", "output", "preprocessing", "score")
#: Files in which a browser keeps the whole network more than once.
_LARGEST = 256_000_000
_PROGRAMS = "javascript/"
#: Files whose programs are remembered.
_REMEMBERED = 16


@dataclass(frozen=True, kw_only=True)
class PageTrial:
    """How a page runs a file, or why it does not.

    Attributes:
        given: What a reader gives: ``picture``, ``table``, ``text`` or ``sound``.
        takes: What the network makes of it, in words.
        runtime: What runs the file; None where nothing does.
        worker: Path of its worker from the root of the site.
        problem: Why the file cannot be tried, in a sentence without a point; empty where it can.
        fix: A command that changes that; empty where none does.
    """

    given: str = ""
    takes: str = ""
    runtime: PageRuntime | None = None
    worker: str = ""
    problem: str = ""
    fix: str = ""


class _CannotTry(Exception):
    """Why; the message is a sentence without a point."""


class TryFiles:
    """Finds what a page needs to run a file.

    Attributes:
        paths: Name of a kind of device → path of its routes from the root of the site.
    """

    def __init__(self, registry: Registry) -> None:
        self.paths: dict[str, str] = {}
        self._registry = registry
        self._files: dict[Path, dict[str, bytes]] = {}

    def trial(self, kept: KeptFile | None) -> PageTrial | None:
        """How a page tries a file; None where no page can try any of its format."""
        if kept is None or kept.artifact.manifest is None:
            return None
        found = self._runtime(kept.artifact)
        if found is None:
            return None
        runtime, worker = found
        preprocessing = kept.artifact.manifest.preprocessing
        given = _GIVEN.get(preprocessing.kind, "")
        if runtime.problem and not runtime.fix:
            return PageTrial(problem=runtime.problem)
        try:
            self._files_of(kept)
        except _CannotTry as error:
            return PageTrial(problem=str(error))
        return PageTrial(
            given=given,
            takes=preprocessing.describe()["input"],
            runtime=runtime,
            worker=worker,
            problem=runtime.problem,
            fix=runtime.fix,
        )

    def file(self, kept: KeptFile, name: str) -> bytes | Path | None:
        """What a page asks for by this name; None where there is no such thing."""
        if name == "model":
            return kept.path
        try:
            return self._files_of(kept).get(name)
        except _CannotTry:
            return None

    def _runtime(self, artifact: Artifact) -> tuple[PageRuntime, str] | None:
        for kind in self._registry.devices:
            if kind.in_pages is None or kind.name not in self.paths:
                continue
            found = kind.in_pages(artifact.exporter.name, artifact.contents)
            if found is not None:
                return found, f"{self.paths[kind.name]}{found.worker}"
        return None

    def _files_of(self, kept: KeptFile) -> dict[str, bytes]:
        if kept.path not in self._files:
            self._files[kept.path] = self._written(kept)
            while len(self._files) > _REMEMBERED:
                del self._files[next(iter(self._files))]
        return self._files[kept.path]

    def _written(self, kept: KeptFile) -> dict[str, bytes]:
        """The programs of its bundle in JavaScript, and what these read."""
        artifact, manifest = kept.artifact, kept.artifact.manifest
        assert manifest is not None
        _check(artifact, manifest)
        assert manifest.golden is not None
        try:
            arrays = read_golden(manifest.golden, kept.path)
            facts = facts_of(artifact, manifest, arrays, kept.path.name, "")
            if facts["answer"] in _UNSHOWN:
                raise _CannotTry(f"its answer is no words or numbers: {facts['output']['meaning']}")
            assert artifact.exporter.usage is not None
            request = UsageRequest(model=kept.path, facts=facts, operators={}, target="")
            usage = artifact.exporter.usage(request)
        except ZooError as error:
            raise _CannotTry(error.what) from error
        programs = {
            name.removeprefix(_PROGRAMS): text
            for name, text in usage.files.items()
            if name.startswith(_PROGRAMS) and name.endswith(".mjs")
        }
        if "run.mjs" not in programs:
            why = next(iter(usage.notes), "there is no program in JavaScript for it")
            raise _CannotTry(why.rstrip("."))
        patterns = resize_patterns(manifest.preprocessing)
        contract = {
            **{key: facts[key] for key in _TOLD},
            "names": list(labels_of(manifest)),
            "table": _table(manifest),
            "resizing": [{"file": p.file, "width": p.width, "height": p.height} for p in patterns],
        }
        texts = {**programs, **text_files(manifest), "contract.json": json.dumps(contract)}
        return {
            **{name: text.encode() for name, text in texts.items()},
            **{path: data for _, _, path, data in golden_files(facts, arrays)},
            **{pattern.file: pattern.pixels() for pattern in patterns},
        }


def _check(artifact: Artifact, manifest: Manifest) -> None:
    """Refuses what no page runs.

    Raises:
        _CannotTry: Says why.
    """
    kind = manifest.preprocessing.kind
    several = len(artifact.contents.inputs) > 1 or len(artifact.contents.outputs) > 1
    clock = _options(manifest).get("time")
    for wrong, why in (
        (artifact.altered, "it was altered after its manifest was written"),
        (manifest.golden is None, "it has no golden inputs, with which a page is checked first"),
        (bool(manifest.part), f"it is one of the files that make {manifest.model_id} together"),
        (several, "pages run files with one input and one output"),
        (bool(artifact.companions), "its weights lie in a file beside it, which browsers lack"),
        (
            kind not in _GIVEN,
            "its input is no picture, table, text or sound: "
            + manifest.preprocessing.describe()["input"],
        ),
        (artifact.path.stat().st_size > _LARGEST, "it is larger than 256 MB"),
        (
            kind == "series" and clock is not None,
            f"windows of its data end where the clock {clock!r} jumps, which pages do not find: "
            "zoo predict does",
        ),
        (artifact.exporter.usage is None, "its format brings no program in JavaScript"),
    ):
        if wrong:
            raise _CannotTry(why)


def _options(manifest: Manifest) -> Mapping[str, str]:
    """Options of the dataset that the network was trained on."""
    provider, _, argument = manifest.dataset.name.partition(":")
    try:
        return parse_query(provider, argument, None).options
    except ZooError:  # it has no argument, as built-in datasets
        return {}


def _table(manifest: Manifest) -> dict[str, Any]:
    """Columns of tables: names of channels where they are known, and those that are none."""
    options = _options(manifest)
    others = [options.get("label", "label"), options.get("group", "")]
    for key in ("target", "labels"):
        others += options.get(key, "").split(",")
    names = getattr(manifest.preprocessing, "names", ()) or tuple(
        filter(None, options.get("channels", "").split(","))
    )
    return {
        "channels": list(names),
        "others": [name.strip() for name in others if name.strip()],
        "group": options.get("group", ""),
    }

"""The bundle of a model of several files: what its parts are, and a program that runs all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from zoo.artifacts.bundle.facts import SCHEMA
from zoo.artifacts.file_chain import FileChain
from zoo.contracts import Program, Usage

_PROGRAM = "python/run.py"
_TEMPLATE = Path(__file__).with_name("templates") / "run_parts.py.jinja"


@dataclass(frozen=True, kw_only=True)
class BundledPart:
    """The folder of one of the files.

    Attributes:
        name: Of the part, and of its folder.
        facts: The content of its ``metadata.json``.
        usage: What the format added to it.
    """

    name: str
    facts: Mapping[str, Any]
    usage: Usage

    @property
    def program(self) -> Program | None:
        """The one that other programs may import; None when the format brings none."""
        return next((one for one in self.usage.programs if one.importable), None)


def chain_facts(chain: FileChain, parts: Sequence[BundledPart], target: str) -> dict[str, Any]:
    """Everything about the model as a whole that its users need; plain enough for JSON.

    Args:
        chain: The files.
        parts: Their folders.
        target: The processor that the folder is for.
    """
    manifest, gate = chain.manifest, chain.manifest.gate
    golden = [own.golden for own in chain.manifests]
    return {
        "schema": SCHEMA,
        "model": {
            "model_id": manifest.model_id,
            "architecture": manifest.architecture,
            "task": manifest.task,
            "format": manifest.format,
            "precision": manifest.precision,
            "target": target,
            "bytes": sum(part.facts["model"]["bytes"] for part in parts),
        },
        "parts": [
            {
                "name": part.name,
                "folder": part.name,
                "file": part.facts["model"]["file"],
                "program": "" if part.program is None else part.program.file,
                "input": part.facts["input"],
                "whole_numbers": bool(part.facts["preprocessing"].get("whole_numbers")),
                "outputs": [
                    {
                        **output,
                        "max_abs_in_chain": output["max_abs"]
                        if own is None
                        else own.in_chain_limit(output["name"]),
                    }
                    for output in part.facts["outputs"]
                ],
                "golden": part.facts["golden"],
            }
            for part, own in zip(parts, golden, strict=True)
        ],
        "quality": [asdict(metric) for metric in (gate.metrics if gate else ())],
        "findings": parts[0].facts["findings"],
        "gate": parts[0].facts["gate"],
        "trained_on": parts[0].facts["trained_on"],
        "licence": parts[0].facts["licence"],
    }


def chain_usage(parts: Sequence[BundledPart]) -> Usage:
    """A Python program that runs all files, where the format's own can be imported."""
    programs = [part.program for part in parts]
    if any(program is None for program in programs):
        return Usage(
            files={},
            notes=("The format brings no program that others can import, so none runs all parts.",),
        )
    known = [program for program in programs if program is not None]
    return Usage(
        files={_PROGRAM: _TEMPLATE.read_text(encoding="utf-8")},
        programs=(
            Program(
                language="Python",
                file=_PROGRAM,
                needs=known[0].needs,
                run=f"python {_PROGRAM}",
                modules=known[0].modules,
                arguments=(_PROGRAM,),
                checked=known[0].checked,
            ),
        ),
        notes=(
            "Programs in other languages lie in the folders of the parts, each for its own file.",
        ),
    )

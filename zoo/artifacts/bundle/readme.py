"""The README of a bundle."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo.artifacts.artifact import Manifest
from zoo.artifacts.bundle.facts import labels_of
from zoo.artifacts.bundle.trial import ProgramTrial
from zoo.common.optional_imports import require
from zoo.contracts import Usage
from zoo.results.formatting import format_metric, plain, printable

_TEMPLATES = Path(__file__).with_name("templates")


def readme(
    facts: Mapping[str, Any],
    manifest: Manifest,
    usage: Usage,
    trials: Sequence[ProgramTrial],
    template: str = "README.md.jinja",
    *,
    signed: bool = False,
) -> str:
    """``README.md`` in Markdown.

    Args:
        facts: The content of ``metadata.json``.
        manifest: Of the model.
        usage: What the format added.
        trials: One per program, in their order.
        template: Which of the templates.
        signed: Whether a signature lies beside the model.
    """
    jinja2 = require("jinja2")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # Markdown; foreign text passes through `plain`
    )
    environment.filters["plain"] = _words
    environment.filters["fenced"] = lambda text: printable(text).replace("```", "...")
    metrics = manifest.gate.metrics if manifest.gate else ()
    text: str = environment.get_template(template).render(
        m=facts,
        quality=[
            (metric.name, format_metric(metric), f"{metric.count:,} {metric.counted}s")
            for metric in metrics
        ],
        programs=list(zip(usage.programs, trials, strict=True)),
        notes=usage.notes,
        classes=len(labels_of(manifest)),
        signed=signed,
    )
    return text


def _words(value: object) -> str:
    """Foreign text on one line, without what Markdown or HTML would act on."""
    words = plain(str(value)).replace("<", "(").replace("|", "/").replace("`", "'")
    return words.replace("](", "] (")  # links and pictures, which a viewer would fetch

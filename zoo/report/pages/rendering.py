"""What all pages share: their layout, their style, and a script that copies commands."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from importlib import metadata, resources
from typing import TYPE_CHECKING, Any

from zoo.common.optional_imports import require
from zoo.report.environment import label
from zoo.report.offline_analysis import basis, detail_tables
from zoo.results import formatting as fmt

if TYPE_CHECKING:
    from jinja2 import Environment

_SYMBOLS = {"passed": "✓", "rejected": "✗", "failed": "!", "skipped": fmt.MISSING, "weak": "!"}
#: What a text in a style sheet may hold as it is.
_NOT_PLAIN = re.compile(r"[^A-Za-z0-9 ]")
_HEADING = re.compile(r'<h2 id="([^"]+)">(.*?)</h2>', re.DOTALL)


def render_page(template: str, **values: Any) -> str:
    """A whole page, which needs no network and no other file; needs the ``report`` extra.

    Every value is escaped: a file, a class or a dataset can be called anything.

    Args:
        template: A file of this package, or of another: ``zoo.server.templates:models.html``.
        **values: What it shows.
    """
    return _environment().get_template(template).render(**values)


def source(name: str) -> str:
    """The text of a template, style or script, as `render_page` names templates."""
    package, _, file = name.rpartition(":")
    return resources.files(package or __package__).joinpath(file).read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    jinja2, markup = require("jinja2"), require("markupsafe").Markup

    def contents(main: str) -> list[tuple[str, str]]:
        """The headings of a page that is made: identifier and text."""
        return [(id, markup(text)) for id, text in _HEADING.findall(str(main))]

    def css_text(text: str) -> str:
        """A text as a value of CSS in an attribute."""
        made: str = markup("'" + _NOT_PLAIN.sub(lambda m: f"\\{ord(m[0]):x} ", text) + "'")
        return made

    environment: Environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(source),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    script = source("page.js")
    environment.globals.update(
        symbols=_SYMBOLS,
        missing=fmt.MISSING,
        basis=basis,
        detail_tables=detail_tables,
        contents=contents,
        script=markup(script),
        script_hash=_hash_source(script),
        version=metadata.version("edgezoo"),
    )
    environment.filters.update(
        css_text=css_text,
        time_text=lambda ms: fmt.time_unit([ms]).with_symbol(ms),
        plain=fmt.plain,
        printable=fmt.printable,
        heading=fmt.heading,
        label=label,
        metric_short=fmt.metric_short,
        metric_page=fmt.metric_with_range,
        named_value=fmt.named_value,
        tie_units=fmt.tie_units,
        number=fmt.number,
        duration=fmt.duration,
        moment=fmt.moment,
        ratio=fmt.ratio,
    )
    return environment


def _hash_source(script: str) -> str:
    """The only script that the page's policy lets a browser run."""
    digest = hashlib.sha256(script.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"

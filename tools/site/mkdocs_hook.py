"""Gives mkdocs the pages, none of which is copied: files of the repository, made references."""

from __future__ import annotations

import sys
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

sys.path.insert(0, str(Path(__file__).parent))

from pages import BrokenLink, pages
from references import references


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages."""
    try:
        for name, text in [*pages(), *references()]:
            files.append(File.generated(config, name, content=text))
    except BrokenLink as error:
        raise PluginError(str(error)) from error
    return files

"""The long description: README.md, whose links lead to files that a package index does not have."""

import re
import tomllib
from pathlib import Path

from setuptools import setup

ROOT = Path(__file__).parent
#: A link whose target is no address, nor a heading of the page itself.
RELATIVE = re.compile(r"\[([^\]]+)\]\((?![a-z]+:|#)([^)\s]+)\)")


def description(text: str, repository: str | None, version: str) -> str:
    """The page with absolute links into the repository's tag; without an address, with none."""
    if repository is None:
        return RELATIVE.sub(r"\1", text)
    tag = f"{repository.rstrip('/')}/blob/v{version}"
    return RELATIVE.sub(lambda link: f"[{link[1]}]({tag}/{link[2]})", text)


if __name__ == "__main__":
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    setup(
        long_description=description(
            page, project.get("urls", {}).get("Repository"), project["version"]
        ),
        long_description_content_type="text/markdown",
    )
